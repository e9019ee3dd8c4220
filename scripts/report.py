"""Write a report of results: one HTML file that opens from disk and needs no network.

    python scripts/report.py runs/copy-0
    python scripts/report.py runs/curricula
    python scripts/report.py runs/benchmark --output report.html

It is written to report.html in the folder, if not elsewhere by --output.
"""

from pathlib import Path
from typing import Annotated

from agents.commands import expect_place_for
from agents.extras import tyro


def main(
    results: Annotated[Path, tyro.conf.Positional],
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
    from agents import console
    from agents.bootstrap import require_package

    for package in ("rliable", "jinja2", "plotly"):
        require_package(package, "report")
    console.prepare_tensorflow()
    from agents.report.page import write_page

    console.console.print(str(write_page(results, output, heads)), soft_wrap=True, markup=False)


if __name__ == "__main__":
    from agents.commands import run_command

    run_command(lambda: tyro.cli(main))
