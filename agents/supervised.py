"""Supervised training by teacher forcing: the loop, read from top to bottom.

Loss: the cross-entropy of the answers, summed over the scored bits of a batch and divided by the
batch's size. Update: Adam, with the gradient's norm bounded. What is tested and saved is a running
mean of the weights (Polyak & Juditsky 1992): single updates shake a solution that is already exact.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from agents.config import TrainConfig
from agents.recurrent import build_network
from agents.runs import Run
from ntm_gym import Batch
from ntm_gym.cells import NTMCell, unroll
from ntm_gym.curriculum import Lessons, PredictionGain, make_curriculum

TRAINING, HELD_OUT = 1, 2
"""Streams of random numbers: tapes of one are never those of another, whatever the seed."""


class Report(NamedTuple):
    """What is known after some training; a row of `metrics.csv`.

    Attributes:
        sequences: training sequences so far.
        seconds: time since training began, compilation included.
        updates_per_second: of the stretch since the last report, held-out tests not counted.
        sequences_per_second: likewise.
        loss_bits: training cost in bits per sequence, mean since the last report.
        bit_errors: wrong bits per training sequence, mean since the last report.
        held_out_bit_errors: wrong bits per held-out sequence of the longest training length.
        held_out_loss_bits: cost of these in bits per sequence.
        gradient_norm: mean norm of the gradients before clipping, since the last report.
        lesson: the number of the curriculum's present lesson, from 0.
        mean_length: of the training sequences since the last report.
    """

    sequences: int
    seconds: float
    updates_per_second: float
    sequences_per_second: float
    loss_bits: float
    bit_errors: float
    held_out_bit_errors: float
    held_out_loss_bits: float
    gradient_norm: float
    lesson: int
    mean_length: float


class Outcome(NamedTuple):
    """How training ended.

    Attributes:
        network: the trained network.
        reports: all reports, the last one last.
        solved: the first of the reports in a row that solved the task, or None.
    """

    network: keras.Model
    reports: list[Report]
    solved: Report | None


def train(
    config: TrainConfig, run: Run, on_report: Callable[[Report], None] = lambda _: None
) -> Outcome:
    """Trains a Neural Turing Machine until it solves its task or the budget ends.

    Args:
        config: the recipe.
        run: the folder that reports and the network are written to.
        on_report: called after each report.

    Returns:
        How it ended. The network is that of the last update: none is picked by its scores.
    """
    began = time.perf_counter()
    keras.utils.set_random_seed(config.seed)
    rng = np.random.default_rng([config.seed, TRAINING])
    curriculum = make_curriculum(
        config.curriculum, config.min_length, config.max_length, config.task
    )
    cell = NTMCell(config.task.target_width, **dataclasses.asdict(config.cell))
    network = build_network(cell, config.task.input_width)
    # The network holds the mean of the weights, a cell of its own the weights themselves.
    trained = NTMCell.from_config(cell.get_config())
    trained.build((None, config.task.input_width))
    trained.set_weights(cell.get_weights())
    optimizer = build_optimizer(config)
    optimizer.build(trained.trainable_variables)
    longest = int(config.task.steps(np.array([config.max_length]))[0])
    wants_gains = isinstance(curriculum, PredictionGain)
    update = compile_updates(trained, optimizer, cell, config.averaging, wants_gains)
    test = compile_test(cell)
    held_out = in_groups(
        config.task.sample(
            np.random.default_rng([config.seed, HELD_OUT]),
            np.full(config.solved_sequences, config.max_length),
        ),
        min(config.solved_sequences, 32),
        longest,
    )

    updates = config.report_sequences // config.batch_size
    # A curriculum that follows errors hears of them ten times between two reports.
    calls = min(10, updates) if isinstance(curriculum, Lessons) else 1
    updates //= calls
    sequences, reports, in_a_row = 0, [], 0
    while sequences < config.max_sequences and in_a_row < config.solved_reports:
        stretch, update_seconds = [], 0.0
        for _ in range(calls):
            lengths = curriculum.sample(rng, updates * config.batch_size)
            batch = config.task.sample(rng, lengths)
            update_began = time.perf_counter()
            results = update(*in_groups(batch, config.batch_size, longest))
            losses, errors, norms, *gains = (result.numpy() for result in results)
            update_seconds += time.perf_counter() - update_began
            for heard in zip(lengths.reshape(errors.shape), errors, *gains, strict=True):
                curriculum.record(*heard)
            stretch.append((losses.mean(), errors.mean(), norms.mean(), lengths.mean()))
            sequences += len(lengths)
        loss, wrong, norm, mean_length = np.mean(stretch, axis=0, dtype=float).tolist()

        held_out_losses, held_out_errors = (result.numpy() for result in test(*held_out))
        report = Report(
            sequences=sequences,
            seconds=round(time.perf_counter() - began, 3),
            updates_per_second=round(calls * updates / update_seconds, 1),
            sequences_per_second=round(calls * len(lengths) / update_seconds, 1),
            loss_bits=loss,
            bit_errors=wrong,
            held_out_bit_errors=float(held_out_errors.sum() / config.solved_sequences),
            held_out_loss_bits=float(held_out_losses.sum() / config.solved_sequences),
            gradient_norm=norm,
            lesson=curriculum.lesson,
            mean_length=mean_length,
        )
        run.append_metrics(report._asdict())
        run.write_json("curriculum.json", curriculum.get_state())
        reports.append(report)
        in_a_row = in_a_row + 1 if report.held_out_bit_errors == 0 else 0
        on_report(report)
    run.save_network(network)
    solved = reports[-in_a_row] if in_a_row >= config.solved_reports else None
    return Outcome(network, reports, solved)


def build_optimizer(config: TrainConfig) -> keras.optimizers.Optimizer:
    """Returns the recipe's optimiser."""
    return keras.optimizers.Adam(config.learning_rate, global_clipnorm=config.clip_norm)


