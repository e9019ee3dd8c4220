"""What follows from the reports of a training so far."""

from typing import Any

import numpy as np

from agents.recipes.reward import RewardConfig
from agents.recipes.supervised import TrainConfig
from agents.training.goals import Goal, Row, goal_of


class Progress:
    """How far a training is, and what its settings are there.

    Args:
        config: the recipe.

    Attributes:
        goal: what is learned towards.
        rows: the reports so far, with the columns of the curriculum's lessons.
    """

    def __init__(self, config: TrainConfig | RewardConfig) -> None:
        self.config: Any = config
        self.goal: Goal = goal_of(config)
        self.rows: list[dict[str, Any]] = []

    @property
    def sequences(self) -> int:
        """The training sequences so far."""
        return int(self.rows[-1]["sequences"]) if self.rows else 0

    @property
    def steps(self) -> int:
        """The steps of all training sequences so far; environment steps by reward."""
        return int(self.rows[-1]["steps"]) if self.rows else 0

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
        if not every or too_late or any(map(self.goal.is_kept, self.rows)):
            return False
        before = self.rows[-2]["sequences"] if len(self.rows) > 1 else 0
        return bool(self.sequences // every > before // every)

    @property
    def falls(self) -> int:
        """How many reports have let the step size fall."""
        return sum(map(self.goal.lets_fall, self.rows))

    @property
    def step_left(self) -> float:
        """What is left of the step size, from 1 to 0."""
        return self.config.step_left(self.sequences, self.falls, self.config.max_sequences)

    @property
    def blur_cost(self) -> np.float32:
        """What a blurred address costs now.

        All at once, it could destroy what was learned: where hardly anything is wrong, the gradient
        would be that of the blur alone.
        """
        return np.float32(self.config.blur_cost * (1 - self.step_left))

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
    def solved(self) -> Row | None:
        """The row of the first report that solved the task, or None."""
        return self.goal.first_solved(self.rows)
