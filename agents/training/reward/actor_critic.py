"""Learning by reward: a recurrent actor-critic, read from top to bottom.

A cell's outputs are a policy and, if each episode is played once, a value. An update plays whole
episodes from a reset to their end and takes the gradient through all their steps. The agent learns
from observations and the scalar reward, never from the right answers, which serve to test it on
held-out tapes. As in supervised training, the step size falls to 0 once the task is nearly solved,
and here an entropy bonus twice as fast; `agents/training/base.py` has what is shared.
"""

import dataclasses
import time
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.recipes.reward import RewardConfig
from agents.storage.networks import build_network, cell_of
from agents.storage.runs import Run
from agents.training.base import Training
from agents.training.loop import Outcome, train_to_the_end
from agents.training.reports import RewardReport
from agents.training.reward.advantages import lesson_of
from agents.training.reward.experience import Experience, Player, make_player
from agents.training.reward.policy_gradient import PolicyGradient, Update
from agents.training.streams import Stream
from agents.training.tapes import Tapes, spread
from ntm_gym.cells import CELLS


def train(
    config: RewardConfig,
    run: Run,
    on_report: Callable[[RewardReport], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Trains the recipe's cell until its step size has fallen to 0 or the budget ends.

    The network that is saved has the policy's outputs alone. See `train_to_the_end` for the rest.

    Raises:
        ValueError: the environment's observations or actions are of a kind that is not supported.
    """
    return train_to_the_end(RewardTraining(config), run, on_report, should_stop)


class Episodes(NamedTuple):
    """What reports tell of an update's G episodes, of those rollouts that the policy alone played.

    Attributes:
        returns: mean over the rollouts, float64[G].
        bit_errors: likewise; NaN if there are none.
        lengths: in the task's measure, or in steps.
    """

    returns: Any
    bit_errors: Any
    lengths: Any

    @classmethod
    def of(cls, played: Experience, config: RewardConfig) -> "Episodes":
        """Returns what is told of experience."""
        policy = slice(1 if config.teaches_bits else None)
        returns = played.rewards[:, policy].sum(axis=2).mean(axis=1)
        errors = np.full_like(returns, np.nan)
        if "bit_errors" in played.infos:
            errors = played.infos["bit_errors"][:, policy].mean(axis=1)
        lengths = played.infos["length"][:, 0] if "length" in played.infos else played.steps
        return cls(returns, errors, lengths)


class RewardTraining(Training):
    """A training by reward: its cell, its episodes and how it advances."""

    report = RewardReport
    config: RewardConfig

    def __init__(self, config: RewardConfig) -> None:
        super().__init__(config, Stream.REWARD)
        self._player = make_player(config)
        cell = make_reward_cell(config, self._player)
        self._mean = cell.changed()
        policy = cell.fresh(output_dim=self._player.actions.size)
        self.set_network(cell, self._mean, build_network(policy, self._player.input_width))
        self._player.use(cell)
        gradient = PolicyGradient(cell, self._player.actions, config)
        self._update = gradient.compile(self._mean, self.optimizer)

    def refresh(self) -> None:
        """Gives the network the mean of the weights, without the output layer's share in values."""
        output = {id(variable) for variable in self._mean.output_layer.variables}
        size = self._player.actions.size
        weights = [
            np.asarray(variable)[..., :size] if id(variable) in output else np.asarray(variable)
            for variable in self._mean.weights
        ]
        cell_of(self.network).set_weights(weights)

    def close(self) -> None:
        """Closes the environment."""
        self._player.envs.close()

    def learn(self) -> RewardReport:
        """Trains up to the next report and returns it."""
        config, began = self.config, time.perf_counter()
        earlier = self.sequences // config.episodes
        updates = min(config.report_updates, config.max_updates - earlier)
        again = spread(updates * config.episodes, config.replay).reshape(updates, -1)
        shown: list[Tapes] = []
        played: list[Episodes] = []
        made: list[Update] = []
        steps = self.steps
        for k in range(updates):
            tapes = self._draw(again, k)
            experience = self._player.play(tapes, self.rng)
            episodes = Episodes.of(experience, config)
            new = ~again[k] if self.falls and self.hard_tapes else np.ones_like(again[k])
            if new.any():
                self.curriculum.record(episodes.lengths[new], episodes.bit_errors[new])
            if tapes is not None:
                shown.append(tapes)
            played.append(episodes)
            made += self._learn_from(experience)
            steps += experience.env_steps
        seconds = time.perf_counter() - began
        norms, entropies = np.array(made).T
        used = self.guard.used(norms)
        told = Episodes(*map(np.stack, zip(*played, strict=True)))
        new = ~again if self.falls and self.hard_tapes else np.ones_like(again)
        mean = Episodes(*np.stack(told)[:, new].mean(axis=1).tolist())
        if again.any():
            groups = Tapes(*map(np.stack, zip(*shown, strict=True)))
            self.hard_tapes = groups.hardest(-told.returns, int(again.sum()))
        held_out = self.test()
        return RewardReport(
            sequences=(earlier + updates) * config.episodes,
            steps=steps,
            seconds=round(time.perf_counter() - self.began, 3),
            sequences_per_second=round(updates * config.episodes / seconds, 1),
            mean_return=mean.returns,
            bit_errors=mean.bit_errors,
            held_out_bit_errors=held_out.bit_errors,
            held_out_loss_bits=held_out.loss_bits,
            entropy=float(entropies[used].mean()),
            gradient_norm=float(norms[used].mean()),
            updates_left_out=int(np.sum(~used)),
            lesson=self.curriculum.lesson,
            mean_length=mean.lengths,
        )

    def _draw(self, again: NDArray[np.bool_], k: int) -> Tapes | None:
        """Draws the tapes of update k, if there are any.

        The hardest of the last stretch take the place of others where bool[updates, G] says so.
        """
        shape = 1, self.config.episodes
        tapes = self.goal.draw(self.curriculum, self.rng, shape, self.falls)
        if tapes is None:
            return None
        if self.falls and self.hard_tapes:
            past = int(again[:k].sum())
            hard = self.hard_tapes.group(slice(past, past + int(again[k].sum())))
            tapes.replace(again[k], hard)
        return tapes.group(0)

    def _learn_from(self, played: Experience) -> list[Update]:
        """Makes an update for each pass over the episodes."""
        config = self.config
        lesson = lesson_of(played, config)
        # Gone half-way, so that answers that are known can become sure.
        bonus = np.float32(config.entropy_bonus * max(0.0, 2 * self.step_left - 1))
        made = []
        for _ in range(config.epochs):
            update = Update(*map(float, self._update(lesson, bonus, self.blur_cost)))
            norm = np.array([update.norm], np.float32)
            self.guard.judge(norm, [*lesson, bonus, self.blur_cost])
            made.append(update)
        return made


def make_reward_cell(config: RewardConfig, player: Player) -> Any:
    """Returns the cell of a recipe, built for what a player shows and asks of it."""
    cell = CELLS[config.cell.name](player.outputs, **dataclasses.asdict(config.cell))
    cell.build((None, player.input_width))
    return cell
