"""Print runs side by side as a Markdown table: when each solved its task, and its wrong bits.

python scripts/summarize.py runs/copy-0 runs/copy-1
"""

from pathlib import Path
from typing import Annotated

import tyro


def main(runs: Annotated[tuple[Path, ...], tyro.conf.Positional]) -> None:
    """Print a Markdown table of runs: a row for each, and the medians.

    Args:
        runs: the runs' folders, with evaluation.json in each.
    """
    from agents import console

    console.prepare_tensorflow()
    from agents.runs import Run
    from agents.summary import markdown_table

    console.console.print(
        markdown_table([Run.open(run) for run in runs]), soft_wrap=True, markup=False
    )


if __name__ == "__main__":
    from agents.console import run_command

    run_command(lambda: tyro.cli(main))
