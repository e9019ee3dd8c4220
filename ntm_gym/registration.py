"""Registers each protocol's environment with Gymnasium."""

from __future__ import annotations

import gymnasium as gym
from gymnasium.envs.registration import parse_env_id

from ntm_gym.checks import check_number
from ntm_gym.envs import TaskEnv
from ntm_gym.protocol import PROTOCOLS, Protocol
from ntm_gym.task import Task


def register(name: str, protocol: Protocol) -> None:
    """Makes a task known: by its name in `PROTOCOLS`, its environments by their id in Gymnasium.

    The same name and id registered again replace the former task; Gymnasium warns of that.

    Args:
        name: the task's short name.
        protocol: its id, task and lengths.

    Raises:
        ValueError: if the name, the task, the lengths or the threshold are none, another task has
            the name or the id, or the id has no version.
        gymnasium.error.Error: if the id is not of the form "Name-v0".
    """
    if not isinstance(name, str) or not name:
        raise ValueError(f"expected name as a short name of the task, got {name!r}")
    if not isinstance(protocol, Protocol):
        raise ValueError(f"expected a Protocol, got {protocol!r}")
    if not isinstance(protocol.task, Task):
        raise ValueError(f"expected a Task in the protocol, got {protocol.task!r}")
    if not isinstance(protocol.env_id, str) or parse_env_id(protocol.env_id)[2] is None:
        raise ValueError(f"expected env_id as an id such as 'Name-v0', got {protocol.env_id!r}")
    check_number("reward_threshold", protocol.reward_threshold, -1, 1)
    for other, known in PROTOCOLS.items():
        if (other == name) != (known.env_id == protocol.env_id):
            raise ValueError(
                f"expected a name and an id of the task's own, got {name!r} and "
                f"{protocol.env_id!r}, but {known.env_id!r} is {other!r}"
            )
    TaskEnv(protocol.task, min_length=protocol.min_length, max_length=protocol.max_length)
    if protocol.evaluation_lengths:
        protocol.task.check_lengths(protocol.evaluation_lengths)
    _register_id(name, protocol)
    PROTOCOLS[name] = protocol


def register_all() -> None:
    """Registers the ids of `PROTOCOLS`, single and vector; those already registered stay."""
    for name, protocol in PROTOCOLS.items():
        if protocol.env_id not in gym.registry:
            _register_id(name, protocol)


def _register_id(name: str, protocol: Protocol) -> None:
    gym.register(
        id=protocol.env_id,
        entry_point="ntm_gym.envs:TaskEnv",
        vector_entry_point="ntm_gym.envs:TaskVectorEnv",
        reward_threshold=protocol.reward_threshold,
        kwargs={
            # By name, so that the environment's spec can be written as JSON.
            "task": name,
            "min_length": protocol.min_length,
            "max_length": protocol.max_length,
        },
    )
