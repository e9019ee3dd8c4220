"""Show where the time of an NTM's update goes: the kernels that XLA made of it, by kind.

    python scripts/dev/profile_update.py
    python scripts/dev/profile_update.py --batches 1 4 32

Everything runs on one core.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.console import use_one_core
from agents.cli.tables import print_table


def main(batches: tuple[int, ...] = (4, 32)) -> None:
    """Run updates of Copy's recipe, 20 vectors on 128 slots, with each of their kernels recorded.

    Args:
        batches: sequences of an update, one number after the other.
    """
    from agents import tensorflow
    from ntm_gym.checks import expect_at_least

    for batch in batches:
        expect_at_least("batches", batch, 1)
    use_one_core()
    tensorflow.prepare()
    from agents.lab.speed.profiling import profile_update

    for batch in batches:
        profile = profile_update(batch, length=20, slots=128, seconds=2.0)
        whole = profile.whole
        title = f"An update of {batch}: {profile.milliseconds:.2f} ms, {whole.calls:,.0f} kernels"
        print_table(title, [each.row(whole) for each in profile.kernels])


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
