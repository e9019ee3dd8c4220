"""The contract of a memory task: `Task` draws and answers tapes, `Batch` holds them.

The tasks are open-loop: what is shown never depends on what was answered. So a whole episode is
known when it begins, and it is a row of a `Batch`, a *tape*: inputs, the answers due and which
steps are scored. Supervised training, the environments, the metrics and the oracle all read this
one definition.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ntm_gym.arrays import as_array
from ntm_gym.checks import as_integer

LARGEST_FIELD = 2**20
"""Widths and counts of a task go up to here, so that no product of two overflows an int64."""

LARGEST_BATCH = 2**28
"""Numbers in a batch's inputs and targets together: 1 GiB of float32."""


@dataclass(frozen=True, eq=False)
class Batch:
    """B tapes, padded with zeros to the longest of them.

    Inputs and targets are float32, or what `Task.sample` was asked for.

    Attributes:
        inputs: float32[B, T, D], what is shown at each step.
        targets: float32[B, T, W], the answer due at each step; 0 or 1, and 0 where none is scored.
        mask: bool[B, T], the scored steps; at least one in each row.
        steps: int64[B], how many of the T steps belong to each tape; the others are padding.
        lengths: int64[B], each tape's length in its task's own measure (vectors, items, ...).
    """

    inputs: NDArray[Any]
    targets: NDArray[Any]
    mask: NDArray[np.bool_]
    steps: NDArray[np.int64]
    lengths: NDArray[np.int64]

    def __len__(self) -> int:
        """The number of tapes, B."""
        return len(self.steps)

    def select(self, rows: slice | Sequence[int] | NDArray[Any]) -> Batch:
        """The batch of some of the tapes, with the same padding.

        Args:
            rows: a slice, indices or a bool mask over the B tapes.
        """
        return Batch(**{name: array[rows] for name, array in vars(self).items()})


