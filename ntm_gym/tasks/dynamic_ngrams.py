"""Dynamic N-grams: predict the next bit of a source whose statistics are new in every tape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ntm_gym.task import LARGEST_BATCH, Batch, Task, check_sizes

LONGEST_CONTEXT = 20
"""Bits of a context at most: a tape's source has a probability for each of the 2^20 contexts."""


@dataclass(frozen=True)
class DynamicNGrams(Task):
    """Predict each bit of a random source from the bits before it, and learn the source meanwhile.

    Section 4.4 of Graves, Wayne & Danihelka 2014 (arXiv 1410.5401), trained there on 200 bits and
    contexts of 5. Each tape has a source of its own: for each of the 2^c contexts of the last c
    bits the probability that a 1 follows, drawn from Beta(1/2, 1/2). The first c bits are fair
    coins. The length T is the number of bits b1..bT, and of steps. For c = 2 and T = 6::

        step                 0   1   2   3   4   5
        input  0             .   b1  b2  b3  b4  b5    the bit before
        target 0             .   .   b3  b4  b5  b6    the next bit
        mask                 .   .   x   x   x   x     scored, as soon as a context is known

    A dot is zero. With 200 bits and c = 5, 195 are scored.

    Nobody can know the bits, so `solve` gives probabilities. They are Bayes' for this source
    (the paper's equation 10): if in this tape the context was followed n1 times by a
    1 and n0 times by a 0, a 1 follows with (n1 + 1/2) / (n0 + n1 + 1). In the tape of bits
    0 1 1 0 1 1, with c = 2, the answers to b3..b6 are 1/2 (01 is new), 1/2 (11 is new),
    1/2 (10 is new) and 3/4 (01 was followed by a 1 once). No predictor has a smaller expected
    cost: 128.3 bits a tape in the paper's setting, where coin flips cost 195.

    Attributes:
        context: c, from 1 to `LONGEST_CONTEXT`.

    Raises:
        ValueError: if the context is not such an integer.
    """

    tape_dtype: ClassVar[DTypeLike] = np.int8

    context: int = 5

    def __post_init__(self) -> None:
        check_sizes(self, "context", largest=LONGEST_CONTEXT)

    @property
    def input_width(self) -> int:
        """The bit before."""
        return 1

    @property
    def target_width(self) -> int:
        """The next bit."""
        return 1

    @property
    def shortest(self) -> int:
        """One bit more than a context, so that one is scored."""
        return self.context + 1

    def steps(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64[B], T for each number of bits T of int64[B]."""
        return lengths.copy()

    def check_size(self, rows: int, steps: int) -> None:
        """Raises ValueError if so many tapes of so many steps, or their sources, are too large."""
        super().check_size(rows, steps)
        if rows << self.context > LARGEST_BATCH:
            raise ValueError(
                f"expected at most {LARGEST_BATCH:,} probabilities in the sources of a batch, "
                f"got {rows << self.context:,} for {rows:,} tapes of {self}"
            )

    def sample(
        self, rng: np.random.Generator, lengths: ArrayLike, dtype: DTypeLike = np.float32
    ) -> Batch:
        """Draws one tape of each length int[B]; see `Task.sample`."""
        batch = self.blank(lengths, dtype)
        rows, steps = batch.mask.shape
        sources = _sources(rng, rows, self.context)
        bits = _run(sources, rng.random((steps, rows), np.float32), self.context).T
        step, ends = np.arange(steps), batch.lengths[:, None]
        np.logical_and(step >= self.context, step < ends, out=batch.mask)
        np.multiply(bits, batch.mask, out=batch.targets[..., 0], casting="unsafe")
        np.multiply(bits[:, :-1], step[1:] < ends, out=batch.inputs[:, 1:, 0], casting="unsafe")
        return batch

    def solve(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """Bayes' probabilities float32[B, T, 1] of a 1, given inputs float32[B, T, 1]; causal.

        Where a tape ends cannot be seen, so padding is answered too, as if it were zeros.
        """
        rows, steps, _ = inputs.shape
        answers = np.zeros((rows, steps, 1), np.float32)
        if steps <= self.context:
            return answers
        bits = inputs[:, 1:, 0].astype(np.int64)  # one less than steps
        count = steps - self.context
        contexts = np.zeros((rows, count), np.int64)
        for age in range(self.context):
            contexts += bits[:, self.context - 1 - age :][:, :count] << age
        # What followed each context; after the last one that is not known, nor needed: it would
        # count for later answers only.
        followed = np.pad(bits[:, self.context :], ((0, 0), (0, 1)))
        ones, seen = _earlier(contexts + (np.arange(rows)[:, None] << self.context), followed)
        answers[:, self.context :, 0] = (ones + 0.5) / (seen + 1)
        return answers


def _sources(rng: np.random.Generator, rows: int, context: int) -> NDArray[np.float32]:
    """float32[B, 2^c]: for each source the probability of a 1 after each context."""
    # Beta(1/2, 1/2) is the arcsine distribution; this is several times faster than rng.beta.
    return np.sin(np.pi / 2 * rng.random((rows, 2**context), np.float32)) ** 2


def _run(
    sources: NDArray[np.float32], coins: NDArray[np.float32], context: int
) -> NDArray[np.bool_]:
    """Lets B sources run for T steps.

    Args:
        sources: float32[B, 2^c], as `_sources` draws them.
        coins: float32[T, B], uniform on [0, 1).
        context: c. A context is a number in binary, its latest bit the lowest digit.

    Returns:
        bool[T, B], the bits.
    """
    bits = np.empty(coins.shape, np.bool_)
    np.less(coins[:context], 0.5, out=bits[:context])
    rows, contexts = sources.shape
    first, recent = np.arange(rows) * contexts, np.zeros(rows, np.int64)
    for bit in bits[:context]:
        recent = 2 * recent + bit
    chances = sources.reshape(-1)
    # Each bit depends on those before it, so this loop over time cannot be avoided.
    for coin, bit in zip(coins[context:], bits[context:], strict=True):
        np.less(coin, chances.take(first + recent), out=bit)
        recent = (2 * recent + bit) & (contexts - 1)
    return bits


def _earlier(
    groups: NDArray[np.int64], values: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """For each place, the sum and the number of the values in earlier places of its group.

    Args:
        groups: int64[...], each place's group; places are ordered as in memory.
        values: int64[...], of the same shape.
    """
    order = groups.ravel().argsort(kind="stable")
    grouped, ordered = groups.ravel()[order], values.ravel()[order]
    place = np.arange(len(order))
    begins = np.flatnonzero(np.diff(grouped, prepend=-1))
    size = np.diff(begins, append=len(order))
    before = ordered.cumsum() - ordered
    sums, counts = np.empty_like(groups), np.empty_like(groups)
    sums.ravel()[order] = before - np.repeat(before[begins], size)
    counts.ravel()[order] = place - np.repeat(begins, size)
    return sums, counts
