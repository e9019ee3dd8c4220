"""A cell over whole sequences, several times faster than ``keras.layers.RNN``.

Three things make the difference, all of them under XLA (``tf.function(jit_compile=True)``):

- The loop ends with the batch's longest row; padding beyond it costs nothing, and one compilation
  serves every length.
- Autodiff of a loop adds to each weight's gradient at every step. Here the loop's gradient
  collects each dense layer's inputs and output gradients, and forms each weight's gradient by one
  large product after the loop. Input and output layers run outside the loop for all steps at once.
- Only states and the dense layers' outputs are kept from the forward loop; the backward loop
  computes the elementwise rest again, which is cheaper than storing it.

A cell takes part by three methods, ``project_inputs``, ``step`` and ``project_outputs``, whose
composition is its ``call``, and by ``recurrent_layers``, the dense layers inside ``step``.
"""

from collections.abc import Sequence
from typing import NamedTuple

import keras
import tensorflow as tf

from ntm_gym.cells.loops import Course, Tensors, differentiable_loop, forward_loop
from ntm_gym.cells.state import flatten
from ntm_gym.checks import expect


class Unrolled(NamedTuple):
    """What ``unroll`` returns.

    Attributes:
        outputs: float[B, T, output_dim]; zeros after the longest row's end.
        states: flat states after the longest row's last step, float[B, n] each.
        trace: flat states after every step, float[B, T, n] each, when asked for; else empty. Zeros
            after the longest row's end.
        dense_outputs: outputs of each of the cell's ``recurrent_layers`` at every step,
            float[B, T, n] each, when the trace is asked for; else empty.
        blur: float[B, T], the blur that ``step`` returns; zeros after the longest row's end.
    """

    outputs: tf.Tensor
    states: Tensors
    trace: Tensors
    dense_outputs: Tensors
    blur: tf.Tensor


def known_size(inputs: tf.Tensor) -> tuple[int, int]:
    """Returns B and T of inputs [B, T, D]; raises ValueError if they are not known."""
    if None in inputs.shape[:2]:
        raise ValueError(f"inputs: expected a known batch size and length, got {inputs.shape}")
    batch, length = inputs.shape[:2]
    return batch, length


@tf.autograph.experimental.do_not_convert  # nothing in it is for it, and it takes seconds
def unroll(
    cell: keras.layers.Layer,
    inputs: tf.Tensor,
    steps: tf.Tensor,
    initial_states: Sequence[tf.Tensor] | None = None,
    training: bool = False,
    trace: bool = False,
    begins: tf.Tensor | None = None,
) -> Unrolled:
    """Runs a cell over a batch of sequences.

    Equal to ``keras.layers.RNN(cell, return_sequences=True, return_state=True)`` on the first
    ``max(steps)`` steps, but where rows begin anew.

    Args:
        cell: a built cell of this package.
        inputs: float[B, T, D]. B and T must be known when the function is traced.
        steps: int[B], the rows' lengths, or one int for all; more than T counts as T.
        initial_states: flat states; by default the cell's own.
        training: whether gradients will be taken. Without it nothing is kept for the way back, and
            taking a gradient raises an error.
        trace: whether to return the states and dense outputs of every step; has no gradient.
        begins: bool[B, T], where a row begins anew from its initial states, so that it may hold
            several sequences, one after the other.

    Returns:
        Outputs, final states and, if asked for, the trace.

    Raises:
        ValueError: the cell is not built, B or T is unknown, or a trace is asked for in training.
    """
    expect(cell.built, "cell", "a built one (call it once, or build it)", "one without weights")
    if training and trace:
        raise ValueError("trace: expected training=False with it, got training=True")
    batch, length = known_size(inputs)
    count = tf.minimum(tf.reduce_max(tf.cast(steps, tf.int32)), length)
    start = cell.get_initial_state(batch) if initial_states is None else initial_states
    layers = cell.recurrent_layers
    course = Course(
        cell,
        count,
        begins=None if begins is None else tf.transpose(begins),
        projected=tf.transpose(cell.project_inputs(inputs), [1, 0, 2]),
        state=cell.unpack(start),
        kernels=[tf.convert_to_tensor(layer.kernel) for layer in layers],
        biases=[tf.convert_to_tensor(layer.bias) for layer in layers if layer.use_bias],
    )
    if training:
        loop = differentiable_loop(course)
        features, blur, *states = loop.features, loop.blur, *flatten(loop.state)
    else:
        loop = forward_loop(course, keep=trace)
        message = "unroll(training=False) keeps nothing to take a gradient from"
        features, blur, *states = [
            tf.raw_ops.PreventGradient(input=tensor, message=message)
            for tensor in (loop.features, loop.blur, *flatten(loop.state))
        ]
    valid = tf.range(length)[tf.newaxis, :, tf.newaxis] < count
    outputs = cell.project_outputs(tf.transpose(features, [1, 0, 2]))
    outputs = tf.where(valid, outputs, tf.zeros_like(outputs))
    blur = tf.transpose(blur)
    unrolled = Unrolled(outputs, states, trace=[], dense_outputs=[], blur=blur)
    if not trace:
        return unrolled

    def batch_major(record: tf.Tensor) -> tf.Tensor:
        return tf.transpose(record, [1, 0, 2])

    # Records hold the states before each step; the last step's are the final ones.
    before = [tf.reshape(record, [length, batch, -1]) for record in loop.records.states]
    is_last = tf.range(length)[:, tf.newaxis, tf.newaxis] == count - 1
    after = [
        tf.where(
            is_last, last[tf.newaxis], tf.concat([record[1:], tf.zeros_like(record[:1])], axis=0)
        )
        for record, last in zip(before, states, strict=True)
    ]
    return unrolled._replace(
        trace=[batch_major(record) for record in after],
        dense_outputs=[batch_major(record) for record in loop.records.dense_outputs],
    )