@dataclass(frozen=True)
class Task(ABC):
    """A family of tapes of any length.

    A subclass is a frozen dataclass of the task's sizes. It says the two widths, how many steps a
    tape of some length has, how to draw tapes and how to answer them.

    Attributes:
        tape_dtype: the narrowest type that holds every input exactly. The environments keep their
            tapes in it: int8, where all inputs are bits, is a quarter of the memory and faster.
    """

    tape_dtype: ClassVar[DTypeLike] = np.float32

    @property
    @abstractmethod
    def input_width(self) -> int:
        """Channels shown at each step, D."""

    @property
    @abstractmethod
    def target_width(self) -> int:
        """Bits answered at each step, W."""

    @property
    def shortest(self) -> int:
        """The least length that the task is defined for."""
        return 1

    @property
    def longest(self) -> int:
        """The greatest length that the task is defined for; what memory allows may be less."""
        return LARGEST_BATCH

    @property
    def input_low(self) -> NDArray[np.float32]:
        """float32[D], the least value of each input channel."""
        return np.zeros(self.input_width, np.float32)

    @property
    def input_high(self) -> NDArray[np.float32]:
        """float32[D], the greatest value of each input channel."""
        return np.ones(self.input_width, np.float32)

    @abstractmethod
    def steps(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64[B], the most steps that a tape of each of the lengths int64[B] can have.

        Where the length alone decides, all tapes have so many; `Batch.steps` says it of each.
        """

    def lessons(self, min_length: int, max_length: int) -> tuple[int, ...]:
        """How a curriculum that goes from easy to hard divides the lengths.

        Returns:
            The greatest length of each lesson; it begins after the one before. Lengths double from
            lesson to lesson, for which an agent must have learned more than a longer list of cases.
        """
        return doubling_lessons(min_length, max_length)

    @abstractmethod
    def sample(
        self, rng: np.random.Generator, lengths: ArrayLike, dtype: DTypeLike = np.float32
    ) -> Batch:
        """Draws one tape of each length.

        Args:
            rng: the only source of randomness.
            lengths: int[B], each from `shortest` to `longest`.
            dtype: of the inputs and targets, float32 or `tape_dtype`; draws the same tapes.

        Raises:
            ValueError: if the lengths are not such integers, or the batch would be larger than
                `LARGEST_BATCH`; raised before any memory is taken.
        """

    @abstractmethod
    def solve(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The oracle: the best answers, from the inputs alone.

        It is causal: the answer at step t depends on `inputs[:, : t + 1]` only, so it can be asked
        with what has been seen so far of a tape that still runs.

        Args:
            inputs: float32[B, T, D], whole tapes (padded or not) or the first T steps of them.

        Returns:
            float32[B, T, W], the probability that each bit is 1: 0 or 1 where the inputs decide the
            answer. 0 at steps where the inputs show that none is due.
        """

    def blank(
        self, lengths: ArrayLike, dtype: DTypeLike, steps: NDArray[np.int64] | None = None
    ) -> Batch:
        """A batch of zeros for tapes of these lengths, which `sample` then writes into.

        Args:
            lengths: int[B], checked by `check_lengths`.
            dtype: of the inputs and targets.
            steps: int64[B], each tape's steps, where its length alone does not decide them.
        """
        checked = self.check_lengths(lengths)
        if steps is None:
            steps = self.steps(checked)
        shape = len(checked), int(steps.max())
        return Batch(
            inputs=np.zeros((*shape, self.input_width), dtype),
            targets=np.zeros((*shape, self.target_width), dtype),
            mask=np.zeros(shape, np.bool_),
            steps=steps,
            lengths=checked,
        )

    def check_lengths(self, lengths: ArrayLike) -> NDArray[np.int64]:
        """The lengths as int64[B], if this task can draw a batch of them.

        Raises:
            ValueError: if they are not a 1-D row of at least one integer from `shortest` to
                `longest`, or the batch would hold more than `LARGEST_BATCH` numbers.
        """
        array = as_array(lengths, LARGEST_BATCH)
        if array.ndim != 1 or array.size == 0 or array.dtype.kind not in "iu":
            raise ValueError(
                "expected lengths as a 1-D array of at least one integer, "
                f"got shape {array.shape} of {array.dtype}: {lengths!r}"
            )
        self.check_size(array.size, 1)  # of more, even the least would take long to find
        least, greatest = int(array.min()), int(array.max())
        if least < self.shortest or greatest > self.longest:
            raise ValueError(
                f"expected lengths from {self.shortest} to {self.longest} for {self}, "
                f"got {least if least < self.shortest else greatest}"
            )
        checked = array.astype(np.int64)
        most_steps = int(self.steps(checked[array.argmax()][None])[0])
        self.check_size(len(checked), most_steps)
        return checked

    def check_size(self, rows: int, steps: int) -> None:
        """Raises ValueError if so many tapes of so many steps are more than `LARGEST_BATCH`."""
        numbers = rows * steps * (self.input_width + self.target_width)
        if numbers > LARGEST_BATCH:
            raise ValueError(
                f"expected at most {LARGEST_BATCH:,} numbers in a batch, "
                f"got {numbers:,} for {rows:,} tapes of {steps:,} steps of {self}"
            )

    def check_batch(self, batch: Batch, rows: int) -> None:
        """Raises ValueError if this is not a whole batch of this task with so many rows.

        For batches that come from outside. Shapes, dtypes, values and padding are looked at; not
        whether the targets are the right answers.
        """
        if not isinstance(batch, Batch):
            raise ValueError(f"expected a Batch, got {type(batch).__name__}")
        for name, array in vars(batch).items():
            if not isinstance(array, np.ndarray):
                raise ValueError(
                    f"expected a batch's {name} as an array, got {type(array).__name__}"
                )
        steps = batch.mask.shape[1] if batch.mask.ndim == 2 else 0
        expected: dict[str, tuple[tuple[int, ...], type]] = {
            "inputs": ((rows, steps, self.input_width), np.float32),
            "targets": ((rows, steps, self.target_width), np.float32),
            "mask": ((rows, steps), np.bool_),
            "steps": ((rows,), np.int64),
            "lengths": ((rows,), np.int64),
        }
        for name, (shape, dtype) in expected.items():
            array = getattr(batch, name)
            if array.shape != shape or array.dtype != dtype:
                raise ValueError(
                    f"expected a batch's {name} of shape {shape} and {np.dtype(dtype)} "
                    f"for {rows} row(s) of {self}, got {array.shape} and {array.dtype}"
                )
        if not np.all((batch.steps >= 1) & (batch.steps <= steps)):
            raise ValueError(f"expected a batch's steps from 1 to {steps}, got {batch.steps}")
        if not np.all((batch.lengths >= self.shortest) & (batch.lengths <= self.longest)):
            raise ValueError(
                f"expected a batch's lengths from {self.shortest} to {self.longest}, "
                f"got {batch.lengths}"
            )
        padding = np.arange(steps) >= batch.steps[:, None]
        if batch.mask[padding].any() or not batch.mask.any(axis=1).all():
            raise ValueError("expected a scored step in each tape and none in the padding")
        if batch.inputs[padding].any() or batch.targets[~batch.mask].any():
            raise ValueError("expected a batch's padding and its targets of unscored steps to be 0")
        if not np.isin(batch.targets, (0, 1)).all():
            raise ValueError("expected a batch's targets to be 0 or 1")
        if not np.all((batch.inputs >= self.input_low) & (batch.inputs <= self.input_high)):
            raise ValueError("expected a batch's inputs between input_low and input_high")


def check_sizes(task: Task, *names: str, largest: int = LARGEST_FIELD) -> None:
    """Makes fields of a task ints; raises ValueError unless they are from 1 to the largest."""
    for name in names:
        object.__setattr__(task, name, as_integer(name, getattr(task, name), 1, largest))


def doubling_lessons(min_length: int, max_length: int) -> tuple[int, ...]:
    """The greatest lengths of lessons that double: 1, 2, 4, 8, 16, 20 for lengths 1 to 20."""
    ends = [min_length]
    while ends[-1] < max_length:
        ends.append(min(2 * ends[-1], max_length))
    return tuple(ends)
