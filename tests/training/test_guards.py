"""Numbers that go wrong: updates left out, kept, made again, and what follows after too many."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf
from helpers.resuming import assert_equal, result, stop_after

from agents.cli import tables
from agents.cli.commands import run_command
from agents.lab.replay import replay
from agents.recipes.cells import LSTMConfig, NTMConfig
from agents.recipes.learning import HELD_OUT_SEQUENCES
from agents.recipes.reward import RewardConfig
from agents.recipes.supervised import CopyConfig
from agents.storage.checkpoints import Checkpoint, Checkpoints
from agents.storage.runs import Run, RunError
from agents.training import guards, supervised, updates
from agents.training.guards import FOLDER, MOST_KEPT, MOST_RETURNS, Guard, LeftOutError
from agents.training.loop import TrainingStoppedError
from agents.training.reward import actor_critic
from agents.training.reward.experience import TapePlayer
from agents.training.reward.policy_gradient import PolicyGradient
from ntm_gym import Copy

SUPERVISED = CopyConfig(
    task=Copy(width=2),
    cell=LSTMConfig(units=4),
    max_length=2,
    batch_size=2,
    report_sequences=20,
    max_sequences=100,
    training_fields={},
)
REWARD = RewardConfig(
    *("NTMCopy-v0", Copy(width=2), LSTMConfig(units=4), 1, 2),
    episodes=2,
    rollouts=2,
    report_updates=10,
    max_updates=50,
)
LEARNERS = {"supervised": (SUPERVISED, supervised), "reward": (REWARD, actor_critic)}
each_learner = pytest.mark.parametrize(("config", "learner"), LEARNERS.values(), ids=LEARNERS)


@pytest.fixture(autouse=True)
def no_networks(monkeypatch):
    monkeypatch.setattr(Run, "save_network", lambda *_: None)


@pytest.fixture
def spoiled(monkeypatch):
    """Gives a function that has some of what a learner is told hold no numbers, by what it shows.

    The environment itself refuses tapes that hold none: what it showed is spoiled later.
    """
    sample, play = Copy.sample, TapePlayer.play

    def spoil(shown, is_bad):
        shown[np.array([is_bad(tape) for tape in shown]), 0, 0] = np.nan

    def spoil_for(learner, is_bad):
        def sample_spoiled(task, rng, lengths):
            batch = sample(task, rng, lengths)
            spoil(batch.inputs, is_bad)
            return batch

        def play_spoiled(player, tapes, rng):
            played = play(player, tapes, rng)
            spoil(played.observations, is_bad)
            return played

        if learner is supervised:
            monkeypatch.setattr(Copy, "sample", sample_spoiled)
        else:
            monkeypatch.setattr(TapePlayer, "play", play_spoiled)

    return spoil_for


def shows_ones(tape):
    """Whether the first vector of a tape is all ones: one in four."""
    return tape[0, :2].all()


def spoil_gradients(monkeypatch, owner):
    """Has gradients hold no numbers where all tapes of an update have five steps."""
    differentiate = owner.differentiate

    def spoil(first, second, *rest):
        found = differentiate(first, second, *rest)  # tapes or a lesson come second
        bad = tf.reduce_all(second.steps == 5)
        factor = tf.where(bad, np.float32(np.nan), np.float32(1))
        return found._replace(gradients=[gradient * factor for gradient in found.gradients])

    monkeypatch.setattr(owner, "differentiate", spoil)


@pytest.mark.slow
@each_learner
def test_inputs_that_are_no_numbers_are_left_out_counted_and_kept(
    tmp_path, spoiled, config, learner
):
    spoiled(learner, shows_ones)
    run = Run.create(tmp_path, config)
    outcome = learner.train(config, run)
    left_out = [report.updates_left_out for report in outcome.reports]
    assert len(left_out) == 5
    assert all(0 < count < 10 for count in left_out)
    assert all(np.isfinite(report.gradient_norm) for report in outcome.reports)
    assert all(np.isfinite(weight).all() for weight in outcome.network.get_weights())
    shown = "inputs" if learner is supervised else "observations"
    replayed = replay(Run.open(tmp_path))
    assert [update.sequences for update in replayed] == [0, 20, 40, 60, 80]
    for update in replayed:
        assert np.isnan(update.norm)
        assert [part.split("[")[0] for part in update.not_finite] == [shown]
        assert 0 < update.largest_weight < 10


@pytest.mark.slow
@each_learner
def test_after_gradients_that_are_no_numbers_training_goes_on(
    tmp_path, monkeypatch, config, learner
):
    spoil_gradients(monkeypatch, updates if learner is supervised else PolicyGradient)
    outcome = learner.train(config, Run.create(tmp_path, config))
    assert sum(report.updates_left_out for report in outcome.reports) > 0
    assert all(np.isfinite(weight).all() for weight in outcome.network.get_weights())
    # Inputs and weights are finite; whoever repeats it sees in which weights the gradient is not.
    assert all(update.not_finite == [] for update in replay(Run.open(tmp_path)))


def training_of(config, learner):
    kind = supervised.SupervisedTraining if learner is supervised else actor_critic.RewardTraining
    return kind(config)


def values_of(training):
    """Of all that is trained and kept, but for the step size."""
    rate = training.optimizer.learning_rate
    return [variable.numpy() for variable in training._variables if variable is not rate]


def watch(training):
    """Returns a list that will hold what each stretch begins with."""
    learn, seen = training.learn, []

    def learn_and_see():
        seen.append(values_of(training))
        return learn()

    training.learn = learn_and_see
    return seen


def assert_same(values, others):
    for value, other in zip(values, others, strict=True):
        np.testing.assert_array_equal(value, other)


@pytest.mark.slow
@each_learner
def test_from_weights_that_are_no_numbers_training_goes_back(tmp_path, config, learner, caplog):
    training = training_of(config, learner)
    training.guard.folder = tmp_path / FOLDER
    training.advance()
    kept = values_of(training)
    training._variables[1].assign(np.nan * training._variables[1])
    seen = watch(training)
    report = training.advance()
    assert report.updates_left_out == 0
    assert training.guard.returns == 1
    assert float(training.optimizer.learning_rate) == np.float32(config.learning_rate / 2)
    assert_same(seen[1], kept)
    assert "on with half the step: expected gradients of a length up to" in caplog.text


@pytest.mark.slow
@each_learner
def test_it_goes_back_past_a_report_with_many_left_out(spoiled, config, learner):
    training = training_of(config, learner)
    shown = iter([False] * 20 + [True, True, False, False] * 5)
    spoiled(learner, lambda _: next(shown, False))
    training.advance()
    sound = values_of(training)
    assert 1 < training.advance().updates_left_out < 10
    resumed = training_of(config, learner)
    resumed.restore(training.checkpoint())
    for each in (training, resumed):
        shown = iter([True] * 20)
        seen = watch(each)
        assert each.advance().updates_left_out == 0
        assert_same(seen[1], sound)


@pytest.mark.slow
@each_learner
def test_training_that_stays_wrong_ends_with_an_error(
    tmp_path, spoiled, config, learner, capsys, caplog
):
    spoiled(learner, lambda _: True)
    run = Run.create(tmp_path, config)
    with pytest.raises(SystemExit) as ended:
        run_command(lambda: learner.train(config, run))
    assert ended.value.code == 1
    said = " ".join(capsys.readouterr().err.split())
    assert "got nan or more in 10 updates in a row; a smaller learning_rate may help" in said
    assert caplog.text.count("on with half the step") == MOST_RETURNS
    assert len(list((tmp_path / FOLDER).iterdir())) == 1


def guard_of(folder, **changes):
    guard = Guard(dataclasses.replace(SUPERVISED, **changes), lambda: [np.ones(3)])
    guard.folder = folder
    return guard


def test_too_many_in_a_row_are_an_error(monkeypatch):
    monkeypatch.setattr(guards, "MOST_IN_A_ROW", 3)
    guard = guard_of(None, longest_gradient=10.0)
    for norms in ([np.nan], [11.0], [1.0], [np.inf], [2.0, np.nan], [np.nan]):
        guard.judge(np.array(norms), [])
    with pytest.raises(LeftOutError, match="in 3 updates in a row"):
        guard.judge(np.array([np.nan]), [])
    guard.begin(20)
    guard.judge(np.array([np.nan]), [])


def test_what_was_used():
    guard = guard_of(None, longest_gradient=10.0)
    norms = np.array([1.0, np.nan, 10.0, 11.0, np.inf])
    assert guard.used(norms).tolist() == [True, False, True, False, False]
    assert not guard.sound
    assert guard.used(np.array([*[1.0] * 9, np.nan])).sum() == 9
    assert guard.sound
    with pytest.raises(LeftOutError, match=r"up to 10, got nan or more in 3 updates in a row"):
        guard.used(norms[[1, 3, 4]])


@pytest.mark.slow
def test_a_call_whose_updates_are_all_left_out_is_not_all_between_two_reports(tmp_path, spoiled):
    """A curriculum that follows errors has ten calls between reports, of one update each here."""
    config = dataclasses.replace(SUPERVISED, curriculum="look_back", max_sequences=20)
    counted = iter(range(1000))
    spoiled(supervised, lambda _: next(counted) in (HELD_OUT_SEQUENCES + 2, HELD_OUT_SEQUENCES + 3))
    run = Run.create(tmp_path, config)
    supervised.train(config, run)
    (row,) = run.metrics.read()
    assert row["updates_left_out"] == 1
    assert np.isfinite(row["loss_bits"])


def test_the_first_batches_between_reports_are_kept_the_last_of_these(tmp_path):
    guard = guard_of(tmp_path)
    for number in range(MOST_KEPT + 3):
        guard.begin(20 * number)
        for k in range(2):
            guard.judge(np.array([1.0, np.nan]), [np.full(2, k)])
    kept = list(Checkpoints(tmp_path).whole())
    assert [number for number, _ in kept] == [20 * (number + 3) for number in range(MOST_KEPT)][
        ::-1
    ]
    for _, checkpoint in kept:
        assert [array.tolist() for array in checkpoint.arrays] == [[1, 1, 1], [0, 0]]


@pytest.mark.slow
def test_a_training_that_went_back_resumes_exactly(tmp_path, spoiled, monkeypatch):
    spoiled(supervised, shows_ones)
    monkeypatch.setattr(guards, "MOST_IN_A_ROW", 5)
    config = SUPERVISED
    whole = Run.create(tmp_path / "whole", config)
    expected = result(whole, supervised.train(config, whole))
    returns = [
        checkpoint.values["returns"]
        for _, checkpoint in Checkpoints(whole.folder / "checkpoints").whole()
    ]
    assert 0 < returns[0] <= MOST_RETURNS
    run = Run.create(tmp_path / "stopped", config)
    with pytest.raises(TrainingStoppedError):
        supervised.train(config, run, should_stop=stop_after(3))
    run = Run.resume(run.folder, config)
    assert_equal(result(run, supervised.train(config, run)), expected)


@pytest.mark.slow
def test_replay_of_a_cell_with_a_memory(tmp_path, spoiled, capsys):
    spoiled(supervised, shows_ones)
    cell = NTMConfig(units=4, slots=5, width=3)
    config = dataclasses.replace(SUPERVISED, cell=cell, max_sequences=20)
    supervised.train(config, Run.create(tmp_path, config))
    tables.print_replayed(replay(Run.open(tmp_path)))
    assert "nan" in capsys.readouterr().out


@pytest.mark.slow
def test_a_gradient_that_is_too_long_is_repeated_to_the_bit_or_nearly(tmp_path):
    config = dataclasses.replace(SUPERVISED, longest_gradient=0.5, max_sequences=20)
    learned = supervised.SupervisedTraining(config)
    learned.guard.folder = tmp_path / FOLDER
    judge, norms = learned.guard.judge, []

    def judge_and_see(found, batch):
        norms.extend(found)
        judge(found, batch)

    learned.guard.judge = judge_and_see
    learned.advance()
    run = Run.create(tmp_path / "run", config)
    (tmp_path / FOLDER).rename(run.folder / FOLDER)
    (update,) = replay(run)
    first = next(norm for norm in norms if norm > 0.5)
    assert update.norm == pytest.approx(first, rel=1e-4)
    assert len(norms) == 10


def test_what_is_not_of_this_run_is_refused(tmp_path):
    run = Run.create(tmp_path, SUPERVISED)
    with pytest.raises(RunError, match=r"expected updates that were left out in .*, got none"):
        replay(run)
    kept = Checkpoints(tmp_path / FOLDER)
    kept.write(1, Checkpoint([np.zeros(3)], {"weights": 1}))
    with pytest.raises(RunError, match="expected a checkpoint of this training"):
        replay(run)
    cell = supervised.make_cell(SUPERVISED)
    cell.build((None, SUPERVISED.task.input_width))
    weights = [np.zeros(variable.shape, np.float32) for variable in cell.variables]
    batch = [np.zeros((2, 3), np.float32)] * 6
    kept.write(2, Checkpoint([*weights, *batch], {"weights": len(weights)}))
    with pytest.raises(RunError, match="expected a checkpoint of this training"):
        replay(run)
