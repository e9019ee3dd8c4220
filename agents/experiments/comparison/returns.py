"""Returns against environment steps: where learning by reward and by right answers meet."""

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agents.evaluation.markdown import table_head, table_row
from agents.evaluation.pictures import LearningCurve
from agents.storage.metrics import Curve
from agents.storage.runs import Run
from agents.training.reports import return_curve

Curves = Mapping[str, Sequence[LearningCurve]]
"""Of each variant, each run's environment steps and the mean return of training episodes."""


def return_curves(runs: Mapping[str, Sequence[Run]]) -> Curves:
    """Returns the returns of each variant's runs.

    Nothing, if one of them was trained when metrics did not tell steps and returns of learning by
    right answers yet.
    """
    told = {
        name: [return_curve(run.metrics.read()) for run in group] for name, group in runs.items()
    }
    if not all(points for group in told.values() for points in group):
        return {}
    return {name: [_as_arrays(points) for points in group] for name, group in told.items()}


def _as_arrays(points: Curve) -> LearningCurve:
    steps, returns = np.array(points).T
    return steps, returns


def marks(curves: Curves) -> list[int]:
    """Returns 3, 10, 30, ... environment steps, from the first report to beyond the last one."""
    every = [steps for group in curves.values() for steps, _ in group]
    first, last = min(steps[0] for steps in every), max(steps[-1] for steps in every)
    found = sorted(factor * 10**power for power in range(12) for factor in (1, 3))
    return [
        mark
        for before, mark in itertools.pairwise(found)
        if first <= mark and before < last  # so that the last mark shows how all of them ended
    ]


def returns_table(curves: Curves) -> str:
    """Returns a Markdown table: each variant's return after so many environment steps.

    The return is that of a run's last report until then, the mean over the training episodes since
    the report before; the last one of all, once the training has ended.
    """
    columns = marks(curves)
    lines = table_head(["return after steps", *(f"{mark:,}" for mark in columns)])
    for name, group in curves.items():
        cells = []
        for mark in columns:
            told = [values[steps <= mark][-1] for steps, values in group if steps[0] <= mark]
            whole = len(told) == len(group)
            cells.append(_spread(np.array(told)) if whole else "")
        lines.append(table_row([f"`{name}`", *cells]))
    return "\n".join(lines)


def _spread(values: NDArray[np.float64]) -> str:
    found = (np.median(values), values.min(), values.max())
    middle, least, most = (f"{round(float(value), 3) + 0.0:.3f}" for value in found)
    return f"{middle} [{least}, {most}]"
