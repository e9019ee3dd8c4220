"""Measure the speed of environments, training and import, each beside a baseline.

    python scripts/dev/throughput.py
    python scripts/dev/throughput.py --json throughput.json --figure throughput.png

Everything runs on one core.
"""

import json
import platform
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import expect_place_for, run_command
from agents.cli.console import use_one_core
from agents.cli.tables import print_table

SECONDS = 2.0
"""Time for each measurement; compilation comes on top."""


def main(
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    figure: Path | None = None,
) -> None:
    """Measure speeds on one core, each beside a baseline in the same run.

    Args:
        json_file: file to write the figures to.
        figure: PNG file for a picture of cost against size.
    """
    from agents import tensorflow

    expect_place_for(json_file)
    expect_place_for(figure)
    use_one_core()
    tensorflow.prepare()
    from agents.lab.speed import throughput
    from agents.lab.speed.figures import draw_throughput
    from agents.lab.speed.measurement import Speed

    speeds: list[Speed] = []

    def rows() -> Iterator[dict[str, str]]:
        for measure in throughput.MEASURES:
            for speed in measure(SECONDS):
                speeds.append(speed)
                yield speed.row

    print_table("One core; ratio: to the baseline in the same run", rows())
    if json_file is not None:
        content = {
            "python": platform.python_version(),
            "processor": platform.processor() or platform.machine(),
            "speeds": [{**speed._asdict(), "ratio": speed.ratio} for speed in speeds],
        }
        json_file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    if figure is not None:
        draw_throughput(speeds, figure)


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
