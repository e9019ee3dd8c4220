"""Registers each protocol's environment with Gymnasium."""

from __future__ import annotations

import gymnasium as gym

from ntm_gym.protocol import PROTOCOLS


def register_all() -> None:
    """Registers the ids of `PROTOCOLS`, single and vector; those already registered stay."""
    for name, protocol in PROTOCOLS.items():
        if protocol.env_id in gym.registry:
            continue
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
