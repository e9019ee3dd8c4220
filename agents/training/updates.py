"""Compiled updates and tests: many of them in one call, so that Python costs nothing."""

import math
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from agents.recipes.learning import LearningConfig
from ntm_gym import Batch, Task
from ntm_gym.cells import unroll, unroll_packed

HELD_OUT = 2
"""Random stream of a seed that held-out tapes are drawn from; trainings have others."""


def build_optimizer(
    name: str, learning_rate: float, clip_norm: float, clip: str = "norm"
) -> keras.optimizers.Optimizer:
    """Returns a recipe's optimiser; the arguments are the settings of `TrainConfig`."""
    kind = {"norm": "global_clipnorm", "value": "clipvalue"}.get(clip)
    bound = {kind: clip_norm} if kind else {}
    if name == "rmsprop":
        return keras.optimizers.RMSprop(
            learning_rate, rho=0.95, momentum=0.9, epsilon=1e-4, centered=True, **bound
        )
    if name == "plain_rmsprop":
        return keras.optimizers.RMSprop(learning_rate, rho=0.9, **bound)
    # A shorter memory of squares than usual: after a rare large gradient, Adam's steps are too long
    # for as many updates as it remembers the small ones before.
    return keras.optimizers.Adam(learning_rate, beta_2=0.99, amsgrad=name == "amsgrad", **bound)


def recipe_optimizer(config: LearningConfig, cell: Any) -> keras.optimizers.Optimizer:
    """Returns a recipe's optimiser, built for the weights of a cell."""
    optimizer = build_optimizer(
        config.optimizer, config.learning_rate, config.clip_norm, config.clip
    )
    optimizer.build(cell.trainable_variables)
    return optimizer


def compile_updates(
    cell: Any,
    optimizer: keras.optimizers.Optimizer,
    mean: Any,
    averaging: float,
    with_gains: bool = False,
    with_blur: bool = False,
    longest_gradient: float = math.inf,
    rows: int | None = None,
) -> Callable[..., Any]:
    """Returns a compiled function that makes K updates in a row, so that Python costs nothing.

    An update whose gradient is longer than `longest_gradient`, or not finite, is left out, and is
    the last of its call: the weights are then those that its batch met. After each update, the
    weights of the cell `mean` come closer to those of `cell` by a factor of `averaging`. If `rows`
    is given, batches are packed in so many.

    It takes inputs float32[K, B, T, D], targets float32[K, B, T, W], mask float32[K, B, T], steps
    int32[K, B], what a step's blur costs, in nats, and the first update to make. It returns losses
    in bits float32[K, B], bit errors int32[K, B], gradient norms float32[K] and what was to be made
    small, loss and blur, in nats, float32[K, B]. With gains, each batch is tested again after its
    update, and the function also returns what each tape's loss fell by, in bits per step,
    float32[K, B]. All results are 0 for updates that it did not come to.
    """

    @tf.function(jit_compile=True, autograph=False)
    def update(
        inputs: tf.Tensor,
        targets: tf.Tensor,
        mask: tf.Tensor,
        steps: tf.Tensor,
        blur_cost: tf.Tensor | float = 0.0,
        first: tf.Tensor | int = 0,
    ) -> list[tf.Tensor]:
        updates, batch = steps.shape

        def body(
            k: tf.Tensor,
            _: tf.Tensor,
            losses: tf.TensorArray,
            errors: tf.TensorArray,
            norms: tf.TensorArray,
            kept_objectives: tf.TensorArray,
            *gains: tf.TensorArray,
        ) -> tuple[Any, ...]:
            group = inputs[k], targets[k], mask[k], steps[k]
            tape_losses, tape_errors, objectives, gradients = differentiate(
                cell, *group, blur_cost if with_blur else None, rows
            )
            norm = descend(cell, optimizer, mean, gradients, averaging, longest_gradient)
            if gains:
                again = unroll(cell, inputs[k], steps[k]).outputs
                fallen = tape_losses - _score(again, targets[k], mask[k])[0]
                gain = fallen / np.log(2.0) / tf.cast(steps[k], tf.float32)
                gains = (gains[0].write(k, gain),)
            return (
                k + 1,
                norm <= longest_gradient,
                losses.write(k, tape_losses / np.log(2.0)),
                errors.write(k, tape_errors),
                norms.write(k, norm),
                kept_objectives.write(k, objectives),
                *gains,
            )

        start = (
            first,
            True,
            tf.TensorArray(tf.float32, updates, element_shape=[batch]),
            tf.TensorArray(tf.int32, updates, element_shape=[batch]),
            tf.TensorArray(tf.float32, updates, element_shape=[]),
            tf.TensorArray(tf.float32, updates, element_shape=[batch]),
            *([tf.TensorArray(tf.float32, updates, element_shape=[batch])] * with_gains),
        )
        _, _, *results = tf.while_loop(
            lambda k, made, *_: tf.logical_and(k < updates, made), body, start
        )
        return [result.stack() for result in results]

    return update


