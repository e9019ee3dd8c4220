"""Rewrite docs/environments.md and its pictures from the docstrings and the registry.

python scripts/environments.py
"""

from pathlib import Path

from agents.extras import tyro

DOCS = Path(__file__).resolve().parent.parent / "docs"


def main(docs: Path = DOCS) -> None:
    """Write the page of all environments, and a picture of each.

    Args:
        docs: folder for environments.md, and for the pictures in its images/.
    """
    from agents import console
    from agents.environments_page import write_page

    for path in write_page(docs):
        console.console.print(str(path), soft_wrap=True)


if __name__ == "__main__":
    from agents.commands import run_command

    run_command(lambda: tyro.cli(main))
