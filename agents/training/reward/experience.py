"""Whole episodes of any Gymnasium environment, played by a recurrent cell."""

import abc
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from agents.recipes.reward import RewardConfig
from agents.training.reward.actions import Actions, make_actions
from agents.training.reward.spaces import expect_fitting
from agents.training.tapes import Tapes
from ntm_gym import Batch
from ntm_gym.cells import unroll


class Experience(NamedTuple):
    """G episodes, each played K times; padded with zeros to T steps.

    Attributes:
        observations: float32[G, T, D], alike for the K rollouts.
        actions: float32[G, K, T, A].
        rewards: float64[G, K, T], as the environment gave them.
        values: float64[G, K, T + 1], what was expected of each step on; 0 after a real end, and all
            0 without a critic.
        log_probabilities: float32[G, K, T, A], of the actions' parts when they were drawn.
        steps: int32[G], each episode's steps.
        infos: what the environment said at the end of the episodes, by name, [G, K].
    """

    observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    rewards: NDArray[np.float64]
    values: NDArray[np.float64]
    log_probabilities: NDArray[np.float32]
    steps: NDArray[np.int32]
    infos: dict[str, NDArray[Any]]

    @property
    def env_steps(self) -> int:
        """The environment's steps in all these episodes."""
        return int(self.steps.sum()) * self.rewards.shape[1]


KEPT_INFOS = ("is_success", "bit_errors", "length")
"""What is kept of infos. The right answers, `target`, are not read anywhere here."""


