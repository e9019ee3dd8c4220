"""Score a run's network on held-out sequences, at lengths far beyond its training.

    python scripts/evaluate.py runs/copy-0
    python scripts/evaluate.py runs/copy-0 --lengths 20 200 --slots 256 --episodes 64
    python scripts/evaluate.py runs/repeat_copy-0 --fields min_repeats 20 max_repeats 20

Writes evaluation.json into the run's folder; with fields, their names and values are in the file's
name.
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
    episodes: int = 640,
    seed: int = 0,
    fields: dict[str, int | float] | None = None,
) -> None:
    """Score a run's network at several lengths, beside random answers and the oracle's.

    Args:
        run: the run's folder.
        lengths: lengths to test; those of the task's protocol if not given.
        slots: memory slots at every length. If not given, 128, or for sequences that do not fit in
            them, the next power of two that they fit in; those of training for a network that
            runs on no others.
        episodes: held-out sequences for each length.
        seed: seed of these sequences.
        fields: fields of the task to change, to test beyond training: names and values.
    """
    from agents import tensorflow
    from agents.cli import tables

    tensorflow.prepare()
    from agents.evaluation.scores import evaluate_run
    from agents.storage.runs import Run

    tables.print_scores(evaluate_run(Run.open(run), lengths, slots, episodes, seed, fields))


if __name__ == "__main__":
    from agents.cli.commands import run_command

    run_command(lambda: tyro.cli(main))
