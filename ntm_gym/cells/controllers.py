"""The networks that control a memory: one step of stacked LSTM or feed-forward layers."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

Dense = Callable[[keras.layers.Dense, tf.Tensor], tf.Tensor]
"""Applies a dense layer to vectors; `unroll` puts its own in the place of calling the layer."""


class Control(NamedTuple):
    """What a controller's step returns.

    Attributes:
        hidden: float[B, units], the last layer's output.
        states: the new states, float[B, units] each; of a feed-forward controller none.
    """

    hidden: tf.Tensor
    states: tuple[tf.Tensor, ...]


def call_dense(layer: keras.layers.Dense, vectors: tf.Tensor) -> tf.Tensor:
    """Applies a layer as Keras does."""
    return layer(vectors)


def lstm_bias(shape: Sequence[int], dtype: str | None = None) -> tf.Tensor:
    """Returns initial biases of LSTM gates: 1 for the forget gate, which comes first, else 0.

    Jozefowicz et al. 2015, section 5.
    """
    units = shape[0] // 4
    return tf.concat([tf.ones([units], dtype), tf.zeros([shape[0] - units], dtype)], axis=0)


def lstm_step(
    projected: tf.Tensor,
    reads: tf.Tensor,
    states: Sequence[tf.Tensor],
    layers: Sequence[keras.layers.Dense],
    dense: Dense,
) -> Control:
    """Takes a step of stacked LSTM layers (Hochreiter & Schmidhuber 1997, with forget gates).

    Args:
        projected: float[B, 4 units], the inputs' share of the first layer's gates, bias included.
        reads: float[B, n], what was read; goes into the first layer too.
        states: float[B, units] tensors, hidden and cell state of each layer in turn.
        layers: the layers of 4 units from what is below and the layer's hidden state.
        dense: applies a layer.
    """
    below, new_states = reads, []
    for number, layer in enumerate(layers):
        hidden, cell = states[2 * number : 2 * number + 2]
        gates = dense(layer, tf.concat([below, hidden], axis=1))
        if number == 0:
            gates += projected
        # One sigmoid over three gates: XLA would compute three small ones several times over.
        units = hidden.shape[-1]
        sigmoids, candidate = tf.split(gates, [3 * units, units], axis=1)
        forget, admit, emit = tf.split(tf.sigmoid(sigmoids), 3, axis=1)
        cell = forget * cell + admit * tf.tanh(candidate)
        below = emit * tf.tanh(cell)
        new_states += [below, cell]
    return Control(below, tuple(new_states))


def feedforward_step(
    projected: tf.Tensor, reads: tf.Tensor, layers: Sequence[keras.layers.Dense], dense: Dense
) -> Control:
    """Takes a step of stacked tanh layers, which remember nothing.

    Args:
        projected: float[B, units], the inputs' share of the first layer, bias included.
        reads: float[B, n], what was read; goes into the first layer too.
        layers: the layers of units from what is below.
        dense: applies a layer.
    """
    below = tf.tanh(projected + dense(layers[0], reads))
    for layer in layers[1:]:
        below = tf.tanh(dense(layer, below))
    return Control(below, ())
