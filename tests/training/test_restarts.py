"""Training that finds nothing begins anew, from other first weights."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from helpers.resuming import assert_equal, result, stop_after

from agents.recipes.cells import LSTMConfig
from agents.recipes.reward import reward_recipe
from agents.recipes.supervised import CopyConfig
from agents.storage.networks import cell_of
from agents.storage.runs import Run
from agents.training import supervised
from agents.training.goals import HeldOut
from agents.training.loop import TrainingStoppedError
from agents.training.restarts import new_weights
from agents.training.reward import actor_critic
from agents.training.updates import Updates
from ntm_gym import Copy
from ntm_gym.cells import NTMCell

# A report is good only if no bit of it is wrong.
TINY = {
    "task": Copy(width=2),
    "cell": LSTMConfig(units=4),
    "max_length": 2,
    "restart_after": 8,
    "lost_above": 1e-3,
    "anneal_below": 1e-3,
}
CONFIG = CopyConfig(**TINY, curriculum="naive", batch_size=2, report_sequences=4, max_sequences=24)
BY_REWARD = dataclasses.replace(
    reward_recipe("NTMCopy-v0"), **TINY, rollouts=2, report_updates=1, max_updates=6
)


def restarts(monkeypatch, wrong, **changes):
    """The training's sequences at reports that it began anew after, with so many wrong bits."""

    def compile_updates(cell, mean, optimizer, _config, **_):
        def update(tapes, *_):
            for variable in (*cell.trainable_variables, *mean.trainable_variables):
                variable.assign_add(tf.ones_like(variable))
            optimizer.iterations.assign_add(1)
            zeros = np.zeros(tapes.steps.shape, np.float32)
            return Updates(zeros, zeros, zeros[:, 0], zeros)

        return update

    monkeypatch.setattr(supervised, "compile_updates", compile_updates)
    training = supervised.SupervisedTraining(dataclasses.replace(CONFIG, **changes))
    errors = iter(wrong)
    monkeypatch.setattr(training, "test", lambda: HeldOut(0.0, next(errors)))
    trained, mean = training._cell, cell_of(training.network)
    found = []
    while not training.ended:
        training.advance()
        values = new_weights(trained, training.config.seed, training.sequences)
        trained_values, mean_values = ([v.numpy() for v in c.variables] for c in (trained, mean))
        if all(map(np.array_equal, trained_values, values)):
            found.append(training.sequences)
            assert all(map(np.array_equal, mean_values, values))
            assert not training.optimizer.iterations.numpy()
            assert training.curriculum.lesson == 0
            assert training.is_beginning
    return found


def test_training_begins_anew_after_each_so_many_sequences_but_not_at_its_end(monkeypatch):
    assert restarts(monkeypatch, [50] * 6) == [8, 16]


@pytest.mark.slow
def test_other_reports_between_do_not_matter(monkeypatch):
    assert restarts(monkeypatch, [50] * 6, report_sequences=6, max_sequences=26) == [12, 18]


@pytest.mark.slow
def test_it_does_not_where_the_budget_is_too_small(monkeypatch):
    assert restarts(monkeypatch, [50] * 7, max_sequences=23) == [8]


@pytest.mark.slow
def test_it_does_not_where_a_report_was_good_or_nearly(monkeypatch):
    good = {"lost_above": 20.0, "anneal_below": 1.0}
    assert restarts(monkeypatch, [50, 9, 15, 15, 15, 15], **good) == []
    assert restarts(monkeypatch, [50, 11, 15, 15, 9, 15], **good) == [8, 16]


def test_with_0_it_never_does(monkeypatch):
    assert restarts(monkeypatch, [50] * 6, restart_after=0) == []


def test_first_weights_are_told_by_seed_and_sequences():
    cell = NTMCell(2, units=4, slots=6, width=4, memory_init="random")
    cell.build((None, 3))
    first, again, *others = (
        new_weights(cell, seed, sequences) for seed, sequences in ((0, 8), (0, 8), (0, 16), (1, 8))
    )
    assert all(map(np.array_equal, first, again))
    for values in others:
        for variable, one, other in zip(cell.variables, first, values, strict=True):
            assert one.shape == other.shape == variable.shape
            # Also what draws the random memory begins elsewhere.
            if variable.name in ("kernel", "seed_generator_state"):
                assert not np.array_equal(one, other)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("train", "config"), [(supervised.train, CONFIG), (actor_critic.train, BY_REWARD)]
)
def test_a_training_that_is_stopped_at_a_restart_goes_on_exactly(
    tmp_path, monkeypatch, caplog, train, config
):
    monkeypatch.setattr(Run, "save_network", lambda *_: None)
    folders = tmp_path / "whole", tmp_path / "stopped"
    whole, stopped = (Run.create(folder, config) for folder in folders)
    expected = result(whole, train(config, whole))
    assert caplog.text.count("Begins anew") == 2
    with pytest.raises(TrainingStoppedError):
        train(config, stopped, should_stop=stop_after(2))
    assert caplog.text.count("Begins anew") == 3
    again = Run.resume(folders[1], config)
    assert_equal(result(again, train(config, again)), expected)
