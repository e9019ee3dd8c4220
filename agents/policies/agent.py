"""What an agent is, and the two that bound all others: random answers and the oracle's."""

from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from ntm_gym import Batch, Task


class Agent(Protocol):
    """Answers tapes, step by step in an environment or whole ones at once."""

    def act(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.int8], Any]:
        """Answers one step of B environments.

        Args:
            observation: float32[B, D].
            state: what the last call returned; None if all B episodes begin.
            episode_start: bool[B], the rows whose episode begins with this observation.

        Returns:
            The actions, int8[B, W] of 0 and 1, and the state for the next call.
        """

    def logits(self, batch: Batch) -> NDArray[np.floating]:
        """Answers whole tapes: float[B, T, W], log(p / (1 - p)) for the probability p of a 1."""


class RandomAgent:
    """Flips a fair coin for every bit.

    Args:
        width: bits of an answer, W.
        seed: seed of the coin.
    """

    def __init__(self, width: int, seed: int = 0) -> None:
        self._width = width
        self._rng = np.random.default_rng(seed)

    def act(
        self,
        observation: NDArray[np.float32],
        state: Any = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.int8], Any]:
        """Answers one step; see `Agent.act`."""
        del episode_start  # nothing is remembered
        return self._rng.integers(2, size=(len(observation), self._width), dtype=np.int8), state

    def logits(self, batch: Batch) -> NDArray[np.floating]:
        """Answers whole tapes; every bit costs one bit."""
        coins = self._rng.integers(2, size=batch.targets.shape)
        return np.where(coins == 1, 1e-9, -1e-9)  # p is one half, yet the answer is the coin's


class _Seen(NamedTuple):
    """What an oracle has seen: inputs [B, T, D] from each row's start, and steps int64[B]."""

    inputs: NDArray[np.float32]
    steps: NDArray[np.int64]


class OracleAgent:
    """Gives the task's best answers, from what it has seen alone.

    Its logits are those of the task's own probabilities: infinite where the answer is sure, and
    Bayes' where nobody can be.

    Args:
        task: the task that is played.
    """

    def __init__(self, task: Task) -> None:
        self._task = task

    def act(
        self,
        observation: NDArray[np.float32],
        state: _Seen | None = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.int8], _Seen]:
        """Answers one step; see `Agent.act`. Costs time linear in the steps so far."""
        rows = len(observation)
        if state is None:
            state = _Seen(
                np.zeros((rows, 1, self._task.input_width), np.float32), np.zeros(rows, int)
            )
        inputs, steps = state.inputs.copy(), state.steps.copy()
        if episode_start is not None:
            inputs[episode_start], steps[episode_start] = 0, 0
        if steps.max() == inputs.shape[1]:
            inputs = np.concatenate([inputs, np.zeros_like(inputs)], axis=1)
        row = np.arange(rows)
        inputs[row, steps] = observation
        answers = self._task.solve(inputs[:, : steps.max() + 1])[row, steps]
        return (answers > 0.5).astype(np.int8), _Seen(inputs, steps + 1)

    def logits(self, batch: Batch) -> NDArray[np.floating]:
        """Answers whole tapes; see `Agent.logits`."""
        probabilities = self._task.solve(batch.inputs)
        with np.errstate(divide="ignore"):
            return np.log(probabilities) - np.log1p(-probabilities)
