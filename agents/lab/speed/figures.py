"""The picture of cost against size."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes

from agents.lab.speed.measurement import Speed


def draw_throughput(speeds: Sequence[Speed], path: Path) -> Path:
    """Draws cost against length, slots, batch and number of environments, double-logarithmic."""
    figure, axes = plt.subplots(1, 4, figsize=(14, 3.6), layout="constrained")
    for axis, kind in zip(axes, ("length", "slots", "batch"), strict=False):
        points = [
            (int(speed.what.split()[-1]), speed.value)
            for speed in speeds
            if speed.what.startswith(f"update, {kind} ") and not speed.baseline
        ]
        _cost(axis, points, kind, "ms per update")
    points = [
        (int(speed.what.split()[-2]), 1e6 * int(speed.what.split()[-2]) / speed.value)
        for speed in speeds
        if speed.what.startswith("make_vec")
    ]
    _cost(axes[-1], points, "environments", "microseconds per step of all")
    figure.savefig(path, dpi=100)
    plt.close(figure)
    return path


def _cost(axis: Axes, points: Sequence[tuple[int, float]], size: str, cost: str) -> None:
    sizes, costs = np.array(points, float).T
    axis.loglog(sizes, costs, marker="o", label="measured")
    axis.loglog(sizes, costs[-1] * sizes / sizes[-1], "--", color="0.6", label="linear")
    axis.set_xlabel(size)
    axis.set_ylabel(cost)
    axis.legend()
