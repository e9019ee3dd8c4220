"""See why a training left out updates: make those that its run keeps again.

    python scripts/dev/replay.py runs/copy-0

A training leaves an update out if its gradient is not finite or far too long. Of those between two
reports, the first is kept in the run's left_out/, with its batch and the weights that it met.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.console import open_run
from agents.cli.tables import print_replayed


def main(run: tyro.conf.Positional[Path]) -> None:
    """Show each kept update's gradient, the weights it is longest for and what is not finite.

    Args:
        run: the run's folder.
    """
    opened = open_run(run)
    from agents.lab.replay import replay

    print_replayed(replay(opened))


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
