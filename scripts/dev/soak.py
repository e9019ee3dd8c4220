"""Work for long and see whether memory grows, speed falls or two runs of a seed differ.

    python scripts/dev/soak.py
    python scripts/dev/soak.py --steps 10_000_000 --updates 10_000

Linux only. A billion environment steps and a million updates, each twice at once, take minutes on
two cores.
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.console import say
from agents.cli.tables import print_table

MOST_GROWTH = 0.01
FOLDER = Path("runs/soak")
"""Folder for the trainings; what was there is removed."""


def main(steps: int = 1_000_000_000, updates: int = 1_000_000) -> None:
    """Play and train for long, twice; fail if it is not the same, or memory grows by 1 %.

    Args:
        steps: environment steps of each of two processes.
        updates: training updates of each of two processes.
    """
    from agents.lab.reliability import soak

    shutil.rmtree(FOLDER, ignore_errors=True)
    FOLDER.mkdir(parents=True)
    problems = []
    for both in (soak.twice(soak.play, steps), soak.twice(soak.learn, updates, FOLDER)):
        print_table(f"{both[0].parts[-1].done:,} {both[0].what}", [each.row for each in both])
        if both[0].digest != both[1].digest:
            problems.append(f"{both[0].what}: two runs of one seed differ")
        problems += [
            f"{each.what}: memory grew by {each.growth:.1%}"
            for each in both
            if each.growth >= MOST_GROWTH
        ]
    problems += [f"one worker or two: {each}" for each in soak.compare_workers(FOLDER.resolve())]
    if problems:
        raise RuntimeError("\n".join(problems))
    say("One worker or two: the same. Two runs of one seed: the same.")


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
