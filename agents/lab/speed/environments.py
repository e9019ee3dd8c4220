"""How fast the environments are, each beside a baseline that is measured in the same run."""

from collections.abc import Iterator
from typing import Any, cast

import gymnasium as gym
import numpy as np

from agents.lab.speed.measurement import Speed, rate
from ntm_gym import PROTOCOLS, TaskEnv


def environment_speeds(seconds: float) -> Iterator[Speed]:
    """Yields steps a second of single and vector Copy beside Gymnasium's own CartPole."""
    for rows in (1, 16, 256, 4096, 16384):
        copy = _vector_steps("NTMCopy-v0", rows, seconds)
        cartpole = _vector_steps("CartPole-v1", rows, seconds)
        what = f"make_vec NTMCopy-v0, {rows} environments"
        yield Speed(what, copy, "steps/s", f"make_vec CartPole-v1, {rows}", baseline_value=cartpole)
    copy, cartpole = (_single_steps(env, seconds) for env in ("NTMCopy-v0", "CartPole-v1"))
    yield Speed("make NTMCopy-v0", copy, "steps/s", "make CartPole-v1", baseline_value=cartpole)


def task_speeds(seconds: float) -> Iterator[Speed]:
    """Yields steps a second of every task beside Copy: played by 4,096 rows, and only drawn."""
    rows, measures = 4096, {"played": _vector_steps, "drawn": _drawn_steps}
    for verb, measure in measures.items():
        copy = measure("NTMCopy-v0", rows, seconds)
        for protocol in PROTOCOLS.values():
            speed = measure(protocol.env_id, rows, seconds)
            what, baseline = f"{protocol.env_id}, {verb}", f"NTMCopy-v0, {verb}"
            yield Speed(what, speed, "steps/s", baseline, baseline_value=copy)


def _drawn_steps(env_id: str, rows: int, seconds: float) -> float:
    """Steps a second of batches of tapes, at lengths drawn uniformly from the training range."""
    env = cast(TaskEnv, gym.make(env_id).unwrapped)
    rng = np.random.default_rng(0)

    def steps() -> int:
        lengths = env.curriculum.sample(rng, rows)
        return int(env.task.sample(rng, lengths, env.task.tape_dtype).steps.sum())

    return rate(steps, seconds)


def _vector_steps(env_id: str, rows: int, seconds: float) -> float:
    """Steps a second, all rows counted, with actions drawn beforehand and autoresets included."""
    env = gym.make_vec(env_id, rows, vectorization_mode="vector_entry_point")
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(8)]
    env.reset(seed=0)

    def steps() -> int:
        for action in actions:
            env.step(action)
        return len(actions) * rows

    return rate(steps, seconds)


def _single_steps(env_id: str, seconds: float) -> float:
    """Steps a second through the default wrappers, with resets."""
    env = gym.make(env_id)
    env.action_space.seed(0)
    actions = [env.action_space.sample() for _ in range(64)]
    env.reset(seed=0)

    def steps() -> int:
        for action in actions:
            *_, terminated, truncated, _ = env.step(action)
            if terminated or truncated:
                env.reset()
        return len(actions)

    return rate(steps, seconds)


def sb3_speeds(seconds: float) -> Iterator[Speed]:
    """Yields steps a second of `TaskVecEnv` beside `DummyVecEnv` over monitored environments.

    Yields nothing without Stable-Baselines3, the extra `sb3`.
    """
    try:
        from stable_baselines3.common.env_util import make_vec_env
    except ImportError:
        return
    from agents.policies.sb3 import TaskVecEnv

    for rows in (16, 256, 1024):
        fast = _sb3_steps(TaskVecEnv("NTMCopy-v0", rows), seconds)
        slow = _sb3_steps(make_vec_env(lambda: gym.make("NTMCopy-v0"), n_envs=rows), seconds)
        what = f"Stable-Baselines3's TaskVecEnv, NTMCopy-v0, {rows} environments"
        yield Speed(what, fast, "steps/s", f"DummyVecEnv, {rows}", baseline_value=slow)


def _sb3_steps(envs: Any, seconds: float) -> float:
    """Steps a second, all rows counted, as `_vector_steps` measures them."""
    rng = np.random.default_rng(0)
    actions = [
        rng.integers(2, size=(envs.num_envs, envs.action_space.n), dtype=np.int8) for _ in range(8)
    ]
    envs.seed(0)
    envs.reset()

    def steps() -> int:
        for action in actions:
            envs.step(action)
        return len(actions) * envs.num_envs

    return rate(steps, seconds)
