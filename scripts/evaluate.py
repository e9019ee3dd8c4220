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

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.console import open_run
from agents.cli.tables import print_scores


def main(
    run: tyro.conf.Positional[Path],
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
    opened = open_run(run)
    from agents.evaluation.scores import evaluate_run

    scores = evaluate_run(opened, lengths, slots, episodes, seed=seed, fields=fields)
    print_scores(scores)


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
