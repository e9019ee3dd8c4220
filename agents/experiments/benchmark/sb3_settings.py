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


# docs/experiments.md tells how these were chosen, on Copy.
_NET = {"policy_kwargs": {"net_arch": [128, 128]}}
_PPO = {"n_steps": 64, "batch_size": 1024, "n_epochs": 4, "learning_rate": 1e-3, **_NET}
_A2C = {
    "n_steps": 8,
    "learning_rate": 3e-3,
    "ent_coef": 0.02,
    "normalize_advantage": True,
    **_NET,
}
# One LSTM for policy and value: twice as fast as one for each, and a step teaches about as much.
_LSTM = {
    "lstm_hidden_size": 128,
    "shared_lstm": True,
    "enable_critic_lstm": False,
    "net_arch": [],
}
_RECURRENT_PPO = {
    "n_steps": 64,
    "batch_size": 1024,
    "n_epochs": 4,
    "learning_rate": 1e-2,
    "ent_coef": 0.02,
    "policy_kwargs": _LSTM,
}

SB3_LEARNERS: Mapping[str, Sb3Learner] = MappingProxyType(
    {
        "ppo": _learner("PPO", "MlpPolicy", 128, False, **_PPO),
        "ppo_frames": _learner("PPO", "MlpPolicy", 128, True, **_PPO),
        "a2c": _learner("A2C", "MlpPolicy", 128, False, **_A2C),
        "a2c_frames": _learner("A2C", "MlpPolicy", 128, True, **_A2C),
        "recurrent_ppo": _learner("RecurrentPPO", "MlpLstmPolicy", 64, False, **_RECURRENT_PPO),
    }
)
"""The learners by the name that the benchmark has for them."""
