"""What learning by reward does after good reports, after lost ones and with exploded gradients."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf

from agents.recipes.cells import LSTMConfig
from agents.recipes.reward import RewardConfig
from agents.storage.runs import RunError
from agents.training.goals import HeldOut
from agents.training.reward import actor_critic
from agents.training.reward.policy_gradient import PolicyGradient
from ntm_gym import Copy

CONFIG = RewardConfig(
    *("NTMCopy-v0", Copy(width=2), LSTMConfig(units=4), 1, 2),
    episodes=4,
    rollouts=2,
    entropy_bonus=0.5,
    learning_rate=1e-2,
    blur_cost=0.3,
    replay=0.25,
    anneal_reports=4,
    report_updates=3,
)


class Seen:
    """A training that learns nothing, and what its updates were told."""

    def __init__(self, monkeypatch, held_out_errors, **changes):
        self.updates = []
        self.tapes = []
        self.norm = 1.0

        def update(*given):
            self.updates.append(given)
            return self.norm, 1.0

        monkeypatch.setattr(PolicyGradient, "compile", lambda *_: update)
        self.training = actor_critic.RewardTraining(dataclasses.replace(CONFIG, **changes))
        player = self.training._player
        monkeypatch.setattr(player, "answer", lambda shown, _: tf.zeros((*shown.shape[:2], 2)))
        errors = iter(held_out_errors)
        monkeypatch.setattr(self.training, "test", lambda: HeldOut(0.0, next(errors)))
        play = player.play

        def play_and_see(tapes, rng):
            played = play(tapes, rng)
            self.tapes.append((tapes, played.rewards.sum(axis=2).mean(axis=1)))
            return played

        monkeypatch.setattr(player, "play", play_and_see)


def test_after_a_good_report_step_and_bonus_fall_and_blur_costs_more(monkeypatch):
    seen = Seen(monkeypatch, [5, 0, 0.3, 0])
    told = []
    for _ in range(4):
        seen.training.advance()
        rate = float(seen.training.optimizer.learning_rate)
        told.append((rate, *map(np.max, seen.updates[-1][-2:])))
    expected = [(1e-2, 0.5, 0), (1e-2, 0.5, 0), (0.75e-2, 0.25, 0.075), (0.75e-2, 0.25, 0.075)]
    np.testing.assert_allclose(told, expected, rtol=1e-6)


def test_after_a_good_report_the_tapes_of_least_return_are_played_again(monkeypatch):
    seen = Seen(monkeypatch, [5, 0, 0])
    for _ in range(3):
        seen.training.advance()

    def shown(report):
        """Tapes and returns of a report's three updates, by row."""
        stretch = seen.tapes[3 * report : 3 * report + 3]
        tapes = np.concatenate([tapes.inputs for tapes, _ in stretch])
        return tapes, np.concatenate([returns for _, returns in stretch])

    before, returns = shown(1)
    after, _ = shown(2)
    worst = np.sort(np.argsort(returns, kind="stable")[:3])
    np.testing.assert_array_equal(after[[3, 7, 11]], before[worst])
    # The episodes are scored by the same tapes: each length is that of its inputs.
    for tapes, _ in seen.tapes:
        np.testing.assert_array_equal(tapes.steps, 2 * tapes.lengths + 1)
        np.testing.assert_array_equal(tapes.mask.sum(axis=1), tapes.lengths)
    assert not np.array_equal(shown(1)[0][[3, 7, 11]], shown(0)[0][[3, 7, 11]])


def test_a_training_that_is_lost_goes_back_to_its_last_good_report_but_one(monkeypatch):
    seen = Seen(monkeypatch, [5, 0.4, 0, 5, 0.7, 0, 5, 5])
    counter = seen.training._variables[0]
    after = []
    for report in range(8):
        counter.assign(np.full(counter.shape, report))
        seen.training.advance()
        after.append(float(counter.numpy().flat[0]))
    # Reports 1, 2 and 5 are good or nearly. Of the lost 0, 3, 6 and 7, 0 has nothing to go back to.
    assert after == [0, 1, 2, 1, 4, 5, 1, 1]


def test_updates_left_out_are_counted(monkeypatch):
    seen = Seen(monkeypatch, [5, 5], longest_gradient=10.0)
    norms = itertools.chain([1.0, 100.0, float("nan")], itertools.repeat(100.0))

    class Norm:
        def __float__(self):
            return next(norms)

    seen.norm = Norm()
    report = seen.training.advance()
    assert (report.updates_left_out, report.gradient_norm) == (2, 1.0)
    with pytest.raises(RunError, match="expected gradients of a length up to 10, got 100"):
        seen.training.advance()
