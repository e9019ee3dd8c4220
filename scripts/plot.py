"""Draw a run: its answers, its heads' ways through memory, its learning curve.

    python scripts/plot.py runs/copy-0
    python scripts/plot.py runs/copy-0 --lengths 20 120 --slots 128
    python scripts/plot.py runs/repeat_copy-0 --lengths 10 --fields min_repeats 20 max_repeats 20

Writes PNG files into the run's figures/.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the code beside this script

from typing import Annotated

from agents.cli import tyro


def main(
    run: Annotated[Path, tyro.conf.Positional],
    lengths: tuple[int, ...] = (),
    slots: int | None = None,
    seed: int = 0,
    fields: dict[str, int | float] | None = None,
) -> None:
    """Draw a run's answers and head addresses at some lengths, and its learning curve.

    Args:
        run: the run's folder.
        lengths: lengths to draw; the longest of training and twice that if not given.
        slots: memory slots; if not given, those of training up to its longest length, and beyond
            those that evaluation would take.
        seed: seed of the sequences drawn.
        fields: fields of the task to change, to see it beyond training: names and values.
    """
    from agents import tensorflow
    from agents.cli import console

    tensorflow.prepare()
    from agents.evaluation.figures import draw_run
    from agents.storage.runs import Run

    for path in draw_run(Run.open(run), lengths, slots, seed, fields):
        console.console.print(str(path), soft_wrap=True)


if __name__ == "__main__":
    from agents.cli.commands import run_command

    run_command(lambda: tyro.cli(main))
