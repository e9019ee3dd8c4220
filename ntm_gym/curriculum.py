"""Which lengths to draw next: a fixed set of lessons or one that follows the learner's errors.

A curriculum serves the environments (fed with each finished episode's bit errors) and supervised
training alike.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from ntm_gym.task import is_integer


@runtime_checkable
class Curriculum(Protocol):
    """Draws lengths, and hears how they went."""

    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.int64]:
        """The next n lengths, int64[n]; `rng` is the only source of randomness."""

    def record(self, lengths: NDArray[np.int64], errors: NDArray[np.int64]) -> None:
        """Hears of n finished tapes.

        Args:
            lengths: int64[n]; may lie outside the curriculum's own, since a reset can ask for any.
            errors: int64[n], the wrong bits of each tape.
        """


@dataclass(frozen=True)
class LengthRange:
    """The lengths that a curriculum draws from.

    Attributes:
        min_length: the least, at least 1.
        max_length: the greatest, at least `min_length`.

    Raises:
        ValueError: if they are not such integers.
    """

    min_length: int
    max_length: int

    def __post_init__(self) -> None:
        for name in ("min_length", "max_length"):
            value = getattr(self, name)
            if not is_integer(value) or value < 1:
                raise ValueError(f"expected {name} as an integer of at least 1, got {value!r}")
        if self.min_length > self.max_length:
            raise ValueError(
                f"expected min_length <= max_length, got {self.min_length} > {self.max_length}"
            )


@dataclass(frozen=True)
class Uniform(LengthRange):
    """Every length of the range equally often."""

    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.int64]:
        """int64[n], independent and uniform."""
        return rng.integers(self.min_length, self.max_length, size=n, endpoint=True)

    def record(self, lengths: NDArray[np.int64], errors: NDArray[np.int64]) -> None:
        """Does nothing: the lengths do not depend on errors."""


@dataclass(frozen=True)
class Fixed(LengthRange):
    """Always the longest of the range."""

    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.int64]:  # noqa: ARG002
        """int64[n], all `max_length`."""
        return np.full(n, self.max_length, np.int64)

    def record(self, lengths: NDArray[np.int64], errors: NDArray[np.int64]) -> None:
        """Does nothing: the lengths do not depend on errors."""


CURRICULA: dict[str, type[Uniform] | type[Fixed]] = {"fixed": Fixed, "uniform": Uniform}
"""The curricula that can be asked for by name."""


def make_curriculum(curriculum: str | Curriculum, min_length: int, max_length: int) -> Curriculum:
    """The curriculum of that name over the range, or the object itself.

    Args:
        curriculum: a name in `CURRICULA`, or an object with `sample` and `record`, which keeps the
            lengths it draws.
        min_length: the least length.
        max_length: the greatest length.

    Raises:
        ValueError: if the name is unknown, the object is no curriculum or the range is none.
    """
    known = LengthRange(min_length, max_length)
    if isinstance(curriculum, str) and curriculum in CURRICULA:
        return CURRICULA[curriculum](known.min_length, known.max_length)
    if not isinstance(curriculum, Curriculum) or isinstance(curriculum, type):
        names = ", ".join(repr(name) for name in CURRICULA)
        raise ValueError(
            f"expected curriculum as one of {names} or an object with sample and record, "
            f"got {curriculum!r}"
        )
    return curriculum
