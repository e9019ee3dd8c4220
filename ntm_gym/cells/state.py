"""The cells' states, named and shaped, and what a step gives."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import tensorflow as tf


class NTMState(NamedTuple):
    """A Neural Turing Machine's state with its parts named and shaped.

    Attributes:
        controller: float[B, units] tensors: hidden and cell state of each LSTM layer in turn; empty
            for a feed-forward controller.
        memory: float[B, N, S].
        read_weights: float[B, read_heads, S].
        write_weights: float[B, write_heads, S].
        reads: float[B, read_heads, N], what the read heads saw last.
    """

    controller: tuple[tf.Tensor, ...]
    memory: tf.Tensor
    read_weights: tf.Tensor
    write_weights: tf.Tensor
    reads: tf.Tensor


class DNCState(NamedTuple):
    """A Differentiable Neural Computer's state with its parts named and shaped.

    Attributes:
        controller: as in ``NTMState``.
        memory: float[B, N, S].
        read_weights: float[B, read_heads, S], where it read last.
        write_weights: float[B, 1, S], where it wrote last.
        reads: float[B, read_heads, N], what the read heads saw last.
        usage: float[B, S] in [0, 1], how much each slot is in use.
        precedence: float[B, S], how much each slot is the one written last.
        links: float[B, S, S]; ``links[b, i, j]`` says how much slot i was written right after j.
    """

    controller: tuple[tf.Tensor, ...]
    memory: tf.Tensor
    read_weights: tf.Tensor
    write_weights: tf.Tensor
    reads: tf.Tensor
    usage: tf.Tensor
    precedence: tf.Tensor
    links: tf.Tensor


class LSTMState(NamedTuple):
    """The state of an LSTM without a memory.

    Attributes:
        controller: as in ``NTMState``.
    """

    controller: tuple[tf.Tensor, ...]


class Step(NamedTuple):
    """What a cell's ``step`` returns.

    Attributes:
        features: float[B, units + what is read], for ``project_outputs``.
        state: the new state, a named tuple.
        blur: float[B], the blur of the heads' addresses before they were sharpened, summed; 0 of a
            cell that defines none.
    """

    features: tf.Tensor
    state: Any
    blur: tf.Tensor


def flatten(state: Any) -> list[tf.Tensor]:
    """Returns the state's tensors as float[B, n] each, as Keras asks of a cell."""
    parts = [*state.controller, *state[1:]]
    return [tf.reshape(part, [-1, part.shape[1:].num_elements()]) for part in parts]


def unflatten(
    state_type: Any, states: Sequence[tf.Tensor], shapes: Sequence[tuple[int, ...]]
) -> Any:
    """Names and shapes flat states float[..., n]; their leading axes stay as they are.

    Args:
        state_type: one of the named tuples above.
        states: flat states, the controller's first.
        shapes: shapes of those after the controller's, without their leading axes.
    """
    first = len(states) - len(shapes)
    parts = [
        tf.reshape(flat, tf.concat([tf.shape(flat)[:-1], shape], axis=0))
        for flat, shape in zip(states[first:], shapes, strict=True)
    ]
    return state_type(tuple(states[:first]), *parts)
