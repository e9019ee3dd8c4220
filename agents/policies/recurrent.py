"""A recurrent cell as an agent."""

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from agents.policies.pretrained import pretrained_run
from agents.storage.networks import cell_of
from agents.storage.runs import Run
from ntm_gym import Batch
from ntm_gym.cells import unroll

TAPES_AT_ONCE = 32
"""Tapes that one compiled call answers; more would leave the processor's caches."""

STEPS_AT_ONCE = 2**18
"""Their steps together; a step holds the projected input, 1.6 kB for 100 LSTM units."""


class RecurrentAgent:
    """A trained cell as a policy.

    Args:
        cell: a built cell of `ntm_gym.cells`.
    """

    def __init__(self, cell: Any) -> None:
        self.cell = cell
        self._step = tf.function(cell.call, jit_compile=True, autograph=False)
        self._unroll = tf.function(
            lambda inputs, steps: unroll(cell, inputs, steps).outputs,
            jit_compile=True,
            autograph=False,
        )

    @classmethod
    def load(cls, run: str | Path, slots: int | None = None) -> "RecurrentAgent":
        """Returns the agent that a run trained.

        Args:
            run: the run's folder.
            slots: memory slots to give it in place of those it was trained with; means nothing to
                a cell without a memory.

        Raises:
            RunError: the folder holds no trained model.
            ValueError: the cell cannot be given other slots.
        """
        cell = cell_of(Run.open(run).load_network())
        return cls(cell if slots is None else cell.with_slots(slots))

    @classmethod
    def pretrained(cls, task: str, cell: str = "ntm", slots: int | None = None) -> "RecurrentAgent":
        """Returns an agent that comes with the repository, trained already.

        Args:
            task: the task's short name, such as ``copy``.
            cell: the cell's short name: ``ntm``, and for some tasks ``dnc`` or ``lstm``.
            slots: memory slots, as for `load`; tapes longer than in training need more.

        Raises:
            ValueError: there is no such network, or it cannot be given other slots.
        """
        return cls.load(pretrained_run(task, cell), slots)

    def act(
        self,
        observation: NDArray[np.float32],
        state: list[tf.Tensor] | None = None,
        episode_start: NDArray[np.bool_] | None = None,
    ) -> tuple[NDArray[np.int8], list[tf.Tensor]]:
        """Answers one step; see `agents.policies.agent.Agent.act`.

        Raises:
            ValueError: the observation has another shape.
        """
        width = self.cell.input_layer.kernel.shape[0]
        shape = np.shape(observation)
        if len(shape) != 2 or shape[1] != width:
            raise ValueError(
                f"expected an observation of B environments, [B, {width}] (observation[None] is "
                f"that of one), got shape {shape}"
            )
        initial = self.cell.get_initial_state(len(observation))
        if state is None:
            state = initial
        elif episode_start is not None and episode_start.any():
            begins = episode_start[:, np.newaxis]
            state = [tf.where(begins, new, old) for new, old in zip(initial, state, strict=True)]
        logits, state = self._step(tf.convert_to_tensor(observation), state)
        return (logits.numpy() > 0).astype(np.int8), state

    def logits(self, batch: Batch, cores: int = 2) -> NDArray[np.floating]:
        """Answers whole tapes by `unroll`; see `agents.policies.agent.Agent.logits`.

        Args:
            batch: the tapes.
            cores: how many parts of the batch are computed at the same time.
        """
        length = _compiled_length(batch.inputs.shape[1])
        rows = min(TAPES_AT_ONCE, math.ceil(len(batch) / cores), max(1, STEPS_AT_ONCE // length))

        def answer(first: int) -> NDArray[np.float32]:
            part = batch.select(slice(first, first + rows))
            # All parts have one shape, so that they share one compilation.
            inputs = np.zeros((rows, length, batch.inputs.shape[2]), np.float32)
            inputs[: len(part), : part.inputs.shape[1]] = part.inputs
            steps = np.zeros(rows, np.int32)
            steps[: len(part)] = part.steps
            outputs = self._unroll(inputs, steps).numpy()
            return outputs[: len(part), : part.inputs.shape[1]]

        # Compiles, once: tapes of no steps take no time.
        self._unroll(
            np.zeros((rows, length, batch.inputs.shape[2]), np.float32), np.zeros(rows, np.int32)
        )
        with ThreadPoolExecutor(cores) as pool:
            return np.concatenate(list(pool.map(answer, range(0, len(batch), rows))))


def _compiled_length(steps: int) -> int:
    """The number of steps that tapes are padded to: few different ones, so few compilations."""
    length = 64
    while length < steps:
        length *= 4
    return length
