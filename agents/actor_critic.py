"""Learning by reward: a recurrent actor-critic, read from top to bottom.

A cell's outputs are a policy and, if each episode is played once, a value. An update plays whole
episodes from a reset to their end and takes the gradient through all their steps. The agent learns
from observations and the scalar reward, never from the right answers; those serve only to test it
on held-out tapes. As in supervised training, the step size falls to 0 once the task is nearly
solved, and here the entropy bonus with it; `agents/training.py` has what is shared.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from agents.actions import Actions
from agents.experience import Experience, Player, advantages
from agents.recurrent import build_network, cell_of
from agents.reports import RewardReport
from agents.reward_config import RewardConfig
from agents.runs import Run
from agents.training import Outcome, Training, train_to_the_end
from agents.updates import descend
from ntm_gym.cells import CELLS, unroll

TRAINING = 4
"""Random stream of a seed for tapes and actions; held-out tapes are supervised training's."""


def train(
    config: RewardConfig,
    run: Run,
    on_report: Callable[[RewardReport], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Trains the recipe's cell until its step size has fallen to 0 or the budget ends.

    If the run has checkpoints, training goes on from the newest that is whole. On the same
    machine, the weights are then those of a training that was never stopped, if episodes of the
    environment follow from the seeds of its resets.

    Args:
        config: the recipe.
        run: the folder that reports, checkpoints and the network are written to.
        on_report: called after each report.
        should_stop: asked after each report.

    Returns:
        How it ended. The network's outputs are the policy's alone.

    Raises:
        ValueError: the environment's observations or actions are of a kind that is not supported.
        TrainingStoppedError: training was asked to stop; all until then is in a checkpoint.
        RunError: the run's checkpoints are of another network, or all updates between two reports
            were left out.
    """
    return train_to_the_end(_Training(config), run, on_report, should_stop)


class _Training(Training):
    report = RewardReport

    def __init__(self, config: RewardConfig) -> None:
        super().__init__(config, TRAINING)
        self._player = Player(config)
        cell, self._mean = (_make_cell(config, self._player) for _ in range(2))
        self._mean.set_weights(cell.get_weights())
        policy = _policy_of(self._mean, self._player.actions.size)
        self.learn_with(cell, self._mean, build_network(policy, self._player.input_width))
        self._step = tf.function(cell.call, jit_compile=True)
        self._answer = tf.function(lambda *shown: unroll(cell, *shown).outputs, jit_compile=True)
        self._start = cell.get_initial_state(config.episodes)
        self._update = compile_update(
            cell, self.optimizer, self._mean, self._player.actions, config
        )

    def refresh(self) -> None:
        weights = _policy_weights(self._mean, self._player.actions.size)
        cell_of(self.network).set_weights(weights)

    def close(self) -> None:
        self._player.envs.close()

    def advance(self) -> RewardReport:
        config, began = self.config, time.perf_counter()
        self.optimizer.learning_rate = config.learning_rate * self.left
        earlier = self.sequences // config.episodes
        updates = min(config.report_updates, config.max_updates - earlier)
        played, learned = [], []
        steps = int(self.rows[-1]["steps"]) if self.rows else 0
        for _ in range(updates):
            experience, length = self._play()
            errors = experience.infos.get("bit_errors", np.array(np.nan)).mean()
            played.append((experience.rewards.sum(axis=2).mean(), errors, length))
            learned += self._learn_from(experience)
            steps += experience.env_steps
        seconds = time.perf_counter() - began
        norms, entropies = np.array(learned).T
        used = self.usable(norms)
        mean_return, errors, length = np.mean(played, axis=0, dtype=float).tolist()
        held_out_loss, held_out_errors = self.test()
        report = RewardReport(
            sequences=(earlier + updates) * config.episodes,
            steps=steps,
            seconds=round(time.perf_counter() - self.began, 3),
            sequences_per_second=round(updates * config.episodes / seconds, 1),
            mean_return=mean_return,
            bit_errors=errors,
            held_out_bit_errors=held_out_errors,
            held_out_loss_bits=held_out_loss,
            entropy=float(entropies[used].mean()),
            gradient_norm=float(norms[used].mean()),
            updates_left_out=int(np.sum(~used)),
            lesson=0 if self.curriculum is None else self.curriculum.lesson,
            mean_length=length,
        )
        self.note(report)
        return report

    def _play(self) -> tuple[Experience, float]:
        """Plays an update's episodes, and returns their mean length too."""
        if self.curriculum is None:
            experience = self._player.play(self._step, self._start, self.rng)
            return experience, float(experience.steps.mean())
        lengths = self.curriculum.sample(self.rng, self.config.episodes)
        tapes = self.config.task.sample(self.rng, lengths)
        experience = self._player.play_tapes(self._answer, tapes, self.rng)
        self.curriculum.record(lengths, experience.infos["bit_errors"].mean(axis=1))
        return experience, float(lengths.mean())

    def _learn_from(self, played: Experience) -> list[tuple[float, float]]:
        """Makes an update for each part of each pass; returns gradient norms and entropies."""
        config = self.config
        found, returns = advantages(played, config)
        taken = played.actions, played.log_probabilities
        arrays = (played.observations, *taken, found, returns, played.steps)
        costs = np.float32(config.entropy_bonus * self.left), self.blur_cost
        results = [
            self._update(*(array[part] for array in arrays), *costs)
            for part in _batches(config, self.rng)
        ]
        return [(float(norm), float(entropy)) for norm, entropy in results]


def compile_update(
    cell: Any,
    optimizer: keras.optimizers.Optimizer,
    mean: Any,
    actions: Actions,
    config: RewardConfig,
) -> Callable[..., Any]:
    """Returns a compiled function that makes one update of a cell and of its mean.

    It takes observations float32[G, T, D], actions float32[G, K, T, A], the log-probabilities that
    they had, advantages float32[G, K, T] each, returns float32[G, T], steps int32[G], the entropy
    bonus and what a step's blur costs. It returns the gradient's norm and the policy's entropy per
    step.
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
        blur_cost: tf.Tensor,
    ) -> tuple[tf.Tensor, tf.Tensor]:
        episodes, longest = observations.shape[:2]
        playing = tf.sequence_mask(steps, longest, tf.float32)
        with tf.GradientTape() as tape:
            unrolled = unroll(cell, observations, steps, training=True)
            outputs = unrolled.outputs
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
            loss += blur_cost * tf.reduce_sum(unrolled.blur * playing)
            if outputs.shape[-1] > actions.size:
                errors = (outputs[..., -1] - returns) * playing
                loss += config.value_weight * tf.reduce_sum(errors**2)
            loss /= episodes
        gradients = tape.gradient(loss, [variable.value for variable in cell.trainable_variables])
        norm = descend(cell, optimizer, mean, gradients, config.averaging, config.longest_gradient)
        return norm, entropy / tf.reduce_sum(playing)

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
