"""Let visitors look at the playground, and see how long they wait and what they cost.

    python scripts/dev/visitors.py
    python scripts/dev/visitors.py --visitors 1 64 --seconds 30

Linux only. The server's seconds are those of a machine that does nothing else.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.tables import print_table

PORT = 7861


def main(visitors: tuple[int, ...] = (1, 4, 16), seconds: float = 60.0) -> None:
    """Serve the playground and look at it, by more and more visitors at once.

    Args:
        visitors: how many at once, one number after the other.
        seconds: how long, for each of the numbers.
    """
    from agents.lab.visitors import load, served
    from ntm_gym.checks import expect, expect_at_least

    for each in visitors:
        expect_at_least("visitors", each, 1)
    expect(seconds >= 1, "seconds", "a number of at least 1", seconds)
    with served(PORT) as (address, process):
        load(address, process, 1, seconds)  # each number of slots is compiled once
        rows = (load(address, process, each, seconds).row for each in visitors)
        print_table("Visitors at once", rows)


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
