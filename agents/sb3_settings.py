"""The learners of Stable-Baselines3 and sb3-contrib that the benchmark trains, as data.

Names and settings can be read without torch.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Literal


@dataclass(frozen=True)
class Sb3Learner:
    """An algorithm and its settings.

    Attributes:
        algorithm: the class's name.
        policy: the policy's name.
        rows: environments that are played at once.
        frames: whether the policy sees as many observations together as the longest tape of
            training has steps, instead of the last alone.
        settings: of the algorithm. What is not here has the library's default.
    """

    algorithm: Literal["PPO", "A2C", "RecurrentPPO"]
    policy: str
    rows: int
    frames: bool
    settings: Mapping[str, Any]


def _learner(algorithm: Any, policy: str, rows: int, frames: bool, **settings: Any) -> Sb3Learner:
    # An answer changes nothing of what comes later, so a step learns from its own reward alone.
    return Sb3Learner(algorithm, policy, rows, frames, MappingProxyType({"gamma": 0.0, **settings}))


_PPO = {"n_steps": 128, "batch_size": 512, "n_epochs": 4, "learning_rate": 1e-3}
_A2C = {"n_steps": 16, "learning_rate": 1e-3, "normalize_advantage": True}

SB3_LEARNERS: Mapping[str, Sb3Learner] = MappingProxyType(
    {
        "ppo": _learner("PPO", "MlpPolicy", 16, False, **_PPO),
        "ppo_frames": _learner("PPO", "MlpPolicy", 16, True, **_PPO),
        "a2c": _learner("A2C", "MlpPolicy", 16, False, **_A2C),
        "a2c_frames": _learner("A2C", "MlpPolicy", 16, True, **_A2C),
        "recurrent_ppo": _learner(
            "RecurrentPPO",
            "MlpLstmPolicy",
            16,
            False,
            **{**_PPO, "learning_rate": 3e-3, "policy_kwargs": {"lstm_hidden_size": 128}},
        ),
    }
)
"""The learners by the name that the benchmark has for them."""
