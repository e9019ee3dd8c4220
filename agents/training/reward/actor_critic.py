"""Learning by reward: a recurrent actor-critic, read from top to bottom.

A cell's outputs are a policy and, if each episode is played once, a value. An update plays whole
episodes from a reset to their end and takes the gradient through all their steps. The agent learns
from observations and the scalar reward, never from the right answers, which serve to test it on
held-out tapes, and to begin with if `imitation` is asked for. As in supervised training, the step
size falls to 0 once the task is nearly solved, and here an entropy bonus twice as fast;
`agents/training/base.py` has what is shared.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from agents.recipes.reward import RewardConfig
from agents.storage.networks import build_network, cell_of
from agents.storage.runs import Run
from agents.training.base import Training
from agents.training.loop import Outcome, train_to_the_end
from agents.training.reports import RewardReport
from agents.training.reward.advantages import lesson
from agents.training.reward.experience import Experience, Player
from agents.training.reward.policy_gradient import compile_update
from agents.training.updates import (
    compile_updates,
    hardest,
    in_groups,
    recipe_optimizer,
    replace,
    spread,
)
from ntm_gym import Batch
from ntm_gym.cells import CELLS, unroll

TRAINING = 4
"""Random stream of a seed for tapes and actions; held-out tapes are supervised training's."""

