from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntm_gym import PROTOCOLS, AssociativeRecall, Batch, Copy
from ntm_gym.task import random_bits, write_rows
from ntm_gym.tasks.associative_recall import _distinct_numbers

TASKS = [protocol.task for protocol in PROTOCOLS.values()]
each_task = pytest.mark.parametrize("task", TASKS, ids=lambda task: type(task).__name__)
seeds = st.integers(0, 2**32 - 1)


def rng(seed=0):
    return np.random.default_rng(seed)


def copy_tape(vectors):
    """One tape of Copy, written step by step: an independent reference."""
    width = len(vectors[0])
    silence = [0] * width
    inputs = [[*v, 0] for v in vectors] + [[*silence, 1]] + [[*silence, 0]] * len(vectors)
    targets = [silence] * (len(vectors) + 1) + list(vectors)
    return inputs, targets, [False] * (len(vectors) + 1) + [True] * len(vectors)


def recall_tape(items, asked):
    """One tape of AssociativeRecall, written step by step."""
    size, width = len(items[0]), len(items[0][0])
    silence = [0] * width
    inputs = []
    for item in items:
        inputs += [[*silence, 1, 0]] + [[*v, 0, 0] for v in item]
    inputs += [[*silence, 0, 1]] + [[*v, 0, 0] for v in items[asked]] + [[*silence, 0, 1]]
    targets = [silence] * len(inputs) + list(items[asked + 1])
    mask = [False] * len(inputs) + [True] * size
    return inputs + [[*silence, 0, 0]] * size, targets, mask


def assert_row(batch, row, inputs, targets, mask):
    steps = len(inputs)
    assert batch.steps[row] == steps
    np.testing.assert_array_equal(batch.inputs[row, :steps], inputs)
    np.testing.assert_array_equal(batch.targets[row, :steps], targets)
    np.testing.assert_array_equal(batch.mask[row, :steps], mask)
    assert not batch.inputs[row, steps:].any()
    assert not batch.targets[row, steps:].any()
    assert not batch.mask[row, steps:].any()


def test_copy_known_answer():
    inputs = np.float32([[[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0], [0, 0, 0]]])
    answers = [[[0, 0], [0, 0], [0, 0], [1, 0], [1, 1], [0, 0]]]
    np.testing.assert_array_equal(Copy(width=2).solve(inputs), answers)


def test_recall_is_not_misled_by_an_item_that_contains_the_query():
    inputs, targets, _ = recall_tape([[[1, 1]], [[0, 1]], [[1, 0]]], asked=1)
    task = AssociativeRecall(width=2, vectors_per_item=1)
    np.testing.assert_array_equal(task.solve(np.float32([inputs])), [targets])


def test_recall_known_answer():
    # Items 1, 2, 3 of one 2-bit vector each; the second is asked, so the third is due.
    inputs, targets, mask = recall_tape([[[1, 0]], [[0, 1]], [[1, 1]]], asked=1)
    assert inputs == [
        [0, 0, 1, 0],
        [1, 0, 0, 0],
        [0, 0, 1, 0],
        [0, 1, 0, 0],
        [0, 0, 1, 0],
        [1, 1, 0, 0],
        [0, 0, 0, 1],
        [0, 1, 0, 0],
        [0, 0, 0, 1],
        [0, 0, 0, 0],
    ]
    assert targets[-1] == [1, 1]
    assert mask == [False] * 9 + [True]
    task = AssociativeRecall(width=2, vectors_per_item=1)
    np.testing.assert_array_equal(task.solve(np.float32([inputs])), [targets])


@given(seed=seeds, width=st.integers(1, 12), lengths=st.lists(st.integers(1, 15), min_size=1))
def test_copy_matches_reference(seed, width, lengths):
    batch = Copy(width).sample(rng(seed), lengths)
    for row, length in enumerate(lengths):
        assert_row(batch, row, *copy_tape(batch.inputs[row, :length, :width].tolist()))


@given(seed=seeds, width=st.integers(2, 8), size=st.integers(1, 4), data=st.data())
def test_recall_matches_reference(seed, width, size, data):
    most = min(8, 2 ** (width * size))
    lengths = data.draw(st.lists(st.integers(2, most), min_size=1, max_size=10))
    batch = AssociativeRecall(width, size).sample(rng(seed), lengths)
    for row, length in enumerate(lengths):
        blocks = batch.inputs[row, : length * (size + 1), :width].reshape(length, size + 1, width)
        items = blocks[:, 1:].tolist()
        assert len({str(item) for item in items}) == length
        query = length * (size + 1) + 1
        asked = items.index(batch.inputs[row, query : query + size, :width].tolist())
        assert asked < length - 1
        assert_row(batch, row, *recall_tape(items, asked))
    # Few bits make items that resemble the query without being it.
    np.testing.assert_array_equal(AssociativeRecall(width, size).solve(batch.inputs), batch.targets)


