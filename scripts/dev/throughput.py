"""Measure the speed of environments, training and import, each beside a baseline.

    python scripts/dev/throughput.py
    python scripts/dev/throughput.py --json throughput.json --figure throughput.png

Everything runs on one core.
"""

import json
import platform
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2]))  # the code beside this script

from typing import Annotated

from agents.cli import tyro
from agents.cli.commands import expect_place_for


def main(
    json_file: Annotated[Path | None, tyro.conf.arg(name="json")] = None,
    figure: Path | None = None,
    seconds: float = 2.0,
) -> None:
    """Measure speeds on one core, each beside a baseline in the same run.

    Args:
        json_file: file to write the figures to.
        figure: PNG file for a picture of cost against size.
        seconds: time for each measurement; compilation comes on top.
    """
    from agents import tensorflow
    from agents.cli import console, tables

    expect_place_for(json_file)
    expect_place_for(figure)
    console.use_one_core()
    tensorflow.prepare()
    from agents.lab.speed import throughput
    from agents.lab.speed.figures import draw_throughput

    speeds = []
    with tables.speed_table() as show:
        for measure in throughput.MEASURES:
            for speed in measure(seconds):
                speeds.append(speed)
                show(speed)
    if json_file is not None:
        content = {
            "python": platform.python_version(),
            "processor": platform.processor() or platform.machine(),
            "speeds": [speed._asdict() for speed in speeds],
        }
        json_file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    if figure is not None:
        draw_throughput(speeds, figure)


if __name__ == "__main__":
    from agents.cli.commands import run_command

    run_command(lambda: tyro.cli(main))
