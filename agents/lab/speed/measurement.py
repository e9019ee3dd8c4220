"""A measurement of speed, and how a rate is measured."""

import time
from collections.abc import Callable
from typing import NamedTuple

MEMORY_PASSES = 6
"""Passes over the whole memory that count as the floor of a step."""


class Speed(NamedTuple):
    """One measurement.

    Attributes:
        what: what was measured.
        value: the figure.
        unit: its unit.
        baseline: what it is compared to, empty if to nothing.
        baseline_value: the baseline's figure in the same unit.
    """

    what: str
    value: float
    unit: str
    baseline: str = ""
    baseline_value: float | None = None

    @property
    def ratio(self) -> float | None:
        """How many times the baseline's speed; for times, how many times the baseline's time."""
        return None if self.baseline_value is None else self.value / self.baseline_value

    @property
    def row(self) -> dict[str, str]:
        """The measurement as a row of a table, by its columns."""
        return {
            "what": self.what,
            "figure": f"{self.value:,.4g} {self.unit}",
            "baseline": self.baseline,
            "its figure": "" if self.baseline_value is None else f"{self.baseline_value:,.4g}",
            "ratio": "" if self.ratio is None else f"{self.ratio:.2f}",
        }


def rate(work: Callable[[], int], seconds: float) -> float:
    """The best of five rates of units a second, each over a fifth of the time; warms up first.

    The best is what the code can do; the others were disturbed by something else.
    """
    work()
    rates = []
    for _ in range(5):
        count, began = 0, time.perf_counter()
        while (elapsed := time.perf_counter() - began) < seconds / 5:
            count += work()
        rates.append(count / elapsed)
    return max(rates)
