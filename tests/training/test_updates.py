"""Compiled updates: what they return, what they make small, and which tapes come again."""

import dataclasses
import itertools
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf

from agents.recipes.supervised import AssociativeRecallConfig, CopyConfig
from agents.storage.runs import Run, RunError
from agents.training import goals, supervised, updates
from agents.training.tapes import in_groups, spread
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
    return batch, in_groups(batch, size, STEPS)


def compiled(cell, mean, with_gains=False, **changes):
    config = dataclasses.replace(CONFIG, **changes)
    optimizer = updates.build_optimizer(config, cell)
    return updates.compile_updates(cell, mean, optimizer, config, with_gains=with_gains)


@pytest.mark.slow
def test_gains_are_what_the_loss_falls_by(cell, mean):
    batch, data = draw([2, 1, 2], 3)
    test = updates.compile_test(cell)
    before = test(data).losses.numpy()
    made = compiled(cell, mean, with_gains=True)(data).map(np.array)
    after = test(data).losses.numpy()
    np.testing.assert_allclose(made.losses, before, rtol=1e-6)
    np.testing.assert_allclose(made.gains, (before - after) / batch.steps, atol=1e-6)
    assert np.abs(made.gains).max() > 1e-4


@pytest.mark.slow
@pytest.mark.parametrize("cost", [0.0, 0.5])
def test_the_objective_is_the_loss_and_the_blur_of_the_tapes_own_steps(cell, mean, cost):
    batch, data = draw([2, 1, 2], 3)
    blur = unroll(cell, data.inputs[0], STEPS).blur.numpy()
    own = np.arange(STEPS) < batch.steps[:, np.newaxis]
    made = compiled(cell, mean, blur_cost=0.3)(data, np.float32(cost)).map(np.array)
    assert made.gains is None
    expected = made.losses * np.log(2) + cost * (blur * own).sum(axis=1)
    np.testing.assert_allclose(made.objectives[0], expected[0], rtol=1e-5)


