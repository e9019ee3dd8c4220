"""Associative recall: given one item of a list, name the item that followed it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from ntm_gym.checks import check_number
from ntm_gym.task import Batch, Task, check_sizes
from ntm_gym.vectors import random_bits, write_rows

DISTINCT_BITS = 62
"""Items are told apart by so many bits at most: as many as fit an int64 with room to spare."""


@dataclass(frozen=True)
class AssociativeRecall(Task):
    """Store a list of distinct items; shown one of them again, write the next one.

    Section 4.3 of Graves, Wayne & Danihelka 2014 (arXiv 1410.5401), trained there on 2-6 items of
    three 6-bit vectors. The length n is the number of items; with v vectors in each, a tape has
    (v + 1) n + 2 v + 2 steps, 4 n + 8 for three. Any item but the last is queried. For n = 2 items
    A and B of vectors a1..a3 and b1..b3, where A is queried::

        step                 0  1  2  3  4  5  6  7  8  9  10 11 12 13 14 15
        input  0..width-1    .  a1 a2 a3 .  b1 b2 b3 .  a1 a2 a3 .  .  .  .   random bits
        input  width         1  .  .  .  1  .  .  .  .  .  .  .  .  .  .  .   an item begins
        input  width+1       .  .  .  .  .  .  .  .  1  .  .  .  1  .  .  .   around the query
        target 0..width-1    .  .  .  .  .  .  .  .  .  .  .  .  .  b1 b2 b3
        mask                 .  .  .  .  .  .  .  .  .  .  .  .  .  x  x  x   scored

    A dot is zero.

    Attributes:
        width: bits of each vector, at least 1.
        vectors_per_item: v, at least 1.
        alike: probability from 0 to 1 that a vector is that of an item of the tape drawn at random,
            at the same place in it. 0 in the paper, where items that share vectors are rare, and
            hardest. If two items became equal, the tape's vectors are left as they were.

    Raises:
        ValueError: if a field is not such a number.
    """

    tape_dtype: ClassVar[DTypeLike] = np.int8

    width: int = 6
    vectors_per_item: int = 3
    alike: float = 0.0

    def __post_init__(self) -> None:
        check_sizes(self, "width", "vectors_per_item")
        check_number("alike", self.alike, 0, 1)

    @property
    def input_width(self) -> int:
        """The bits, the items' delimiter and the query's delimiter."""
        return self.width + 2

    @property
    def target_width(self) -> int:
        """The bits."""
        return self.width

    @property
    def shortest(self) -> int:
        """2: one item to ask for and the one after it."""
        return 2

    @property
    def longest(self) -> int:
        """As many items as the bits can tell apart."""
        return int(
            min(super().longest, 2 ** min(self.width * self.vectors_per_item, DISTINCT_BITS))
        )

    def steps(self, lengths: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64[B], (v + 1) n + 2 v + 2 for each number of items n of int64[B]."""
        return (self.vectors_per_item + 1) * lengths + 2 * self.vectors_per_item + 2

    def lessons(self, min_length: int, max_length: int) -> tuple[int, ...]:
        """One item more in each lesson; see `Task.lessons`."""
        return tuple(range(min_length, max_length + 1))

    def sample(
        self, rng: np.random.Generator, lengths: ArrayLike, dtype: DTypeLike = np.float32
    ) -> Batch:
        """Draws one tape of each length int[B]; see `Task.sample`."""
        batch = self.blank(lengths, dtype)
        row, block = np.arange(len(batch)), self.vectors_per_item + 1
        items = self._distinct_items(rng, len(batch), int(batch.lengths.max()))
        if self.alike:
            items = self._made_alike(rng, items, batch.lengths)
        asked = rng.integers(batch.lengths - 1)

        step = np.arange(batch.mask.shape[1])
        query = batch.lengths[:, None] * block
        answer = query + block
        listing, begins = step < query, step % block == 0
        asking = (step > query) & (step < answer)
        np.logical_and(step > answer, step < answer + block, out=batch.mask)

        listed = items[np.arange(items.shape[1]) < batch.lengths[:, None]]
        write_rows(batch.inputs, listing & ~begins, listed.reshape(-1, self.width))
        write_rows(batch.inputs, asking, items[row, asked].reshape(-1, self.width))
        write_rows(batch.targets, batch.mask, items[row, asked + 1].reshape(-1, self.width))
        batch.inputs[..., self.width] = listing & begins
        batch.inputs[..., self.width + 1] = (step == query) | (step == answer)
        return batch

    def solve(self, inputs: NDArray[np.float32]) -> NDArray[np.float32]:
        """The answers float32[B, T, width] to inputs float32[B, T, width + 2]; causal."""
        rows, steps, _ = inputs.shape
        block = self.vectors_per_item + 1
        # The second query delimiter, one block after the first, asks for the answer. Until it is
        # seen nothing is due, and what is then read lies before it.
        asked = inputs[..., self.width + 1] == 1
        ask = np.where(asked.sum(axis=1) == 2, steps - 1 - asked[:, ::-1].argmax(axis=1), steps)
        step = np.arange(steps)
        due = (step > ask[:, None]) & (step < ask[:, None] + block)
        if not due.any():
            return np.zeros((rows, steps, self.width), np.float32)

        whole = steps // block
        blocks = inputs[:, : whole * block].reshape(rows, whole, block, self.input_width)
        items = blocks[:, :, 1:, : self.width]
        listed = blocks[:, :, 0, self.width] == 1
        at = np.clip(ask[:, None] + np.arange(1, block) - block, 0, steps - 1)
        query = np.take_along_axis(inputs[..., : self.width], at[..., None], axis=1)
        found = listed & (items == query[:, None]).all(axis=(2, 3))
        answer = np.minimum(found.argmax(axis=1) + 1, whole - 1)

        source = np.where(due, answer[:, None] * block + step - ask[:, None], 0)
        recalled = np.take_along_axis(inputs[..., : self.width], source[..., None], axis=1)
        return recalled * due[..., None]

    def _distinct_items(self, rng: np.random.Generator, rows: int, count: int) -> NDArray[np.uint8]:
        """uint8[rows, count, v, width] of bits; the items of a row all differ."""
        bits = self.width * self.vectors_per_item
        told_apart = min(bits, DISTINCT_BITS)
        numbers = _distinct_numbers(rng, rows, count, 2**told_apart)
        items = (numbers[..., None] >> np.arange(told_apart)).astype(np.uint8) & np.uint8(1)
        if bits > told_apart:
            # Items that differ only in the other bits are never drawn together. Of 100 items that
            # would happen once in 10^15 tapes.
            others = random_bits(rng, (rows, count, bits - told_apart))
            items = np.concatenate([items, others], axis=-1)
        return items.reshape(rows, count, self.vectors_per_item, self.width)

    def _made_alike(
        self, rng: np.random.Generator, items: NDArray[np.uint8], lengths: NDArray[np.int64]
    ) -> NDArray[np.uint8]:
        """Items uint8[B, n, v, width] that share vectors, and of a row still differ."""
        rows, count, *_ = items.shape
        others = rng.integers(lengths[:, None, None], size=items.shape[:3])
        copied = rng.random(others.shape) < self.alike
        theirs = np.take_along_axis(items, others[..., None], axis=1)
        alike = np.where(copied[..., None], theirs, items)
        # Bytes, so that sorting brings equal items together. Items beyond a row's end get numbers,
        # so that they are equal to none: what a row is must not depend on its batch's longest.
        item = np.arange(count, dtype=np.uint32)
        number = np.where(item < lengths[:, None], 0, item)[..., None]
        keys = np.concatenate([alike.reshape(rows, count, -1), number.view(np.uint8)], axis=2)
        ordered = np.sort(keys.view(f"S{keys.shape[2]}")[..., 0])
        differ = np.all(ordered[:, 1:] != ordered[:, :-1], axis=1)
        return np.where(differ[:, None, None, None], alike, items)


def _distinct_numbers(
    rng: np.random.Generator, rows: int, count: int, universe: int
) -> NDArray[np.int64]:
    """int64[rows, count]: in each row a uniformly drawn ordered choice of range(universe)."""
    if 2 * count > universe:
        everything = np.tile(np.arange(universe), (rows, 1))
        return rng.permuted(everything, axis=1)[:, :count]
    numbers = rng.integers(universe, size=(rows, count))
    # Numbers that repeat an earlier one of their row are drawn again until none does. This is
    # exact: only equality is looked at, so no choice of distinct numbers is favoured over another.
    # At least half of the universe is free, so each draw succeeds at least every other time.
    while True:
        order = numbers.argsort(axis=1, kind="stable")
        ordered = np.take_along_axis(numbers, order, axis=1)
        repeats = np.zeros(numbers.shape, np.bool_)
        np.put_along_axis(repeats, order[:, 1:], ordered[:, 1:] == ordered[:, :-1], axis=1)
        again = np.count_nonzero(repeats)
        if not again:
            return numbers
        numbers[repeats] = rng.integers(universe, size=again)
