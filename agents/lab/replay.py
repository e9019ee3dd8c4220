"""The updates that a training left out, made again to see where they go wrong."""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from agents.policies.recurrent import make_cell
from agents.recipes.reward import RewardConfig
from agents.storage.checkpoints import Checkpoint, Checkpoints, of_this_training
from agents.storage.runs import Run, RunError
from agents.training import updates
from agents.training.guards import FOLDER, MOST_KEPT
from agents.training.reward import policy_gradient
from agents.training.reward.actor_critic import make_cell as make_reward_cell
from agents.training.reward.experience import Player

SUPERVISED = "inputs", "targets", "mask", "steps", "blur_cost"
REWARD = (
    *("observations", "taught", "log_probabilities", "advantages", "returns", "steps"),
    *("entropy_bonus", "blur_cost"),
)


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
    cell, names, differentiate = _learner(run.config)
    with of_this_training():
        try:
            return [
                _again(number, checkpoint, cell, names, differentiate)
                for number, checkpoint in reversed(kept)
            ]
        except tf.errors.OpError as error:
            raise ValueError(error.message) from error


def _learner(config: Any) -> tuple[Any, tuple[str, ...], Any]:
    """Returns a cell, the names of what its updates are told, and what gives its gradients."""
    if isinstance(config, RewardConfig):
        player = Player(config)
        player.envs.close()
        cell = make_reward_cell(config, player)
        told = cell, player.actions, config
        return cell, REWARD, lambda *batch: policy_gradient.differentiate(*told, *batch)[-1]
    cell = make_cell(config)
    cell.build((None, config.task.input_width))
    return cell, SUPERVISED, lambda *batch: updates.differentiate(cell, *batch)[-1]


def _again(
    number: int, kept: Checkpoint, cell: Any, names: tuple[str, ...], differentiate: Any
) -> Replayed:
    count = len(cell.variables)
    weights, batch = kept.arrays[:count], kept.arrays[count:]
    if kept.values["weights"] != count or len(batch) != len(names):
        raise ValueError(f"{len(kept.arrays)} arrays for {count} weights and {', '.join(names)}")
    for variable, value in zip(cell.variables, weights, strict=True):
        variable.assign(value)
    gradients = differentiate(*(tf.constant(array) for array in batch))
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
