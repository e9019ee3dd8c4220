"""Curricula that divide a range of lengths into lessons, and go on when one has been learned."""

from __future__ import annotations

from abc import abstractmethod
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntm_gym.checks import as_integer, check_number, is_integer, is_number
from ntm_gym.curriculum.ranges import LengthRange
from ntm_gym.task import doubling_lessons


@dataclass
class Lessons(LengthRange):
    """The base of curricula over K lessons: the spans of lengths that the range is divided into.

    A tape's lesson is drawn by `probabilities`, then its length, each of the lesson equally often.
    So every length of the range belongs to one lesson, and none is left out between them.

    Attributes:
        min_length: the least length, at least 1.
        max_length: the greatest length, that of the last lesson.
        lessons: the greatest length of each lesson, ascending; a lesson begins after the one before
            it. `Task.lessons` gives a task's own; if empty, they double.
        window: a lesson's mean error is that of its last so many tapes, at least 1.

    Raises:
        ValueError: if a setting is impossible.
    """

    lessons: tuple[int, ...] = ()
    window: int = 100

    def __post_init__(self) -> None:
        super().__post_init__()
        self.lessons = tuple(self.lessons) or doubling_lessons(self.min_length, self.max_length)
        # Each lesson begins after the one before it, and holds a length at least.
        before = (self.min_length - 1, *self.lessons)
        rising = all(
            is_integer(end) and end > start
            for start, end in zip(before, self.lessons, strict=False)
        )
        if not rising or self.lessons[-1] != self.max_length:
            raise ValueError(
                f"expected lessons as ascending integers from {self.min_length} on that end with "
                f"{self.max_length}, got {self.lessons}"
            )
        self.lessons = tuple(int(end) for end in self.lessons)
        self.window = as_integer("window", self.window)
        self._greatest = np.array(self.lessons, np.int64)
        self._least = np.array(before[:-1], np.int64) + 1
        self._errors = self._windows([[] for _ in self.lessons])

    @property
    @abstractmethod
    def probabilities(self) -> NDArray[np.float64]:
        """float64[K], how probable it is that the next tape is from each lesson."""

    @property
    def mean_errors(self) -> NDArray[np.float64]:
        """float64[K], mean wrong bits of each lesson's window of tapes; NaN before the first."""
        return np.array([sum(heard) / len(heard) if heard else np.nan for heard in self._errors])

    def sample(self, rng: np.random.Generator, n: int) -> NDArray[np.int64]:
        """int64[n], independent: each of a lesson drawn by `probabilities`, and uniform in it."""
        drawn = rng.choice(len(self.lessons), size=n, p=self.probabilities)
        return rng.integers(self._least[drawn], self._greatest[drawn], endpoint=True)

    def record(self, lengths: NDArray[np.int64], errors: NDArray[np.int64]) -> None:
        """Notes the errors int64[n] of tapes int64[n]; those outside the range count nothing.

        Raises:
            ValueError: if lengths and errors are not as many.
        """
        check_as_many("errors", errors, lengths)
        lesson = self._lesson_of(lengths)
        for heard in np.unique(lesson[lesson >= 0]):
            self._errors[heard].extend(errors[lesson == heard].tolist())

    def get_state(self) -> dict[str, Any]:
        """`errors`: the errors in each lesson's window, oldest first."""
        return {"errors": [list(errors) for errors in self._errors]}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `get_state` gave; see `LengthRange.set_state`."""
        self._check_state(state)
        self._errors = self._windows(state["errors"])

    def _check_state(self, state: Mapping[str, Any]) -> None:
        """Raises ValueError unless it is a state of these lessons; called before any is taken."""
        self._check_keys(state)
        errors = state["errors"]
        if not isinstance(errors, list) or len(errors) != len(self.lessons):
            raise ValueError(f"expected errors of {len(self.lessons)} lessons, got {errors!r}")
        for heard in errors:
            check_numbers("errors of a lesson", heard)

    def _windows(self, errors: list[list[int]]) -> list[deque[int]]:
        return [deque(heard, maxlen=self.window) for heard in errors]

    def _lesson_of(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64[n], the number of the lesson of each of the lengths; -1 outside the range."""
        within = (lengths >= self.min_length) & (lengths <= self.max_length)
        return np.where(within, np.searchsorted(self._greatest, lengths), -1)


