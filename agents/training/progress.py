"""What follows from the reports of a training so far."""

import dataclasses
from collections.abc import Mapping
from typing import Any

import numpy as np

from agents.training.reports import first_solved, wanted_return


class Progress:
    """How far a training is, and what its settings are there.

    Attributes:
        config: the recipe.
        rows: the reports so far.
    """

    config: Any
    rows: list[dict[str, Any]]

    @property
    def sequences(self) -> int:
        """The training sequences so far."""
        return int(self.rows[-1]["sequences"]) if self.rows else 0

    @property
    def is_beginning(self) -> bool:
        """Whether the next stretch is the first: at the start, and again where nothing was found.

        That is after a report that completes `restart_after` more sequences while none so far was
        good, or nearly, and while the budget allows for as many again.
        """
        if not self.rows:
            return True
        every = self.config.restart_after
        too_late = self.sequences + every > self.config.max_sequences
        if not every or too_late or any(map(self._nearly_good, self.rows)):
            return False
        before = self.rows[-2]["sequences"] if len(self.rows) > 1 else 0
        return self.sequences // every > before // every

    @property
    def task(self) -> Any:
        """What training sequences are drawn from."""
        config = self.config
        changes = {"sparse": config.sparse, "alike": config.alike if self.falls else 0}
        changes = {name: share for name, share in changes.items() if share}
        return dataclasses.replace(config.task, **changes) if changes else config.task

    @property
    def falls(self) -> int:
        """How many reports have let the step size fall."""
        return sum(map(self._lets_fall, self.rows))

    def _lets_fall(self, row: Mapping[str, Any]) -> bool:
        """Whether a report is so good that the step size falls."""
        wanted = wanted_return(self.config)
        if wanted is None:
            return bool(row["held_out_bit_errors"] < self.config.anneal_below)
        return bool(row["mean_return"] >= wanted)

    def _nearly_good(self, row: Mapping[str, Any]) -> bool:
        """Whether a report lets the step size fall, or is far from what would be lost."""
        return self._lets_fall(row) or row["held_out_bit_errors"] < self.config.lost_above / 2

    @property
    def left(self) -> float:
        """What is left of the step size, from 1 to 0."""
        return self.config.left(self.sequences, self.falls, self.config.max_sequences)

    @property
    def blur_cost(self) -> np.float32:
        """What a blurred address costs now.

        All at once, it could destroy what was learned: where hardly anything is wrong, the gradient
        would be that of the blur alone.
        """
        return np.float32(self.config.blur_cost * (1 - self.left))

    @property
    def ended(self) -> bool:
        """Whether the step size has fallen to 0, the budget has ended or solving was enough."""
        config = self.config
        return (
            self.sequences >= config.max_sequences
            or self.falls >= config.anneal_reports
            or (config.stop_when_solved and self.solved is not None)
        )

    @property
    def solved(self) -> Mapping[str, Any] | None:
        """The row of the first report that solved the task, or None."""
        return first_solved(self.rows, self.config)