IMITATION = 5
"""Random stream of a seed for the tapes whose right answers are imitated first."""


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
        cell = make_cell(config, self._player)
        self._mean = cell.changed()
        policy = _policy_of(self._mean, self._player.actions.size)
        self.learn_with(cell, self._mean, build_network(policy, self._player.input_width))
        self._step = tf.function(cell.call, jit_compile=True, autograph=False)
        self._answer = tf.function(
            lambda *shown: unroll(cell, *shown).outputs, jit_compile=True, autograph=False
        )
        self._start = cell.get_initial_state(config.episodes)
        self._update = compile_update(
            cell, self.optimizer, self._mean, self._player.actions, config
        )

    def _imitate(self) -> None:
        """Makes `imitation` updates by the right answers, as supervised training does."""
        config, cell = self.config, self._cell
        rng = np.random.default_rng([config.seed, IMITATION])
        count = config.imitation * config.episodes
        lengths = rng.integers(config.min_length, config.max_length, count, endpoint=True)
        update = compile_updates(cell, recipe_optimizer(config, cell), cell, config.averaging)
        update(*in_groups(config.task.sample(rng, lengths), config.episodes, config.longest))
        self._mean.set_weights(cell.get_weights())

    def refresh(self) -> None:
        weights = _policy_weights(self._mean, self._player.actions.size)
        cell_of(self.network).set_weights(weights)

    def close(self) -> None:
        self._player.envs.close()

    def learn(self) -> RewardReport:
        if self.config.imitation and self.is_beginning:
            self._imitate()
        config, began = self.config, time.perf_counter()
        earlier = self.sequences // config.episodes
        updates = min(config.report_updates, config.max_updates - earlier)
        again = spread(updates * config.episodes, config.replay).reshape(updates, -1)
        played, shown, learned = [], [], []
        steps = int(self.rows[-1]["steps"]) if self.rows else 0
        for k in range(updates):
            experience, tapes = self._play(self._hard_ones(again, k))
            shown.append(tapes)
            played.append(_told_of(experience, config))
            learned += self._learn_from(experience)
            steps += experience.env_steps
        seconds = time.perf_counter() - began
        norms, entropies = np.array(learned).T
        used = self.guard.used(norms)
        told = np.stack(played, axis=1)
        new = ~again if self.falls and self.hard_tapes else np.ones_like(again)
        mean_return, errors, length = told[:, new].mean(axis=1).tolist()
        if again.any():
            groups = [np.stack(arrays) for arrays in zip(*shown, strict=True)]
            self.hard_tapes = hardest(groups, -told[0], int(again.sum()))
        held_out_loss, held_out_errors = self.test()
        return RewardReport(
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

    def _hard_ones(self, again: NDArray[np.bool_], k: int) -> list[NDArray[Any]]:
        """The hardest tapes of the last stretch that update k plays again, where bool[K, G] says.

        Returns:
            Those of the arrays of `hard_tapes`, and where in the update they go, bool[G]; or
            nothing.
        """
        if not (self.falls and self.hard_tapes):
            return []
        past = int(again[:k].sum())
        rows = slice(past, past + int(again[k].sum()))
        return [*(array[rows] for array in self.hard_tapes), again[k]]

    def _play(self, hard: list[NDArray[Any]]) -> tuple[Experience, list[NDArray[Any]]]:
        """Plays an update's episodes, and returns what they were, an array for each field."""
        config, player = self.config, self._player
        if self.curriculum is None:
            return player.play(self._step, self._start, self.rng), []
        lengths = self.curriculum.sample(self.rng, config.episodes)
        groups = in_groups(self.task.sample(self.rng, lengths), config.episodes, config.longest)
        groups.append(lengths[np.newaxis])
        new = np.ones(config.episodes, bool)
        if hard:
            *tapes, again = hard
            new = ~again
            replace(groups, again, tapes)
        inputs, targets, mask, steps, lengths = (group[0] for group in groups)
        tape = Batch(inputs, targets, mask > 0, steps.astype(np.int64), lengths)
        experience = player.play_tapes(self._answer, tape, self.rng)
        if new.any():
            _, errors, _ = _told_of(experience, config)
            self.curriculum.record(lengths[new], errors[new])
        return experience, [inputs, targets, mask, steps, lengths]

    def _learn_from(self, played: Experience) -> list[tuple[float, float]]:
        """Makes an update for each part of each pass; returns gradient norms and entropies."""
        config = self.config
        taught = lesson(played, config)
        # Gone half-way, so that answers that are known can become sure.
        bonus = np.float32(config.entropy_bonus * max(0.0, 2 * self.left - 1)) * taught.matters
        arrays = (played.observations, *taught[:4], played.steps, bonus)
        learned = []
        for part in _batches(config, self.rng):
            told = [*(array[part] for array in arrays), self.blur_cost]
            norm, entropy = map(float, self._update(*told))
            self.guard.judge(np.array([norm], np.float32), told)
            learned.append((norm, entropy))
        return learned


def _told_of(played: Experience, config: RewardConfig) -> NDArray[np.float64]:
    """Each episode's mean return, wrong bits (NaN if it has none) and length, float64[3, G]."""
    policy = slice(1 if config.teaches_bits else None)  # the rollouts that it alone has played
    returns = played.rewards[:, policy].sum(axis=2).mean(axis=1)
    errors = None
    if "bit_errors" in played.infos:
        errors = played.infos["bit_errors"][:, policy].mean(axis=1)
    length = played.infos["length"][:, 0] if "length" in played.infos else played.steps
    return np.stack([returns, np.full_like(returns, np.nan) if errors is None else errors, length])


def _batches(config: RewardConfig, rng: np.random.Generator) -> list[NDArray[np.int64]]:
    """The episodes of each part of each pass; in order, if there is one part."""
    passes = []
    for _ in range(config.epochs):
        order = np.arange(config.episodes)
        if config.minibatches > 1:
            order = rng.permutation(order)
        passes += np.split(order, config.minibatches)
    return passes


def make_cell(config: RewardConfig, player: Player) -> Any:
    """Returns the cell of a recipe, built for what a player shows and asks of it."""
    cell = CELLS[config.cell.name](player.outputs, **dataclasses.asdict(config.cell))
    cell.build((None, player.input_width))
    return cell


def _policy_of(cell: Any, size: int) -> Any:
    """Returns a cell that has only the policy's outputs of another, and its weights."""
    policy = cell.fresh(output_dim=size)
    policy.set_weights(_policy_weights(cell, size))
    return policy


def _policy_weights(cell: Any, size: int) -> list[NDArray[np.floating]]:
    """Returns a cell's weights, without the output layer's share in the value."""
    output = {id(variable) for variable in cell.output_layer.variables}
    return [
        np.asarray(variable)[..., :size] if id(variable) in output else np.asarray(variable)
        for variable in cell.weights
    ]
