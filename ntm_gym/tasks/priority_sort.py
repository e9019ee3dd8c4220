"""Priority sort: write the most important of a list of vectors, in order of their priorities."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ntm_gym.checks import check_number
from ntm_gym.task import Batch, Task, check_sizes
from ntm_gym.vectors import random_bits, write_rows


@dataclass(frozen=True)
class PrioritySort(Task):
    """Store vectors with their priorities, then write the highest ones, the highest first.

    Section 4.5 of Graves, Wayne & Danihelka 2014 (arXiv 1410.5401), trained there on 20 vectors, of
    which the 16 highest are written. The length n is the number of vectors; of them
    k = ceil(`sorted_fraction` n) are written, so a tape has n + 1 + k steps. For n = 4 vectors
    a, b, c, d with priorities 0.1, -0.5, 0.9, 0.3 and sorted_fraction = 0.75, k = 3::

        step                 0    1    2    3    4    5    6    7
        input  0..width-1    a    b    c    d    .    .    .    .     random bits
        input  width         0.1  -0.5 0.9  0.3  .    .    .    .     priority
        input  width+1       .    .    .    .    1    .    .    .     delimiter: the list has ended
        target 0..width-1    .    .    .    .    .    c    d    a
        mask                 .    .    .    .    .    x    x    x     scored

    A dot is zero. Priorities are uniform on [-1, 1]. Vectors of the same priority are written in
    the order in which they were shown.

    Attributes:
        width: bits of each vector, at least 1.
        sorted_fraction: the fraction of the vectors that is written, above 0 and up to 1.

    Raises:
        ValueError: if a field is not such a number.
    """

    width: int = 8
    sorted_fraction: float = 0.8

    def __post_init__(self) -> None:
        check_sizes(self, "width")
        check_number("sorted_fraction", self.sorted_fraction, 0, 1)
        if not self.sorted_fraction:
            raise ValueError("expected sorted_fraction above 0, got 0")

    @property
    def input_width(self) -> int:
        """The bits, the priority's channel and the delimiter's channel."""
        return self.width + 2

    @property
    def target_width(self) -> int:
        """The bits."""
        return self.width

    @property
    def input_low(self) -> NDArray[np.float32]:
        """float32[D], 0, and -1 for the priority."""
        low = super().input_low
        low[self.width] = -1
        return low

    def steps(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64[B], n + 1 + ceil(sorted_fraction n) for each number of vectors n of int64[B]."""
        return lengths + 1 + self._written(lengths)

    def sample(
        self, rng: np.random.Generator, lengths: ArrayLike, dtype: DTypeLike = np.float32
    ) -> Batch:
        """Draws one tape of each length int[B]; see `Task.sample`."""
        batch = self.blank(lengths, dtype)
        ends = batch.lengths[:, None]
        step = np.arange(batch.mask.shape[1])
        most = int(batch.lengths.max())
        listed = step[:most] < ends
        vectors = random_bits(rng, (int(batch.lengths.sum()), self.width))
        priorities = 2 * rng.random(listed.shape, np.float32) - 1

        write_rows(batch.inputs, step < ends, vectors)
        batch.inputs[:, :most, self.width] = np.where(listed, priorities, 0)
        batch.inputs[np.arange(len(batch)), batch.lengths, self.width + 1] = 1
        np.logical_and(step > ends, step < batch.steps[:, None], out=batch.mask)
        firsts = batch.lengths.cumsum()[:, None] - ends
        source = (firsts + _highest_first(priorities, listed))[step[:most] < self._written(ends)]
        write_rows(batch.targets, batch.mask, vectors.take(source, axis=0))
        return batch

    def solve(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The answers float32[B, T, width] to inputs float32[B, T, width + 2]; causal."""
        delimiter = inputs[..., self.width + 1] == 1
        ends = delimiter.argmax(axis=1)[:, None]
        step = np.arange(inputs.shape[1])
        due = delimiter.any(axis=1)[:, None] & (step > ends) & (step <= ends + self._written(ends))
        order = _highest_first(inputs[..., self.width], step < ends)
        source = np.take_along_axis(order, np.where(due, step - ends - 1, 0), axis=1)
        recalled = np.take_along_axis(inputs[..., : self.width], source[..., None], axis=1)
        return recalled * due[..., None]

    def _written(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64, how many of so many vectors are written."""
        # Less a little, since 0.55 x 100 is 55.00000000000001 in binary and must not become 56.
        return np.ceil(self.sorted_fraction * lengths - 1e-6).astype(np.int64).clip(1)


def _highest_first(priorities: NDArray[np.float32], listed: NDArray[np.bool_]) -> NDArray[np.int64]:
    """int64[B, N], each row's places from the highest priority down, those not listed last."""
    return np.where(listed, -priorities, np.inf).argsort(axis=1, kind="stable")
