"""The state of a Neural Turing Machine, named and shaped."""

from collections.abc import Sequence
from typing import NamedTuple

import tensorflow as tf


class NTMState(NamedTuple):
    """A cell's state with its parts named and shaped.

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


def flatten(state: NTMState) -> list[tf.Tensor]:
    """Returns the state's tensors as float[B, n] each, as Keras asks of a cell."""
    parts = [*state.controller, *state[1:]]
    return [tf.reshape(part, [-1, part.shape[1:].num_elements()]) for part in parts]


def unflatten(
    states: Sequence[tf.Tensor], width: int, slots: int, read_heads: int, write_heads: int
) -> NTMState:
    """Names and shapes flat states float[..., n]; their leading axes stay as they are."""
    *controller, memory, read_weights, write_weights, reads = states

    def split_last(flat: tf.Tensor, rows: int, columns: int) -> tf.Tensor:
        return tf.reshape(flat, tf.concat([tf.shape(flat)[:-1], [rows, columns]], axis=0))

    return NTMState(
        tuple(controller),
        split_last(memory, width, slots),
        split_last(read_weights, read_heads, slots),
        split_last(write_weights, write_heads, slots),
        split_last(reads, read_heads, width),
    )
