"""How large a cell may be; looked at before any memory is taken."""

from typing import Any

from ntm_gym.checks import expect, is_integer

LARGEST_SIZE = 2**20
"""Each size of a cell, such as its slots or units, goes up to here."""

MOST_LAYERS = 128
"""Layers of a controller."""

LARGEST_WEIGHTS = 2**26
"""Numbers that a cell trains, all together: 256 MiB of float32."""

LARGEST_STATE = 2**28
"""Numbers in a part of one row's state, such as its memory or its links: 1 GiB of float32."""


def check_sizes(**sizes: Any) -> None:
    """Raises ValueError unless each size is an int from 1 to ``LARGEST_SIZE``."""
    for name, size in sizes.items():
        least = isinstance(size, int) and is_integer(size) and size >= 1
        expect(least, name, "an integer of at least 1", size)
        expect(size <= LARGEST_SIZE, name, f"at most {LARGEST_SIZE:,}", size)


def check_flags(**flags: Any) -> None:
    """Raises ValueError unless each flag is a bool."""
    for name, flag in flags.items():
        expect(isinstance(flag, bool), name, "True or False", flag)


def check_total(name: str, numbers: int, largest: int) -> None:
    """Raises ValueError if something would hold more numbers than it may."""
    expect(numbers <= largest, name, f"at most {largest:,} numbers", numbers)
