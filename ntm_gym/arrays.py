"""Arrays out of whatever a user gives, without taking memory for absurd ones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def as_array(value: Any, longest: int) -> NDArray[Any]:
    """The value as an array, as NumPy makes one.

    Args:
        value: anything; an array is returned as it is.
        longest: items that a sequence may have, and each of its items, before NumPy looks at it.

    Raises:
        ValueError: if it is no array, whatever NumPy says of it, or longer.
    """
    if isinstance(value, np.ndarray):
        return np.asarray(value)
    try:
        if _is_longer(value, longest):
            raise ValueError(f"a sequence of more than {longest:,} items")
        return np.asarray(value)
    # Rows of different lengths, what is too large for memory, objects that cannot be looked at.
    except Exception as error:
        raise ValueError(
            f"expected an array, got {type(value).__name__}: {type(error).__name__}: {error}"
        ) from error


def _is_longer(value: Any, longest: int, depth: int = 2) -> bool:
    """Whether a sequence, or one of its items, has more items than that."""
    if isinstance(value, np.ndarray | str | bytes) or not hasattr(type(value), "__len__"):
        return False
    if len(value) > longest:
        return True
    nested = depth > 1 and isinstance(value, list | tuple)
    return nested and any(_is_longer(item, longest, depth - 1) for item in value)
