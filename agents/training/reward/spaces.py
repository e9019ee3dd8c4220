"""Which environments can be learned in: what their observations and actions must be."""

from typing import Any

import gymnasium as gym
from gymnasium import spaces
from gymnasium.vector import AutoresetMode


def expect_learnable(env_id: str) -> None:
    """Makes an environment of this id, to see whether it can be learned in.

    Raises:
        ValueError: Gymnasium has none of this id, or it is as `expect_fitting` says.
        RuntimeError: it cannot be made here, since packages are missing.
    """
    try:
        gym.spec(env_id)
    except gym.error.Error as error:
        raise ValueError(f"expected the id of an environment, got {env_id!r}: {error}") from error
    try:
        envs = gym.make_vec(env_id, num_envs=1)
    except (gym.error.DependencyNotInstalled, ImportError) as error:
        raise RuntimeError(f"expected the packages that {env_id} needs, got {error}") from error
    expect_fitting(envs)
    envs.close()


def expect_fitting(envs: gym.vector.VectorEnv[Any, Any, Any]) -> spaces.Box:
    """Returns the observations of a vector environment that can be learned in.

    Raises:
        ValueError: they are no Box, the actions are of another kind than `expect_actions` says, or
            episodes begin anew in the step that ended one.
    """
    space = envs.single_observation_space
    if not isinstance(space, spaces.Box):
        raise ValueError(f"expected observations of a Box, got {space}")
    expect_actions(envs.single_action_space)
    mode = envs.metadata.get("autoreset_mode")
    if mode is not AutoresetMode.NEXT_STEP:
        raise ValueError(f"expected next-step autoreset, got {mode}")
    return space


def expect_actions(space: spaces.Space[Any]) -> None:
    """Raises ValueError unless a single environment's actions are of a kind that can be drawn.

    A one-dimensional MultiBinary or MultiDiscrete or a Discrete, whose values begin with 0.
    """
    fits = (
        (isinstance(space, spaces.MultiBinary) and len(space.shape) == 1)
        or (
            isinstance(space, spaces.MultiDiscrete)
            and len(space.shape) == 1
            and not space.start.any()
        )
        or (isinstance(space, spaces.Discrete) and space.start == 0)
    )
    if not fits:
        raise ValueError(
            "expected actions of MultiBinary(n), MultiDiscrete([...]) or Discrete(n) from 0 on, "
            f"got {space}"
        )
