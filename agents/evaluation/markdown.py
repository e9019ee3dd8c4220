"""Tables and numbers as Markdown."""

from collections.abc import Sequence


def table_row(cells: Sequence[str]) -> str:
    """Returns a row of a Markdown table."""
    return "| " + " | ".join(cells) + " |"


def table_head(columns: Sequence[str]) -> list[str]:
    """Returns the two lines that a Markdown table begins with."""
    return [table_row(columns), "|---" * len(columns) + "|"]


def figure(value: float) -> str:
    """Returns a number with as many digits as matter in a table: of 128.3 bits, 0.1 does."""
    return f"{value:,.{4 if value > 100 else 3}g}"
