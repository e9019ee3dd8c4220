"""Compiled updates and tests: many of them in one call, so that Python costs nothing."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from agents.recipes.learning import LearningConfig
from agents.recipes.supervised import TrainConfig
from agents.training.tapes import Tapes
from ntm_gym.cells import unroll, unroll_packed

AVERAGING = 0.99
"""Decay of the running mean of the weights over updates, which is tested and saved."""


class Scores(NamedTuple):
    """How tapes were answered: losses float32[..., B] and wrong bits int32[..., B]."""

    losses: tf.Tensor
    errors: tf.Tensor


class Updates(NamedTuple):
    """What K updates of B tapes report, tensors or arrays; 0 of those that were not come to.

    Attributes:
        losses: cross-entropies in bits, float32[K, B].
        errors: wrong bits, int32[K, B].
        norms: gradients' norms, float32[K].
        objectives: what was to be made small, loss and blur, in nats, float32[K, B].
        gains: what each tape's loss fell by, in bits per step, float32[K, B]; None without gains.
    """

    losses: Any
    errors: Any
    norms: Any
    objectives: Any
    gains: Any = None

    def map(self, function: Callable[[Any], Any]) -> "Updates":
        """Returns what a function makes of each field that is there."""
        return Updates(*(function(field) for field in self if field is not None))

    def fill(self, new: "Updates", where: slice) -> None:
        """Puts the arrays of others in the place of these at some of the updates."""
        for mine, theirs in zip(self, new, strict=True):
            if mine is not None:
                mine[where] = theirs[where]


class Differentiated(NamedTuple):
    """What a batch asks of a cell.

    Attributes:
        losses: cross-entropies in nats, float32[B].
        errors: wrong bits, int32[B].
        objectives: loss and blur, in nats, float32[B].
        gradients: of the objectives' mean, by the trainable variables.
    """

    losses: tf.Tensor
    errors: tf.Tensor
    objectives: tf.Tensor
    gradients: list[tf.Tensor]


def build_optimizer(config: LearningConfig, cell: Any) -> keras.optimizers.Optimizer:
    """Returns a recipe's optimiser, built for the weights of a cell."""
    rate, bound = config.learning_rate, {"global_clipnorm": config.clip_norm}
    if config.optimizer == "rmsprop":
        optimizer = keras.optimizers.RMSprop(
            rate, rho=0.95, momentum=0.9, epsilon=1e-4, centered=True, **bound
        )
    else:
        # A shorter memory of squares than usual: after a rare large gradient, Adam's steps are too
        # long for as many updates as it remembers the small ones before.
        amsgrad = config.optimizer == "amsgrad"
        optimizer = keras.optimizers.Adam(rate, beta_2=0.99, amsgrad=amsgrad, **bound)
    optimizer.build(cell.trainable_variables)
    return optimizer


def compile_updates(
    cell: Any,
    mean: Any,
    optimizer: keras.optimizers.Optimizer,
    config: TrainConfig,
    with_gains: bool = False,
) -> Callable[..., Updates]:
    """Returns a compiled function that makes K updates in a row.

    An update whose gradient is longer than `longest_gradient`, or not finite, is left out, and is
    the last of its call: the weights are then those that its batch met. After each update, the
    weights of the cell `mean` come closer to those of `cell`.

    It takes tapes, what a step's blur costs, in nats, and the number of the first update to make.
    With gains, each batch is tested again after its update.
    """

    @tf.function(jit_compile=True, autograph=False)
    def update(
        tapes: Tapes, blur_cost: tf.Tensor | float = 0.0, first: tf.Tensor | int = 0
    ) -> Updates:
        updates, batch = tapes.steps.shape

        def record(dtype: tf.DType, *shape: int) -> tf.TensorArray:
            return tf.TensorArray(dtype, updates, element_shape=shape)

        def body(k: tf.Tensor, _: tf.Tensor, records: list[tf.TensorArray]) -> tuple[Any, ...]:
            group = tapes.group(k)
            found = differentiate(cell, group, blur_cost if config.blur_cost else None, config.rows)
            longest = config.longest_gradient
            norm = descend(cell, mean, optimizer, found.gradients, longest=longest)
            reported = [found.losses / np.log(2.0), found.errors, norm, found.objectives]
            if with_gains:
                again = unroll(cell, group.inputs, group.steps).outputs
                fallen = found.losses - score(again, group).losses
                reported.append(fallen / np.log(2.0) / tf.cast(group.steps, tf.float32))
            records = [a.write(k, value) for a, value in zip(records, reported, strict=True)]
            return k + 1, norm <= longest, records

        records = [
            record(tf.float32, batch),
            record(tf.int32, batch),
            record(tf.float32),
            record(tf.float32, batch),
            *[record(tf.float32, batch) for _ in range(with_gains)],
        ]
        _, _, records = tf.while_loop(
            lambda k, made, _: tf.logical_and(k < updates, made), body, (first, True, records)
        )
        return Updates(*(each.stack() for each in records))

    return update


