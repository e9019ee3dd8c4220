"""Whole episodes of any Gymnasium environment, played step by step by a recurrent cell."""

from collections.abc import Callable
from typing import Any, NamedTuple

import gymnasium as gym
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from agents.recipes.reward import RewardConfig
from agents.training.reward.actions import Actions, make_actions
from agents.training.reward.spaces import expect_fitting
from ntm_gym import Batch


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


TOLD = ("is_success", "bit_errors", "length")
"""What is kept of infos. The right answers, `target`, are not read anywhere here."""


class Player:
    """Plays episodes in a vector environment with a cell whose outputs are a policy, and a value.

    Args:
        config: says which environment, how many episodes and how often each.

    Raises:
        ValueError: the environment is as `expect_fitting` says.
    """

    def __init__(self, config: RewardConfig) -> None:
        arguments: dict[str, Any] = {}
        if config.task is not None:
            arguments = {
                "task": config.task,
                "min_length": config.min_length,
                "max_length": config.max_length,
                "rollouts": config.rollouts,
            }
        rows = config.episodes * config.rollouts
        self.envs = gym.make_vec(config.env_id, rows, **arguments)
        space = expect_fitting(self.envs)
        self.actions: Actions = make_actions(self.envs.single_action_space)
        self.input_width = int(np.prod(space.shape))
        self.has_critic = config.rollouts == 1
        self._config = config

    @property
    def outputs(self) -> int:
        """Outputs that the cell must have: the policy's, and last the value, if there is one."""
        return self.actions.size + self.has_critic

    def play_tapes(
        self, answer: Callable[..., Any], tapes: Batch, rng: np.random.Generator
    ) -> Experience:
        """Plays G tapes of a task, each in K rows.

        Nothing that is done changes what a tape shows. So the network sees it whole, once for all
        its rollouts, instead of step by step, which takes ten times as long; and then the
        environment is played step by step for the rewards. Where bits are taught, some are flipped,
        in all rollouts but each tape's first.

        Args:
            answer: the cell's unrolled call, from inputs float32[G, T, D] and steps int32[G] to
                outputs float32[G, T, P].
            tapes: G tapes, of which the inputs are shown.
            rng: draws the actions.
        """
        episodes, rollouts, longest = self._shape
        observations = np.zeros((episodes, longest, self.input_width), np.float32)
        observations[:, : tapes.inputs.shape[1]] = tapes.inputs
        steps = tapes.steps.astype(np.int32)
        outputs = answer(observations, steps).numpy()
        policy = outputs[..., : self.actions.size]
        # By time first, so that each step's actions lie together.
        drawn = self.actions.sample(rng, policy.swapaxes(0, 1).repeat(rollouts, axis=1))
        if self._config.teaches_bits:
            flipped = rng.random(drawn.shape) < self._config.exploration
            flipped[:, ::rollouts] = False
            drawn ^= flipped
        self.envs.reset(options={"tape": tapes})
        rewards = np.zeros((longest, episodes * rollouts))
        ends = steps.repeat(rollouts)
        infos: dict[str, NDArray[Any]] = {}
        for t, actions in enumerate(drawn[: steps.max()]):
            _, rewards[t], *_, told = self.envs.step(self.actions.to_space(actions))
            _keep(infos, told, ends == t + 1)
        playing = np.arange(longest)[:, np.newaxis] < ends
        values = np.zeros((episodes, longest + 1))
        if self.has_critic:
            values[:, :-1] = outputs[..., -1] * playing.T
        taken = (drawn * playing[..., np.newaxis]).swapaxes(0, 1).astype(np.float32)
        return self._experience(
            *(observations, outputs, taken, (rewards * playing).T, values, steps, infos),
        )

    def play(
        self, step: Callable[..., Any], state: list[tf.Tensor], rng: np.random.Generator
    ) -> Experience:
        """Plays every row from a reset to the end of its episode, or for the most steps allowed.

        For environments of all kinds, whose episodes are played once.

        Args:
            step: the cell's call, from observations [G, D] and state to outputs [G, P] and state.
            state: its state at an episode's start, for G rows.
            rng: draws the seed of the episodes, and the actions.
        """
        rows, _, longest = self._shape
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
            out, state = step(shown, state)
            outputs[:, t] = out.numpy()
            # One more look than there are steps: a cut episode's value is what would have come.
            if t == longest or not running.any():
                break
            drawn = self.actions.sample(rng, outputs[:, t, : self.actions.size])
            observation, reward, ends, cuts, told = self.envs.step(self.actions.to_space(drawn))
            observations[running, t] = shown[running]
            taken[running, t] = drawn[running]
            rewards[running, t] = reward[running]
            steps += running
            over = running & (ends | cuts)
            terminated |= over & ends
            _keep(infos, told, over)
            running &= ~over
        # Up to the step after the last: what was expected there counts if the end was a cut.
        known = np.arange(longest + 1) < (steps + ~terminated)[:, np.newaxis]
        values = outputs[..., -1].astype(np.float64) * known
        return self._experience(
            *(observations, outputs[:, :-1], taken, rewards, values, steps, infos),
        )

    @property
    def _shape(self) -> tuple[int, int, int]:
        """Episodes, rollouts, most steps: G, K, T."""
        return self._config.episodes, self._config.rollouts, self._config.longest

    def _experience(
        self,
        observations: NDArray[np.float32],
        outputs: NDArray[np.float32],
        taken: NDArray[np.float32],
        rewards: NDArray[np.float64],
        values: NDArray[np.float64],
        steps: NDArray[np.int32],
        infos: dict[str, NDArray[Any]],
    ) -> Experience:
        """Gives what was played its axis of rollouts, and the probabilities of what was drawn."""
        episodes, rollouts, longest = self._shape
        taken = taken.reshape(episodes, rollouts, longest, -1)
        policy = outputs[:, np.newaxis, :, : self.actions.size]
        return Experience(
            observations,
            taken,
            rewards.reshape(episodes, rollouts, longest),
            np.broadcast_to(values[:, np.newaxis], (episodes, rollouts, longest + 1)),
            self.actions.log_probabilities(policy, taken).numpy(),
            steps,
            {name: value.reshape(episodes, rollouts) for name, value in infos.items()},
        )


def _keep(infos: dict[str, NDArray[Any]], told: dict[str, Any], over: NDArray[np.bool_]) -> None:
    """Notes what was told of the rows bool[B] that are over."""
    for name in TOLD:
        if name in told and over.any():
            values = infos.setdefault(name, np.zeros(len(over), told[name].dtype))
            values[over] = told[name][over]
