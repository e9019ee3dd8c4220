"""One tape, as long as wanted, as a network goes through it: what it answered and its heads did.

All states of all steps would be hundreds of megabytes for a long tape on a large memory. Here the
tape is run in stretches of one length, by one compiled function, and of the memory only the states
between two stretches are kept: the memory after any step is computed again from the one before it.
"""

from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from agents.inspection.interventions import Intervened, Interventions, Numbers
from ntm_gym.cells import HeadParameters, unroll

STRETCH = 64
"""Steps of a stretch."""


class Trace(NamedTuple):
    """A run of a cell over one tape; steps T, slots S, slot width N, answer width W.

    Attributes:
        logits: float[T, W].
        read_addresses: float[read_heads, T, S]; None without a memory, like all below.
        write_addresses: float[write_heads, T, S].
        told: what the heads were told, by name: float[heads, T, n] each, interventions included.
        starts: the flat states before each stretch.
        inputs: float[T, D].
        interventions: those that it was run with.
    """

    logits: NDArray[np.floating]
    read_addresses: NDArray[np.floating] | None
    write_addresses: NDArray[np.floating] | None
    told: dict[str, NDArray[np.floating]] | None
    starts: list[list[tf.Tensor]]
    inputs: NDArray[np.floating]
    interventions: Interventions


class Tracer:
    """Runs a cell over single tapes of any length; its function is compiled at the first.

    The cell's weights are looked up at each run, so that those of a cell in training are the
    present ones. It may be used by one thread at a time.

    Args:
        cell: a built cell.
    """

    def __init__(self, cell: Any) -> None:
        self.cell = cell
        self._run = tf.function(self._stretch, jit_compile=True, autograph=False)

    def trace(self, inputs: NDArray[Any], interventions: Interventions | None = None) -> Trace:
        """Runs the cell over a tape.

        Args:
            inputs: float[T, D].
            interventions: how to disturb its memory; means nothing to a cell without one.
        """
        interventions = interventions or Interventions()
        numbers = interventions.numbers()
        steps = len(inputs)
        cell = self.cell if self.cell.slots is None else Intervened(self.cell, numbers)
        states = cell.get_initial_state(1)
        starts, parts = [], []
        for first in range(0, steps, STRETCH):
            starts.append(states)
            states, part = self._at(inputs, first, states, numbers)
            parts.append(part)
        # Of the memory nothing is kept.
        joined = {
            name: np.concatenate([part[name] for part in parts])[:steps]
            for name in parts[0]
            if name != "memory"
        }
        logits = joined.pop("logits")
        by_head = {name: np.moveaxis(values, 1, 0) for name, values in joined.items()}
        return Trace(
            logits,
            read_addresses=by_head.pop("read_weights", None),
            write_addresses=by_head.pop("write_weights", None),
            told=by_head or None,
            starts=starts,
            inputs=inputs,
            interventions=interventions,
        )

    def memory(self, trace: Trace, step: int) -> NDArray[np.floating]:
        """Returns the memory after each step of the stretch that a step is in.

        Args:
            trace: what `trace` returned.
            step: the step.

        Returns:
            float[n, N, S]: entry ``step % STRETCH`` is the memory after the step.

        Raises:
            ValueError: there is no such step, or the cell has no memory.
        """
        if self.cell.slots is None:
            raise ValueError("expected a cell with a memory, got one without")
        if not 0 <= step < len(trace.inputs):
            raise ValueError(f"expected a step from 0 to {len(trace.inputs) - 1}, got {step}")
        number = step // STRETCH
        first = number * STRETCH
        _, part = self._at(trace.inputs, first, trace.starts[number], trace.interventions.numbers())
        return part["memory"][: len(trace.inputs) - first]

    def _at(
        self, inputs: NDArray[Any], first: int, states: list[tf.Tensor], numbers: Numbers
    ) -> tuple[list[tf.Tensor], dict[str, NDArray[np.floating]]]:
        """Runs the stretch that begins with a step; what is beyond the tape is zeros."""
        part = np.zeros((1, STRETCH, inputs.shape[1]), self.cell.compute_dtype)
        shown = inputs[first : first + STRETCH]
        part[0, : len(shown)] = shown
        arguments = Numbers(*[np.float32(value) for value in numbers])._replace(
            start_read=np.int32(0), start_write=np.int32(0), seed=np.int32(numbers.seed)
        )
        states, found = self._run(part, states, arguments, np.float32(first))
        return states, {name: values.numpy() for name, values in found.items()}

    def _stretch(
        self, inputs: tf.Tensor, states: list[tf.Tensor], numbers: Numbers, first: tf.Tensor
    ) -> tuple[list[tf.Tensor], dict[str, tf.Tensor]]:
        cell = self.cell
        if cell.slots is None:
            result = unroll(cell, inputs, STRETCH, states)
            return result.states, {"logits": result.outputs[0]}
        changed = Intervened(cell, numbers, first)
        result = unroll(changed, inputs, STRETCH, states, trace=True)
        after = cell.unpack(result.trace)
        told = changed.told(result.dense_outputs[-1][0])
        return result.states, {
            "logits": result.outputs[0],
            "memory": after.memory[0],
            "read_weights": after.read_weights[0],
            "write_weights": after.write_weights[0],
            **_named(told),
        }


def _named(told: Any) -> dict[str, tf.Tensor]:
    """What heads are told as one level of names, such as ``read.gates``."""
    found: dict[str, tf.Tensor] = {}
    for name, value in told._asdict().items():
        if isinstance(value, HeadParameters):
            found |= {f"{name}.{inner}": each for inner, each in _named(value).items()}
        elif value is not None:
            found[name] = value
    return found
