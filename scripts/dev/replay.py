"""See why a training left out updates: make those that its run keeps again.

    python scripts/dev/replay.py runs/copy-0

A training leaves an update out if its gradient is not finite or far too long. Of those between two
reports, the first is kept in the run's left_out/, with its batch and the weights that it met.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the code beside this script

from typing import Annotated

from agents.cli import tyro


def main(run: Annotated[Path, tyro.conf.Positional]) -> None:
    """Show each kept update's gradient, the weights it is longest for and what is not finite.

    Args:
        run: the run's folder.
    """
    from agents import tensorflow
    from agents.cli import tables

    tensorflow.prepare()
    from agents.lab.replay import replay
    from agents.storage.runs import Run

    tables.print_replayed(replay(Run.open(run)))


if __name__ == "__main__":
    from agents.cli.commands import run_command

    run_command(lambda: tyro.cli(main))
