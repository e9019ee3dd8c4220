"""Checks of a cell's arguments: errors that say what was expected and what came.

The bounds keep absurd sizes from taking memory: they are looked at before any is taken.
"""

from typing import Any

LARGEST_SIZE = 2**20
"""Each size of a cell, such as its slots or units, goes up to here."""

MOST_LAYERS = 128
"""Layers of a controller."""

LARGEST_WEIGHTS = 2**26
"""Numbers that a cell trains, all together: 256 MiB of float32."""

LARGEST_STATE = 2**28
"""Numbers in a part of one row's state, such as its memory or its links: 1 GiB of float32."""


def check(holds: bool, name: str, expected: str, got: object) -> None:
    """Raises ValueError unless the condition holds."""
    if not holds:
        raise ValueError(f"{name}: expected {expected}, got {got!r}")


def is_integer(value: object) -> bool:
    """Whether the value is an int and no bool."""
    return isinstance(value, int) and not isinstance(value, bool)


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raises ValueError unless the value is one of the choices."""
    check(
        isinstance(value, str) and value in choices,
        name,
        f"one of {', '.join(map(repr, choices))}",
        value,
    )


def check_number(name: str, value: Any, above: float) -> None:
    """Raises ValueError unless the value is a finite number greater than ``above``."""
    # The last: an int beyond all floats compares with them, but cannot become one.
    fits = (
        isinstance(value, int | float)
        and not isinstance(value, bool)
        and above < value < float("inf")
        and abs(value) < 2**1000
    )
    check(fits, name, "a positive finite number" if above == 0 else "a finite number", value)


def check_sizes(**sizes: Any) -> None:
    """Raises ValueError unless each size is an int from 1 to ``LARGEST_SIZE``."""
    for name, size in sizes.items():
        least = is_integer(size) and size >= 1
        check(least, name, "an integer of at least 1", size)
        check(size <= LARGEST_SIZE, name, f"at most {LARGEST_SIZE:,}", size)


def check_total(name: str, numbers: int, largest: int) -> None:
    """Raises ValueError if something would hold more numbers than it may."""
    check(numbers <= largest, name, f"at most {largest:,} numbers", numbers)
