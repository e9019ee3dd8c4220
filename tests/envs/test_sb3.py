"""Stable-Baselines3 and sb3-contrib train on every environment of the registry."""

import os
import subprocess
import sys
from pathlib import Path

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import TransformAction

from ntm_gym import PROTOCOLS, TaskEnv

stable_baselines3 = pytest.importorskip("stable_baselines3")
env_util = pytest.importorskip("stable_baselines3.common.env_util")
sb3_contrib = pytest.importorskip("sb3_contrib")
torch = pytest.importorskip("torch")

ROOT = Path(__file__).resolve().parents[2]

pytestmark = pytest.mark.usefixtures("one_thread")
each_id = pytest.mark.parametrize("env_id", [protocol.env_id for protocol in PROTOCOLS.values()])


def environments(env_id, wrapper=lambda env: env):
    """Two environments as Stable-Baselines3 runs them, with short tapes."""
    task = next(p.task for p in PROTOCOLS.values() if p.env_id == env_id)
    lengths = {"min_length": task.shortest, "max_length": task.shortest + 1}
    return env_util.make_vec_env(lambda: wrapper(gym.make(env_id, **lengths)), n_envs=2, seed=0)


def train(model, updates):
    """Trains: every weight stays finite, at least one changes, and episodes end."""
    before = [weight.clone() for weight in model.policy.parameters()]
    model.learn(updates * model.n_steps * model.n_envs)
    after = list(model.policy.parameters())
    assert all(torch.isfinite(weight).all() for weight in after)
    assert any(not torch.equal(old, new) for old, new in zip(before, after, strict=True))
    episodes = list(model.ep_info_buffer)
    assert episodes
    assert all(-1 <= episode["r"] <= 1 for episode in episodes)


@pytest.mark.slow
@each_id
@pytest.mark.parametrize("algorithm", ["PPO", "A2C"])
def test_policies_without_memory(env_id, algorithm):
    envs = environments(env_id)
    settings = {"batch_size": 32} if algorithm == "PPO" else {}
    model = getattr(stable_baselines3, algorithm)(
        "MlpPolicy",
        envs,
        n_steps=32,
        seed=0,
        device="cpu",
        policy_kwargs={"net_arch": [8]},
        **settings,
    )
    train(model, updates=3)
    actions, _ = model.predict(envs.reset())
    assert actions.shape == (2, envs.action_space.n)
    assert np.isin(actions, (0, 1)).all()


@pytest.mark.slow
@each_id
def test_recurrent_policy(env_id):
    """On bits as choices of 0 or 1: sb3-contrib 2.9 fails on actions of several bits."""

    def choices(env):
        space = gym.spaces.MultiDiscrete([2] * env.action_space.n)
        return TransformAction(env, lambda action: action, space)

    envs = environments(env_id, choices)
    model = sb3_contrib.RecurrentPPO(
        "MlpLstmPolicy",
        envs,
        n_steps=32,
        batch_size=32,
        n_epochs=2,
        seed=0,
        device="cpu",
        policy_kwargs={"net_arch": [8], "lstm_hidden_size": 8},
    )
    train(model, updates=2)
    actions, state = model.predict(envs.reset())
    assert actions.shape == (2, len(envs.action_space.nvec))
    assert state[0].shape == (1, 2, 8)


@pytest.mark.skipif(
    "rgb_array" not in TaskEnv.metadata["render_modes"],
    reason="make_vec_env asks for pictures when it is given an id",
)
@each_id
def test_environments_by_their_id(env_id):
    envs = env_util.make_vec_env(env_id, n_envs=2, seed=0)
    actions = np.array([envs.action_space.sample() for _ in range(2)])
    envs.reset()
    observations, *_ = envs.step(actions)
    assert observations.shape == (2, *envs.observation_space.shape)


@pytest.mark.slow
@pytest.mark.parametrize(
    "first",
    [
        "import agents.tensorflow; agents.tensorflow.prepare()",
        "import agents.policies.sb3",
        "import agents.policies.own; agents.policies.own.find_own('own:answer')",
    ],
)
def test_triton_is_loaded_before_tensorflow_which_it_would_crash_after(tmp_path, first):
    (tmp_path / "triton.py").write_text("import sys; print('tensorflow' in sys.modules)")
    (tmp_path / "own.py").write_text("import tensorflow\ndef answer(observations): ...\n")
    code = f"{first}; import sys; print('tensorflow' in sys.modules)"
    path = os.pathsep.join(map(str, (tmp_path, ROOT)))
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": path}, capture_output=True, text=True, check=True
    )
    assert result.stdout.split() == ["False", "True"]