@pytest.mark.parametrize(
    ("task", "length", "steps"),
    [
        (Copy(), 1, 3),
        (Copy(), 20, 41),
        (AssociativeRecall(), 2, 16),
        (AssociativeRecall(), 6, 32),
        (AssociativeRecall(vectors_per_item=1), 5, 14),
    ],
)
def test_steps(task, length, steps):
    assert task.steps(np.array([length])).tolist() == [steps]
    assert task.sample(rng(), [length]).inputs.shape == (1, steps, task.input_width)


def test_paper_widths():
    assert (Copy().input_width, Copy().target_width) == (9, 8)
    assert (AssociativeRecall().input_width, AssociativeRecall().target_width) == (8, 6)


@each_task
@given(seed=seeds, data=st.data())
def test_batch_is_well_formed(task, seed, data):
    lengths = data.draw(st.lists(st.integers(task.shortest, 9), min_size=1, max_size=8))
    batch = task.sample(rng(seed), lengths)
    task.check_batch(batch, len(lengths))
    assert len(batch) == len(lengths)
    assert batch.lengths.tolist() == lengths
    assert batch.steps.tolist() == task.steps(np.array(lengths)).tolist()
    assert batch.inputs.shape[1] == batch.steps.max()


@each_task
@given(seed=seeds, data=st.data())
def test_oracle_is_right_and_causal(task, seed, data):
    lengths = data.draw(st.lists(st.integers(task.shortest, 6), min_size=1, max_size=4))
    batch = task.sample(rng(seed), lengths)
    answers = task.solve(batch.inputs)
    assert answers.dtype == np.float32
    np.testing.assert_array_equal(answers, batch.targets)
    for step in range(batch.inputs.shape[1]):
        seen = task.solve(batch.inputs[:, : step + 1])
        np.testing.assert_array_equal(seen, answers[:, : step + 1])


