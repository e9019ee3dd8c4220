"""Many tapes, each at a step of its own."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ntm_gym.metrics import step_reward
from ntm_gym.render import View
from ntm_gym.task import Batch, Task


class Tapes:
    """B places for tapes that play side by side, each replaced when its own has ended.

    After each tape's last step comes one more, of zeros, where no answer is due.

    Attributes:
        lengths: int64[B], the tapes' lengths in their task's measure.
        errors: int64[B], their wrong bits so far.
    """

    def __init__(self, task: Task, rows: int, keep_answers: bool = False) -> None:
        """Empty places for so many tapes of the task; `load` must fill them all first.

        Args:
            task: the task.
            rows: places, B.
            keep_answers: whether `view` will be called, which must know all answers so far.
        """
        self._task = task
        self._rows = rows
        self._inputs = np.zeros((rows, 0, task.input_width), task.tape_dtype)
        self._targets = np.zeros((rows, 0, task.target_width), np.int8)
        self._scored = np.zeros((rows, 0), np.bool_)
        self._answers = np.zeros_like(self._targets) if keep_answers else None
        self._step = np.zeros(rows, np.int64)
        self._steps = np.zeros(rows, np.int64)
        self._first = np.zeros(rows, np.int64)
        self._scored_steps = np.ones(rows, np.float64)  # whole numbers
        self._ones = np.ones(task.target_width, np.float32)
        self.lengths = np.zeros(rows, np.int64)
        self.errors = np.zeros(rows, np.int64)

    @property
    def ended(self) -> NDArray[np.bool_]:
        """bool[B], whether each tape's last step has been answered."""
        return self._step == self._steps

    def load(self, rows: NDArray[np.int64], batch: Batch) -> None:
        """Puts the n tapes of the batch in the places int64[n], at their first step.

        Raises:
            ValueError: if all places together would need more memory than a batch may.
        """
        steps = batch.mask.shape[1]
        if steps >= self._scored.shape[1]:
            self._grow(steps + 1)
        for places, tapes in (
            (self._inputs, batch.inputs),
            (self._targets, batch.targets),
            (self._scored, batch.mask),
        ):
            places[rows, :steps] = tapes
            places[rows, steps] = 0
        self._step[rows] = 0
        self._steps[rows] = batch.steps
        self._scored_steps[rows] = np.count_nonzero(batch.mask, axis=1)
        self.lengths[rows] = batch.lengths
        self.errors[rows] = 0

    def show(self) -> tuple[NDArray[np.float32], NDArray[np.int8], NDArray[np.bool_]]:
        """What each place shows now: inputs [B, D], the targets due [B, W], which count [B]."""
        # One index into all places' steps laid end to end gathers faster than a pair of indices.
        at = self._first + self._step
        inputs = self._inputs.reshape(-1, self._task.input_width).take(at, axis=0)
        targets = self._targets.reshape(-1, self._task.target_width).take(at, axis=0)
        return inputs.astype(np.float32, copy=False), targets, self._scored.take(at)

    def answer(
        self,
        bits: NDArray[np.int8],
        targets: NDArray[np.int8],
        scored: NDArray[np.bool_],
        playing: NDArray[np.bool_],
    ) -> NDArray[np.float64]:
        """Scores answers to what was shown, and goes on by one step.

        Args:
            bits: int8[B, W], the answers.
            targets: int8[B, W], as `show` gave them.
            scored: bool[B], likewise; False where a tape had ended.
            playing: bool[B], the tapes that go on; False where a new one has just been loaded.

        Returns:
            The rewards, float64[B].
        """
        # A product with ones adds up few bits per row several times faster than a sum does.
        wrong = (bits != targets).astype(np.float32) @ self._ones
        self.errors += (wrong * scored).astype(np.int64)
        if self._answers is not None:
            rows = playing.nonzero()[0]
            self._answers[rows, self._step[rows]] = bits[rows]
        self._step += playing
        reward = step_reward(wrong, self._task.target_width, self._scored_steps)
        return np.where(scored, reward, 0.0)

    def view(self, row: int) -> View:
        """What there is to see of the tape in a place; needs `keep_answers`."""
        assert self._answers is not None
        steps, done = int(self._steps[row]), int(self._step[row])
        return View(
            task=self._task,
            length=int(self.lengths[row]),
            inputs=self._inputs[row, :steps],
            targets=self._targets[row, :steps],
            scored=self._scored[row, :steps],
            answers=self._answers[row, :done],
        )

    def _grow(self, steps: int) -> None:
        """Makes room for so many steps in each place, and keeps what is there."""
        self._task.check_size(self._rows, steps)
        self._first = np.arange(self._rows) * steps
        for name in ("_inputs", "_targets", "_scored", "_answers"):
            old = getattr(self, name)
            if old is None:
                continue
            new = np.zeros((self._rows, steps, *old.shape[2:]), old.dtype)
            new[:, : old.shape[1]] = old
            setattr(self, name, new)
