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

MOST_GROWTH = 0.01


def main(
    steps: int = 1_000_000_000,
    updates: int = 1_000_000,
    seed: int = 0,
    folder: Path = Path("runs/soak"),
) -> None:
    """Play and train for long, twice; fail if it is not the same, or memory grows by 1 %.

    Args:
        steps: environment steps of each of two processes.
        updates: training updates of each of two processes.
        seed: seed of everything.
        folder: folder for the trainings; what was there is removed.
    """
    from agents.cli import tables
    from agents.lab.reliability import soak

    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    problems = []
    for work, amount, rest in ((soak.play, steps, ()), (soak.learn, updates, (folder,))):
        both = soak.twice(work, amount, seed, *rest)
        tables.print_soaked(both)
        if both[0].digest != both[1].digest:
            problems.append(f"{both[0].what}: two runs of one seed differ")
        problems += [
            f"{each.what}: memory grew by {each.growth:.1%}"
            for each in both
            if each.growth >= MOST_GROWTH
        ]
    problems += [f"one worker or two: {each}" for each in soak.compare_workers(folder.resolve())]
    if problems:
        raise RuntimeError("\n".join(problems))
    tables.console.print("One worker or two: the same. Two runs of one seed: the same.")


if __name__ == "__main__":
    from agents.cli.commands import run_command

    run_command(lambda: tyro.cli(main))
