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


class Course(NamedTuple):
    """What a loop takes: a cell and the batch that it goes over.

    Attributes:
        cell: the cell.
        count: int32[], the steps to take.
        begins: bool[T, B], where a row begins anew from its first state; None if nowhere.
        projected: float[T, B, gates], the projected inputs.
        state: the state before the first step, a named tuple as ``step`` takes it.
        kernels: those of the cell's ``recurrent_layers``.
        biases: those of the layers that have one.
    """

    cell: Any
    count: tf.Tensor
    begins: tf.Tensor | None
    projected: tf.Tensor
    state: Any
    kernels: Tensors
    biases: Tensors

    def starting(self, step: tf.Tensor, state: Any) -> Any:
        """Returns the state that a step starts from: the first, in rows that begin anew there."""
        if self.begins is None:
            return state
        begins = self.begins[step]

        def choose(one: tf.Tensor, other: tf.Tensor) -> tf.Tensor:
            return tf.where(tf.reshape(begins, [-1] + [1] * (one.shape.rank - 1)), one, other)

        return tf.nest.map_structure(choose, self.state, state)

    def layer_index(self) -> dict[int, int]:
        """Returns the place of each recurrent layer among them, by the layer's identity."""
        return {id(layer): index for index, layer in enumerate(self.cell.recurrent_layers)}

    def records(self, shapes: Sequence[Sequence[int]]) -> list[tf.TensorArray]:
        """Returns empty records [T, B, *shape], one for each shape."""
        length, batch = self.projected.shape[:2]
        dtype = self.projected.dtype
        return [tf.TensorArray(dtype, length, element_shape=[batch, *shape]) for shape in shapes]


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


def forward_loop(course: Course, keep: bool) -> Loop:
    """Takes all steps; records them with ``keep``."""
    layer_index, kernels = course.layer_index(), course.kernels
    remaining = iter(course.biases)
    layer_biases = [
        next(remaining) if layer.use_bias else None for layer in course.cell.recurrent_layers
    ]

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

        starting = course.starting(step, states)
        result = course.cell.step(course.projected[step], starting, dense)
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

    flat = tf.nest.flatten(course.state)
    start = (
        tf.constant(0),
        course.state,
        *course.records([course.cell.output_layer.kernel.shape[:1], []]),
        course.records([state.shape[1:] for state in flat] if keep else []),
        course.records([kernel.shape[1:] for kernel in kernels] if keep else []),
    )
    _, states, features, blur, kept_states, kept_dense = tf.while_loop(
        lambda step, *_: step < course.count,
        body,
        start,
        maximum_iterations=course.projected.shape[0],
    )
    return Loop(
        features.stack(),
        blur.stack(),
        states,
        Records([a.stack() for a in kept_states], [a.stack() for a in kept_dense]),
    )


def differentiable_loop(course: Course) -> Loop:
    """Takes the steps of ``forward_loop`` with the fast gradient, and returns no records."""

    @tf.custom_gradient
    def loop(*tensors: tf.Tensor) -> tuple[Tensors, Any]:
        projected, state, kernels, biases = tf.nest.pack_sequence_as(structure, tensors)
        own = course._replace(projected=projected, state=state, kernels=kernels, biases=biases)
        run = forward_loop(own, keep=True)

        def gradient(*upstream: tf.Tensor) -> Tensors:
            return _backward_loop(own, run.records, upstream)

        return [run.features, run.blur, *tf.nest.flatten(run.state)], gradient

    structure = (course.projected, course.state, course.kernels, course.biases)
    features, blur, *final_states = loop(*tf.nest.flatten(structure))
    state = tf.nest.pack_sequence_as(course.state, final_states)
    return Loop(features, blur, state, Records([], []))


def _backward_loop(course: Course, records: Records, upstream: Sequence[tf.Tensor]) -> Tensors:
    """Returns the gradients of projected inputs, first states, kernels and biases, flat."""
    begins, kernels = course.begins, course.kernels
    flat_first_states = [] if begins is None else tf.nest.flatten(course.state)
    feature_gradients, blur_gradients, *state_gradients = upstream
    layer_index = course.layer_index()
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
        step_projected = course.projected[step]
        with tf.GradientTape(watch_accessed_variables=False) as tape:
            tape.watch([step_projected, states, flat_first_states])
            starting = tf.nest.pack_sequence_as(course.state, states)
            starting = course.starting(step, starting)
            result = course.cell.step(step_projected, starting, dense)
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
        course.count - 1,
        state_gradients,
        [tf.zeros_like(state) for state in flat_first_states],
        course.records([course.projected.shape[2:]])[0],
        course.records([kernel.shape[:1] for kernel in kernels]),
        course.records([kernel.shape[1:] for kernel in kernels]),
    )
    _, state_gradients, first_gradients, projected_gradients, dense_inputs, dense_gradients = (
        tf.while_loop(
            lambda step, *_: step >= 0,
            body,
            start,
            maximum_iterations=course.projected.shape[0],
        )
    )
    if begins is not None:
        state_gradients = [a + b for a, b in zip(state_gradients, first_gradients, strict=True)]
    kernel_gradients = []
    bias_gradients = []
    for layer, inputs, gradients in zip(
        course.cell.recurrent_layers, dense_inputs, dense_gradients, strict=True
    ):
        flat_inputs, flat_gradients = inputs.concat(), gradients.concat()
        kernel_gradients.append(tf.matmul(flat_inputs, flat_gradients, transpose_a=True))
        if layer.use_bias:
            bias_gradients.append(tf.reduce_sum(flat_gradients, axis=0))
    return [projected_gradients.stack(), *state_gradients, *kernel_gradients, *bias_gradients]
