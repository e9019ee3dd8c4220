"""Rewrite docs/environments.md and its pictures from the docstrings and the registry.

python scripts/dev/pages.py
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.console import say


def main() -> None:
    """Write docs/environments.md, the page of all environments, and a picture of each."""
    from agents.storage.checkout import ROOT
    from agents.views.environments_page import write_page

    for path in write_page(ROOT / "docs"):
        say(path)


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
