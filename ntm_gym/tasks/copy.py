"""Copy: repeat a sequence of random vectors after it has ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ntm_gym.checks import check_number
from ntm_gym.task import Batch, Task, check_sizes
from ntm_gym.vectors import random_vectors, write_rows


@dataclass(frozen=True)
class Copy(Task):
    """Store vectors, and after a delimiter write them in the same order.

    Section 4.1 of Graves, Wayne & Danihelka 2014 (arXiv 1410.5401), trained there on lengths 1-20.
    The length L is the number of vectors v1..vL; a tape has 2L + 1 steps. For L = 3::

        step                 0   1   2   3   4   5   6
        input  0..width-1    v1  v2  v3  .   .   .   .     random bits
        input  width         .   .   .   1   .   .   .     delimiter: the sequence has ended
        target 0..width-1    .   .   .   .   v1  v2  v3
        mask                 .   .   .   .   x   x   x     scored

    A dot is zero.

    Attributes:
        width: bits of each vector, at least 1.
        sparse: probability from 0 to 1 that a tape has vectors of few ones, each of whose bits is
            one with a probability of 1/8, not 1/2. They are a share of such a tape's vectors that
            is itself drawn, from none to all. 0 in the paper, where such vectors are rare, and
            hardest: several of them look like the blank inputs after the delimiter.

    Raises:
        ValueError: if a field is not such a number.
    """

    tape_dtype: ClassVar[DTypeLike] = np.int8

    width: int = 8
    sparse: float = 0.0

    def __post_init__(self) -> None:
        check_sizes(self, "width")
        check_number("sparse", self.sparse, 0, 1)

    @property
    def input_width(self) -> int:
        """The bits and the delimiter's channel."""
        return self.width + 1

    @property
    def target_width(self) -> int:
        """The bits."""
        return self.width

    def steps(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64[B], 2L + 1 for each length L of int64[B]."""
        return 2 * lengths + 1

    def sample(
        self, rng: np.random.Generator, lengths: ArrayLike, dtype: DTypeLike = np.float32
    ) -> Batch:
        """Draws one tape of each length int[B]; see `Task.sample`."""
        batch = self.blank(lengths, dtype)
        end = batch.lengths[:, None]
        step = np.arange(batch.mask.shape[1])
        np.logical_and(step > end, step <= 2 * end, out=batch.mask)
        vectors = random_vectors(rng, batch.lengths, self.width, self.sparse)
        write_rows(batch.inputs, step < end, vectors)
        write_rows(batch.targets, batch.mask, vectors)
        batch.inputs[np.arange(len(batch)), batch.lengths, self.width] = 1
        return batch

    def solve(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The answers float32[B, T, width] to inputs float32[B, T, width + 1]; causal."""
        delimiter = inputs[..., self.width] == 1
        ends = delimiter.argmax(axis=1)[:, None]
        step = np.arange(inputs.shape[1])
        due = delimiter.any(axis=1)[:, None] & (step > ends) & (step <= 2 * ends)
        source = np.where(due, step - ends - 1, 0)
        recalled = np.take_along_axis(inputs[..., : self.width], source[..., None], axis=1)
        return recalled * due[..., None]