@pytest.mark.slow
def test_batches_can_be_packed_in_rows(cell):
    tapes = draw([2, 1, 1, 2, 1, 2], 6)[1].group(0)
    in_rows = updates.differentiate(cell, tapes, 0.5, rows=3)
    one_each = updates.differentiate(cell, tapes, 0.5)
    for one, other in zip(tf.nest.flatten(in_rows), tf.nest.flatten(one_each), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
        assert np.abs(other).max() > 1e-3


@pytest.mark.parametrize(
    ("batch_size", "min_length", "rows"),
    [(8, 1, None), (20, 1, None), (16, 1, 8), (24, 19, 8), (32, 20, None)],
)
def test_large_batches_of_several_lengths_are_packed(batch_size, min_length, rows):
    assert CopyConfig(batch_size=batch_size, min_length=min_length).rows == rows


@pytest.mark.slow
def test_updates_pack_as_their_config_says(cell, mean, monkeypatch):
    packed, differentiate = [], updates.differentiate

    def see(cell, tapes, blur_cost, rows):
        packed.append(rows)
        return differentiate(cell, tapes, blur_cost, rows)

    monkeypatch.setattr(updates, "differentiate", see)
    _, data = draw([1, 2] * 8, 16)
    compiled(cell, mean, batch_size=16)(data)
    assert set(packed) == {8}


@pytest.mark.slow
def test_blur_that_costs_falls(cell, mean):
    _, data = draw(np.full(300, 2), 3)
    before = unroll(cell, data.inputs[0], STEPS).blur.numpy().mean()
    compiled(cell, mean, blur_cost=0.3)(data, np.float32(100.0))
    assert unroll(cell, data.inputs[0], STEPS).blur.numpy().mean() < 0.5 * before


@pytest.mark.parametrize(("count", "fraction"), [(8, 0.25), (9, 0.5), (7, 0.3), (5, 0.0)])
def test_spread_is_the_fraction_at_equal_distances(count, fraction):
    chosen = spread(count, fraction)
    assert chosen.shape == (count,)
    assert chosen.sum() == int(count * fraction)
    if fraction:
        distances = np.diff(np.flatnonzero(chosen))
        assert set(distances) <= {int(1 / fraction), int(1 / fraction) + 1}


def test_the_hardest_tapes_take_the_place_of_others():
    batch, groups = draw([1, 2, 1, 2, 2, 1], 2)
    hard = groups.hardest(np.array([[0.1, 5.0], [0.2, 0.3], [4.0, 0.0]]), 2)
    np.testing.assert_array_equal(hard.inputs, batch.inputs[[1, 4]])
    np.testing.assert_array_equal(hard.steps, batch.steps[[1, 4]])
    np.testing.assert_array_equal(hard.lengths, batch.lengths[[1, 4]])

    _, others = draw([1, 1, 1, 1, 1, 1], 2)
    kept = [group.copy() for group in others]
    where = np.array([True, False, False, False, False, True])
    others.replace(where, hard)
    for group, before, tapes in zip(others, kept, hard, strict=True):
        flat = group.reshape(-1, *group.shape[2:])
        np.testing.assert_array_equal(flat[where], tapes)
        np.testing.assert_array_equal(flat[~where], before.reshape(flat.shape)[~where])


class Call(NamedTuple):
    rate: float
    blur_cost: float
    inputs: np.ndarray


def errors_of_tests(monkeypatch, errors):
    """Has every report find so many wrong bits in its two held-out sequences, one after another."""

    def test(_):
        zeros = tf.zeros((1, 2))
        return updates.Scores(zeros, tf.constant([[next(errors)] * 2]))

    monkeypatch.setattr(goals, "compile_test", lambda _: test)


@pytest.fixture
def seen(monkeypatch):
    """Step sizes, blur costs and inputs of every call, in a training that nothing is learned in."""
    calls = []

    def compile_updates(_cell, _mean, optimizer, _config, **_):
        def update(tapes, blur_cost, _first):
            rate, cost = float(optimizer.learning_rate), float(blur_cost)
            calls.append(Call(rate, cost, tapes.inputs.copy()))
            # The longest tapes are the hardest.
            zeros = np.zeros(tapes.steps.shape, np.float32)
            return updates.Updates(zeros, zeros, zeros[:, 0], tapes.steps.astype(np.float32))

        return update

    monkeypatch.setattr(supervised, "compile_updates", compile_updates)
    monkeypatch.setattr(goals, "HELD_OUT_SEQUENCES", 2)
    return calls


def train(tmp_path, monkeypatch, wrong, recipe=CopyConfig, **changes):
    """Trains with so many wrong bits in every held-out sequence."""
    settings = {
        "task": Copy(width=8),
        "max_length": 2,
        "batch_size": 2,
        "report_sequences": 8,
        "max_sequences": 40,
        "anneal_reports": 4,
    }
    config = recipe(**{"learning_rate": 1e-2, **settings, **changes})
    run = Run.create(tmp_path, config)
    monkeypatch.setattr(run, "save_network", lambda _: None)
    errors_of_tests(monkeypatch, itertools.repeat(wrong))
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


@pytest.mark.slow
@pytest.mark.parametrize(("wrong", "reports"), [(0, 1), (1, 5)])
def test_items_share_vectors_only_after_a_good_report(seen, tmp_path, monkeypatch, wrong, reports):
    lengths = {"min_length": 4, "max_length": 4, "training_fields": {"alike": 1.0}}
    train(
        tmp_path,
        monkeypatch,
        wrong,
        recipe=AssociativeRecallConfig,
        task=AssociativeRecall(),
        **lengths,
    )
    shared = []
    for call in seen:
        items = call.inputs.reshape(8, -1, 8)[:, :16, :6].reshape(8, 4, 4, 6)[:, :, 1:]
        same = (items[:, :, None] == items[:, None]).all(axis=4)
        shared.append(same[:, ~np.eye(4, dtype=bool)].mean())
    assert max(shared[:reports]) < 0.05
    assert all(share > 0.12 for share in shared[reports:])


@pytest.mark.slow
@pytest.mark.parametrize(("sparse", "ones"), [(0.0, 0.5), (1.0, 0.3125)])
def test_vectors_are_sparse_in_training_from_the_start(seen, tmp_path, monkeypatch, sparse, ones):
    lengths = {"min_length": 20, "max_length": 20}
    fields = {"sparse": sparse}
    outcome = train(tmp_path, monkeypatch, 1, training_fields=fields, **lengths)
    drawn = [call.inputs[..., :8].sum() / (8 * 20 * 8) for call in seen]
    assert len(drawn) == len(outcome.reports)
    np.testing.assert_allclose(drawn, ones, atol=0.12)
    assert Run.open(tmp_path).config.task.sparse == 0  # what it is tested on


@pytest.mark.slow
@pytest.mark.parametrize(("stop", "reports"), [(True, 3), (False, 4)])
def test_training_can_stop_once_the_task_is_solved(seen, tmp_path, monkeypatch, stop, reports):
    outcome = train(tmp_path, monkeypatch, 0, stop_when_solved=stop)
    assert len(outcome.reports) == len(seen) == reports
    assert outcome.solved == outcome.reports[0]


@pytest.mark.parametrize("name", ["adam", "amsgrad", "rmsprop"])
def test_optimisers_bound_the_norm_of_gradients(cell, name):
    config = dataclasses.replace(CONFIG, optimizer=name, clip_norm=3.0)
    optimizer = updates.build_optimizer(config, cell)
    assert (optimizer.global_clipnorm, optimizer.clipvalue) == (3.0, None)
    if name == "rmsprop":
        assert optimizer.centered
        assert optimizer.momentum > 0
    else:
        assert optimizer.amsgrad == (name == "amsgrad")


def test_a_budget_to_fall_in(seen, tmp_path, monkeypatch):
    train(tmp_path, monkeypatch, 1, anneal_budget=0.5)
    expected = 1e-2 * np.array([1, 1, 1, 0.8, 0.4])
    np.testing.assert_allclose([call.rate for call in seen], expected, rtol=1e-6)


def test_a_training_that_is_lost_goes_back_to_its_last_good_report_but_one(seen, monkeypatch):
    config = dataclasses.replace(CONFIG, max_length=2, batch_size=2, report_sequences=8)
    config = dataclasses.replace(config, max_sequences=64, lost_above=1.0)
    errors_of_tests(monkeypatch, iter([5, 0.4, 0, 5, 0.7, 0, 5, 5]))
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


@pytest.mark.slow
@pytest.mark.parametrize("damage", ["a tape of no numbers", "a gradient that is too long"])
def test_an_update_without_a_usable_gradient_is_left_out(cell, mean, damage):
    _, data = draw(np.full(6, 2), 2)
    options = {}
    if damage == "a tape of no numbers":
        data.inputs[1] = np.nan
    else:
        options["longest_gradient"] = 1e-3
    start = [variable.numpy() for variable in cell.trainable_variables]
    update = compiled(cell, mean, **options)
    norms = np.zeros(3)
    for first in (0, 1, 2):  # an update that is left out ends its call
        after = update(data, 0.0, np.int32(first)).norms.numpy()
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


@pytest.mark.slow
def test_a_training_whose_gradients_are_all_lost_says_so(tmp_path, monkeypatch):
    config = dataclasses.replace(CONFIG, max_length=2, report_sequences=8, longest_gradient=1e-6)
    run = Run.create(tmp_path, config)
    monkeypatch.setattr(run, "save_network", lambda _: None)
    with pytest.raises(RunError, match="expected gradients of a length up to 1e-06, got"):
        supervised.train(config, run)