def compile_updates(
    cell: Any,
    optimizer: keras.optimizers.Optimizer,
    mean: Any,
    averaging: float,
    with_gains: bool = False,
) -> Callable[..., Any]:
    """Returns a compiled function that makes K updates in a row, so that Python costs nothing.

    After each update, the weights of the cell `mean` come closer to those of `cell` by a factor of
    `averaging`.

    It takes inputs float32[K, B, T, D], targets float32[K, B, T, W], mask float32[K, B, T] and
    steps int32[K, B], and returns losses in bits float32[K, B], bit errors int32[K, B] and gradient
    norms float32[K]. With gains, each batch is tested again after its update, and the function also
    returns what each tape's loss fell by, in bits per step, float32[K, B].
    """

    @tf.function(jit_compile=True)
    def update(
        inputs: tf.Tensor, targets: tf.Tensor, mask: tf.Tensor, steps: tf.Tensor
    ) -> list[tf.Tensor]:
        updates, batch = steps.shape

        def body(
            k: tf.Tensor,
            losses: tf.TensorArray,
            errors: tf.TensorArray,
            norms: tf.TensorArray,
            *gains: tf.TensorArray,
        ) -> tuple[Any, ...]:
            with tf.GradientTape() as tape:
                outputs = unroll(cell, inputs[k], steps[k], training=True).outputs
                tape_losses, tape_errors = _score(outputs, targets[k], mask[k])
                loss = tf.reduce_sum(tape_losses) / batch
            variables = [variable.value for variable in cell.trainable_variables]
            gradients = tape.gradient(loss, variables)
            optimizer.apply(gradients)
            for average, variable in zip(
                mean.trainable_variables, cell.trainable_variables, strict=True
            ):
                step = (1.0 - averaging) * (variable.value - average.value)
                average.assign(average.value + step)
            if gains:
                again = unroll(cell, inputs[k], steps[k]).outputs
                fallen = tape_losses - _score(again, targets[k], mask[k])[0]
                gain = fallen / np.log(2.0) / tf.cast(steps[k], tf.float32)
                gains = (gains[0].write(k, gain),)
            return (
                k + 1,
                losses.write(k, tape_losses / np.log(2.0)),
                errors.write(k, tape_errors),
                norms.write(k, tf.linalg.global_norm(gradients)),
                *gains,
            )

        start = (
            tf.constant(0),
            tf.TensorArray(tf.float32, updates, element_shape=[batch]),
            tf.TensorArray(tf.int32, updates, element_shape=[batch]),
            tf.TensorArray(tf.float32, updates, element_shape=[]),
            *([tf.TensorArray(tf.float32, updates, element_shape=[batch])] * with_gains),
        )
        _, *results = tf.while_loop(lambda k, *_: k < updates, body, start)
        return [result.stack() for result in results]

    return update


def compile_test(cell: Any) -> Callable[..., Any]:
    """Returns a compiled function that tests K batches: the losses and errors of `compile_updates`.

    It takes what that takes, and changes nothing.
    """

    @tf.function(jit_compile=True)
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


def _score(logits: tf.Tensor, targets: tf.Tensor, mask: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
    """Returns each tape's cross-entropy in nats, float32[B], and its wrong bits, int32[B]."""
    scored = mask[:, :, tf.newaxis]
    nats = tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=targets) * scored
    wrong = tf.cast((logits > 0) != (targets > 0.5), tf.float32) * scored
    return tf.reduce_sum(nats, axis=[1, 2]), tf.cast(tf.reduce_sum(wrong, axis=[1, 2]), tf.int32)


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
