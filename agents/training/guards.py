"""What guards a training's weights against gradients that are not finite, or far too long.

Such an update is left out, and its batch is kept in the run's `left_out/` with the weights that it
met; `agents/lab/replay.py` shows where it goes wrong. After too many in a row, training goes back
to the last report before which few were left out, and on with half the step, a few times; then it
ends with an error.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.recipes.learning import LearningConfig
from agents.storage.checkpoints import Checkpoint, Checkpoints
from agents.storage.runs import RunError

FOLDER = "left_out"
"""Where a run keeps the batches."""

MOST_KEPT = 10
"""Batches that are kept, the last ones."""

MOST_IN_A_ROW = 100
"""Updates left out in a row after which training goes back."""

MOST_RETURNS = 3
"""Times that a training goes back to its last sound report."""

MOST_OF_A_STRETCH = 0.25
"""Share of the updates between two reports that a sound one has left out at most."""


class LeftOutError(RunError):
    """Too many updates in a row were left out."""


class Guard:
    """Counts the updates that are left out.

    Args:
        config: says which are.
        weights: gives the weights that are trained.

    Attributes:
        folder: where batches are kept; None keeps none.
        returns: how often training has gone back to its last sound report.
        sound: whether few updates of the last stretch were left out. If many were, the weights may
            be spoiled already.
    """

    def __init__(
        self, config: LearningConfig, weights: Callable[[], Sequence[NDArray[Any]]]
    ) -> None:
        self.folder: Path | None = None
        self.returns = 0
        self.sound = True
        self._weights = weights
        self._longest = config.longest_gradient
        self._in_a_row = 0
        self._sequences = 0
        self._last_kept = -1

    def begin(self, sequences: int) -> None:
        """Begins what lies between two reports, after so many training sequences."""
        self._in_a_row = 0
        self._sequences = sequences

    @property
    def step_share(self) -> float:
        """What is left of the step size after these returns."""
        return 0.5**self.returns

    def go_back(self, error: LeftOutError) -> None:
        """Counts a return to the last sound report; raises the error after too many."""
        if self.returns == MOST_RETURNS:
            raise error
        self.returns += 1

    def judge(self, norms: NDArray[np.floating], batch: Sequence[Any]) -> None:
        """Counts updates, and keeps the batch of the first that is left out between two reports.

        Args:
            norms: the gradients' norms of updates one after the other, float[K]. Of these only the
                last may have been left out: the weights are those that its batch met.
            batch: what that update was told, arrays.

        Raises:
            LeftOutError: too many in a row were left out.
        """
        if norms[-1] <= self._longest:
            self._in_a_row = 0
            return
        self._in_a_row = 1 if len(norms) > 1 else self._in_a_row + 1
        if self.folder is not None and self._last_kept != self._sequences:
            self._last_kept = self._sequences
            weights = self._weights()
            arrays = [*weights, *(np.asarray(array) for array in batch)]
            kept = Checkpoint(arrays, {"weights": len(weights)})
            Checkpoints(self.folder, keep=MOST_KEPT).write(self._sequences, kept)
        if self._in_a_row >= MOST_IN_A_ROW:
            raise self._error(norms[-1:], self._in_a_row)

    def used(self, norms: NDArray[np.floating]) -> NDArray[np.bool_]:
        """Returns which updates of a stretch were made, bool[K], of gradient norms float[K].

        Raises:
            LeftOutError: none.
        """
        used = norms <= self._longest
        if not used.any():
            raise self._error(norms, len(norms))
        self.sound = bool(np.mean(~used) <= MOST_OF_A_STRETCH)
        return used

    def _error(self, norms: NDArray[np.floating], count: int) -> LeftOutError:
        return LeftOutError(
            f"expected gradients of a length up to {self._longest:g}, got {norms.min():g} or more "
            f"in {count:,} updates in a row; a smaller learning_rate may help, and "
            "scripts/dev/replay.py shows what one of these updates was told"
        )
