"""What a curriculum is, and the two that draw from a range whatever they hear."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ntm_gym.checks import as_integer


@runtime_checkable
class Curriculum(Protocol):
    """Draws lengths, and hears how they went."""

    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.int64]:
        """The next n lengths, int64[n]; `rng` is the only source of randomness."""

    def record(self, lengths: NDArray[np.int64], errors: NDArray[Any]) -> None:
        """Hears of n finished tapes.

        Args:
            lengths: int64[n]; may lie outside the curriculum's own, since a reset can ask for any.
            errors: the wrong bits of each tape, int64[n]; their means, float64[n], if each tape
                was played several times (`rollouts` of the vector environment).
        """


@dataclass
class LengthRange(ABC):
    """The base of the curricula that can be asked for by name: it draws from a range of lengths.

    Attributes:
        min_length: the least, at least 1.
        max_length: the greatest, at least `min_length`.

    Raises:
        ValueError: if they are not such integers.
    """

    min_length: int
    max_length: int

    def __post_init__(self) -> None:
        self.min_length, self.max_length = check_range(self.min_length, self.max_length)

    @property
    def lesson(self) -> int:
        """The number of the present lesson, from 0; the whole range is one lesson here."""
        return 0

    @abstractmethod
    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.int64]:
        """The next n lengths, int64[n]; `rng` is the only source of randomness."""

    def record(self, lengths: NDArray[np.int64], errors: NDArray[np.int64]) -> None:  # noqa: B027
        """Hears of n finished tapes, as `Curriculum` says; here it does nothing."""

    def get_state(self) -> dict[str, Any]:
        """All that was learned from what was heard, as values that JSON can hold."""
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `get_state` gave of a curriculum of the same settings.

        Raises:
            ValueError: if it is no such state; nothing is changed then.
        """
        self._check_keys(state)

    def _check_keys(self, state: Mapping[str, Any]) -> None:
        expected = list(self.get_state())
        if not isinstance(state, Mapping) or sorted(state) != sorted(expected):
            raise ValueError(f"expected a state of {expected}, got {state!r}")


@dataclass
class Uniform(LengthRange):
    """Every length of the range equally often."""

    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.int64]:
        """int64[n], independent and uniform."""
        return rng.integers(self.min_length, self.max_length, size=n, endpoint=True)


@dataclass
class Fixed(LengthRange):
    """Always the longest of the range."""

    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.int64]:  # noqa: ARG002
        """int64[n], all `max_length`."""
        return np.full(n, self.max_length, np.int64)


def check_range(min_length: Any, max_length: Any) -> tuple[int, int]:
    """The range as ints.

    Raises:
        ValueError: unless these are integers of at least 1, the second not the smaller.
    """
    least, greatest = as_integer("min_length", min_length), as_integer("max_length", max_length)
    if least > greatest:
        raise ValueError(f"expected min_length <= max_length, got {least} > {greatest}")
    return least, greatest