@dataclass
class Naive(Lessons):
    """Only the present lesson, until it has been learned; then the next, to the last.

    The naive curriculum of Zaremba & Sutskever 2014, "Learning to Execute" (arXiv 1410.4615),
    section 4. A lesson has been learned when the mean error of its last `window` tapes, whoever
    asked for them, falls below `threshold`. There is no way back.

    Attributes:
        min_length, max_length, lessons, window: as in `Lessons`.
        threshold: wrong bits per tape, at least 0; 0 is never reached.

    Raises:
        ValueError: if a setting is impossible.
    """

    threshold: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("threshold", self.threshold, 0, np.inf)
        self._lesson = 0

    @property
    def lesson(self) -> int:
        """The number of the present lesson in `lessons`, from 0."""
        return self._lesson

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """float64[K], 1 for the present lesson."""
        return self._mixed(0.0, 0)

    def record(self, lengths: NDArray[np.int64], errors: NDArray[np.int64]) -> None:
        """Notes errors as `Lessons.record` does, and goes on to the next lesson when it is time."""
        super().record(lengths, errors)
        while self._lesson < len(self.lessons) - 1 and self._learned(self._errors[self._lesson]):
            self._lesson += 1

    def get_state(self) -> dict[str, Any]:
        """`lesson`, beside what `Lessons.get_state` gives."""
        return {"lesson": self._lesson, **super().get_state()}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Goes on from what `get_state` gave; see `LengthRange.set_state`."""
        super().set_state(state)
        self._lesson = int(state["lesson"])

    def _check_state(self, state: Mapping[str, Any]) -> None:
        super()._check_state(state)
        as_integer("lesson", state["lesson"], 0, len(self.lessons) - 1)

    def _learned(self, errors: deque[int]) -> bool:
        return len(errors) == self.window and sum(errors) < self.threshold * self.window

    def _mixed(self, share: float, lessons: int) -> NDArray[np.float64]:
        """The present lesson but for a share, in which the first so many lessons' lengths are."""
        lengths = (self._greatest - self._least + 1)[:lessons]
        probabilities = np.zeros(len(self.lessons))
        probabilities[:lessons] = share * lengths / lengths.sum()
        # What is left; rounding must not make it less than nothing.
        probabilities[self._lesson] += max(0.0, 1 - probabilities.sum())
        return probabilities


@dataclass
class LookBack(Naive):
    """As `Naive`, but a share of the tapes is from the lessons before, all their lengths alike.

    Against forgetting, as in Zaremba & Sutskever 2015, "Reinforcement Learning Neural Turing
    Machines" (arXiv 1505.00521), which mixes shorter tapes in.

    Attributes:
        min_length, max_length, lessons, window, threshold: as in `Naive`.
        back: that share, from 0 to below 1; none in the first lesson.

    Raises:
        ValueError: if a setting is impossible.
    """

    back: float = 0.1

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("back", self.back, 0, 1)
        if self.back == 1:
            raise ValueError("expected back below 1, or no lesson would ever be learned, got 1")

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """float64[K], 1 - `back` for the present lesson and the rest for those before it."""
        return self._mixed(self.back, self._lesson)


@dataclass
class LookBackAndForward(Naive):
    """As `Naive`, but a share of the tapes is from the whole range, all its lengths alike.

    The mixed strategy of Zaremba & Sutskever 2014 and 2015 (see `Naive` and `LookBack`).

    Attributes:
        min_length, max_length, lessons, window, threshold: as in `Naive`.
        anywhere: that share, 0 to 1; the present lesson is part of the range.

    Raises:
        ValueError: if a setting is impossible.
    """

    anywhere: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        check_number("anywhere", self.anywhere, 0, 1)

    @property
    def probabilities(self) -> NDArray[np.float64]:
        """float64[K], 1 - `anywhere` for the present lesson and the rest for all."""
        return self._mixed(self.anywhere, len(self.lessons))


def check_as_many(name: str, values: NDArray[Any], lengths: NDArray[Any]) -> None:
    """Raises ValueError unless the values have the lengths' shape."""
    if np.shape(values) != np.shape(lengths):
        raise ValueError(
            f"expected as many {name} as lengths, "
            f"got shapes {np.shape(values)} and {np.shape(lengths)}"
        )


def check_numbers(name: str, values: Any) -> None:
    """Raises ValueError unless this is a list of finite numbers."""
    if (
        not isinstance(values, list)
        or not all(map(is_number, values))
        or np.inf in map(abs, values)
    ):
        raise ValueError(f"expected {name} as a list of finite numbers, got {values!r}")
