"""Repeat copy: repeat a sequence of random vectors as often as asked, then say that it is done."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ntm_gym.checks import check_number
from ntm_gym.task import Batch, Task, check_sizes
from ntm_gym.vectors import random_vectors, write_rows


@dataclass(frozen=True)
class RepeatCopy(Task):
    """Store vectors, then write them several times over, and an end marker after the last time.

    Section 4.2 of Graves, Wayne & Danihelka 2014 (arXiv 1410.5401), trained there on 1-10 vectors
    and 1-10 repeats. The length L is the number of vectors v1..vL. The number of repeats R is drawn
    anew for each tape, uniformly from `min_repeats` to `max_repeats`, so a tape has L + 2 + L R
    steps. For L = 2 and R = 3::

        step                 0   1   2   3   4   5   6   7   8   9
        input  0..width-1    v1  v2  .   .   .   .   .   .   .   .    random bits
        input  width         .   .   1   .   .   .   .   .   .   .    delimiter
        input  width+1       .   .   r   .   .   .   .   .   .   .    the repeats to write
        target 0..width-1    .   .   .   v1  v2  v1  v2  v1  v2  .
        target width         .   .   .   .   .   .   .   .   .   1    end marker
        mask                 .   .   .   x   x   x   x   x   x   x    scored

    A dot is zero. The repeats are shown as r = (R - m) / s, where m = (n + 1) / 2 and
    s^2 = (n^2 - 1) / 12 are mean and variance of the numbers 1 to n = `trained_repeats`: as the
    paper says, mean 0 and variance 1 in training. With n = 10 the three repeats above are
    r = (3 - 5.5) / 2.872 = -0.870. `trained_repeats` is a field of its own, so that a network that
    was trained on up to 10 repeats reads 20 on the scale that it knows:
    `RepeatCopy(min_repeats=20, max_repeats=20)`.

    Attributes:
        width: bits of each vector, at least 1.
        min_repeats: the least number of repeats, at least 1.
        max_repeats: the greatest number of repeats, at least `min_repeats`.
        trained_repeats: n, at least 2.
        sparse: probability from 0 to 1 that a tape has vectors of few ones, each of whose bits is
            one with a probability of 1/8, not 1/2. They are a share of such a tape's vectors that
            is itself drawn, from none to all. 0 in the paper, where such vectors are rare, and
            hardest: a vector without a one looks like the blank inputs after the delimiter.

    Raises:
        ValueError: if a field is not such a number.
    """

    width: int = 8
    min_repeats: int = 1
    max_repeats: int = 10
    trained_repeats: int = 10
    sparse: float = 0.0

    def __post_init__(self) -> None:
        check_sizes(self, "width", "min_repeats", "max_repeats", "trained_repeats")
        check_number("sparse", self.sparse, 0, 1)
        if self.min_repeats > self.max_repeats:
            raise ValueError(
                f"expected min_repeats <= max_repeats, got {self.min_repeats} > {self.max_repeats}"
            )
        if self.trained_repeats < 2:
            raise ValueError("expected trained_repeats of at least 2, got 1")

    @property
    def input_width(self) -> int:
        """The bits, the delimiter's channel and the repeats' channel."""
        return self.width + 2

    @property
    def target_width(self) -> int:
        """The bits and the end marker."""
        return self.width + 1

    @property
    def input_low(self) -> NDArray[np.float32]:
        """float32[D], 0, and for the repeats what the fewest are shown as, if that is less."""
        low = super().input_low
        low[-1] = np.minimum(0, self._shown(self.min_repeats))
        return low

    @property
    def input_high(self) -> NDArray[np.float32]:
        """float32[D], 1, and for the repeats what the most are shown as, but at least 0."""
        high = super().input_high
        high[-1] = np.maximum(0, self._shown(self.max_repeats))
        return high

    def steps(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64[B], L + 2 + L R for each length L of int64[B] and the most repeats R."""
        return lengths * (self.max_repeats + 1) + 2

    def sample(
        self, rng: np.random.Generator, lengths: ArrayLike, dtype: DTypeLike = np.float32
    ) -> Batch:
        """Draws one tape of each length int[B]; see `Task.sample`."""
        ends = self.check_lengths(lengths)
        repeats = rng.integers(self.min_repeats, self.max_repeats, len(ends), endpoint=True)
        batch = self.blank(ends, dtype, steps=ends * (repeats + 1) + 2)
        row, step = np.arange(len(batch)), np.arange(batch.mask.shape[1])
        writing = (step > ends[:, None]) & (step < batch.steps[:, None] - 1)

        vectors = random_vectors(rng, ends, self.width, self.sparse)
        write_rows(batch.inputs, step < ends[:, None], vectors)
        write_rows(batch.targets, writing, vectors.take(_repeated(ends, repeats), axis=0))
        batch.inputs[row, ends, self.width] = 1
        batch.inputs[row, ends, self.width + 1] = self._shown(repeats)
        batch.targets[row, batch.steps - 1, self.width] = 1
        np.logical_and(step > ends[:, None], step < batch.steps[:, None], out=batch.mask)
        return batch

    def solve(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The answers float32[B, T, width + 1] to inputs float32[B, T, width + 2]; causal."""
        delimiter = inputs[..., self.width] == 1
        ends = delimiter.argmax(axis=1)[:, None]
        repeats = self._read(np.take_along_axis(inputs[..., self.width + 1], ends, axis=1))
        step = np.arange(inputs.shape[1])
        last = np.where(delimiter.any(axis=1)[:, None], ends * (repeats + 1) + 1, -1)
        due = (step > ends) & (step < last)
        source = np.where(due, (step - ends - 1) % np.maximum(ends, 1), 0)
        answers = np.zeros((*inputs.shape[:2], self.target_width), np.float32)
        recalled = np.take_along_axis(inputs[..., : self.width], source[..., None], axis=1)
        answers[..., : self.width] = recalled * due[..., None]
        answers[..., self.width] = step == last
        return answers

    def _shown(self, repeats: ArrayLike) -> NDArray[np.float32]:
        """float32, what these numbers of repeats are shown as."""
        mean, deviation = self._scale()
        return np.asarray((np.asarray(repeats) - mean) / deviation, np.float32)

    def _read(self, shown: NDArray[np.float32]) -> NDArray[np.int64]:
        """int64, the numbers of repeats that are shown so."""
        mean, deviation = self._scale()
        return np.rint(shown.astype(np.float64) * deviation + mean).astype(np.int64)

    def _scale(self) -> tuple[float, float]:
        """Mean and standard deviation of the numbers 1 to `trained_repeats`."""
        return (self.trained_repeats + 1) / 2, ((self.trained_repeats**2 - 1) / 12) ** 0.5


def _repeated(lengths: NDArray[np.int64], repeats: NDArray[np.int64]) -> NDArray[np.int64]:
    """Of vectors that lie row by row, the indices of all that are written, row by row in time."""
    rows = np.repeat(np.arange(len(lengths)), repeats)  # one entry for each time
    sizes = lengths[rows]
    read_from = (lengths.cumsum() - lengths)[rows]
    written_to = sizes.cumsum() - sizes
    return np.arange(sizes.sum()) + np.repeat(read_from - written_to, sizes)
