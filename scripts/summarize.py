"""Print runs side by side as a Markdown table: when each solved its task, its wrong bits or cost.

python scripts/summarize.py runs/copy-0 runs/copy-1
python scripts/summarize.py runs/dynamic_ngrams-0 --quantity cost_bits
"""

import sys
from pathlib import Path
from typing import Literal

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.console import open_run, say


def main(
    runs: tyro.conf.Positional[tuple[Path, ...]],
    quantity: Literal["bit_errors", "cost_bits"] = "bit_errors",
) -> None:
    """Print a Markdown table of runs: a row for each, and the medians.

    Args:
        runs: the runs' folders, with evaluation.json in each.
        quantity: wrong bits per sequence, or cost in bits.
    """
    opened = [open_run(run) for run in runs]
    from agents.evaluation.summary import markdown_table

    say(markdown_table(opened, quantity))


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
