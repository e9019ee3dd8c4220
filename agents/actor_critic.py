"""Learning by reward: a recurrent actor-critic, read from top to bottom.

A cell's outputs are a policy and, if each episode is played once, a value. An update plays whole
episodes from a reset to their end and takes the gradient through all their steps. The agent learns
from observations and the scalar reward, never from the right answers; those serve only to test it
on held-out tapes. What is tested and saved is a running mean of the weights. As in supervised
training, the step size falls to 0 once the task is nearly solved, and the entropy bonus with it.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any, NamedTuple, cast

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from agents.actions import Actions
from agents.experience import Player, advantages
from agents.network import build_network
from agents.reports import first_solved
from agents.reward_config import RewardConfig
from agents.runs import Run
from agents.updates import build_optimizer, compile_test, follow, held_out_groups
from ntm_gym.cells import CELLS, unroll
from ntm_gym.curriculum import make_curriculum

TRAINING = 4
"""Random stream of a seed for tapes and actions; held-out tapes are supervised training's."""


class RewardReport(NamedTuple):
    """What is known after some training; a row of `metrics.csv`.

    Attributes:
        sequences: different episodes so far, each played `rollouts` times.
        steps: environment steps so far, of all rows, those of rows that wait for others included.
        seconds: time since training began, compilation included.
        sequences_per_second: since the last report, held-out tests not counted.
        mean_return: per episode as played, mean since the last report.
        bit_errors: wrong bits per episode as played, likewise; NaN if it is no task's.
        held_out_bit_errors: wrong bits per held-out sequence of the longest training length, of the
            most probable answers; likewise.
        held_out_loss_bits: cost of these in bits per sequence; likewise.
        entropy: nats per step of the policy, mean since the last report.
        gradient_norm: mean norm of the gradients before clipping, since the last report.
        lesson: the number of the curriculum's present lesson, from 0.
        mean_length: of the episodes since the last report, in the task's measure or in steps.
    """

    sequences: int
    steps: int
    seconds: float
    sequences_per_second: float
    mean_return: float
    bit_errors: float
    held_out_bit_errors: float
    held_out_loss_bits: float
    entropy: float
    gradient_norm: float
    lesson: int
    mean_length: float


class RewardOutcome(NamedTuple):
    """How training ended.

    Attributes:
        network: the trained network; its outputs are the policy's alone.
        reports: all reports, the last one last.
        solved: the first report of the first row of them that solved the task, or None.
    """

    network: keras.Model
    reports: list[RewardReport]
    solved: RewardReport | None


def train(
    config: RewardConfig, run: Run, on_report: Callable[[RewardReport], None] = lambda _: None
) -> RewardOutcome:
    """Trains the recipe's cell until its step size has fallen to 0 or the budget ends.

    Args:
        config: the recipe.
        run: the folder that reports and the network are written to.
        on_report: called after each report.

    Raises:
        ValueError: the environment's observations or actions are of a kind that is not supported.
    """
    began = time.perf_counter()
    keras.utils.set_random_seed(config.seed)
    rng = np.random.default_rng([config.seed, TRAINING])
    player = Player(config)
    cell, mean = (_make_cell(config, player) for _ in range(2))
    mean.set_weights(cell.get_weights())
    policy = _policy_of(mean, player.actions.size)
    optimizer = build_optimizer(config.optimizer, config.learning_rate, config.clip_norm)
    optimizer.build(cell.trainable_variables)
    step = tf.function(cell.call, jit_compile=True)
    answer = tf.function(lambda *shown: unroll(cell, *shown).outputs, jit_compile=True)
    start = cell.get_initial_state(config.episodes)
    update = compile_update(cell, optimizer, mean, player.actions, config)
    curriculum = test = None
    held_out: list[NDArray[Any]] = []
    if config.task is not None:
        span = cast(int, config.min_length), cast(int, config.max_length)
        curriculum = make_curriculum(config.curriculum, *span, config.task)
        test = compile_test(policy)
        held_out = held_out_groups(config.task, span[1], config.solved_sequences, config.seed)

    reports: list[RewardReport] = []
    sequences = steps = falls = updates = 0
    while updates < config.max_updates and falls < config.anneal_reports:
        left = 1 - falls / config.anneal_reports
        optimizer.learning_rate = config.learning_rate * left
        stretch, stretch_began = [], time.perf_counter()
        for _ in range(min(config.report_updates, config.max_updates - updates)):
            if curriculum is None:
                played = player.play(step, start, rng)
                mean_length = played.steps.mean()
            else:
                lengths = curriculum.sample(rng, config.episodes)
                tapes = config.task.sample(rng, lengths)
                played = player.play_tapes(answer, tapes, rng)
                curriculum.record(lengths, played.infos["bit_errors"].mean(axis=1))
                mean_length = lengths.mean()
            found, returns = advantages(played, config)
            for batch in _batches(config, rng):
                arrays = played.observations, played.actions, played.log_probabilities
                parts = [array[batch] for array in (*arrays, found, returns, played.steps)]
                norm, entropy = update(*parts, np.float32(config.entropy_bonus * left))
            errors = played.infos.get("bit_errors", np.array(np.nan)).mean()
            mean_return = played.rewards.sum(axis=2).mean()
            stretch.append((mean_return, errors, float(entropy), float(norm), mean_length))
            sequences += config.episodes
            steps += played.env_steps
            updates += 1
        seconds = time.perf_counter() - stretch_began
        mean_return, errors, entropy, norm, length = np.mean(stretch, axis=0, dtype=float).tolist()
        held_out_loss = held_out_errors = float("nan")
        if test is not None:
            policy.set_weights(_policy_weights(mean, player.actions.size))
            totals = [result.numpy().sum() / config.solved_sequences for result in test(*held_out)]
            held_out_loss, held_out_errors = map(float, totals)
        report = RewardReport(
            sequences=sequences,
            steps=steps,
            seconds=round(time.perf_counter() - began, 3),
            sequences_per_second=round(len(stretch) * config.episodes / seconds, 1),
            mean_return=mean_return,
            bit_errors=errors,
            held_out_bit_errors=held_out_errors,
            held_out_loss_bits=held_out_loss,
            entropy=entropy,
            gradient_norm=norm,
            lesson=0 if curriculum is None else curriculum.lesson,
            mean_length=length,
        )
        run.append_metrics(report._asdict())
        if curriculum is not None:
            run.write_json("curriculum.json", curriculum.get_state())
        reports.append(report)
        falls += report.held_out_bit_errors < config.anneal_below
        on_report(report)
    player.envs.close()
    network = build_network(_policy_of(mean, player.actions.size), player.input_width)
    network.get_layer("recurrent").cell.set_weights(_policy_weights(mean, player.actions.size))
    run.save_network(network)
    solved = first_solved([report._asdict() for report in reports], config.solved_reports)
    return RewardOutcome(network, reports, RewardReport(**solved) if solved else None)


