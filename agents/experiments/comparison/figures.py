"""Pictures of a plan's runs: how each variant learned, and how it does beyond training."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib.axes import Axes

from agents.evaluation.bootstrap import Estimate
from agents.evaluation.pictures import (
    LearningCurve,
    draw_curves,
    line_styles,
    new_picture,
    save_picture,
)
from agents.recipes.reward import RewardConfig
from agents.storage.runs import Run

Quantity = Literal["held_out_loss_bits", "held_out_bit_errors"]
LABELS: dict[Quantity, str] = {
    "held_out_loss_bits": "bits per held-out sequence",
    "held_out_bit_errors": "wrong bits per held-out sequence",
}
"""What is drawn of a run's reports."""

MARKERS = "os^Dv<>pP*Xdh8"


def draw_learning(
    runs: Mapping[str, Sequence[Run]], quantity: Quantity, title: str, path: Path
) -> Path:
    """Draws cost or wrong bits of held-out sequences against training sequences.

    If all runs learn by reward, against environment steps, those of all rollouts.

    Every run is a thin line, to its end, and each variant's median over its runs a thick one; a
    run that has ended counts there with its last report.

    Args:
        runs: the runs of each variant.
        quantity: a column of `metrics.csv`.
        title: of the picture.
        path: where it is written.
    """
    figure, axis = new_picture(title)
    every = [run for group in runs.values() for run in group]
    by_reward = all(isinstance(run.config, RewardConfig) for run in every)
    effort = "steps" if by_reward else "sequences"
    curves = {
        name: [_curve(run, effort, quantity) for run in group] for name, group in runs.items()
    }
    draw_curves(axis, curves)
    if by_reward:  # one sequence may be played by 2 rollouts or by 64
        axis.set_xscale("log")
        axis.set_xlabel("environment steps")
    else:
        axis.set_xlim(left=0)
        axis.set_xlabel("training sequences")
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.set_ylabel(f"{LABELS[quantity]} of the longest training length")
    _show_zero(axis)
    return save_picture(figure, axis, "median over seeds", path)


def draw_returns(curves: Mapping[str, Sequence[LearningCurve]], title: str, path: Path) -> Path:
    """Draws returns of training episodes against environment steps, as `draw_learning` draws."""
    figure, axis = new_picture(title)
    draw_curves(axis, curves)
    axis.set_xscale("log")
    axis.set_xlabel("environment steps")
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.set_ylabel("return, mean of training episodes")
    return save_picture(figure, axis, "median over seeds", path)


def draw_generalisation(
    estimates: Mapping[str, Mapping[int, Estimate]],
    random_errors: Mapping[int, float],
    trained: tuple[int, int] | None,
    title: str,
    path: Path,
) -> Path:
    """Draws wrong bits against the length of the sequences, and the intervals as bands.

    Args:
        estimates: for each variant the wrong bits at each length.
        random_errors: wrong bits of the random agent at each length; empty if variants differ.
        trained: shortest and longest length in training; None if variants differ.
        title: of the picture.
        path: where it is written.
    """
    figure, axis = new_picture(title)
    label = "length of the sequence"
    if trained is not None:
        axis.axvspan(*trained, color="0.92", zorder=0)
        label += " (grey: lengths in training)"
    if random_errors:
        lengths = sorted(random_errors)
        errors = [random_errors[length] for length in lengths]
        axis.plot(lengths, errors, ":", color="0.4", label="random answers")
    estimates = {name: dict(sorted(scores.items())) for name, scores in estimates.items()}
    for number, (scores, style) in enumerate(
        zip(estimates.values(), line_styles(estimates), strict=True)
    ):
        means, low, high = np.array(list(scores.values())).T
        # Lines on one another, as many are at 0, show by markers of several sizes.
        marker: dict[str, Any] = {
            "marker": MARKERS[number % len(MARKERS)],
            "markersize": 13 - 1.1 * (number % 10),
        }
        axis.plot(list(scores), means, **style, **marker, markerfacecolor="none", linewidth=1.8)
        axis.fill_between(list(scores), low, high, color=style["color"], alpha=0.13, linewidth=0)
    axis.set_xscale("log")
    every = sorted({length for scores in estimates.values() for length in scores})
    axis.set_xticks(lengths_apart(every), minor=False)
    axis.set_xticks([], minor=True)
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.set_xlabel(label)
    axis.set_ylabel("wrong bits per sequence")
    _show_zero(axis)
    return save_picture(figure, axis, "interquartile mean over seeds,\n95 % interval", path)


def _curve(run: Run, effort: str, quantity: Quantity) -> LearningCurve:
    rows = run.metrics.read()
    efforts, values = (np.array([row[name] for row in rows]) for name in (effort, quantity))
    return efforts, values


def lengths_apart(lengths: Sequence[int], share: float = 0.045) -> list[int]:
    """Returns those of the lengths whose labels do not touch on a logarithmic axis.

    Args:
        lengths: the lengths.
        share: the share of the axis that a label takes.
    """
    span = np.log(max(lengths) / min(lengths)) or 1.0
    kept: list[int] = []
    for length in sorted(lengths):
        if not kept or np.log(length / kept[-1]) > share * span:
            kept.append(length)
    return kept


def _show_zero(axis: Axes) -> None:
    # Zero must be seen too: it is what counts.
    axis.set_yscale("symlog", linthresh=0.01)
    axis.set_ylim(bottom=0)
