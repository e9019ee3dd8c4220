"""Give damaged files to every loader: each must be read or refused, and nothing else may happen.

    python scripts/dev/fuzz.py
    python scripts/dev/fuzz.py --files 1 --first 4711

Linux only. A file that crashes or hangs the process stays in the folder.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.console import counting, say
from agents.cli.tables import print_table


def main(
    files: int = 10_500,
    seed: int = 0,
    first: int = 0,
    folder: Path = Path("runs/fuzz"),
) -> None:
    """Damage files of every kind and read them; fails if one is neither read nor refused.

    Args:
        files: how many, of all kinds together.
        seed: seed of all damage.
        first: number of the first file; a file follows from the seed and its number.
        folder: folder for the files.
    """
    from agents import tensorflow

    tensorflow.prepare()
    from agents.lab.reliability.fuzzing import fuzz

    with counting("files", files) as listen:
        tally = fuzz(folder, files, seed, first, listen=lambda number: listen(number - first + 1))
    print_table("Damaged files", tally.rows)
    say(f"Peak memory grew by {tally.peak_growth:.0f} MiB.")
    if tally.failures:
        raise RuntimeError(f"{len(tally.failures)} failed\n" + "\n".join(tally.failures))


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
