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
from typing import Any, NamedTuple

import keras
import tensorflow as tf

Tensors = list[tf.Tensor]


class Unrolled(NamedTuple):
    """What ``unroll`` returns.

    Attributes:
        outputs: float[B, T, output_dim]; zeros after the longest row's end.
        states: flat states after the longest row's last step, float[B, n] each.
        trace: flat states after every step, float[B, T, n] each, when asked for; else empty. Zeros
            after the longest row's end.
        dense_outputs: outputs of each of the cell's ``recurrent_layers`` at every step,
            float[B, T, n] each, when the trace is asked for; else empty.
    """

    outputs: tf.Tensor
    states: Tensors
    trace: Tensors
    dense_outputs: Tensors


class _Records(NamedTuple):
    """Time-major records of a forward loop, [T, B, n] each; states are those before each step."""

    states: Tensors
    dense_outputs: Tensors


def unroll(
    cell: keras.layers.Layer,
    inputs: tf.Tensor,
    steps: tf.Tensor,
    initial_states: Sequence[tf.Tensor] | None = None,
    training: bool = False,
    trace: bool = False,
) -> Unrolled:
    """Runs a cell over a batch of sequences.

    Equal to ``keras.layers.RNN(cell, return_sequences=True, return_state=True)`` on the first
    ``max(steps)`` steps.

    Args:
        cell: a built cell of this package.
        inputs: float[B, T, D]. B and T must be known when the function is traced.
        steps: int[B], the rows' lengths, or one int for all; more than T counts as T.
        initial_states: flat states; by default the cell's own.
        training: whether gradients will be taken. Without it nothing is kept for the way back, and
            taking a gradient raises an error.
        trace: whether to return the states and dense outputs of every step; has no gradient.

    Returns:
        Outputs, final states and, if asked for, the trace.

    Raises:
        ValueError: B or T is unknown, or a trace is asked for in training.
    """
    if training and trace:
        raise ValueError("trace: expected training=False with it, got training=True")
    if None in inputs.shape[:2]:
        raise ValueError(f"inputs: expected a known batch size and length, got {inputs.shape}")
    batch, length = inputs.shape[:2]
    count = tf.minimum(tf.reduce_max(tf.cast(steps, tf.int32)), length)
    states = list(cell.get_initial_state(batch) if initial_states is None else initial_states)
    projected = tf.transpose(cell.project_inputs(inputs), [1, 0, 2])
    kernels = [tf.convert_to_tensor(layer.kernel) for layer in cell.recurrent_layers]
    biases = [tf.convert_to_tensor(layer.bias) for layer in cell.recurrent_layers if layer.use_bias]
    records = _Records([], [])
    if training:
        features, *states = _differentiable_loop(cell, count, projected, states, kernels, biases)
    else:
        features, states, records = _forward_loop(
            cell, count, projected, states, kernels, biases, keep=trace
        )
        message = "unroll(training=False) keeps nothing to take a gradient from"
        features, *states = [
            tf.raw_ops.PreventGradient(input=tensor, message=message)
            for tensor in (features, *states)
        ]
    valid = tf.range(length)[tf.newaxis, :, tf.newaxis] < count
    outputs = cell.project_outputs(tf.transpose(features, [1, 0, 2]))
    outputs = tf.where(valid, outputs, tf.zeros_like(outputs))
    if not trace:
        return Unrolled(outputs, states, [], [])

    def batch_major(record: tf.Tensor) -> tf.Tensor:
        return tf.transpose(record, [1, 0, 2])

    # Records hold the states before each step; the last step's are the final ones.
    is_last = tf.range(length)[:, tf.newaxis, tf.newaxis] == count - 1
    after = [
        tf.where(
            is_last, last[tf.newaxis], tf.concat([record[1:], tf.zeros_like(record[:1])], axis=0)
        )
        for record, last in zip(records.states, states, strict=True)
    ]
    return Unrolled(
        outputs,
        states,
        [batch_major(record) for record in after],
        [batch_major(record) for record in records.dense_outputs],
    )


def _forward_loop(
    cell: Any,
    count: tf.Tensor,
    projected: tf.Tensor,
    states: Tensors,
    kernels: Tensors,
    biases: Tensors,
    keep: bool,
) -> tuple[tf.Tensor, Tensors, _Records]:
    """Returns features [T, B, n], final states and, with ``keep``, what the way back needs."""
    length, batch = projected.shape[:2]
    layer_index = {id(layer): index for index, layer in enumerate(cell.recurrent_layers)}
    layer_biases = _per_layer(cell, biases)

    def records(sizes: Sequence[int]) -> list[tf.TensorArray]:
        return [
            tf.TensorArray(projected.dtype, length, element_shape=[batch, size]) for size in sizes
        ]

    def body(
        step: tf.Tensor,
        states: Tensors,
        features: tf.TensorArray,
        kept_states: list[tf.TensorArray],
        kept_dense: list[tf.TensorArray],
    ) -> tuple[Any, ...]:
        outputs: dict[int, tf.Tensor] = {}

        def dense(layer: keras.layers.Dense, vectors: tf.Tensor) -> tf.Tensor:
            index = layer_index[id(layer)]
            outputs[index] = tf.matmul(vectors, kernels[index])
            if layer_biases[index] is not None:
                outputs[index] += layer_biases[index]
            return outputs[index]

        step_features, new_states = cell.step(projected[step], states, dense)
        if keep:
            kept_states = [a.write(step, s) for a, s in zip(kept_states, states, strict=True)]
            kept_dense = [a.write(step, outputs[i]) for i, a in enumerate(kept_dense)]
        return (
            step + 1,
            new_states,
            features.write(step, step_features),
            kept_states,
            kept_dense,
        )

    feature_size = cell.output_layer.kernel.shape[0]
    start = (
        tf.constant(0),
        states,
        records([feature_size])[0],
        records([state.shape[-1] for state in states]) if keep else [],
        records([kernel.shape[1] for kernel in kernels]) if keep else [],
    )
    _, states, features, kept_states, kept_dense = tf.while_loop(
        lambda step, *_: step < count, body, start, maximum_iterations=length
    )
    return (
        features.stack(),
        states,
        _Records([a.stack() for a in kept_states], [a.stack() for a in kept_dense]),
    )


