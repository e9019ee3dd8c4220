"""What a training learns towards: a task without wrong bits, or an environment's reward threshold.

A goal says what its reports are worth, what training sequences are drawn from and what is tested.
"""

import abc
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from agents.recipes.learning import HELD_OUT_SEQUENCES, SOLVED_REPORTS
from agents.recipes.reward import RewardConfig
from agents.recipes.supervised import TrainConfig
from agents.training.streams import Stream
from agents.training.tapes import Tapes, in_groups
from agents.training.updates import compile_test
from ntm_gym.curriculum import make_curriculum

Row = Mapping[str, Any]
"""A report as a row of `metrics.csv`."""


class HeldOut(NamedTuple):
    """How a network does on the held-out sequences: cost and wrong bits of each, in the mean."""

    loss_bits: float
    bit_errors: float


class Goal(abc.ABC):
    """What the training of a config learns towards.

    As it stands here, nothing but the reports' returns is known: no lengths, no right answers.
    """

    def __init__(self, config: Any) -> None:
        self.config = config

    @abc.abstractmethod
    def counts_as_solved(self, row: Row) -> bool:
        """Whether a report is as good as can be asked for."""

    def lets_fall(self, row: Row) -> bool:
        """Whether a report is so good that the step size falls."""
        return self.counts_as_solved(row)

    def is_kept(self, row: Row) -> bool:
        """Whether a lost training may be rolled back to a report."""
        del row
        return False

    def is_lost(self, row: Row) -> bool:
        """Whether a report is so bad that training is rolled back to one that is kept."""
        del row
        return False

    def make_curriculum(self) -> Any:
        """Returns what chooses training lengths, as it is at the beginning."""
        return NoLengths()

    def draw(
        self, curriculum: Any, rng: np.random.Generator, shape: tuple[int, int], falls: int
    ) -> Tapes | None:
        """Draws training tapes; None where the environment draws its episodes itself.

        Args:
            curriculum: chooses their lengths.
            rng: draws.
            shape: groups and tapes in each, K and B.
            falls: how many reports have let the step size fall.
        """
        del curriculum, rng, shape, falls
        return None

    def make_test(self, cell: Any) -> Callable[[], HeldOut]:
        """Returns a function that tests a cell on the held-out sequences."""
        del cell
        return lambda: HeldOut(math.nan, math.nan)

    def first_solved(self, rows: Sequence[Row]) -> Row | None:
        """Returns the first row of the first `SOLVED_REPORTS` that count as solved, or None."""
        good = [self.counts_as_solved(row) for row in rows]
        for i in range(len(rows) - SOLVED_REPORTS + 1):
            if all(good[i : i + SOLVED_REPORTS]):
                return rows[i]
        return None


class TaskGoal(Goal):
    """No wrong bit in the held-out sequences of a task."""

    def counts_as_solved(self, row: Row) -> bool:
        """Whether no held-out bit is wrong."""
        return not row["held_out_bit_errors"]

    def lets_fall(self, row: Row) -> bool:
        """Whether fewer bits are wrong than `anneal_below`."""
        return bool(row["held_out_bit_errors"] < self.config.anneal_below)

    def is_kept(self, row: Row) -> bool:
        """Whether a report lets the step size fall, or is far from what would be lost."""
        return self.lets_fall(row) or row["held_out_bit_errors"] < self.config.lost_above / 2

    def is_lost(self, row: Row) -> bool:
        """Whether more bits are wrong than `lost_above`."""
        return bool(row["held_out_bit_errors"] > self.config.lost_above)

    def make_curriculum(self) -> Any:
        """Returns the curriculum that the config names."""
        config = self.config
        lengths = config.min_length, config.max_length
        return make_curriculum(config.curriculum, *lengths, config.task)

    def draw(
        self, curriculum: Any, rng: np.random.Generator, shape: tuple[int, int], falls: int
    ) -> Tapes:
        """Draws tapes of the training task; of the task itself as long as that is not due yet."""
        config = self.config
        task = config.training_task if falls or config.fields_from_start else config.task
        lengths = curriculum.sample(rng, math.prod(shape))
        return in_groups(task.sample(rng, lengths), shape[1], config.longest)

    def make_test(self, cell: Any) -> Callable[[], HeldOut]:
        """Returns a function that tests a cell on sequences of the longest training length."""
        config, count = self.config, HELD_OUT_SEQUENCES
        length = np.full(count, config.max_length)
        tapes = config.task.sample(Stream.HELD_OUT.generator(config.seed), length)
        groups = in_groups(tapes, min(count, 32), int(config.task.steps(length[:1])[0]))
        compiled = compile_test(cell)

        def test() -> HeldOut:
            scored = compiled(groups)
            losses, errors = scored.losses.numpy(), scored.errors.numpy()
            return HeldOut(float(losses.sum() / count), float(errors.sum() / count))

        return test


class ThresholdGoal(Goal):
    """The mean return from which on Gymnasium calls an environment solved."""

    def counts_as_solved(self, row: Row) -> bool:
        """Whether the mean return reaches the threshold."""
        return bool(row["mean_return"] >= self.config.reward_threshold)


class NoLengths:
    """The curriculum of an environment whose episodes have no lengths to choose from."""

    lesson = 0

    def record(self, *heard: Any) -> None:
        """Learns nothing."""

    def get_state(self) -> dict[str, Any]:
        """Returns nothing."""
        return {}

    def set_state(self, state: Mapping[str, Any]) -> None:
        """Takes nothing."""


def goal_of(config: TrainConfig | RewardConfig) -> Goal:
    """Returns what the training of a config learns towards."""
    return ThresholdGoal(config) if config.task is None else TaskGoal(config)