def differentiate(
    cell: Any,
    inputs: tf.Tensor,
    targets: tf.Tensor,
    mask: tf.Tensor,
    steps: tf.Tensor,
    blur_cost: tf.Tensor | float | None,
    rows: int | None = None,
) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor, list[tf.Tensor]]:
    """Returns what a batch asks of a cell, as `compile_updates` takes and returns it.

    Losses in nats, float32[B], bit errors int32[B], objectives float32[B] and the gradients of
    their mean by the trainable variables. If `blur_cost` is None, blur costs nothing. If `rows` is
    given, the batch is packed in so many.
    """
    with tf.GradientTape() as tape:
        if rows:
            outputs, blur = unroll_packed(cell, inputs, steps, rows)
        else:
            unrolled = unroll(cell, inputs, steps, training=True)
            outputs, blur = unrolled.outputs, unrolled.blur
        losses, errors = _score(outputs, targets, mask)
        objectives = losses
        if blur_cost is not None:
            shown = tf.sequence_mask(steps, inputs.shape[1], tf.float32)
            objectives += blur_cost * tf.reduce_sum(blur * shown, axis=1)
        loss = tf.reduce_sum(objectives) / steps.shape[0]
    variables = [variable.value for variable in cell.trainable_variables]
    return losses, errors, objectives, tape.gradient(loss, variables)


def descend(
    cell: Any,
    optimizer: keras.optimizers.Optimizer,
    mean: Any,
    gradients: list[tf.Tensor],
    averaging: float,
    longest_gradient: float,
) -> tf.Tensor:
    """Changes a cell's weights by its gradients, unless these are too long or not finite.

    Then brings the weights of the cell `mean` closer to those of `cell`, by `averaging`. Returns
    the gradients' norm, float32[].
    """
    norm = tf.linalg.global_norm(gradients)
    tf.cond(norm <= longest_gradient, lambda: _apply(optimizer, gradients), lambda: None)
    for average, variable in zip(mean.trainable_variables, cell.trainable_variables, strict=True):
        step = (1.0 - averaging) * (variable.value - average.value)
        average.assign(average.value + step)
    return norm


def compile_test(cell: Any) -> Callable[..., Any]:
    """Returns a compiled function that tests K batches: the losses and errors of `compile_updates`.

    It takes what that takes, and changes nothing.
    """

    @tf.function(jit_compile=True, autograph=False)
    def test(
        inputs: tf.Tensor, targets: tf.Tensor, mask: tf.Tensor, steps: tf.Tensor
    ) -> list[tf.Tensor]:
        batches, batch = steps.shape

        def body(k: tf.Tensor, losses: tf.TensorArray, errors: tf.TensorArray) -> tuple[Any, ...]:
            outputs = unroll(cell, inputs[k], steps[k]).outputs
            tape_losses, tape_errors = _score(outputs, targets[k], mask[k])
            return (
                k + 1,
                losses.write(k, tape_losses / np.log(2.0)),
                errors.write(k, tape_errors),
            )

        start = (
            tf.constant(0),
            tf.TensorArray(tf.float32, batches, element_shape=[batch]),
            tf.TensorArray(tf.int32, batches, element_shape=[batch]),
        )
        _, *results = tf.while_loop(lambda k, *_: k < batches, body, start)
        return [result.stack() for result in results]

    return test


def _apply(optimizer: keras.optimizers.Optimizer, gradients: list[tf.Tensor]) -> None:
    optimizer.apply(gradients)


def _score(logits: tf.Tensor, targets: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns each tape's cross-entropy in nats, float32[B], and its wrong bits, int32[B]."""
    scored = mask[:, :, tf.newaxis]
    nats = tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=targets) * scored
    wrong = tf.cast((logits > 0) != (targets > 0.5), tf.float32) * scored
    return tf.reduce_sum(nats, axis=[1, 2]), tf.cast(tf.reduce_sum(wrong, axis=[1, 2]), tf.int32)


def spread(count: int, fraction: float) -> NDArray[np.bool_]:
    """Returns bool[count], the fraction of them True, at equal distances."""
    return np.diff(np.floor(np.arange(count + 1) * fraction)) > 0


def hardest(
    groups: list[NDArray[Any]], objectives: NDArray[np.floating], count: int
) -> list[NDArray[Any]]:
    """Returns the tapes of `in_groups` with the greatest objectives float[K, B], [count, ...]."""
    chosen = np.sort(np.argsort(-objectives, axis=None, kind="stable")[:count])
    return [group.reshape(-1, *group.shape[2:])[chosen] for group in groups]


def replace(
    groups: list[NDArray[Any]], where: NDArray[np.bool_], tapes: list[NDArray[Any]]
) -> None:
    """Puts tapes of `hardest` in the place of those at bool[K B] in `in_groups`."""
    for group, some in zip(groups, tapes, strict=True):
        group.reshape(-1, *group.shape[2:])[where] = some


def held_out_groups(task: Task, length: int, count: int, seed: int) -> list[NDArray[Any]]:
    """Returns the tapes that a training is tested on, `in_groups` of 32, from their own stream."""
    tapes = task.sample(np.random.default_rng([seed, HELD_OUT]), np.full(count, length))
    return in_groups(tapes, min(count, 32), int(task.steps(np.array([length]))[0]))


def in_groups(batch: Batch, size: int, steps: int) -> list[NDArray[Any]]:
    """Returns inputs, targets, mask and steps in K groups of B tapes, [K, B, ...], padded to T.

    Tapes of no steps fill up the last group; they count nothing.
    """
    groups = -(-len(batch) // size)

    def grouped(array: NDArray[Any], dtype: type, *shape: int) -> NDArray[Any]:
        padded: NDArray[Any] = np.zeros((groups * size, *shape), dtype)
        padded[tuple(slice(n) for n in array.shape)] = array
        return padded.reshape(groups, size, *shape)

    return [
        grouped(batch.inputs, np.float32, steps, batch.inputs.shape[2]),
        grouped(batch.targets, np.float32, steps, batch.targets.shape[2]),
        grouped(batch.mask, np.float32, steps),
        grouped(batch.steps, np.int32),
    ]
