"""Which environments can be learned in: what their observations and actions must be."""

from typing import Any

import gymnasium as gym
from gymnasium import spaces


def expect_observations(space: spaces.Space[Any]) -> spaces.Box:
    """Returns a single environment's observations; raises ValueError unless they are a Box."""
    if not isinstance(space, spaces.Box):
        raise ValueError(f"expected observations of a Box, got {space}")
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


def expect_learnable(env_id: str) -> None:
    """Raises ValueError unless Gymnasium has an environment of this id, and it can be learned in.

    One of it is made, which needs its packages.
    """
    try:
        env = gym.make(env_id)
    except gym.error.Error as error:
        raise ValueError(f"expected the id of an environment, got {env_id!r}: {error}") from error
    expect_observations(env.observation_space)
    expect_actions(env.action_space)
    env.close()
