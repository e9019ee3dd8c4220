"""The recipes of learning by reward: every setting, as the defaults of one config.

The docs of the fields below are the help of ``scripts/train_rl.py``.
"""

import dataclasses
import math
from dataclasses import dataclass, field, fields
from typing import Any, Literal

import gymnasium as gym
import numpy as np

from agents.recipes.cells import CELL_CONFIGS, CellConfig, NTMConfig
from agents.recipes.learning import Checks, LearningConfig
from agents.recipes.settings import changed
from agents.recipes.supervised import CONFIGS, TrainConfig, recipe
from agents.recipes.tasks import with_fields
from ntm_gym import PROTOCOLS, Task
from ntm_gym.checks import expect

LONGEST_EPISODE = 500
"""Steps after which an episode of an environment that is no task's is cut."""


@dataclass(frozen=True)
class RewardConfig(LearningConfig):
    """Learning by the scalar reward of any Gymnasium environment."""

    env_id: str = "NTMCopy-v0"
    """Id of the environment; that of a task has a recipe of its own."""
    task: Any = None
    cell: CellConfig = field(default_factory=NTMConfig)
    min_length: int | None = None
    """Shortest length in training; only tasks have lengths."""
    max_length: int | None = None
    """Longest length in training."""
    episodes: int = 16
    """Different episodes in an update: rows of the network."""
    rollouts: int = 1
    """Times that each episode is played with other answers; only tasks can be. From 2 on, rollouts
    are compared with each other, and no values are learned."""
    credit: Literal["action", "bit"] = "action"
    """What gets credit for rewards. The whole action: it is made likelier by how much better than
    expected it did. Each of its bits: a comparison of rollouts with and without it says which value
    earned more, and that is taught by cross-entropy. With one rollout, always the whole action.
    That needs an `entropy_bonus`: 0.4 with a `policy_weight` of 4 learns Copy."""
    exploration: float = 0.0
    """Probability that a bit is flipped after it was drawn, where bits get credit, in all rollouts
    of an episode but the first, which shows how good the policy is."""
    gamma: float = 0.99
    """Discount. With 0, a step learns from its own reward alone: right where no action changes what
    comes later, as in all tasks of this package, and the least noise."""
    policy_weight: float = 1.0
    """Weight of the policy's loss, summed over an episode's steps."""
    entropy_bonus: float = 0.01
    """What a nat of the policy's entropy is worth at a step; with several rollouts, at one from
    which on any of them got a reward. It keeps bits that have grown sure and wrong from never being
    tried again. Falls twice as fast as the step size, and is gone when half of that is."""
    epochs: int = 1
    """Passes over the episodes of an update. Beyond the first, whole actions are kept within PPO's
    bound (Schulman et al. 2017)."""
    max_updates: int = 20_000
    """Budget: training ends after so many updates, solved or not."""
    report_updates: int = 100
    """Updates between two reports."""

    def checks(self) -> Checks:
        """Whether each setting is possible, and what it should be."""
        return {
            **super().checks(),
            **self.at_least_one("episodes", "rollouts", "epochs", "max_updates", "report_updates"),
            **self.above_zero("policy_weight"),
            "entropy_bonus": (self.entropy_bonus >= 0, "of at least 0"),
            "exploration": (0 <= self.exploration < 1, "from 0 to below 1"),
            "gamma": (0 <= self.gamma <= 1, "from 0 to 1"),
            **(self._lengths() if self.task else self._nothing_of_tasks()),
        }

    def _lengths(self) -> Checks:
        least, least_of_all = self.min_length, self.task.shortest
        return {
            "min_length": (
                least is not None and least >= least_of_all,
                f"of at least {least_of_all}",
            ),
            "max_length": (
                self.max_length is not None and self.max_length >= (least or least_of_all),
                f"of at least min_length, {least}",
            ),
        }

    def _nothing_of_tasks(self) -> Checks:
        """What has no meaning in environments that are no task's."""
        none: Checks = {
            name: (getattr(self, name) is None, "left out, as only tasks have lengths")
            for name in ("min_length", "max_length")
        }
        neutrals = {"curriculum": "uniform", "replay": 0, "rollouts": 1, "restart_after": 0}
        for name, neutral in {**neutrals, "training_fields": {}}.items():
            words = f"of {neutral!r} in environments that are no task's"
            none[name] = (getattr(self, name) == neutral, words)
        return none

    def __post_init__(self) -> None:
        super().__post_init__()
        # Gymnasium imports the module that stands before a colon: no run may ask for that.
        words = "an environment's id, without a module to import"
        expect(":" not in self.env_id, "env_id", words, self.env_id)
        if self.task is not None:
            # More than memory may hold is refused here and not once training has begun.
            self.task.check_lengths([self.max_length])
            self.task.check_size(self.episodes * self.rollouts, self.longest)

    @property
    def training_task(self) -> Task:
        """The task with `training_fields`."""
        return with_fields(self.task, self.training_fields)

    @property
    def fields_from_start(self) -> bool:
        """Whether `training_fields` hold from the start; see `TrainConfig`."""
        return CONFIGS.get(self.name, TrainConfig).fields_from_start

    @property
    def longest(self) -> int:
        """The most steps of an episode; where it has not ended by then, it is cut."""
        if self.task is None:
            return LONGEST_EPISODE
        return int(self.training_task.steps(np.array([self.max_length]))[0])

    @property
    def reward_threshold(self) -> float:
        """Mean return from which on a report is good, in an environment that is no task's.

        Infinite if Gymnasium does not know the environment here, or no threshold of it.
        """
        spec = gym.registry.get(self.env_id)
        threshold = None if spec is None else spec.reward_threshold
        return math.inf if threshold is None else threshold

    @property
    def max_sequences(self) -> int:
        """Different episodes that the budget allows."""
        return self.max_updates * self.episodes

    @property
    def name(self) -> str:
        """The task's short name, or the environment's id if it is no task's."""
        return next((n for n, p in PROTOCOLS.items() if p.env_id == self.env_id), self.env_id)

    @property
    def teaches_bits(self) -> bool:
        """Whether bits are taught their better values."""
        return self.credit == "bit" and self.rollouts > 1


