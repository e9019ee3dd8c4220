"""Measure the speed of environments, training and import, each beside a baseline.

    python scripts/throughput.py
    python scripts/throughput.py --json throughput.json --figure throughput.png

Everything runs on one core.
"""

import json
import platform
from pathlib import Path
from typing import Annotated

from agents.commands import expect_place_for
from agents.extras import tyro


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
    from agents import console, tables

    expect_place_for(json_file)
    expect_place_for(figure)
    console.use_one_core()
    console.prepare_tensorflow()
    from agents.speed import throughput
    from agents.speed.figures import draw_throughput

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
    from agents.commands import run_command

    run_command(lambda: tyro.cli(main))
