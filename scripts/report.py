"""Write a report of results: one HTML file that opens from disk and needs no network.

    python scripts/report.py runs/copy-0
    python scripts/report.py runs/curricula
    python scripts/report.py runs/benchmark --output report.html

It is written to report.html in the folder, if not elsewhere by --output.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import expect_place_for, run_command
from agents.cli.console import say


def main(
    results: tyro.conf.Positional[Path],
    output: Path | None = None,
    heads: bool = True,
) -> None:
    """Write one HTML file: who solves what, curves, leaderboard, every seed, heads and settings.

    Args:
        results: a run's folder, or one that scripts/compare.py or scripts/benchmark.py wrote.
        output: the file; report.html in the folder if not given.
        heads: draw a network of each variant at work, which takes some seconds each.
    """
    expect_place_for(output)
    from agents import tensorflow
    from agents.evaluation.bootstrap import require_package

    for package in ("rliable", "jinja2", "plotly"):
        require_package(package, "report")
    tensorflow.prepare()
    from agents.views.report.page import write_page

    say(write_page(results, output, heads))


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
