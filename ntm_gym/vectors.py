"""The vectors of bits that tapes show: drawn at random, and written to their steps."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray


def random_bits(rng: np.random.Generator, shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Fair coins: uint8 0 or 1 of the given shape."""
    # All 8 bits of each random byte are used: many times faster than rng.integers(0, 2, shape).
    count = math.prod(shape)
    octets = np.frombuffer(rng.bytes(-(-count // 8)), np.uint8)
    return np.unpackbits(octets, count=count).reshape(shape)


def random_vectors(
    rng: np.random.Generator, lengths: NDArray[np.int64], width: int, sparse: float
) -> NDArray[np.uint8]:
    """Vectors of fair coins, but for tapes that have vectors of few ones.

    Args:
        rng: source of all randomness.
        lengths: int64[B], the vectors of each tape.
        width: bits of each vector.
        sparse: probability from 0 to 1 of such a tape, see `ntm_gym.Copy`.

    Returns:
        uint8[sum of the lengths, width], 0 or 1, tape by tape.
    """
    vectors = random_bits(rng, (int(lengths.sum()), width))
    if sparse:
        share = np.where(rng.random(len(lengths)) < sparse, rng.random(len(lengths)), 0)
        few = rng.random(len(vectors)) < np.repeat(share, lengths)
        for _ in range(2):  # each time half of the ones are left
            vectors[few] &= random_bits(rng, (int(np.count_nonzero(few)), width))
    return vectors


def write_rows(array: NDArray[Any], mask: NDArray[np.bool_], values: NDArray[Any]) -> None:
    """Writes `array[mask, :C] = values`, several times faster.

    Args:
        array: [B, T, D], contiguous; its first C channels are written.
        mask: bool[B, T], n of them True.
        values: [n, C], in the order of the mask: row by row, and in each by time.
    """
    # All channels of a step are moved as one item.
    channels = values.shape[-1]
    item = np.dtype((np.void, channels * array.itemsize))
    items = np.ascontiguousarray(values, array.dtype).view(item)[:, 0]
    array[..., :channels].view(item)[..., 0][mask] = items