def compile_update(
    cell: Any,
    optimizer: keras.optimizers.Optimizer,
    mean: Any,
    actions: Actions,
    config: RewardConfig,
) -> Callable[..., Any]:
    """Returns a compiled function that makes one update of a cell and of its mean.

    It takes observations float32[G, T, D], actions float32[G, K, T, A], the log-probabilities that
    they had, advantages float32[G, K, T] each, returns float32[G, T], steps int32[G] and the
    entropy bonus. It returns the gradient's norm and the policy's entropy per step.
    """

    @tf.function(jit_compile=True)
    def update(
        observations: tf.Tensor,
        taken: tf.Tensor,
        log_probabilities: tf.Tensor,
        found: tf.Tensor,
        returns: tf.Tensor,
        steps: tf.Tensor,
        entropy_bonus: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        episodes, longest = observations.shape[:2]
        playing = tf.sequence_mask(steps, longest, tf.float32)
        with tf.GradientTape() as tape:
            outputs = unroll(cell, observations, steps, training=True).outputs
            policy = outputs[..., : actions.size]
            now = actions.log_probability(policy[:, tf.newaxis], taken)
            ratio = tf.exp((now - log_probabilities) * playing[:, tf.newaxis])
            gain = ratio * found
            if config.ppo_clip:
                bounded = tf.clip_by_value(ratio, 1 - config.ppo_clip, 1 + config.ppo_clip)
                gain = tf.minimum(gain, bounded * found)
            entropy = tf.reduce_sum(actions.entropy(policy) * playing)
            # Advantages are 0 beyond an episode's end.
            loss = -config.policy_weight * tf.reduce_sum(tf.reduce_mean(gain, axis=1))
            loss -= entropy_bonus * entropy
            if outputs.shape[-1] > actions.size:
                errors = (outputs[..., -1] - returns) * playing
                loss += config.value_weight * tf.reduce_sum(errors**2)
            loss /= episodes
        gradients = tape.gradient(loss, [variable.value for variable in cell.trainable_variables])
        optimizer.apply(gradients)
        follow(mean, cell, config.averaging)
        return tf.linalg.global_norm(gradients), entropy / tf.reduce_sum(playing)

    return update


def _batches(config: RewardConfig, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """The episodes of each part of each pass; in order, if there is one part."""
    passes = []
    for _ in range(config.epochs):
        order = np.arange(config.episodes)
        if config.minibatches > 1:
            order = rng.permutation(order)
        passes += np.split(order, config.minibatches)
    return passes


def _make_cell(config: RewardConfig, player: Player) -> Any:
    cell = CELLS[config.cell.name](player.outputs, **dataclasses.asdict(config.cell))
    cell.build((None, player.input_width))
    return cell


def _policy_of(cell: Any, size: int) -> Any:
    """Returns a cell that has only the policy's outputs of another, and its weights."""
    policy = type(cell).from_config({**cell.get_config(), "output_dim": size})
    policy.build((None, cell.input_layer.kernel.shape[0]))
    policy.set_weights(_policy_weights(cell, size))
    return policy


def _policy_weights(cell: Any, size: int) -> list[NDArray[np.floating]]:
    """Returns a cell's weights, without the output layer's share in the value."""
    output = {id(variable) for variable in cell.output_layer.variables}
    return [
        np.asarray(variable)[..., :size] if id(variable) in output else np.asarray(variable)
        for variable in cell.weights
    ]
