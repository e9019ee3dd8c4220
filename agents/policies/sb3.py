"""The environments as a vector environment of Stable-Baselines3, for any of its algorithms."""

import agents.tensorflow  # noqa: F401  (Stable-Baselines3 loads TensorFlow, if it is there)

# isort: split
import time
from collections.abc import Iterable, Sequence
from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode
from numpy.typing import NDArray
from stable_baselines3.common.monitor import Monitor
from stable_baselines3.common.vec_env import VecEnv

from ntm_gym import PROTOCOLS, TaskVectorEnv

Indices = int | Iterable[int] | None


class TaskVecEnv(VecEnv):
    """B tapes of a task at once, by `ntm_gym.TaskVectorEnv`, as a `VecEnv` of Stable-Baselines3.

    What `DummyVecEnv` over B monitored single environments does, many times faster: Python's work
    is for the rows whose episode has ended, not for all.

    - Observations are float32[B, D], rewards float32[B], dones bool[B]; a row that has ended shows
      the first observation of its next episode.
    - The info of such a row has `terminal_observation` (float32[D]), `TimeLimit.truncated` (False),
      `is_success`, `bit_errors`, `length`, and `episode`, the `Monitor`'s statistics: return `r`,
      steps `l`, seconds `t` since this object was made. So Stable-Baselines3 logs `ep_rew_mean` and
      `success_rate`. The infos of other rows are empty: no agent sees the answers that are due.
    - All rows share one generator, which `seed` seeds for the next reset, one task and one
      curriculum. So `set_attr` and `env_method` work for all rows together.

    Args:
        env_id: an id of `ntm_gym.PROTOCOLS`, or of a task registered by `ntm_gym.register`.
        num_envs: rows, B.
        multi_discrete: whether actions are W choices of 0 or 1, `MultiDiscrete`, instead of W bits,
            `MultiBinary`. It means the same; RecurrentPPO of sb3-contrib needs it.
        **kwargs: of `gymnasium.make_vec(env_id)`, such as `max_length`, `curriculum`, `rollouts`.

    Raises:
        ValueError: if the id is none of this package's, or an argument is impossible.
    """

    def __init__(
        self, env_id: str, num_envs: int = 1, *, multi_discrete: bool = False, **kwargs: Any
    ) -> None:
        ids = [protocol.env_id for protocol in PROTOCOLS.values()]
        if env_id not in ids:
            raise ValueError(f"expected env_id as one of {', '.join(ids)}, got {env_id!r}")
        envs: Any = gym.make_vec(
            env_id,
            num_envs,
            vectorization_mode="vector_entry_point",
            autoreset_mode=AutoresetMode.SAME_STEP,
            **kwargs,
        )
        self._envs: TaskVectorEnv = envs
        action_space: spaces.Space[Any] = envs.single_action_space
        if multi_discrete:
            action_space = spaces.MultiDiscrete([2] * envs.task.target_width)
        self._next_options: dict[str, Any] = {}
        self._actions = np.zeros(envs.action_space.shape, np.int8)
        self._began = time.time()
        super().__init__(envs.num_envs, envs.single_observation_space, action_space)
        self._begin_statistics()

    def reset(self) -> NDArray[np.float32]:
        """Begins an episode in every row; uses the seed and the options, once.

        Returns:
            The observations, float32[B, D].
        """
        observations, _ = self._envs.reset(seed=self._seeds[0], options=self._next_options)
        self._reset_seeds()
        self._next_options = {}
        self._begin_statistics()
        return observations

    def step_async(self, actions: NDArray[Any]) -> None:
        """Takes the actions [B, W], 0 or 1, of the step that `step_wait` makes."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Makes the step.

        Returns:
            Observations float32[B, D], rewards float32[B], dones bool[B] and an info for each row.

        Raises:
            ValueError: if the actions have another shape, kind or value.
        """
        observations, rewards, ended, _, infos = self._envs.step(self._actions)
        self._returns += rewards
        self._lengths += 1
        row_infos: list[dict[str, Any]] = [{} for _ in range(self.num_envs)]
        if ended.any():
            self._tell(row_infos, ended.nonzero()[0], infos)
        return observations, rewards.astype(np.float32), ended, row_infos

    def set_options(self, options: list[dict] | dict | None = None) -> None:
        """Sets the options of the next reset.

        Args:
            options: what `TaskVectorEnv.reset` takes; a list must have the same for all rows.

        Raises:
            ValueError: if they differ between rows.
        """
        if isinstance(options, list):
            if len(options) != self.num_envs or any(each != options[0] for each in options):
                raise ValueError(
                    "expected the same options for all rows (lengths that differ are one option: "
                    f"{{'length': [...]}}), got {options!r}"
                )
            options = options[0]
        self._next_options = dict(options or {})

    def close(self) -> None:
        """Closes the environment."""
        self._envs.close()

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """An attribute of the environment, once for each of the rows.

        Raises:
            AttributeError: if it has none of that name.
        """
        return [getattr(self._envs, attr_name)] * self._count(indices)

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Sets an attribute of the environment, such as `curriculum`, for all rows.

        Raises:
            ValueError: if the indices leave out a row.
        """
        self._expect_all(indices)
        setattr(self._envs, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Calls a method of the environment, such as `set_curriculum`, once for all rows.

        Returns:
            What came of it, once for each row.

        Raises:
            ValueError: if the indices leave out a row.
        """
        self._expect_all(indices)
        value = getattr(self._envs, method_name)(*method_args, **method_kwargs)
        return [value] * self.num_envs

    def env_is_wrapped(
        self, wrapper_class: type[gym.Wrapper], indices: Indices = None
    ) -> list[bool]:
        """Whether the rows do what a wrapper does: only `Monitor`'s statistics are kept here."""
        return [issubclass(Monitor, wrapper_class)] * self._count(indices)

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """Each row's picture, uint8[height, width, 3], in the render mode "rgb_array"."""
        if self.render_mode != "rgb_array":
            return [None] * self.num_envs
        return self._envs.render() or ()

    def _begin_statistics(self) -> None:
        self._returns = np.zeros(self.num_envs)
        self._lengths = np.zeros(self.num_envs, np.int64)

    def _tell(
        self, row_infos: list[dict[str, Any]], rows: NDArray[np.int64], infos: dict[str, Any]
    ) -> None:
        """Writes the results of the rows int64[n] that have ended into their infos."""
        final, last = infos["final_info"], infos["final_obs"]
        seconds = round(time.time() - self._began, 6)
        # Lists of Python's numbers, taken at once: several times faster than one by one.
        table = zip(
            rows.tolist(),
            final["is_success"][rows].tolist(),
            final["bit_errors"][rows].tolist(),
            final["length"][rows].tolist(),
            self._returns[rows].round(6).tolist(),
            self._lengths[rows].tolist(),
            strict=True,
        )
        for row, success, errors, length, episode_return, steps in table:
            row_infos[row] = {
                "terminal_observation": last[row],
                "TimeLimit.truncated": False,
                "is_success": success,
                "bit_errors": errors,
                "length": length,
                "episode": {"r": episode_return, "l": steps, "t": seconds},
            }
        self._returns[rows] = 0
        self._lengths[rows] = 0

    def _count(self, indices: Indices) -> int:
        return len(list(self._get_indices(indices)))

    def _expect_all(self, indices: Indices) -> None:
        """Raises ValueError if the indices leave out a row."""
        if set(self._get_indices(indices)) != set(range(self.num_envs)):
            raise ValueError(
                f"expected indices of all {self.num_envs} rows, which share one task and one "
                f"curriculum, got {indices!r}"
            )
