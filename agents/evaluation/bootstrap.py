"""Interquartile means, performance profiles and their intervals, after Agarwal et al. 2021.

The paper is arXiv 2108.13264, the computation that of its authors' package rliable. A sample is an
array [runs, tasks, ...] for each name; the bootstrap draws the runs of each task anew, on its own.
"""

import importlib.util
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

RESAMPLES = 2_000
"""Bootstrap samples behind an interval; with more, its ends no longer move visibly."""

Samples = Mapping[str, NDArray[np.floating]]


class Estimate(NamedTuple):
    """A mean and its 95 % interval."""

    mean: float
    low: float
    high: float


def require_package(name: str, extra: str) -> None:
    """Raises RuntimeError if a package is missing, which says the extra that installs it."""
    if importlib.util.find_spec(name) is None:
        raise RuntimeError(
            f'expected the package {name}, got none: pip install -e ".[{extra}]" -c constraints.txt'
        )


def pooled_means(samples: Samples) -> dict[str, Estimate]:
    """Returns one interquartile mean for each name, over all its runs and tasks together.

    Args:
        samples: float[runs, tasks] for each name.
    """
    from rliable.metrics import aggregate_iqm

    means = _estimates(samples, lambda values: np.array([aggregate_iqm(values)]))
    return {name: estimates[0] for name, estimates in means.items()}


def means_over_runs(samples: Samples) -> dict[str, list[Estimate]]:
    """Returns the interquartile mean over the runs, for each name and each of C columns.

    Args:
        samples: float[runs, C] for each name.
    """
    from scipy.stats import trim_mean

    # rliable's axes are runs, tasks and any more.
    apart = {name: values[:, np.newaxis] for name, values in samples.items()}
    return _estimates(apart, lambda values: trim_mean(values[:, 0], 0.25, axis=0))


def performance_profiles(
    samples: Samples, thresholds: NDArray[np.float64]
) -> dict[str, list[Estimate]]:
    """Returns for each name the fraction of all its runs and tasks above each threshold.

    Args:
        samples: float[runs, tasks] for each name.
        thresholds: float64[thresholds].
    """
    return _estimates(samples, lambda values: (values[..., None] > thresholds).mean(axis=(0, 1)))


def _estimates(
    samples: Samples, statistic: Callable[[NDArray[Any]], NDArray[Any]]
) -> dict[str, list[Estimate]]:
    from rliable.library import get_interval_estimates

    # rliable draws from NumPy's global generator, whatever it is given: the same each time, and
    # nobody else draws other numbers for it.
    state = np.random.get_state()  # noqa: NPY002
    np.random.seed(0)  # noqa: NPY002
    try:
        means, intervals = get_interval_estimates(dict(samples), statistic, reps=RESAMPLES)
    finally:
        np.random.set_state(state)  # noqa: NPY002
    return {
        name: [
            Estimate(float(mean), float(low), float(high))
            for mean, (low, high) in zip(means[name], intervals[name].T, strict=True)
        ]
        for name in samples
    }
