"""Rewrite docs/environments.md and its pictures from the docstrings and the registry.

python scripts/dev/pages.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the code beside this script

from agents.cli import tyro

DOCS = Path(__file__).resolve().parents[2] / "docs"


def main(docs: Path = DOCS) -> None:
    """Write the page of all environments, and a picture of each.

    Args:
        docs: folder for environments.md, and for the pictures in its images/.
    """
    from agents.cli import console
    from agents.views.environments_page import write_page

    for path in write_page(docs):
        console.console.print(str(path), soft_wrap=True)


if __name__ == "__main__":
    from agents.cli.commands import run_command

    run_command(lambda: tyro.cli(main))
