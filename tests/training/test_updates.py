"""Compiled updates: what they return, what they make small, and which tapes come again."""

import dataclasses
import itertools

import numpy as np
import pytest
import tensorflow as tf

from agents.recipes.supervised import CopyConfig
from agents.storage.runs import Run, RunError
from agents.training import base, supervised, updates
from ntm_gym import Copy
from ntm_gym.cells import NTMCell
from ntm_gym.cells.unroll import unroll
from ntm_gym.tasks import AssociativeRecall

CONFIG = CopyConfig(task=Copy(width=2), learning_rate=1e-2)
STEPS = 5


@pytest.fixture
def cell():
    cell = NTMCell(2, units=10, slots=8, width=5)
    cell.build((None, CONFIG.task.input_width))
    return cell


@pytest.fixture
def mean():
    cell = NTMCell(2, units=10, slots=8, width=5)
    cell.build((None, CONFIG.task.input_width))
    return cell


def draw(lengths, size):
    batch = CONFIG.task.sample(np.random.default_rng(0), lengths)
    return batch, updates.in_groups(batch, size, STEPS)


def compiled(cell, mean, **options):
    optimizer = updates.build_optimizer(
        CONFIG.optimizer, CONFIG.learning_rate, CONFIG.clip_norm, CONFIG.clip
    )
    optimizer.build(cell.trainable_variables)
    return updates.compile_updates(cell, optimizer, mean, 0.9, **options)


def test_gains_are_what_the_loss_falls_by(cell, mean):
    batch, data = draw([2, 1, 2], 3)
    test = updates.compile_test(cell)
    before = test(*data)[0].numpy()
    update = compiled(cell, mean, with_gains=True)
    losses, _, _, _, gains = (result.numpy() for result in update(*data))
    after = test(*data)[0].numpy()
    np.testing.assert_allclose(losses, before, rtol=1e-6)
    np.testing.assert_allclose(gains, (before - after) / batch.steps, atol=1e-6)
    assert np.abs(gains).max() > 1e-4


@pytest.mark.parametrize("cost", [0.0, 0.5])
def test_the_objective_is_the_loss_and_the_blur_of_the_tapes_own_steps(cell, mean, cost):
    batch, data = draw([2, 1, 2], 3)
    blur = unroll(cell, data[0][0], STEPS).blur.numpy()
    own = np.arange(STEPS) < batch.steps[:, np.newaxis]
    update = compiled(cell, mean, with_blur=True)
    losses, _, _, objectives = (result.numpy() for result in update(*data, np.float32(cost)))
    expected = losses * np.log(2) + cost * (blur * own).sum(axis=1)
    np.testing.assert_allclose(objectives[0], expected[0], rtol=1e-5)


