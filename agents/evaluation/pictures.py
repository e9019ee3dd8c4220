"""What pictures of learning share: curves of reports, size, colours, legend."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray


class Quantity(NamedTuple):
    """What reports say of learning.

    Attributes:
        column: of `metrics.csv`.
        name: what it is.
        label: the same beside an axis.
        counted: whether it is a count of errors or bits, from 0 on.
    """

    column: str
    name: str
    label: str
    counted: bool = True


def _held_out(column: str, name: str) -> Quantity:
    return Quantity(column, name, f"{name} of the longest training length")


COST = _held_out("held_out_loss_bits", "bits per held-out sequence")
ERRORS = _held_out("held_out_bit_errors", "wrong bits per held-out sequence")
RETURN = Quantity(
    "mean_return", "return of training episodes", "return, mean of training episodes", counted=False
)


LearningCurve = tuple[NDArray[np.float64], NDArray[np.float64]]
"""Times, ascending, and the value at each."""


def learning_curve(
    rows: Sequence[Mapping[str, float]], effort: str, quantity: Quantity
) -> LearningCurve:
    """Returns a quantity of those reports that have it, over sequences or steps.

    Args:
        rows: the reports.
        effort: a column, "sequences" or "steps".
        quantity: what is asked for.
    """
    points = np.array([(row[effort], row.get(quantity.column, np.nan)) for row in rows], float)
    times, values = points[np.isfinite(points[:, 1])].T
    return times, values


def new_picture(title: str) -> tuple[Any, Axes]:
    """Returns a figure of 1,000 x 560 pixels and its axes."""
    figure, axis = plt.subplots(figsize=(10, 5.6), layout="constrained")
    axis.set_title(title)
    return figure, axis


def line_styles(names: Iterable[str]) -> Iterator[dict[str, Any]]:
    """Yields a colour, and beyond the tenth another dash, for each name."""
    for number, name in enumerate(names):
        dash = ("-", "--", "-.")[number // 10 % 3]
        yield {"color": f"C{number % 10}", "linestyle": dash, "label": name}


def draw_curves(
    axis: Axes, groups: Mapping[str, Sequence[LearningCurve]], names: Iterable[str] = ()
) -> None:
    """Draws each curve as a thin line, to its end, and each group's median as a thick one.

    Args:
        axis: where.
        groups: the curves of each name.
        names: all names that have a colour, if there are more than those drawn here.
    """
    styles = {style["label"]: style for style in line_styles(names or groups)}
    for name, curves in groups.items():
        style = styles[name]
        for times, values in curves:
            axis.plot(times, values, **{**style, "linewidth": 0.6, "alpha": 0.4, "label": None})
        axis.plot(*median_curve(curves), **style, linewidth=2.4)


def median_curve(curves: Sequence[LearningCurve]) -> LearningCurve:
    """Returns the median of curves, from where all of them have begun.

    A curve that has ended counts with its last value.
    """
    begin = max(times[0] for times, _ in curves)
    all_times = np.unique(np.concatenate([times for times, _ in curves]))
    all_times = all_times[all_times >= begin]
    last = [values[np.searchsorted(times, all_times, side="right") - 1] for times, values in curves]
    return all_times, np.median(last, axis=0)


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


def show_zero(axis: Axes) -> None:
    """Draws counts by their logarithms, but for the smallest: 0 is what counts."""
    axis.set_yscale("symlog", linthresh=0.01)
    axis.set_ylim(bottom=0)


def save_picture(figure: Any, axis: Axes, legend: str, path: Path) -> Path:
    """Writes a picture with a legend of this title beside it; returns its path."""
    axis.grid(alpha=0.3)
    figure.legend(title=legend, loc="outside right upper")
    figure.savefig(path, dpi=100)
    plt.close(figure)
    return path
