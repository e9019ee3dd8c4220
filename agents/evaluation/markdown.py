"""Tables and numbers as Markdown."""

import math
from collections.abc import Iterable, Sequence

from agents.evaluation.bootstrap import Estimate


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Returns a Markdown table."""
    return "\n".join([*table_head(columns), *map(table_row, rows)])


def table_row(cells: Sequence[str]) -> str:
    """Returns a row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def table_head(columns: Sequence[str]) -> list[str]:
    """Returns the two lines that a Markdown table begins with."""
    return [table_row(columns), "|---" * len(columns) + "|"]


def figure(value: float) -> str:
    """Returns a number with as many digits as matter in a table: of 128.3 bits, 0.1 does."""
    return f"{value:,.{4 if value > 100 else 3}g}"


def count(value: float | None, without: str = "not") -> str:
    """Returns a whole number; other words for none, and for one that is not finite."""
    return without if value is None or not math.isfinite(value) else f"{value:,.0f}"


def interval(estimate: Estimate, runs: int) -> str:
    """Returns a mean and its interval, which one run alone does not have."""
    mean, low, high = map(figure, estimate)
    return f"{mean} [{low}, {high}]" if runs > 1 else mean
