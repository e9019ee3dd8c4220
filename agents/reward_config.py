"""The recipes of learning by reward: every setting, as the defaults of one config.

The docs of the fields below are the help of ``scripts/train_rl.py``.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import tyro

from agents.cell_config import CELL_CONFIGS, CellConfig, NTMConfig
from agents.config import CONFIGS
from agents.settings import changed, expect
from ntm_gym import PROTOCOLS, Task


@dataclass(frozen=True)
class RewardConfig:
    """Learning by the scalar reward of any Gymnasium environment."""

    env_id: tyro.conf.Positional[str] = "NTMCopy-v0"
    """Id of the environment; that of a task has a recipe of its own."""
    task: Any = None
    cell: CellConfig = field(default_factory=NTMConfig)
    min_length: int | None = None
    """Shortest length in training; only tasks have lengths."""
    max_length: int | None = None
    """Longest length in training."""
    curriculum: Literal[
        "uniform", "fixed", "naive", "look_back", "look_back_and_forward", "prediction_gain"
    ] = "uniform"
    """How a task's training lengths are chosen between the shortest and the longest."""
    episodes: int = 16
    """Different episodes in an update: rows of the network."""
    rollouts: int = 1
    """Times that each episode is played with other answers; only tasks can be. From 2 on, the mean
    return of an episode's other rollouts is the baseline, and no values are learned."""
    max_steps: int = 500
    """Steps after which an episode is cut, if it has not ended; a task's episodes always end."""
    gamma: float = 0.99
    """Discount. With 0, a step learns from its own reward alone: right where no action changes what
    comes later, as in all tasks of this package, and the least noise."""
    gae_lambda: float = 0.95
    """Trust in the rewards that came rather than in the values learned, from 0 to 1: lambda of
    generalised advantage estimation (Schulman et al. 2016). Has no effect with rollouts."""
    by_length: bool = False
    """Whether a reward counts times the steps of its episode. The tasks divide rewards by the
    scored steps; without this, a step of a long tape would count less than one of a short one."""
    reward_scale: float = 1.0
    """Rewards are multiplied by this before anything is learned from them."""
    policy_weight: float = 1.0
    """Weight of the policy's loss, summed over an episode's steps."""
    value_weight: float = 0.5
    """Weight of the squared errors of the values, likewise."""
    entropy_bonus: float = 0.01
    """What a nat of the policy's entropy at a step is worth: it keeps bits that have grown sure and
    wrong from never being tried again. Falls with the step size."""
    epochs: int = 1
    """Passes over the episodes of an update."""
    minibatches: int = 1
    """Parts that each pass divides the episodes into; no episode is cut."""
    ppo_clip: float = 0.0
    """How far a pass may move an action's probability, as a fraction, before nothing more is gained
    (PPO, Schulman et al. 2017); 0 sets no bound. Means nothing with one pass in one part."""
    optimizer: Literal["adam", "rmsprop"] = "adam"
    """Adam, or the centred RMSProp with momentum of Graves 2013, as in supervised training."""
    learning_rate: float = 1e-3
    """Step size of the optimiser before it falls."""
    clip_norm: float = 10.0
    """Bound on the norm of an update's gradient."""
    averaging: float = 0.99
    """Decay of the running mean of the weights over updates, which is tested and saved."""
    max_updates: int = 20_000
    """Budget: training ends after so many updates, solved or not."""
    report_updates: int = 100
    """Updates between two reports."""
    solved_sequences: int = 640
    """A report counts as solved if a task's answers have no wrong bit in so many held-out sequences
    of the longest training length."""
    solved_reports: int = 3
    """The task is solved as soon as so many reports in a row count as solved."""
    anneal_below: float = 0.15
    """A report with fewer wrong bits than this in a held-out sequence lets the step size and the
    entropy bonus fall."""
    anneal_reports: int = 20
    """They fall to 0 in so many equal parts, one after each such report; then training ends."""
    seed: int = 0
    """Seed of the weights, the episodes, the actions and the held-out sequences."""

    def __post_init__(self) -> None:
        checks = {
            name: getattr(self, name) >= 1
            for name in (
                *("episodes", "rollouts", "max_steps", "epochs", "minibatches", "max_updates"),
                *("report_updates", "solved_sequences", "solved_reports", "anneal_reports"),
            )
        } | {
            name: getattr(self, name) > 0
            for name in ("reward_scale", "learning_rate", "clip_norm", "policy_weight")
        }
        checks |= {
            name: getattr(self, name) >= 0
            for name in ("value_weight", "entropy_bonus", "ppo_clip", "seed")
        }
        checks["gamma"] = 0 <= self.gamma <= 1
        checks["gae_lambda"] = 0 <= self.gae_lambda <= 1
        checks["averaging"] = 0 <= self.averaging < 1
        checks["minibatches"] &= self.episodes % self.minibatches == 0
        checks["rollouts"] &= self.rollouts == 1 or self.task is not None
        if self.task is not None:
            lengths = self.min_length, self.max_length
            checks["min_length"] = lengths[0] is not None and lengths[0] >= self.task.shortest
            checks["max_length"] = checks["min_length"] and (lengths[1] or 0) >= (lengths[0] or 0)
            if checks["max_length"]:
                # More than memory may hold is refused here and not once training has begun.
                steps = self.task.steps(self.task.check_lengths([lengths[1]]))
                self.task.check_size(self.episodes * self.rollouts, int(steps[0]))
        bad = [f"{name}={getattr(self, name)!r}" for name, holds in checks.items() if not holds]
        if bad:
            raise ValueError(f"expected settings in their ranges, got {', '.join(bad)}")

    @property
    def name(self) -> str:
        """The task's short name, or the environment's id if it is no task's."""
        return next((n for n, p in PROTOCOLS.items() if p.env_id == self.env_id), self.env_id)


