"""Let visitors look at the playground, and see how long they wait and what they cost.

    python scripts/dev/visitors.py
    python scripts/dev/visitors.py --visitors 1 64 --seconds 30

Linux only. The server's seconds are those of a machine that does nothing else.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the code beside this script

from agents.cli import tyro


def main(visitors: tuple[int, ...] = (1, 4, 16), seconds: float = 60.0, port: int = 7861) -> None:
    """Serve the playground and look at it, by more and more visitors at once.

    Args:
        visitors: how many at once, one number after the other.
        seconds: how long, for each of the numbers.
        port: port to serve the page at.
    """
    from agents.cli import tables
    from agents.lab.visitors import load, served
    from agents.recipes.settings import expect

    for name, value in (("seconds", seconds), *(("visitors", each) for each in visitors)):
        expect(value >= 1, name, "a number of at least 1", value)
    with served(port) as (address, process):
        load(address, process, 1, seconds)  # each number of slots is compiled once
        tables.print_loads([load(address, process, each, seconds) for each in visitors])


if __name__ == "__main__":
    from agents.cli.commands import run_command

    run_command(lambda: tyro.cli(main))
