"""Gymnasium environments that play tapes: one at a time, or many side by side."""

from ntm_gym.envs.single import TaskEnv
from ntm_gym.envs.vector import TaskVectorEnv

__all__ = ["TaskEnv", "TaskVectorEnv"]
