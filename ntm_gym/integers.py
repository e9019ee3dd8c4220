"""Integers out of whatever a user gives: Python's or NumPy's, as ints without a bound."""

from __future__ import annotations

import operator
from typing import Any

import numpy as np


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
