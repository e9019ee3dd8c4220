"""The loops of `unroll`: forward, and backward with the gradient written out for all cells."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import keras
import tensorflow as tf

Tensors = list[tf.Tensor]


class Records(NamedTuple):
    """Time-major records of a forward loop, [T, B, ...]; states are those before each step, flat.

    Flat as a list, that is: each state has its shape. In another one, the elementwise work on it
    would divide its way from one index to the other, which takes several times longer.
    """

    states: Tensors
    dense_outputs: Tensors


class Loop(NamedTuple):
    """What a loop gives.

    Attributes:
        features: float[T, B, n], those of ``step``.
        blur: float[T, B].
        state: the final states, a named tuple as ``step`` takes them.
        records: what the way back needs; empty unless asked for.
    """

    features: tf.Tensor
    blur: tf.Tensor
    state: Any
    records: Records


def forward_loop(
    cell: Any,
    count: tf.Tensor,
    projected: tf.Tensor,
    states: Any,
    kernels: Tensors,
    biases: Tensors,
    keep: bool,
    begins: tf.Tensor | None = None,
) -> Loop:
    """Takes ``count`` steps from the states; records them with ``keep``.

    Where ``begins``, bool[T, B], says so, a row begins anew from its first states.
    """
    length = projected.shape[0]
    layer_index = {id(layer): index for index, layer in enumerate(cell.recurrent_layers)}
    layer_biases = _per_layer(cell, biases)

    def body(
        step: tf.Tensor,
        states: Any,
        features: tf.TensorArray,
        blur: tf.TensorArray,
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

        starting = states if begins is None else _where(begins[step], first_states, states)
        result = cell.step(projected[step], starting, dense)
        if keep:
            flat = tf.nest.flatten(states)
            kept_states = [a.write(step, s) for a, s in zip(kept_states, flat, strict=True)]
            kept_dense = [a.write(step, outputs[i]) for i, a in enumerate(kept_dense)]
        return (
            step + 1,
            result.state,
            features.write(step, result.features),
            blur.write(step, result.blur),
            kept_states,
            kept_dense,
        )

    first_states = states
    start = (
        tf.constant(0),
        states,
        *_records_of([cell.output_layer.kernel.shape[:1], []], projected),
        _records_of([s.shape[1:] for s in tf.nest.flatten(states)], projected) if keep else [],
        _records_of([kernel.shape[1:] for kernel in kernels], projected) if keep else [],
    )
    _, states, features, blur, kept_states, kept_dense = tf.while_loop(
        lambda step, *_: step < count, body, start, maximum_iterations=length
    )
    return Loop(
        features.stack(),
        blur.stack(),
        states,
        Records([a.stack() for a in kept_states], [a.stack() for a in kept_dense]),
    )


def differentiable_loop(
    cell: Any,
    count: tf.Tensor,
    projected: tf.Tensor,
    states: Any,
    kernels: Tensors,
    biases: Tensors,
    begins: tf.Tensor | None = None,
) -> Loop:
    """Takes the steps of ``forward_loop`` with the fast gradient, and returns no records."""

    @tf.custom_gradient
    def loop(projected: tf.Tensor, *rest: tf.Tensor) -> tuple[Tensors, Any]:
        states, kernels, biases = tf.nest.pack_sequence_as(structure, rest)
        run = forward_loop(
            cell, count, projected, states, kernels, biases, keep=True, begins=begins
        )

        def gradient(*upstream: tf.Tensor) -> Tensors:
            return _backward_loop(
                cell, count, projected, kernels, states, run.records, upstream, begins
            )

        return [run.features, run.blur, *tf.nest.flatten(run.state)], gradient

    structure = (states, kernels, biases)
    features, blur, *final_states = loop(projected, *tf.nest.flatten(structure))
    state = tf.nest.pack_sequence_as(states, final_states)
    return Loop(features, blur, state, Records([], []))


def _backward_loop(
    cell: Any,
    count: tf.Tensor,
    projected: tf.Tensor,
    kernels: Tensors,
    first_states: Any,
    records: Records,
    upstream: Sequence[tf.Tensor],
    begins: tf.Tensor | None,
) -> Tensors:
    """Returns the gradients of projected inputs, first states, kernels and biases, flat."""
    length = projected.shape[0]
    flat_first_states = [] if begins is None else tf.nest.flatten(first_states)
    feature_gradients, blur_gradients, *state_gradients = upstream
    layer_index = {id(layer): index for index, layer in enumerate(cell.recurrent_layers)}
    # Transposed once here: XLA's product with a transposed kernel is several times slower.
    transposed = [tf.transpose(kernel) for kernel in kernels]

    def body(
        step: tf.Tensor,
        state_gradients: Tensors,
        first_gradients: Tensors,
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
            tape.watch([step_projected, states, flat_first_states])
            starting = tf.nest.pack_sequence_as(first_states, states)
            if begins is not None:
                starting = _where(begins[step], first_states, starting)
            result = cell.step(step_projected, starting, dense)
        projected_gradient, state_gradients, gradients_of_first = tape.gradient(
            [result.features, result.blur, tf.nest.flatten(result.state)],
            [step_projected, states, flat_first_states],
            output_gradients=[
                feature_gradients[step],
                blur_gradients[step],
                list(state_gradients),
            ],
            unconnected_gradients=tf.UnconnectedGradients.ZERO,
        )
        return (
            step - 1,
            state_gradients,
            [a + b for a, b in zip(first_gradients, gradients_of_first, strict=True)],
            projected_gradients.write(step, projected_gradient),
            [a.write(step, inputs[i]) for i, a in enumerate(dense_inputs)],
            [a.write(step, gradients[i]) for i, a in enumerate(dense_gradients)],
        )

    start = (
        count - 1,
        state_gradients,
        [tf.zeros_like(state) for state in flat_first_states],
        _records_of([projected.shape[2:]], projected)[0],
        _records_of([kernel.shape[:1] for kernel in kernels], projected),
        _records_of([kernel.shape[1:] for kernel in kernels], projected),
    )
    _, state_gradients, first_gradients, projected_gradients, dense_inputs, dense_gradients = (
        tf.while_loop(lambda step, *_: step >= 0, body, start, maximum_iterations=length)
    )
    if begins is not None:
        state_gradients = [a + b for a, b in zip(state_gradients, first_gradients, strict=True)]
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


def _where(begins: tf.Tensor, there: Any, elsewhere: Any) -> Any:
    """Chooses states row by row, ``begins`` bool[B]."""

    def choose(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
        return tf.where(tf.reshape(begins, [-1] + [1] * (one.shape.rank - 1)), one, other)

    return tf.nest.map_structure(choose, there, elsewhere)


def _per_layer(cell: Any, biases: Tensors) -> list[tf.Tensor | None]:
    remaining = iter(biases)
    return [next(remaining) if layer.use_bias else None for layer in cell.recurrent_layers]


def _records_of(shapes: Sequence[Sequence[int]], projected: tf.Tensor) -> list[tf.TensorArray]:
    """Empty records [T, B, *shape], one for each shape, of the projected inputs' T, B and dtype."""
    length, batch = projected.shape[:2]
    return [
        tf.TensorArray(projected.dtype, length, element_shape=[batch, *shape]) for shape in shapes
    ]
