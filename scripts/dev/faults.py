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


def main(
    kinds: tuple[str, ...] = ("supervised", "reward", "compare"),
    stops: int = 40,
    seed: int = 0,
    folder: Path = Path("runs/faults"),
) -> None:
    """Stop trainings and go on, and fail if that makes a difference.

    Args:
        kinds: kinds of training: supervised, reward, compare.
        stops: how often each kind is stopped.
        seed: seed of the moments, the signals and the damage.
        folder: folder for the trainings; what was there is removed.
    """
    from agents import tensorflow
    from agents.cli import console, tables

    tensorflow.prepare()
    from agents.lab.reliability import faults

    known = faults.kinds()
    if unknown := sorted(set(kinds) - known.keys()):
        raise ValueError(f"expected kinds of {', '.join(known)}, got {', '.join(unknown)}")
    found = {}
    for name in kinds:
        place = folder.resolve() / name
        shutil.rmtree(place, ignore_errors=True)
        with console.counting(name, stops) as listen:
            found[name] = faults.inject(known[name], place, stops, seed, lambda n: listen(n - 1))
    tables.print_faults(found)
    problems = [problem for each in found.values() for problem in each.problems]
    if problems:
        raise RuntimeError(f"{len(problems)} problems\n" + "\n".join(problems))


if __name__ == "__main__":
    from agents.cli.commands import run_command

    run_command(lambda: tyro.cli(main))