def _differentiable_loop(
    cell: Any,
    count: tf.Tensor,
    projected: tf.Tensor,
    states: Tensors,
    kernels: Tensors,
    biases: Tensors,
) -> Tensors:
    """Returns features and final states of ``_forward_loop`` with the fast gradient."""

    @tf.custom_gradient
    def loop(projected: tf.Tensor, *rest: tf.Tensor) -> tuple[Tensors, Any]:
        states, kernels, biases = tf.nest.pack_sequence_as(structure, rest)
        features, final_states, records = _forward_loop(
            cell, count, projected, states, kernels, biases, keep=True
        )

        def gradient(*upstream: tf.Tensor) -> Tensors:
            return _backward_loop(cell, count, projected, kernels, records, upstream)

        return [features, *final_states], gradient

    structure = (states, kernels, biases)
    return loop(projected, *tf.nest.flatten(structure))


def _backward_loop(
    cell: Any,
    count: tf.Tensor,
    projected: tf.Tensor,
    kernels: Tensors,
    records: _Records,
    upstream: Sequence[tf.Tensor],
) -> Tensors:
    """Returns the gradients of projected inputs, initial states, kernels and biases, flat."""
    length, batch = projected.shape[:2]
    feature_gradients, *state_gradients = upstream
    layer_index = {id(layer): index for index, layer in enumerate(cell.recurrent_layers)}
    # Transposed once here: XLA's product with a transposed kernel is several times slower.
    transposed = [tf.transpose(kernel) for kernel in kernels]

    def records_of(sizes: Sequence[int]) -> list[tf.TensorArray]:
        return [
            tf.TensorArray(projected.dtype, length, element_shape=[batch, size]) for size in sizes
        ]

    def body(
        step: tf.Tensor,
        state_gradients: Tensors,
        projected_gradients: tf.TensorArray,
        dense_inputs: list[tf.TensorArray],
        dense_gradients: list[tf.TensorArray],
    ) -> tuple[Any, ...]:
        inputs: dict[int, tf.Tensor] = {}
        gradients: dict[int, tf.Tensor] = {}

        def dense(layer: keras.layers.Dense, vectors: tf.Tensor) -> tf.Tensor:
            index = layer_index[id(layer)]
            inputs[index] = vectors

            @tf.custom_gradient
            def recall(vectors: tf.Tensor) -> tuple[tf.Tensor, Any]:
                del vectors  # the product is known from the forward loop

                def gradient(upstream: tf.Tensor) -> tf.Tensor:
                    gradients[index] = upstream
                    return tf.matmul(upstream, transposed[index])

                return records.dense_outputs[index][step], gradient

            return recall(vectors)

        states = [record[step] for record in records.states]
        step_projected = projected[step]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([step_projected, states])
            features, new_states = cell.step(step_projected, states, dense)
        projected_gradient, state_gradients = tape.gradient(
            [features, new_states],
            [step_projected, states],
            output_gradients=[feature_gradients[step], list(state_gradients)],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return (
            step - 1,
            state_gradients,
            projected_gradients.write(step, projected_gradient),
            [a.write(step, inputs[i]) for i, a in enumerate(dense_inputs)],
            [a.write(step, gradients[i]) for i, a in enumerate(dense_gradients)],
        )

    start = (
        count - 1,
        state_gradients,
        records_of([projected.shape[-1]])[0],
        records_of([kernel.shape[0] for kernel in kernels]),
        records_of([kernel.shape[1] for kernel in kernels]),
    )
    _, state_gradients, projected_gradients, dense_inputs, dense_gradients = tf.while_loop(
        lambda step, *_: step >= 0, body, start, maximum_iterations=length
    )
    kernel_gradients = []
    bias_gradients = []
    for layer, inputs, gradients in zip(
        cell.recurrent_layers, dense_inputs, dense_gradients, strict=True
    ):
        flat_inputs, flat_gradients = inputs.concat(), gradients.concat()
        kernel_gradients.append(tf.matmul(flat_inputs, flat_gradients, transpose_a=True))
        if layer.use_bias:
            bias_gradients.append(tf.reduce_sum(flat_gradients, axis=0))
    return [projected_gradients.stack(), *state_gradients, *kernel_gradients, *bias_gradients]


def _per_layer(cell: Any, biases: Tensors) -> list[tf.Tensor | None]:
    remaining = iter(biases)
    return [next(remaining) if layer.use_bias else None for layer in cell.recurrent_layers]