OTHER_SETTINGS: dict[tuple[str, str], dict[str, Any]] = {
    ("copy", "lstm"): {"anneal_below": 0.15},
    **{
        ("repeat_copy", cell): {
            # What AMSGrad finds soon from the right answers, it did not find by reward.
            "optimizer": "rmsprop",
            "learning_rate": 3e-4,
            "clip_norm": 10.0,
            "training_fields": {},
            "restart_after": 0,
            "max_updates": 25_000,
            # Its answers are the longest, 515 bits on the mean of ten vectors: exploration alone
            # keeps one of them wrong, until the step size falls.
            "anneal_below": 1.0,
        }
        for cell in CELL_CONFIGS
    },
}
"""What learning a task by reward changes of the recipe of a task and a cell, beside what all do."""


def reward_recipe(env_id: str, cell: str = "ntm") -> RewardConfig:
    """Returns the config of an environment with the cell of that name.

    That of a task is its supervised recipe, but that it learns from what rollouts were rewarded,
    and but for `OTHER_SETTINGS`.

    Raises:
        ValueError: the cell is unknown.
    """
    if not isinstance(cell, str) or cell not in CELL_CONFIGS:
        raise ValueError(f"expected one of {', '.join(CELL_CONFIGS)}, got {cell!r}")
    name = RewardConfig(env_id).name
    if name not in CONFIGS:
        kind = NTMConfig(slots=16) if cell == "ntm" else CELL_CONFIGS[cell]()
        return RewardConfig(
            env_id,
            cell=kind,
            # What an action changes comes later, so that episodes are worth several passes.
            epochs=4,
            # Episodes can be long.
            report_updates=10,
            anneal_reports=20,
        )
    supervised = recipe(name, cell)
    settings = {each.name: getattr(supervised, each.name) for each in fields(LearningConfig)}
    episodes = supervised.batch_size
    settings |= {
        "episodes": episodes,
        # Of 8 bits drawn at random, 2, 4, 6 and 8 rollouts find the better value of 74, 87, 96 and
        # 99.5 %, by what they cost.
        "rollouts": max(2, supervised.task.target_width),
        "credit": "bit",
        "exploration": 0.1,
        "gamma": 0.0,
        "entropy_bonus": 0.0,
        # Also on recall: of a bit that is sure and wrong, a tape teaches only every other time.
        "replay": 0.25,
        "max_updates": supervised.max_sequences // episodes,
        # Twice as often as in supervised training, to be done in fewer environment steps.
        "report_updates": supervised.report_sequences // episodes // 2,
        **OTHER_SETTINGS.get((name, cell), {}),
    }
    return RewardConfig(
        env_id,
        task=supervised.task,
        cell=supervised.cell,
        min_length=supervised.min_length,
        max_length=supervised.max_length,
        **settings,
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
    expect(isinstance(env_id, str), "env_id", "an environment's id", env_id)
    return changed(reward_recipe(str(env_id), cell), settings)


def budgeted(
    config: RewardConfig, task: Task, *, lengths: tuple[int, int], steps: int, seed: int
) -> RewardConfig:
    """Returns a task's recipe for other sizes and lengths, on a budget of environment steps.

    Args:
        config: the recipe.
        task: the task, which may be of other sizes.
        lengths: the least and the greatest length of training.
        steps: the budget, of all rollouts together: as many updates as take so many steps in the
            mean, where lengths are uniform; one at least.
        seed: the seed.
    """
    rollouts = max(config.rollouts, task.target_width) if config.teaches_bits else config.rollouts
    rng = np.random.default_rng(seed)
    mean_steps = task.sample(rng, rng.integers(*lengths, 1_000, endpoint=True)).steps.mean()
    updates = max(1, round(steps / (config.episodes * rollouts * mean_steps)))
    return dataclasses.replace(
        config,
        task=task,
        min_length=lengths[0],
        max_length=lengths[1],
        rollouts=rollouts,
        max_updates=updates,
        # So that a short training has a learning curve, too.
        report_updates=min(config.report_updates, max(1, updates // 40)),
        seed=seed,
    )