class Player(abc.ABC):
    """Plays episodes in a vector environment with a cell whose outputs are a policy, and a value.

    Args:
        config: says which environment, how many episodes and how often each.
        **arguments: of the environment.

    Raises:
        ValueError: the environment is as `expect_fitting` says.
    """

    def __init__(self, config: RewardConfig, **arguments: Any) -> None:
        self.envs = gym.make_vec(config.env_id, config.episodes * config.rollouts, **arguments)
        space = expect_fitting(self.envs)
        self.actions: Actions = make_actions(self.envs.single_action_space)
        self.input_width = int(np.prod(space.shape))
        self.has_critic = config.rollouts == 1
        self.config = config

    @property
    def outputs(self) -> int:
        """Outputs that the cell must have: the policy's, and last the value, if there is one."""
        return self.actions.size + self.has_critic

    @abc.abstractmethod
    def use(self, cell: Any) -> None:
        """Sets the cell that plays from now on."""

    @abc.abstractmethod
    def play(self, tapes: Tapes | None, rng: np.random.Generator) -> Experience:
        """Plays G episodes, each K times.

        Args:
            tapes: a group of G tapes of the task; None of an environment that is no task's.
            rng: draws all that is drawn.
        """

    def _by_rollout(self, rows: NDArray[Any]) -> NDArray[Any]:
        """Gives rows [G * K, ...] an axis of rollouts, [G, K, ...]."""
        return rows.reshape(self.config.episodes, self.config.rollouts, *rows.shape[1:])

    def _log_probabilities(
        self, outputs: NDArray[np.float32], actions: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Of the parts of actions [G, K, T, A], by a network's outputs [G, T, P]."""
        policy = outputs[:, np.newaxis, :, : self.actions.size]
        logs: NDArray[np.float32] = self.actions.log_probabilities(policy, actions).numpy()
        return logs


class TapePlayer(Player):
    """Plays the tapes of a task, each in K rows.

    Nothing that is done changes what a tape shows. So the network sees it whole, once for all its
    rollouts, instead of step by step, which takes ten times as long; and then the environment is
    played step by step for the rewards. Where bits are taught, some are flipped, in all rollouts
    but each tape's first.

    Args:
        config: as for `Player`.
    """

    def __init__(self, config: RewardConfig) -> None:
        super().__init__(
            config,
            task=config.task,
            min_length=config.min_length,
            max_length=config.max_length,
            rollouts=config.rollouts,
        )

    def use(self, cell: Any) -> None:
        """Sets the cell that plays from now on."""
        self.answer = tf.function(
            lambda *shown: unroll(cell, *shown).outputs, jit_compile=True, autograph=False
        )

    def play(self, tapes: Tapes | None, rng: np.random.Generator) -> Experience:
        """Plays tapes, of which the network sees the inputs; see `Player.play`."""
        assert tapes is not None
        config, rollouts, longest = self.config, self.config.rollouts, self.config.longest
        outputs = self.answer(tapes.inputs, tapes.steps).numpy()
        policy = outputs[..., : self.actions.size]
        # By time first, so that each step's actions lie together.
        drawn = self.actions.sample(rng, policy.swapaxes(0, 1).repeat(rollouts, axis=1))
        if config.teaches_bits:
            flipped = rng.random(drawn.shape) < config.exploration
            flipped[:, ::rollouts] = False
            drawn ^= flipped
        batch = Batch(
            inputs=tapes.inputs,
            targets=tapes.targets,
            mask=tapes.mask > 0,
            steps=tapes.steps.astype(np.int64),
            lengths=tapes.lengths,
        )
        self.envs.reset(options={"tape": batch})
        rewards = np.zeros((longest, config.episodes * rollouts))
        ends = tapes.steps.repeat(rollouts)
        infos: dict[str, NDArray[Any]] = {}
        for t, actions in enumerate(drawn[: tapes.steps.max()]):
            _, rewards[t], *_, info = self.envs.step(self.actions.to_space(actions))
            _keep(infos, info, ends == t + 1)
        playing = np.arange(longest)[:, np.newaxis] < ends
        values = np.zeros((config.episodes, rollouts, longest + 1))
        if self.has_critic:
            values[:, 0, :-1] = outputs[..., -1] * playing.T
        taken = (drawn * playing[..., np.newaxis]).swapaxes(0, 1).astype(np.float32)
        actions = self._by_rollout(taken)
        return Experience(
            observations=tapes.inputs,
            actions=actions,
            rewards=self._by_rollout((rewards * playing).T),
            values=values,
            log_probabilities=self._log_probabilities(outputs, actions),
            steps=tapes.steps,
            infos={name: self._by_rollout(info) for name, info in infos.items()},
        )


class EpisodePlayer(Player):
    """Plays every row from a reset to the end of its episode, or for the most steps allowed.

    For environments of all kinds, whose episodes are played once.
    """

    def use(self, cell: Any) -> None:
        """Sets the cell that plays from now on."""
        self.step = tf.function(cell.call, jit_compile=True, autograph=False)
        self.start = cell.get_initial_state(self.config.episodes)

    def play(self, tapes: Tapes | None, rng: np.random.Generator) -> Experience:
        """Plays episodes; `rng` draws their seed and the actions. See `Player.play`."""
        del tapes
        rows, longest, state = self.config.episodes, self.config.longest, self.start
        # The seed makes an episode independent of all before it: a training can go on exactly.
        observation, _ = self.envs.reset(seed=int(rng.integers(2**31)))
        observations = np.zeros((rows, longest, self.input_width), np.float32)
        outputs = np.zeros((rows, longest + 1, self.outputs), np.float32)
        taken = np.zeros((rows, longest, self.actions.width), np.float32)
        rewards = np.zeros((rows, longest))
        steps = np.zeros(rows, np.int32)
        infos: dict[str, NDArray[Any]] = {}
        running, terminated = np.ones(rows, bool), np.zeros(rows, bool)
        for t in range(longest + 1):
            shown = observation.reshape(rows, -1).astype(np.float32)
            out, state = self.step(shown, state)
            outputs[:, t] = out.numpy()
            # One more look than there are steps: a cut episode's value is what would have come.
            if t == longest or not running.any():
                break
            drawn = self.actions.sample(rng, outputs[:, t, : self.actions.size])
            observation, reward, ends, cuts, info = self.envs.step(self.actions.to_space(drawn))
            observations[running, t] = shown[running]
            taken[running, t] = drawn[running]
            rewards[running, t] = reward[running]
            steps += running
            over = running & (ends | cuts)
            terminated |= over & ends
            _keep(infos, info, over)
            running &= ~over
        # Up to the step after the last: what was expected there counts if the end was a cut.
        known = np.arange(longest + 1) < (steps + ~terminated)[:, np.newaxis]
        values = outputs[..., -1].astype(np.float64) * known
        actions = self._by_rollout(taken)
        return Experience(
            observations=observations,
            actions=actions,
            rewards=self._by_rollout(rewards),
            values=self._by_rollout(values),
            log_probabilities=self._log_probabilities(outputs[:, :-1], actions),
            steps=steps,
            infos={name: self._by_rollout(info) for name, info in infos.items()},
        )


def make_player(config: RewardConfig) -> Player:
    """Returns what plays the environment of a config.

    Raises:
        ValueError: the environment is as `expect_fitting` says.
    """
    return EpisodePlayer(config) if config.task is None else TapePlayer(config)


def _keep(infos: dict[str, NDArray[Any]], info: dict[str, Any], over: NDArray[np.bool_]) -> None:
    """Notes what was said of the rows bool[B] that are over."""
    for name in KEPT_INFOS:
        if name in info and over.any():
            values = infos.setdefault(name, np.zeros(len(over), info[name].dtype))
            values[over] = info[name][over]
