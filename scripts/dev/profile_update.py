"""Show where the time of an NTM's update goes: the kernels that XLA made of it, by kind.

    python scripts/dev/profile_update.py
    python scripts/dev/profile_update.py --batches 1 4 32

Everything runs on one core.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the code beside this script

from agents.cli import tyro


def main(batches: tuple[int, ...] = (4, 32), length: int = 20, slots: int = 128) -> None:
    """Run updates of Copy's recipe with each of their kernels recorded.

    Args:
        batches: sequences of an update, one number after the other.
        length: vectors of each.
        slots: memory slots.
    """
    from agents import tensorflow
    from agents.cli import console, tables
    from agents.recipes.settings import expect

    for name, value in (("length", length), ("slots", slots), *(("batches", n) for n in batches)):
        expect(value >= 1, name, "a number of at least 1", value)
    console.use_one_core()
    tensorflow.prepare()
    from agents.lab.speed.profiling import profile_update

    for batch in batches:
        tables.print_profile(batch, profile_update(batch, length, slots, seconds=2.0))


if __name__ == "__main__":
    from agents.cli.commands import run_command

    run_command(lambda: tyro.cli(main))
