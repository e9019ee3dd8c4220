"""Kill trainings at random moments, damage their checkpoints, and start them again.

    python scripts/dev/faults.py
    python scripts/dev/faults.py --kinds supervised --stops 10

What they leave must equal, to the bit, what they leave without. POSIX only.
"""

import shutil
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.console import counting, say
from agents.cli.tables import print_table


def main(kinds: tuple[str, ...] = ("supervised", "reward", "compare"), stops: int = 40) -> None:
    """Stop trainings and go on, and fail if that makes a difference.

    Args:
        kinds: kinds of training: supervised, reward, compare.
        stops: how often each kind is stopped.
    """
    from agents import tensorflow

    tensorflow.prepare()
    from agents.lab.reliability import faults

    known = faults.kinds()
    if unknown := sorted(set(kinds) - known.keys()):
        raise ValueError(f"expected kinds of {', '.join(known)}, got {', '.join(unknown)}")
    found = {}
    for name in kinds:
        place = Path("runs/faults").resolve() / name
        shutil.rmtree(place, ignore_errors=True)
        with counting(name, stops) as listen:
            found[name] = faults.inject(known[name], place, stops, on_stop=listen)
    title = "Trainings that were stopped and went on"
    print_table(title, [each.row(name) for name, each in found.items()])
    say("Lost: training sequences that were reported before a stop and trained again.")
    problems = [problem for each in found.values() for problem in each.problems]
    if problems:
        raise RuntimeError(f"{len(problems)} problems\n" + "\n".join(problems))


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
