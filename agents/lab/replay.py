"""The updates that a training left out, made again to see where they go wrong."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from agents.recipes.reward import RewardConfig
from agents.storage.checkpoints import Checkpoint, Checkpoints, expect_own_checkpoint
from agents.storage.networks import make_cell
from agents.storage.runs import Run, RunError
from agents.training import updates
from agents.training.guards import FOLDER, MOST_KEPT
from agents.training.reward.actor_critic import make_reward_cell
from agents.training.reward.advantages import Lesson
from agents.training.reward.experience import make_player
from agents.training.reward.policy_gradient import PolicyGradient
from agents.training.tapes import Tapes


class Replayed(NamedTuple):
    """An update that was left out.

    Attributes:
        sequences: training sequences at the report before it.
        norm: of its gradient.
        steepest: the weights whose gradient is longest, or not finite, by their path in the cell.
        largest_weight: the greatest magnitude among all weights.
        not_finite: what is not: names of the batch's arrays, paths of weights.
    """

    sequences: int
    norm: float
    steepest: str
    largest_weight: float
    not_finite: list[str]


def replay(run: Run) -> list[Replayed]:
    """Makes the updates again that a run's training left out and kept, the oldest first.

    Raises:
        RunError: none are kept, or not of this run.
    """
    kept = list(Checkpoints(run.folder / FOLDER, keep=MOST_KEPT).whole())
    if not kept:
        raise RunError(f"expected updates that were left out in {run.folder / FOLDER}, got none")
    learner = _learner(run.config)
    with expect_own_checkpoint():
        try:
            return [_again(number, checkpoint, learner) for number, checkpoint in reversed(kept)]
        except tf.errors.OpError as error:
            raise ValueError(error.message) from error


class _Learner(NamedTuple):
    """A cell, the names of what its updates are given, and what makes gradients of that."""

    cell: Any
    names: tuple[str, ...]
    gradients: Callable[..., list[tf.Tensor]]


def _learner(config: Any) -> _Learner:
    if isinstance(config, RewardConfig):
        player = make_player(config)
        player.envs.close()
        cell = make_reward_cell(config, player)
        policy = PolicyGradient(cell, player.actions, config)

        def by_reward(*given: tf.Tensor) -> list[tf.Tensor]:
            *lesson, bonus, blur_cost = given
            return policy.differentiate(Lesson(*lesson), bonus, blur_cost).gradients

        return _Learner(cell, (*Lesson._fields, "entropy_bonus", "blur_cost"), by_reward)
    cell = make_cell(config)
    cell.build((None, config.task.input_width))

    def by_right_answers(*given: tf.Tensor) -> list[tf.Tensor]:
        *tapes, blur_cost = given
        return updates.differentiate(cell, Tapes(*tapes), blur_cost).gradients

    return _Learner(cell, (*Tapes._fields, "blur_cost"), by_right_answers)


def _again(number: int, kept: Checkpoint, learner: _Learner) -> Replayed:
    cell, names = learner.cell, learner.names
    count = len(cell.variables)
    weights, batch = kept.arrays[:count], kept.arrays[count:]
    if kept.values["weights"] != count or len(batch) != len(names):
        raise ValueError(f"{len(kept.arrays)} arrays for {count} weights and {', '.join(names)}")
    for variable, value in zip(cell.variables, weights, strict=True):
        variable.assign(value)
    gradients = learner.gradients(*(tf.constant(array) for array in batch))
    norms = [float(tf.linalg.global_norm([gradient])) for gradient in gradients]
    paths = [variable.path for variable in cell.trainable_variables]
    named = [*zip(names, batch, strict=True), *zip(paths, weights, strict=False)]
    return Replayed(
        sequences=number,
        norm=float(tf.linalg.global_norm(gradients)),
        steepest=paths[int(np.argmax(np.nan_to_num(norms, nan=np.inf)))],
        largest_weight=max(float(np.abs(weight).max(initial=0)) for weight in weights),
        not_finite=list(_not_finite(named)),
    )


def _not_finite(named: list[tuple[str, NDArray[Any]]]) -> Iterator[str]:
    for name, array in named:
        places = np.argwhere(~np.isfinite(array))
        if len(places):
            yield f"{name}[{', '.join(map(str, places[0]))}]"