@each_task
def test_sample_is_determined_by_the_generator(task):
    lengths = [task.shortest, 5, 7]
    first, again, other = (task.sample(rng(seed), lengths) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert not np.array_equal(first.inputs, other.inputs)


@each_task
def test_tape_dtype_holds_the_same_tapes(task):
    lengths = [task.shortest, 5, 7]
    wide, narrow = (task.sample(rng(), lengths, dtype) for dtype in (np.float32, task.tape_dtype))
    assert narrow.inputs.dtype == narrow.targets.dtype == task.tape_dtype
    assert wide.inputs.dtype == wide.targets.dtype == np.float32
    for name in ("inputs", "targets", "mask", "steps", "lengths"):
        np.testing.assert_array_equal(getattr(wide, name), getattr(narrow, name))


@each_task
def test_bits_are_fair(task):
    batch = task.sample(rng(), np.full(2000, 6))
    bits = batch.targets[batch.mask]
    spread = 0.5 / np.sqrt(len(bits))
    assert np.all(np.abs(bits.mean(axis=0) - 0.5) < 5 * spread)


def test_every_item_but_the_last_is_asked_equally_often():
    task = AssociativeRecall(width=3, vectors_per_item=1)
    batch = task.sample(rng(), np.full(4000, 5))
    items, query = batch.inputs[:, 1:10:2, :3], batch.inputs[:, 11, :3]
    asked = (items == query[:, None]).all(axis=2).argmax(axis=1)
    np.testing.assert_allclose(np.bincount(asked, minlength=5) / 4000, [0.25] * 4 + [0], atol=0.04)


@pytest.mark.parametrize(("count", "universe"), [(3, 4), (4, 4), (3, 6), (2, 4)])
def test_distinct_numbers_are_uniform(count, universe):
    """Chi-square over all ordered choices, dense (drawn by shuffling) and sparse (redrawn)."""
    numbers = _distinct_numbers(rng(), 12_000, count, universe)
    choices, seen = np.unique(numbers, axis=0, return_counts=True)
    expected = np.prod(np.arange(universe, universe - count, -1))
    assert len(choices) == expected
    assert all(len(set(choice)) == count for choice in choices.tolist())
    chi_square = ((seen - 12_000 / expected) ** 2).sum() / (12_000 / expected)
    assert chi_square < expected + 5 * np.sqrt(2 * expected)


def test_all_possible_items_at_once():
    task = AssociativeRecall(width=2, vectors_per_item=2)
    assert task.longest == 16
    batch = task.sample(rng(), [16, 16, 3])
    items = batch.inputs[:2, :48].reshape(2, 16, 3, 4)[:, :, 1:, :2].reshape(2, 16, 4)
    assert all(len(np.unique(row, axis=0)) == 16 for row in items)


def test_items_wider_than_an_integer():
    task = AssociativeRecall(width=40, vectors_per_item=3)
    batch = task.sample(rng(), np.full(300, 4))
    np.testing.assert_array_equal(task.solve(batch.inputs), batch.targets)
    bits = batch.targets[batch.mask].reshape(300, 120)
    assert np.all(np.abs(bits.mean(axis=0) - 0.5) < 0.16)


@each_task
@pytest.mark.parametrize(
    "lengths",
    [
        0,
        5,
        [],
        [[5]],
        [0],
        [5, -1],
        [True],
        [5.0],
        [float("nan")],
        ["5"],
        [None],
        [10**30],
        [2**62],
        [2**63],
        [10**9],
        np.full(20_000, 10_000),
    ],
    ids=str,
)
def test_impossible_lengths(task, lengths):
    with pytest.raises(ValueError, match=r"expected .*got"):
        task.sample(rng(), lengths)


def test_lengths_beyond_the_distinct_items():
    with pytest.raises(ValueError, match=r"expected lengths from 2 to 8 .*width=1.* got 9"):
        AssociativeRecall(width=1, vectors_per_item=3).sample(rng(), [9])
    with pytest.raises(ValueError, match=r"expected lengths from 2 .* got 1"):
        AssociativeRecall().sample(rng(), [1])


@each_task
@pytest.mark.parametrize("value", [0, -1, 2.0, True, "8", None, 10**12])
def test_impossible_fields(task, value):
    with pytest.raises(ValueError, match=r"expected width as an integer .* got"):
        replace(task, width=value)


def test_impossible_vectors_per_item():
    with pytest.raises(ValueError, match="expected vectors_per_item"):
        AssociativeRecall(vectors_per_item=0)


@each_task
def test_lengths_of_any_integer_type(task):
    for dtype in (np.int8, np.uint64, np.int32):
        assert task.sample(rng(), np.array([5, 6], dtype)).lengths.dtype == np.int64


@each_task
@pytest.mark.parametrize("rows", [slice(1, 3), [1, 2], np.array([False, True, True])], ids=str)
def test_select(task, rows):
    batch = task.sample(rng(), [4, 5, 6])
    part = batch.select(rows)
    assert len(part) == 2
    for name in ("inputs", "targets", "mask", "steps", "lengths"):
        np.testing.assert_array_equal(getattr(part, name), getattr(batch, name)[1:3])


def broken(batch, name, value):
    arrays = {
        field: getattr(batch, field).copy()
        for field in ("inputs", "targets", "mask", "steps", "lengths")
    }
    if callable(value):
        value(arrays[name])
    else:
        arrays[name] = value
    return Batch(**arrays)


def put(index, value):
    return lambda array: array.__setitem__(index, value)


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("inputs", np.zeros((2, 7, 8), np.float32), "inputs of shape"),
        ("inputs", np.zeros((2, 7, 9)), "float32"),
        ("targets", np.zeros((2, 6, 8), np.float32), "targets of shape"),
        ("mask", np.zeros((2, 7), np.int8), "bool"),
        ("mask", put(0, False), "scored step"),
        ("mask", put((0, 6), True), "padding"),
        ("steps", np.array([5, 8]), "steps from 1 to 7"),
        ("lengths", np.array([2.0, 3.0]), "int64"),
        ("inputs", put((0, 0, 0), 2), "between"),
        ("inputs", put((0, 0, 0), np.nan), "between"),
        ("inputs", put((0, 6, 0), 1), "padding"),
        ("targets", put((0, 4, 0), 0.5), "0 or 1"),
        ("targets", put((0, 0, 0), 1), "unscored"),
    ],
)
def test_check_batch_refuses(name, value, message):
    task = Copy()
    batch = task.sample(rng(), [2, 3])
    task.check_batch(batch, 2)
    with pytest.raises(ValueError, match=message):
        task.check_batch(broken(batch, name, value), 2)


def test_check_batch_refuses_another_number_of_rows_or_task():
    batch = Copy().sample(rng(), [2, 3])
    with pytest.raises(ValueError, match="1 row"):
        Copy().check_batch(batch, 1)
    with pytest.raises(ValueError, match="inputs of shape"):
        Copy(width=3).check_batch(batch, 2)
    with pytest.raises(ValueError, match="expected a Batch, got dict"):
        Copy().check_batch({}, 2)


def test_random_bits():
    bits = random_bits(rng(), (7, 3, 5))
    assert bits.shape == (7, 3, 5)
    assert bits.dtype == np.uint8
    assert set(np.unique(bits)) == {0, 1}
    assert random_bits(rng(), (0, 5)).shape == (0, 5)


def test_write_rows():
    array, mask = np.zeros((2, 3, 4), np.float32), np.array([[1, 0, 1], [0, 1, 0]], bool)
    values = np.arange(1, 10).reshape(3, 3)
    expected = array.copy()
    expected[..., :3][mask] = values
    write_rows(array, mask, values)
    np.testing.assert_array_equal(array, expected)
