"""Tapes as compiled functions take them: in groups of one size, padded to one length."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ntm_gym import Batch


class Tapes(NamedTuple):
    """K groups of B tapes of T steps at most; one group where the axis K is left out.

    Tapes of no steps may fill up the last group; they count nothing.

    Attributes:
        inputs: float32[K, B, T, D].
        targets: float32[K, B, T, W].
        mask: float32[K, B, T], 1 at steps that are scored.
        steps: int32[K, B].
        lengths: int64[K, B], in the task's measure.
    """

    inputs: NDArray[np.float32]
    targets: NDArray[np.float32]
    mask: NDArray[np.float32]
    steps: NDArray[np.int32]
    lengths: NDArray[np.int64]

    def map(self, function: Callable[[Any], Any]) -> "Tapes":
        """Returns what a function makes of each field."""
        return Tapes(*map(function, self))

    def group(self, k: Any) -> "Tapes":
        """Returns group k; an array or a tensor for each field."""
        return self.map(lambda field: field[k])

    def flat(self) -> "Tapes":
        """Returns all tapes one after the other, [K * B, ...]: views of the same memory."""
        return self.map(lambda field: field.reshape(-1, *field.shape[2:]))

    def hardest(self, objectives: NDArray[np.floating], count: int) -> "Tapes":
        """Returns so many tapes with the greatest objectives, float[K, B]; [count, ...]."""
        chosen = np.sort(np.argsort(-objectives, axis=None, kind="stable")[:count])
        return self.flat().group(chosen)

    def replace(self, where: NDArray[np.bool_], tapes: "Tapes") -> None:
        """Puts tapes [n, ...] in the place of those where bool[K * B] says so."""
        fields: list[NDArray[Any]] = list(self.flat())
        for field, new in zip(fields, tapes, strict=True):
            field[where] = new


def in_groups(batch: Batch, size: int, steps: int) -> Tapes:
    """Returns a batch in groups of so many tapes, padded to so many steps."""
    groups = -(-len(batch) // size)

    def grouped(array: NDArray[Any], dtype: type, *shape: int) -> NDArray[Any]:
        padded: NDArray[Any] = np.zeros((groups * size, *shape), dtype)
        padded[tuple(slice(n) for n in array.shape)] = array
        return padded.reshape(groups, size, *shape)

    return Tapes(
        inputs=grouped(batch.inputs, np.float32, steps, batch.inputs.shape[2]),
        targets=grouped(batch.targets, np.float32, steps, batch.targets.shape[2]),
        mask=grouped(batch.mask, np.float32, steps),
        steps=grouped(batch.steps, np.int32),
        lengths=grouped(batch.lengths, np.int64),
    )


def spread(count: int, fraction: float) -> NDArray[np.bool_]:
    """Returns bool[count], the fraction of them True, at equal distances."""
    return np.diff(np.floor(np.arange(count + 1) * fraction)) > 0
