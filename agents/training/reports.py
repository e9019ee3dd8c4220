"""What training tells of itself from time to time: a row of `metrics.csv`."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from agents.storage.metrics import Curve
from ntm_gym.curriculum import Lessons, PredictionGain


class Report(NamedTuple):
    """What is known after some supervised training; a row of `metrics.csv`.

    Attributes:
        sequences: training sequences so far.
        steps: of all of them, each as often as it was shown: one is an episode in the environment.
        seconds: time since training began, compilation included.
        updates_per_second: of the stretch since the last report, held-out tests not counted.
        sequences_per_second: likewise.
        loss_bits: training cost in bits per new sequence (none that is shown again), mean since the
            last report.
        mean_return: what the answers to these would have earned, mean over them.
        bit_errors: wrong bits per new training sequence, mean since the last report.
        held_out_bit_errors: wrong bits per held-out sequence of the longest training length.
        held_out_loss_bits: cost of these in bits per sequence.
        gradient_norm: mean norm of the gradients before clipping, since the last report, without
            those of updates left out.
        updates_left_out: since the last report, for gradients too long or not finite.
        lesson: the number of the curriculum's present lesson, from 0.
        mean_length: of the new training sequences since the last report.
    """

    sequences: int
    steps: int
    seconds: float
    updates_per_second: float
    sequences_per_second: float
    loss_bits: float
    mean_return: float
    bit_errors: float
    held_out_bit_errors: float
    held_out_loss_bits: float
    gradient_norm: float
    updates_left_out: int
    lesson: int
    mean_length: float

    @property
    def line(self) -> str:
        """The report in a line: cost and wrong bits in training, and of held-out sequences."""
        return (
            f"{self.sequences:,} sequences: {self.loss_bits:.2f} bits, {self.bit_errors:.2f} wrong,"
            f" held out {self.held_out_bit_errors:.2f}, {self.sequences_per_second:.0f}/s"
        )


class RewardReport(NamedTuple):
    """What is known after some learning by reward; a row of `metrics.csv`.

    Fields of the same name are those of `Report`. Of an environment that is no task's, what is said
    of wrong bits and held-out sequences is NaN.

    Attributes:
        sequences: different episodes so far, each played `rollouts` times.
        steps: environment steps so far, of all rollouts.
        mean_return: per episode as the policy played it, mean since the last report.
        bit_errors: wrong bits per episode, likewise.
        held_out_bit_errors: of the most probable answers.
        entropy: nats per step of the policy, mean since the last report.
        mean_length: of the episodes since the last report, in the task's measure or in steps.
    """

    sequences: int
    steps: int
    seconds: float
    sequences_per_second: float
    mean_return: float
    bit_errors: float
    held_out_bit_errors: float
    held_out_loss_bits: float
    entropy: float
    gradient_norm: float
    updates_left_out: int
    lesson: int
    mean_length: float

    @property
    def line(self) -> str:
        """The report in a line: mean return, and of a task the wrong bits of held-out sequences."""
        line = f"{self.sequences:,} episodes, {self.steps:,} steps: return {self.mean_return:.3f}"
        if math.isnan(self.held_out_bit_errors):
            return line
        return f"{line}, held out {self.held_out_bit_errors:.2f} wrong"


def check_row(row: Any, names: Sequence[str]) -> dict[str, Any]:
    """Returns a row that was written for `metrics.csv`, if it is one.

    Args:
        row: the row.
        names: the columns that it has at least.

    Raises:
        ValueError: it has not all of them, or something else than numbers.
    """
    fits = isinstance(row, dict) and row.keys() >= set(names)
    if not fits or not all(type(value) in (int, float) for value in row.values()):
        raise ValueError(f"expected a row of numbers, {', '.join(names)}, got {row!r}")
    checked: dict[str, Any] = row
    return checked


def return_curve(rows: Sequence[Mapping[str, Any]]) -> Curve:
    """Returns environment steps and mean return of all reports that have one."""
    return [
        (int(row["steps"]), row["mean_return"]) for row in rows if math.isfinite(row["mean_return"])
    ]


def lesson_columns(curriculum: Any) -> dict[str, float]:
    """What a curriculum's lessons are drawn by, beside a report in the metrics."""
    if not isinstance(curriculum, Lessons):
        return {}
    columns = {"probability": curriculum.probabilities}
    if isinstance(curriculum, PredictionGain):
        columns["weight"] = curriculum.weights
    return {
        f"lesson_{lesson}_{name}": float(value)
        for name, values in columns.items()
        for lesson, value in enumerate(values)
    }
