"""The settings that both ways of learning share, by right answers and by reward.

The docs of the fields are the help of ``scripts/train.py`` and ``scripts/train_rl.py``.
"""

from dataclasses import dataclass
from typing import Literal

Checks = dict[str, tuple[bool, str]]
"""Of each setting, whether it is possible, and what it should be."""

Optimizer = Literal["adam", "amsgrad", "rmsprop", "plain_rmsprop"]

BEFORE = {"alike": 0.0, "sparse": 0.0, "restart_after": 0}
"""What settings were that a config.json lacks since it is older than they are, if not their
recipe's."""


@dataclass(frozen=True, kw_only=True)
class LearningConfig:
    """How a network is updated and tested, when the step size falls and what guards it."""

    curriculum: Literal[
        "uniform", "fixed", "naive", "look_back", "look_back_and_forward", "prediction_gain"
    ] = "uniform"
    """How training lengths are chosen between the shortest and the longest."""
    optimizer: Optimizer = "adam"
    """Adam (Kingma & Ba 2015), here with a beta_2 of 0.99, its variant AMSGrad (Reddi et al. 2018),
    whose steps do not grow while gradients are small, the centred RMSProp with momentum of Graves
    2013, or RMSProp without either (Tieleman & Hinton 2012)."""
    learning_rate: float = 1e-3
    """Step size of the optimiser before it falls."""
    clip: Literal["norm", "value", "none"] = "norm"
    """What of an update's gradient is bounded: its norm, each of its numbers, or nothing."""
    clip_norm: float = 10.0
    """That bound, either way."""
    longest_gradient: float = 1e6
    """Updates with a longer gradient than this, or with one that is not finite, are left out: so
    far from any other, it says nothing about what to change."""
    most_left_out: int = 100
    """After so many in a row, or all between two reports, training goes back to the last report
    before which at most a quarter was left out, and on with half the step; it ends with an error
    when that does not help."""
    averaging: float = 0.99
    """Decay of the running mean of the weights over updates, which is tested and saved."""
    solved_sequences: int = 640
    """A report counts as solved if it has no wrong bit in so many held-out sequences of the longest
    training length. (In environments that are no task's, if its mean return is the reward threshold
    that Gymnasium knows of the environment, or more.)"""
    solved_reports: int = 3
    """The task is solved as soon as so many reports in a row count as solved."""
    anneal_below: float = 0.15
    """A report with fewer wrong bits than this in a held-out sequence lets the step size fall. (In
    environments that are no task's, one that counts as solved.)"""
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
    alike: float = 0.0
    """Of associative recall: the task's field of that name for training sequences, from the same
    report on. What still fails are items that resemble each other, and they are rare."""
    sparse: float = 0.0
    """Of copy and repeat copy: the task's field of that name for training sequences, from the
    start. What fails otherwise are sequences with vectors of few ones, and they are rare."""
    seed: int = 0
    """Seed of all that is drawn at random: weights, training and held-out sequences, actions."""

    def checks(self) -> Checks:
        """Whether each setting is possible, and what it should be."""
        return {
            **self._of_some_tasks("alike", "associative recall"),
            **self._of_some_tasks("sparse", "copy and repeat copy"),
            "seed": (0 <= self.seed < 2**32, "from 0 to 2**32 - 1"),
            "lost_above": (
                self.lost_above >= self.anneal_below,
                f"of at least anneal_below, {self.anneal_below}",
            ),
            "restart_after": (self.restart_after >= 0, "of at least 0"),
            "averaging": (0 <= self.averaging < 1, "from 0 to below 1"),
            "replay": (0 <= self.replay < 1, "from 0 to below 1"),
            "anneal_budget": (0 <= self.anneal_budget <= 1, "from 0 to 1"),
            "blur_cost": (self.blur_cost >= 0, "of at least 0"),
            **self.above_zero("learning_rate", "anneal_below", "clip_norm", "longest_gradient"),
            **self.at_least_one("solved_sequences", "solved_reports"),
            **self.at_least_one("anneal_reports", "most_left_out"),
        }

    def _of_some_tasks(self, name: str, tasks: str) -> Checks:
        """Checks a share that is also a field of such tasks, and of no other."""
        share = getattr(self, name)
        if hasattr(getattr(self, "task", None), name):
            return {name: (0 <= share <= 1, "from 0 to 1")}
        return {name: (share == 0, f"0, as it is of {tasks} alone")}

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

    def left(self, sequences: int, falls: int, budget: int) -> float:
        """What is left of the step size, from 1 to 0.

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