def differentiate(
    cell: Any, tapes: Tapes, blur_cost: tf.Tensor | float | None, rows: int | None = None
) -> Differentiated:
    """Returns what a batch asks of a cell.

    Args:
        cell: the cell.
        tapes: one group of them.
        blur_cost: what a step's blur costs, in nats; None if it costs nothing.
        rows: how many rows the batch is packed in; None if it is not packed.
    """
    with tf.GradientTape() as tape:
        if rows:
            outputs, blur = unroll_packed(cell, tapes.inputs, tapes.steps, rows)
        else:
            unrolled = unroll(cell, tapes.inputs, tapes.steps, training=True)
            outputs, blur = unrolled.outputs, unrolled.blur
        losses, errors = score(outputs, tapes)
        objectives = losses
        if blur_cost is not None:
            shown = tf.sequence_mask(tapes.steps, tapes.inputs.shape[1], tf.float32)
            objectives += blur_cost * tf.reduce_sum(blur * shown, axis=1)
        loss = tf.reduce_sum(objectives) / tapes.steps.shape[0]
    variables = [variable.value for variable in cell.trainable_variables]
    return Differentiated(losses, errors, objectives, tape.gradient(loss, variables))


def descend(
    cell: Any,
    mean: Any,
    optimizer: keras.optimizers.Optimizer,
    gradients: list[tf.Tensor],
    *,
    longest: float,
) -> tf.Tensor:
    """Changes a cell's weights by its gradients, unless their norm is not up to `longest`.

    Then brings the weights of the cell `mean` closer to those of `cell`. Returns the norm,
    float32[].
    """
    norm = tf.linalg.global_norm(gradients)
    tf.cond(norm <= longest, lambda: _apply(optimizer, gradients), lambda: None)
    for average, variable in zip(mean.trainable_variables, cell.trainable_variables, strict=True):
        average.assign(average.value + (1.0 - AVERAGING) * (variable.value - average.value))
    return norm


def _apply(optimizer: keras.optimizers.Optimizer, gradients: list[tf.Tensor]) -> None:
    optimizer.apply(gradients)


def compile_test(cell: Any) -> Callable[[Tapes], Scores]:
    """Returns a compiled function that scores tapes, [K, B], losses in bits; it changes nothing."""

    @tf.function(jit_compile=True, autograph=False)
    def test(tapes: Tapes) -> Scores:
        groups, batch = tapes.steps.shape

        def body(k: tf.Tensor, losses: tf.TensorArray, errors: tf.TensorArray) -> tuple[Any, ...]:
            group = tapes.group(k)
            scores = score(unroll(cell, group.inputs, group.steps).outputs, group)
            return (
                k + 1,
                losses.write(k, scores.losses / np.log(2.0)),
                errors.write(k, scores.errors),
            )

        start = (
            tf.constant(0),
            tf.TensorArray(tf.float32, groups, element_shape=[batch]),
            tf.TensorArray(tf.int32, groups, element_shape=[batch]),
        )
        _, losses, errors = tf.while_loop(lambda k, *_: k < groups, body, start)
        return Scores(losses.stack(), errors.stack())

    return test


def score(logits: tf.Tensor, tapes: Tapes) -> Scores:
    """Scores the answers float32[B, T, W] to one group of tapes, losses in nats."""
    scored = tapes.mask[:, :, tf.newaxis]
    targets = tapes.targets
    nats = tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=targets) * scored
    wrong = tf.cast((logits > 0) != (targets > 0.5), tf.float32) * scored
    return Scores(
        tf.reduce_sum(nats, axis=[1, 2]), tf.cast(tf.reduce_sum(wrong, axis=[1, 2]), tf.int32)
    )
