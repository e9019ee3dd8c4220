"""Pictures of a plan's runs: how each variant learned, and how it does beyond training."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from agents.evaluation.bootstrap import Estimate
from agents.evaluation.pictures import (
    LearningCurve,
    Quantity,
    draw_curves,
    lengths_apart,
    line_styles,
    new_picture,
    save_picture,
    show_zero,
)

MARKERS = "os^Dv<>pP*Xdh8"

Curves = Mapping[str, Sequence[LearningCurve]]
"""The curves of each variant's runs."""


def draw_learning(curves: Curves, quantity: Quantity, effort: str, path: Path) -> Path:
    """Draws what reports say of learning against training sequences or environment steps.

    Every run is a thin line, to its end, and each variant's median over its runs a thick one; a
    run that has ended counts there with its last report.

    Args:
        curves: what is drawn.
        quantity: what the values are.
        effort: what the times are, "sequences" or "steps".
        path: where it is written: TASK-KIND.png.
    """
    figure, axis = new_picture(path.stem.rpartition("-")[0])
    draw_curves(axis, curves)
    if effort == "steps":  # one sequence may be played by 2 rollouts or by 64
        axis.set_xscale("log")
        axis.set_xlabel("environment steps")
    else:
        axis.set_xlim(left=0)
        axis.set_xlabel("training sequences")
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.set_ylabel(quantity.label)
    if quantity.counted:
        show_zero(axis)
    return save_picture(figure, axis, "median over seeds", path)


def draw_generalisation(
    estimates: Mapping[str, Mapping[int, Estimate]],
    random_errors: Mapping[int, float],
    trained: tuple[int, int] | None,
    path: Path,
) -> Path:
    """Draws wrong bits against the length of the sequences, and the intervals as bands.

    Args:
        estimates: for each variant the wrong bits at each length.
        random_errors: wrong bits of the random agent at each length; empty if variants differ.
        trained: shortest and longest length in training; None if variants differ.
        path: where it is written: TASK-KIND.png.
    """
    figure, axis = new_picture(path.stem.rpartition("-")[0])
    label = "length of the sequence"
    if trained is not None:
        axis.axvspan(*trained, color="0.92", zorder=0)
        label += " (grey: lengths in training)"
    if random_errors:
        points = zip(*sorted(random_errors.items()), strict=True)
        axis.plot(*points, ":", color="0.4", label="random answers")
    for number, style in enumerate(line_styles(estimates)):
        lengths, scores = zip(*sorted(estimates[style["label"]].items()), strict=True)
        means, low, high = np.array(scores).T
        axis.plot(
            lengths,
            means,
            **style,
            # Lines on one another, as many are at 0, show by markers of several sizes.
            marker=MARKERS[number % len(MARKERS)],
            markersize=13 - 1.1 * (number % 10),
            markerfacecolor="none",
            linewidth=1.8,
        )
        axis.fill_between(lengths, low, high, color=style["color"], alpha=0.13, linewidth=0)
    axis.set_xscale("log")
    every = sorted({length for scores in estimates.values() for length in scores})
    axis.set_xticks(lengths_apart(every), minor=False)
    axis.set_xticks([], minor=True)
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.set_xlabel(label)
    axis.set_ylabel("wrong bits per sequence")
    show_zero(axis)
    return save_picture(figure, axis, "interquartile mean over seeds,\n95 % interval", path)
