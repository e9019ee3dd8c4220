"""What there is to see of one tape while it is played."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ntm_gym.metrics import step_reward
from ntm_gym.task import Task

MOST_CHANNELS = 16
"""Of a wider input or answer only so many channels are drawn, the first and the last ones."""

LAST_CHANNELS = 4
"""How many of these are the last ones: an input's delimiters stand there."""


@dataclass(frozen=True, eq=False)
class View:
    """One tape of T steps, and the answers given so far.

    The present step is the first without an answer; after the last one there is none.

    Attributes:
        task: the task of the tape.
        length: the tape's length in the task's measure.
        inputs: [T, D]; NaN is drawn as hidden.
        targets: [T, W], 0 or 1; NaN is drawn as hidden.
        scored: bool[T], the scored steps.
        answers: [n, W], the answers 0 or 1 to the first n steps.
        pending: [W], an answer to the present step that is not given yet, or None.
    """

    task: Task
    length: int
    inputs: NDArray[Any]
    targets: NDArray[Any]
    scored: NDArray[np.bool_]
    answers: NDArray[Any]
    pending: NDArray[Any] | None = None

    @property
    def step(self) -> int:
        """The present step, 0 to T; T after the end."""
        return len(self.answers)

    @property
    def steps(self) -> int:
        """All steps, T."""
        return len(self.scored)

    @property
    def wrong(self) -> NDArray[np.bool_]:
        """bool[n, W], the wrong bits of the answers so far; none where nothing is scored."""
        done = self.step
        return (self.answers != self.targets[:done]) & self.scored[:done, None]

    @property
    def total(self) -> float:
        """The return so far."""
        wrong = self.wrong.sum(axis=1).astype(np.float64)
        rewards = step_reward(wrong, self.task.target_width, float(self.scored.sum()))
        return float(rewards[self.scored[: self.step]].sum())

    def window(self, columns: int) -> slice:
        """The steps that are drawn: at most so many, around the present one."""
        first = min(max(self.step - columns // 2, 0), max(self.steps - columns, 0))
        return slice(first, min(first + columns, self.steps))

    def describe(self) -> tuple[str, str]:
        """The tape in words, and how it goes: step, wrong bits and return so far."""
        answered = int(self.scored[: self.step].sum()) * self.task.target_width
        step = f"step {self.step} of {self.steps}" if self.step < self.steps else "ended"
        wrong = f"{int(self.wrong.sum())} of {answered} bits wrong"
        total = self.total + 0.0  # no negative zero
        title = f"{type(self.task).__name__}, length {self.length}"
        return title, f"{step}   {wrong}   return {total:+.3f}"


def shown_channels(count: int) -> list[int | None]:
    """The channels of so many that are drawn, in order; None stands for those left out."""
    if count <= MOST_CHANNELS:
        return list(range(count))
    first = MOST_CHANNELS - LAST_CHANNELS - 1
    return [*range(first), None, *range(count - LAST_CHANNELS, count)]


def shade(task: Task, inputs: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Inputs on the scale that they are drawn on.

    Args:
        task: the task, which knows each channel's bounds.
        inputs: [T, D].

    Returns:
        float64[T, D], each channel over its largest possible size, so in -1 to 1; and bool[D], the
        channels with signed values, whose colours say the sign.
    """
    bounds = np.maximum(np.abs(task.input_low), np.abs(task.input_high)).astype(np.float64)
    scale = np.where(np.isfinite(bounds) & (bounds > 0), bounds, 1.0)
    return np.clip(inputs / scale, -1, 1), np.asarray(task.input_low) < 0
