"""The settings that both ways of learning share, by right answers and by reward.

The docs of the fields are the help of ``scripts/train.py`` and ``scripts/train_rl.py``.
"""

from dataclasses import dataclass, field
from typing import Literal

Checks = dict[str, tuple[bool, str]]
"""Of each setting, whether it is possible, and what it should be."""

Optimizer = Literal["adam", "amsgrad", "rmsprop"]

HELD_OUT_SEQUENCES = 640
"""Sequences of the longest training length that each report tests on."""

SOLVED_REPORTS = 3
"""Reports in a row that must count as solved."""


@dataclass(frozen=True, kw_only=True)
class LearningConfig:
    """How a network is updated, when the step size falls and what guards it."""

    training_fields: dict[str, float] = field(default_factory=dict)
    """Fields of the task that have other values in training, names and values: what fails otherwise
    is rare in the task's own sequences, which it is tested on."""
    curriculum: Literal[
        "uniform", "fixed", "naive", "look_back", "look_back_and_forward", "prediction_gain"
    ] = "uniform"
    """How training lengths are chosen between the shortest and the longest."""
    optimizer: Optimizer = "adam"
    """Adam (Kingma & Ba 2015), here with a beta_2 of 0.99, its variant AMSGrad (Reddi et al. 2018),
    whose steps do not grow while gradients are small, or the centred RMSProp with momentum of
    Graves 2013."""
    learning_rate: float = 1e-3
    """Step size of the optimiser before it falls."""
    clip_norm: float = 10.0
    """Bound on the norm of an update's gradient."""
    longest_gradient: float = 1e6
    """Updates with a longer gradient than this, or with one that is not finite, are left out: so
    far from any other, it says nothing about what to change."""
    anneal_below: float = 0.15
    """A report with fewer wrong bits than this in a held-out sequence lets the step size fall. (In
    environments that are no task's, one whose mean return reaches the reward threshold.)"""
    anneal_reports: int = 40
    """The step size falls to 0 in so many equal parts, one after each such report; then training
    ends."""
    lost_above: float = 1.0
    """A report with more wrong bits than this in a held-out sequence, after one that let the step
    size fall or had fewer than half of this, takes weights and optimiser back to where the last
    such report but one found them."""
    restart_after: int = 0
    """Training begins anew, from other first weights, each time that so many more sequences have
    passed and no report has let the step size fall or had fewer wrong bits than half of
    lost_above, if the budget allows for as many again; 0 never does. All sequences count."""
    stop_when_solved: bool = False
    """Whether training ends as soon as the task is solved, at whatever step size."""
    anneal_budget: float = 0.0
    """The step size also falls to 0 over this last fraction of the budget: for tasks that nobody
    can solve."""
    blur_cost: float = 0.0
    """What a blurred address costs at each step in the end, in nats; it grows from 0 as the step
    size falls. Heads must be sure of where they stay and go, which the answers alone do not ask
    for. A head's blur is 1 less the sum of its address's squares, before it is sharpened."""
    replay: float = 0.0
    """Fraction of the training sequences that are the hardest of the last ones again, from the
    first report on that lets the step size fall: what still fails is rare. By right answers, those
    that cost most; by reward, those of the least return."""
    seed: int = 0
    """Seed of all that is drawn at random: weights, training and held-out sequences, actions."""

    def checks(self) -> Checks:
        """Whether each setting is possible, and what it should be."""
        return {
            "seed": (0 <= self.seed < 2**32, "from 0 to 2**32 - 1"),
            "lost_above": (
                self.lost_above >= self.anneal_below,
                f"of at least anneal_below, {self.anneal_below}",
            ),
            "restart_after": (self.restart_after >= 0, "of at least 0"),
            "replay": (0 <= self.replay < 1, "from 0 to below 1"),
            "anneal_budget": (0 <= self.anneal_budget <= 1, "from 0 to 1"),
            "blur_cost": (self.blur_cost >= 0, "of at least 0"),
            **self.above_zero("learning_rate", "anneal_below", "clip_norm", "longest_gradient"),
            **self.at_least_one("anneal_reports"),
        }

    def at_least_one(self, *names: str) -> Checks:
        """Checks that each of these settings is at least 1."""
        return {name: (getattr(self, name) >= 1, "of at least 1") for name in names}

    def above_zero(self, *names: str) -> Checks:
        """Checks that each of these settings is above 0."""
        return {name: (getattr(self, name) > 0, "above 0") for name in names}

    def __post_init__(self) -> None:
        bad = [
            f"expected {name} {words}, got {getattr(self, name)!r}"
            for name, (holds, words) in self.checks().items()
            if not holds
        ]
        if bad:
            raise ValueError("; ".join(bad))

    def step_left(self, sequences: int, falls: int, budget: int) -> float:
        """Returns what is left of the step size, from 1 to 0.

        It falls with every good report, and at the end of the budget.

        Args:
            sequences: the training sequences so far.
            falls: the good reports so far.
            budget: the training sequences at most.
        """
        left = 1 - falls / self.anneal_reports
        if self.anneal_budget:
            left = min(left, (1 - sequences / budget) / self.anneal_budget)
        return left
