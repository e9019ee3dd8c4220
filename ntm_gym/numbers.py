"""Numbers out of whatever a user gives: integers as ints without a bound, and fractions."""

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


def check_fraction(name: str, value: Any) -> None:
    """Raises ValueError unless the value is a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.floating):
        raise ValueError(f"expected {name} as a number, got {value!r}")
    if not 0 <= value <= 1:
        raise ValueError(f"expected {name} from 0 to 1, got {value!r}")