def test_batches_can_be_packed_in_rows(cell):
    told = [group[0] for group in draw([2, 1, 1, 2, 1, 2], 6)[1]]
    in_rows = updates.differentiate(cell, *told, 0.5, 3)
    one_each = updates.differentiate(cell, *told, 0.5)
    for one, other in zip(tf.nest.flatten(in_rows), tf.nest.flatten(one_each), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
        assert np.abs(other).max() > 1e-3


@pytest.mark.parametrize(
    ("batch_size", "min_length", "rows"),
    [(8, 1, None), (20, 1, None), (16, 1, 8), (24, 19, 8), (32, 20, None)],
)
def test_large_batches_of_several_lengths_are_packed(monkeypatch, batch_size, min_length, rows):
    told = []
    monkeypatch.setattr(supervised, "compile_updates", lambda *given: told.append(given[-1]))
    config = CopyConfig(batch_size=batch_size, min_length=min_length)
    supervised.SupervisedTraining(config)
    assert told == [rows]


def test_blur_that_costs_falls(cell, mean):
    _, data = draw(np.full(300, 2), 3)
    before = unroll(cell, data[0][0], STEPS).blur.numpy().mean()
    compiled(cell, mean, with_blur=True)(*data, np.float32(100.0))
    assert unroll(cell, data[0][0], STEPS).blur.numpy().mean() < 0.5 * before


@pytest.mark.parametrize(("count", "fraction"), [(8, 0.25), (9, 0.5), (7, 0.3), (5, 0.0)])
def test_spread_is_the_fraction_at_equal_distances(count, fraction):
    chosen = updates.spread(count, fraction)
    assert chosen.shape == (count,)
    assert chosen.sum() == int(count * fraction)
    if fraction:
        distances = np.diff(np.flatnonzero(chosen))
        assert set(distances) <= {int(1 / fraction), int(1 / fraction) + 1}


def test_the_hardest_tapes_take_the_place_of_others():
    batch, groups = draw([1, 2, 1, 2, 2, 1], 2)
    hard = updates.hardest(groups, np.array([[0.1, 5.0], [0.2, 0.3], [4.0, 0.0]]), 2)
    np.testing.assert_array_equal(hard[0], batch.inputs[[1, 4]])
    np.testing.assert_array_equal(hard[3], batch.steps[[1, 4]])

    _, others = draw([1, 1, 1, 1, 1, 1], 2)
    kept = [group.copy() for group in others]
    where = np.array([True, False, False, False, False, True])
    updates.replace(others, where, hard)
    for group, before, tapes in zip(others, kept, hard, strict=True):
        flat = group.reshape(-1, *group.shape[2:])
        np.testing.assert_array_equal(flat[where], tapes)
        np.testing.assert_array_equal(flat[~where], before.reshape(flat.shape)[~where])


@pytest.fixture
def seen(monkeypatch):
    """Step sizes, blur costs and inputs of every call, in a training that nothing is learned in."""
    calls = []

    def compile_updates(_cell, optimizer, *_):
        def update(inputs, _targets, _mask, steps, blur_cost, _first):
            calls.append((float(optimizer.learning_rate), float(blur_cost), inputs.copy()))
            shape = steps.shape
            # The longest tapes are the hardest.
            zeros = np.zeros(shape, np.float32)
            results = [zeros, zeros, zeros[:, 0], steps.astype(np.float32)]
            return [updates.tf.constant(result) for result in results]

        return update

    monkeypatch.setattr(supervised, "compile_updates", compile_updates)
    return calls


def train(tmp_path, monkeypatch, wrong, **changes):
    """Trains with so many wrong bits in every held-out sequence."""
    settings = {
        "task": Copy(width=8),
        "max_length": 2,
        "batch_size": 2,
        "report_sequences": 8,
        "max_sequences": 40,
        "solved_sequences": 2,
        "anneal_reports": 4,
    }
    config = dataclasses.replace(CONFIG, **settings | changes)
    run = Run.create(tmp_path, config)
    monkeypatch.setattr(run, "save_network", lambda _: None)
    scores = [np.zeros((1, 2), np.float32), np.full((1, 2), wrong, np.int32)]
    monkeypatch.setattr(
        base, "compile_test", lambda _: lambda *_: [updates.tf.constant(s) for s in scores]
    )
    return supervised.train(config, run)


def test_after_a_good_report_the_step_falls_blur_costs_more_and_hard_tapes_return(
    seen, tmp_path, monkeypatch
):
    train(tmp_path, monkeypatch, 0, blur_cost=0.3, replay=0.25)
    steps, costs, inputs = zip(*seen, strict=True)
    np.testing.assert_allclose(steps, 1e-2 * np.array([1, 0.75, 0.5, 0.25]), rtol=1e-6)
    np.testing.assert_allclose(costs, 0.3 * np.array([0, 0.25, 0.5, 0.75]), rtol=1e-6)
    for before, after in itertools.pairwise(inputs):
        tapes, again = (stretch.reshape(8, *stretch.shape[2:]) for stretch in (before, after))
        repeated = [any(np.array_equal(tape, old) for old in tapes) for tape in again]
        assert np.flatnonzero(repeated).tolist() == [3, 7]


def test_before_a_good_report_nothing_changes(seen, tmp_path, monkeypatch):
    outcome = train(tmp_path, monkeypatch, 1, blur_cost=0.3, replay=0.25)
    assert [report.sequences for report in outcome.reports] == [8, 16, 24, 32, 40]
    np.testing.assert_allclose([call[:2] for call in seen], [[1e-2, 0]] * 5, rtol=1e-6)


@pytest.mark.parametrize(("wrong", "reports"), [(0, 1), (1, 5)])
def test_items_share_vectors_only_after_a_good_report(seen, tmp_path, monkeypatch, wrong, reports):
    recall = {"task": AssociativeRecall(), "min_length": 4, "max_length": 4, "sparse": 0.0}
    train(tmp_path, monkeypatch, wrong, alike=1.0, **recall)
    shared = []
    for *_, inputs in seen:
        items = inputs.reshape(8, -1, 8)[:, :16, :6].reshape(8, 4, 4, 6)[:, :, 1:]
        same = (items[:, :, None] == items[:, None]).all(axis=4)
        shared.append(same[:, ~np.eye(4, dtype=bool)].mean())
    assert max(shared[:reports]) < 0.05
    assert all(share > 0.12 for share in shared[reports:])


@pytest.mark.parametrize(("sparse", "ones"), [(0.0, 0.5), (1.0, 0.3125)])
def test_vectors_are_sparse_in_training_from_the_start(seen, tmp_path, monkeypatch, sparse, ones):
    lengths = {"min_length": 20, "max_length": 20}
    outcome = train(tmp_path, monkeypatch, 1, sparse=sparse, **lengths)
    drawn = [inputs[..., :8].sum() / (8 * 20 * 8) for *_, inputs in seen]
    assert len(drawn) == len(outcome.reports)
    np.testing.assert_allclose(drawn, ones, atol=0.12)
    assert Run.open(tmp_path).config.task.sparse == 0  # what it is tested on


@pytest.mark.parametrize(("stop", "reports"), [(True, 2), (False, 4)])
def test_training_can_stop_once_the_task_is_solved(seen, tmp_path, monkeypatch, stop, reports):
    outcome = train(tmp_path, monkeypatch, 0, stop_when_solved=stop, solved_reports=2)
    assert len(outcome.reports) == len(seen) == reports
    assert outcome.solved == outcome.reports[0]


@pytest.mark.parametrize("name", ["adam", "amsgrad", "rmsprop", "plain_rmsprop"])
@pytest.mark.parametrize(
    ("clip", "norm", "value"), [("norm", 3.0, None), ("value", None, 3.0), ("none", None, None)]
)
def test_optimisers_bound_what_they_are_told_to(name, clip, norm, value):
    config = dataclasses.replace(CONFIG, optimizer=name, clip=clip, clip_norm=3.0)
    optimizer = updates.build_optimizer(
        config.optimizer, config.learning_rate, config.clip_norm, config.clip
    )
    assert (optimizer.global_clipnorm, optimizer.clipvalue) == (norm, value)
    if "rmsprop" not in name:
        assert optimizer.amsgrad == (name == "amsgrad")
    else:
        centred = name == "rmsprop"
        assert (optimizer.centered, optimizer.momentum > 0) == (centred, centred)


def test_a_budget_to_fall_in(seen, tmp_path, monkeypatch):
    train(tmp_path, monkeypatch, 1, anneal_budget=0.5)
    expected = 1e-2 * np.array([1, 1, 1, 0.8, 0.4])
    np.testing.assert_allclose([call[0] for call in seen], expected, rtol=1e-6)


def test_a_training_that_is_lost_goes_back_to_its_last_good_report_but_one(seen, monkeypatch):
    config = dataclasses.replace(CONFIG, max_length=2, batch_size=2, report_sequences=8)
    config = dataclasses.replace(config, solved_sequences=2, max_sequences=64, lost_above=1.0)
    wrong = iter([5, 0.4, 0, 5, 0.7, 0, 5, 5])

    def test(*_):
        return [np.zeros(2), np.array([next(wrong), 0]) * 2]

    monkeypatch.setattr(
        base, "compile_test", lambda _: lambda *_: [updates.tf.constant(s) for s in test()]
    )
    tested = supervised.SupervisedTraining(config)
    counter = tested._variables[0]
    after = []
    for report in range(8):
        counter.assign(np.full(counter.shape, report))
        tested.advance()
        after.append(float(counter.numpy().flat[0]))
    # Reports 1, 2 and 5 are good or nearly. Of the lost 0, 3, 6 and 7, 0 has nothing to go back to.
    assert after == [0, 1, 2, 1, 4, 5, 1, 1]
    assert len(seen) == 8


@pytest.mark.parametrize("damage", ["a tape of no numbers", "a gradient that is too long"])
def test_an_update_without_a_usable_gradient_is_left_out(cell, mean, damage):
    _, data = draw(np.full(6, 2), 2)
    options = {}
    if damage == "a tape of no numbers":
        data[0][1] = np.nan
    else:
        options["longest_gradient"] = 1e-3
    start = [variable.numpy() for variable in cell.trainable_variables]
    update = compiled(cell, mean, **options)
    norms = np.zeros(3)
    for first in (0, 1, 2):  # an update that is left out ends its call
        after = update(*data, 0.0, np.int32(first))[2].numpy()
        if first == 1:
            assert after[2] == 0
        norms[first] = after[first]
    weights = [variable.numpy() for variable in cell.trainable_variables]
    moved = [not np.array_equal(one, other) for one, other in zip(weights, start, strict=True)]
    if damage == "a tape of no numbers":
        assert np.isfinite(norms).tolist() == [True, False, True]
        assert any(moved)
        assert all(np.isfinite(weight).all() for weight in weights)
    else:
        assert norms.min() > 1e-3
        assert not any(moved)


def test_a_training_whose_gradients_are_all_lost_says_so(tmp_path, monkeypatch):
    config = dataclasses.replace(
        CONFIG, max_length=2, report_sequences=8, solved_sequences=2, longest_gradient=1e-6
    )
    run = Run.create(tmp_path, config)
    monkeypatch.setattr(run, "save_network", lambda _: None)
    with pytest.raises(RunError, match="expected gradients of a length up to 1e-06, got"):
        supervised.train(config, run)
