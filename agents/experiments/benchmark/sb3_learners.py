"""Trains the learners of `sb3_settings.py` and lets them play like any agent of this project.

The models are not kept: Stable-Baselines3 saves by pickle, which runs whatever is in the file.
"""

import time
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
import sb3_contrib
import stable_baselines3
from numpy.typing import NDArray
from stable_baselines3.common.callbacks import BaseCallback
from stable_baselines3.common.vec_env import VecEnv, VecFrameStack

from agents.experiments.benchmark.sb3_settings import Sb3Learner
from agents.experiments.benchmark.trial import Learned, ProgressCallback, Trial
from agents.policies.sb3 import TaskVecEnv
from agents.storage.metrics import Curve

POINTS = 200
"""Points of a learning curve at most."""


class _State(NamedTuple):
    """What an agent has of the past: the last observations [B, frames * D], and LSTM states."""

    frames: NDArray[np.float32]
    memory: Any


class Sb3Agent:
    """A model of Stable-Baselines3 as an agent; it gives its most probable answers.

    Args:
        model: the trained model.
        frames: how many observations its policy sees together, the last one last, and zeros where
            an episode has not had so many; as `VecFrameStack` shows them.
    """

    def __init__(self, model: Any, frames: int = 1) -> None:
        self._model, self._frames = model, frames

    def act(
        self,
        observation: NDArray[np.float32],
        state: _State | None = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.int8], _State]:
        """Answers one step; see `agents.policies.agent.Agent.act`."""
        rows, width = observation.shape
        if state is None:
            state = _State(np.zeros((rows, self._frames * width), np.float32), None)
            episode_start = np.ones(rows, np.bool_)
        elif episode_start is None:
            episode_start = np.zeros(rows, np.bool_)
        frames = np.where(episode_start[:, np.newaxis], 0, state.frames)
        frames = np.concatenate([frames[:, width:], observation], axis=1, dtype=np.float32)
        actions, memory = self._model.predict(
            frames, state.memory, episode_start, deterministic=True
        )
        return actions.astype(np.int8), _State(frames, memory)


def make_envs(learner: Sb3Learner, trial: Trial) -> tuple[VecEnv, int]:
    """Returns the environment that a learner is trained in, and how many frames it shows."""
    envs: VecEnv = TaskVecEnv(
        trial.env_id,
        learner.rows,
        # sb3-contrib 2.9 fails on actions of several bits; as choices of 0 or 1 they work.
        multi_discrete=learner.algorithm == "RecurrentPPO",
        task=trial.task,
        min_length=trial.trained[0],
        max_length=trial.trained[1],
    )
    if not learner.frames:
        return envs, 1
    frames = int(trial.task.steps(np.array(trial.trained))[1])
    return VecFrameStack(envs, frames), frames


def train_sb3(learner: Sb3Learner, trial: Trial, on_progress: ProgressCallback) -> Learned:
    """Trains a learner from nothing; the last rollout is finished."""
    began = time.perf_counter()
    envs, frames = make_envs(learner, trial)
    algorithms = {"RecurrentPPO": sb3_contrib.RecurrentPPO}
    algorithm = algorithms.get(learner.algorithm) or getattr(stable_baselines3, learner.algorithm)
    settings = deepcopy(dict(learner.settings))  # A2C writes into what it is given
    model = algorithm(learner.policy, envs, seed=trial.seed, device="cpu", **settings)
    recorder = _Recorder(max(1, trial.steps // POINTS), on_progress)
    model.learn(trial.steps, callback=recorder)
    envs.close()
    agent = Sb3Agent(model, frames)
    return Learned(
        lambda _: agent,
        model.num_timesteps,
        time.perf_counter() - began,
        recorder.curve,
    )


class _Recorder(BaseCallback):
    """Records the mean return of the episodes that ended, about every so many steps."""

    def __init__(self, every: int, on_progress: ProgressCallback) -> None:
        super().__init__()
        self.curve: Curve = []
        self._every, self._on_progress = every, on_progress
        self._returns: list[float] = []

    def _on_step(self) -> bool:
        self._returns += [info["episode"]["r"] for info in self.locals["infos"] if info]
        last = self.curve[-1][0] if self.curve else 0
        if self._returns and self.num_timesteps - last >= self._every:
            mean = float(np.mean(self._returns))
            self.curve.append((self.num_timesteps, mean))
            self._returns.clear()
            self._on_progress(self.num_timesteps, f"return {mean:.3f}")
        return True