def reward_recipe(env_id: str, cell: str = "ntm") -> RewardConfig:
    """Returns the config of an environment with the cell of that name.

    Raises:
        ValueError: the cell is unknown.
    """
    if not isinstance(cell, str) or cell not in CELL_CONFIGS:
        raise ValueError(f"expected one of {', '.join(CELL_CONFIGS)}, got {cell!r}")
    name = RewardConfig(env_id).name
    if name not in CONFIGS:
        kind = NTMConfig(slots=16) if cell == "ntm" else CELL_CONFIGS[cell]()
        return RewardConfig(env_id, cell=kind, entropy_bonus=0.01, reward_scale=0.1)
    supervised = CONFIGS[name]()
    longest = supervised.task.steps(np.array([supervised.max_length]))[0]
    return RewardConfig(
        env_id,
        supervised.task,
        supervised.cell if cell == "ntm" else CELL_CONFIGS[cell](),
        supervised.min_length,
        supervised.max_length,
        episodes=4,
        rollouts=64,
        max_steps=int(longest),
        gamma=0.0,
        by_length=True,
        entropy_bonus=0.03,
        optimizer="rmsprop",
        learning_rate=2e-4,
    )


def reward_config_from_dict(settings: dict[str, Any], cell: str) -> RewardConfig:
    """Returns the config that `dataclasses.asdict` made the settings of.

    Args:
        settings: settings by name, the recipe's where one is left out; the task's and the cell's
            are dicts themselves.
        cell: the cell's short name.

    Raises:
        ValueError: the cell or a setting is unknown or impossible.
    """
    env_id = settings.get("env_id") if isinstance(settings, dict) else None
    # Gymnasium imports the module that stands before a colon.
    fits = isinstance(env_id, str) and ":" not in env_id
    expect(fits, "env_id", "an environment's id, without a module to import", env_id)
    return changed(reward_recipe(str(env_id), cell), settings)


def budgeted(
    config: RewardConfig, task: Task, lengths: tuple[int, int], steps: int, seed: int
) -> RewardConfig:
    """Returns a task's recipe for other sizes and lengths, on a budget of environment steps.

    Args:
        config: the recipe.
        task: the task, which may be of other sizes.
        lengths: the least and the greatest length of training.
        steps: the budget, of all rows together. One update is made at least; of longer training, as
            many updates as surely fit.
        seed: the seed.
    """
    longest = int(task.steps(np.array([lengths[1]]))[0])
    updates = max(1, steps // (config.episodes * config.rollouts * longest))
    return dataclasses.replace(
        config,
        task=task,
        min_length=lengths[0],
        max_length=lengths[1],
        max_steps=longest,
        max_updates=updates,
        # So that a short training has a learning curve, too.
        report_updates=min(config.report_updates, max(1, updates // 40)),
        seed=seed,
    )
