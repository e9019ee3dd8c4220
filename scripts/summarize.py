"""Print runs side by side as a Markdown table: when each solved its task, its wrong bits or cost.

python scripts/summarize.py runs/copy-0 runs/copy-1
python scripts/summarize.py runs/dynamic_ngrams-0 --quantity cost_bits
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the code beside this script

from typing import Annotated, Literal

from agents.cli import tyro


def main(
    runs: Annotated[tuple[Path, ...], tyro.conf.Positional],
    quantity: Literal["bit_errors", "cost_bits"] = "bit_errors",
) -> None:
    """Print a Markdown table of runs: a row for each, and the medians.

    Args:
        runs: the runs' folders, with evaluation.json in each.
        quantity: wrong bits per sequence, or cost in bits.
    """
    from agents import tensorflow
    from agents.cli import console

    tensorflow.prepare()
    from agents.evaluation.summary import markdown_table
    from agents.storage.runs import Run

    console.console.print(
        markdown_table([Run.open(run) for run in runs], quantity), soft_wrap=True, markup=False
    )


if __name__ == "__main__":
    from agents.cli.commands import run_command

    run_command(lambda: tyro.cli(main))
