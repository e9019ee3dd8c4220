"""Checks of values that a user or a file gives: errors say what was expected and what came."""

from __future__ import annotations

import operator
from numbers import Real
from typing import Any

import numpy as np


def expect(holds: bool, name: str, expected: str, got: object) -> None:
    """Raises ValueError unless the condition holds."""
    if not holds:
        shown = repr(got)
        shown = shown if len(shown) <= 200 else f"{shown[:200]}..."
        raise ValueError(f"{name}: expected {expected}, got {shown}")


def expect_at_least(name: str, value: int, least: int) -> None:
    """Raises ValueError if a number is less than the least."""
    if value < least:
        raise ValueError(f"expected {name} of at least {least}, got {value}")


def check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    """Raises ValueError unless the value is one of the choices."""
    known = isinstance(value, str) and value in choices
    expect(known, name, f"one of {', '.join(map(repr, choices))}", value)


def is_integer(value: Any) -> bool:
    """Whether the value is a Python or NumPy integer; a bool is none."""
    if isinstance(value, bool | np.bool_ | np.ndarray):
        return False
    try:
        operator.index(value)
    except TypeError:
        return False
    return True


def as_integer(name: str, value: Any, least: int = 1, greatest: int | None = None) -> int:
    """The value as an int; raises ValueError unless it is an integer in this range.

    A narrow integer of NumPy's would overflow in what is computed from it.
    """
    bounds = f"of at least {least}" if greatest is None else f"from {least} to {greatest}"
    if not is_integer(value) or value < least or (greatest is not None and value > greatest):
        raise ValueError(f"expected {name} as an integer {bounds}, got {value!r}")
    return operator.index(value)


def is_number(value: Any) -> bool:
    """Whether the value is a real number that a float can hold; a bool and NaN are none."""
    try:
        real = isinstance(value, Real) and not isinstance(value, bool)
        return real and not np.isnan(float(value))
    except OverflowError:
        return False


def check_number(name: str, value: Any, least: float, greatest: float) -> None:
    """Raises ValueError unless the value is a number between these, both allowed."""
    if not is_number(value) or not least <= float(value) <= greatest:
        raise ValueError(f"expected {name} as a number from {least} to {greatest}, got {value!r}")
