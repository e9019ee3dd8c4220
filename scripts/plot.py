"""Draw a run: its answers, its heads' ways through memory, its learning curve.

    python scripts/plot.py runs/copy-0
    python scripts/plot.py runs/copy-0 --lengths 20 120 --slots 128
    python scripts/plot.py runs/repeat_copy-0 --lengths 10 --fields min_repeats 20 max_repeats 20

Writes PNG files into the run's figures/.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.console import open_run, say


def main(
    run: tyro.conf.Positional[Path],
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
    opened = open_run(run)
    from agents.evaluation.figures import draw_run

    for path in draw_run(opened, lengths, slots, seed=seed, fields=fields):
        say(path)


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
