from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntm_gym import (
    PROTOCOLS,
    AssociativeRecall,
    Batch,
    Copy,
    DynamicNGrams,
    PrioritySort,
    RepeatCopy,
)
from ntm_gym.metrics import cost_bits
from ntm_gym.tasks.associative_recall import _distinct_numbers
from ntm_gym.tasks.dynamic_ngrams import _run, _sources
from ntm_gym.vectors import random_bits, write_rows

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


def repeat_tape(vectors, repeats, trained=10):
    """One tape of RepeatCopy, written step by step."""
    width = len(vectors[0])
    silence = [0] * width
    counts = np.arange(1, trained + 1)
    shown = np.float32((repeats - counts.mean()) / counts.std())
    inputs = [[*v, 0, 0] for v in vectors] + [[*silence, 1, shown]]
    unscored = len(inputs)
    targets = [[*silence, 0]] * unscored + [[*v, 0] for v in vectors] * repeats + [[*silence, 1]]
    inputs += [[*silence, 0, 0]] * (len(targets) - unscored)
    return inputs, targets, [False] * unscored + [True] * (len(targets) - unscored)


def sort_tape(vectors, priorities, count):
    """One tape of PrioritySort, written step by step."""
    silence = [0] * len(vectors[0])
    inputs = [[*v, priority, 0] for v, priority in zip(vectors, priorities, strict=True)]
    inputs += [[*silence, 0, 1]] + [[*silence, 0, 0]] * count
    ranked = sorted(zip(vectors, priorities, strict=True), key=lambda pair: -pair[1])
    unscored = len(vectors) + 1
    targets = [silence] * unscored + [vector for vector, _ in ranked[:count]]
    return inputs, targets, [False] * unscored + [True] * count


def bayes_answers(bits, context):
    """The probabilities of a 1 at every step of one tape of DynamicNGrams, counted in a dict."""
    counts, answers = {}, [0.0] * context
    for step in range(context, len(bits)):
        seen = counts.setdefault(tuple(bits[step - context : step]), [0.5, 0.5])
        answers.append(seen[1] / sum(seen))
        seen[bits[step]] += 1
    return answers


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


@given(
    seed=seeds,
    width=st.integers(1, 5),
    lengths=st.lists(st.integers(1, 6), min_size=1, max_size=6),
    least=st.integers(1, 5),
    more=st.integers(0, 5),
    trained=st.integers(2, 30),
)
def test_repeat_copy_matches_reference(seed, width, lengths, least, more, trained):
    task = RepeatCopy(width, least, least + more, trained)
    batch = task.sample(rng(seed), lengths)
    for row, length in enumerate(lengths):
        repeats = (batch.steps[row] - length - 2) // length
        assert least <= repeats <= least + more
        vectors = batch.inputs[row, :length, :width].astype(int).tolist()
        assert_row(batch, row, *repeat_tape(vectors, int(repeats), trained))
    np.testing.assert_array_equal(task.solve(batch.inputs), batch.targets)


@given(
    seed=seeds,
    width=st.integers(1, 5),
    lengths=st.lists(st.integers(1, 12), min_size=1, max_size=6),
    hundredths=st.integers(1, 100),
)
def test_priority_sort_matches_reference(seed, width, lengths, hundredths):
    task = PrioritySort(width, hundredths / 100)
    batch = task.sample(rng(seed), lengths)
    for row, length in enumerate(lengths):
        listed = batch.inputs[row, :length]
        assert np.all(np.abs(listed[:, width]) <= 1)
        count = -(-hundredths * length // 100)
        assert_row(batch, row, *sort_tape(listed[:, :width].tolist(), listed[:, width], count))
    np.testing.assert_array_equal(task.solve(batch.inputs), batch.targets)


@given(seed=seeds, context=st.integers(1, 6), data=st.data())
def test_ngrams_match_reference(seed, context, data):
    lengths = data.draw(st.lists(st.integers(context + 1, 40), min_size=1, max_size=5))
    task = DynamicNGrams(context)
    batch = task.sample(rng(seed), lengths)
    answers = task.solve(batch.inputs)
    for row, length in enumerate(lengths):
        # The first bits are known from the inputs, the others, the last one too, from the targets.
        bits = [*batch.inputs[row, 1 : context + 1, 0], *batch.targets[row, context:length, 0]]
        bits = [int(bit) for bit in bits]
        mask = [False] * context + [True] * (length - context)
        due = [[bit * scored] for bit, scored in zip(bits, mask, strict=True)]
        assert_row(batch, row, [[0], *([bit] for bit in bits[:-1])], due, mask)
        np.testing.assert_allclose(answers[row, :length, 0], bayes_answers(bits, context), 1e-6)


def test_repeat_copy_known_answer():
    # The example of the docstring with 1-bit vectors 1 and 0; (3 - 5.5) / sqrt(8.25) = -0.87039.
    inputs, targets, mask = repeat_tape([[1], [0]], repeats=3)
    np.testing.assert_allclose(
        inputs[:4], [[1, 0, 0], [0, 0, 0], [0, 1, -0.87039], [0, 0, 0]], 1e-5
    )
    bits = [[0, 0]] * 3 + [[1, 0], [0, 0]] * 3 + [[0, 1]]
    assert targets == bits
    assert mask == [False] * 3 + [True] * 7
    np.testing.assert_array_equal(RepeatCopy(width=1).solve(np.float32([inputs])), [bits])


def test_priority_sort_known_answer():
    # The example of the docstring: of 4 vectors the third, fourth and first are written.
    vectors = [[0, 1], [1, 0], [1, 1], [0, 0]]
    inputs, targets, _ = sort_tape(vectors, [0.1, -0.5, 0.9, 0.3], 3)
    assert targets[5:] == [[1, 1], [0, 0], [0, 1]]
    task = PrioritySort(width=2, sorted_fraction=0.75)
    np.testing.assert_array_equal(task.solve(np.float32([inputs])), [targets])


def test_equal_priorities_keep_their_order():
    inputs, targets, _ = sort_tape([[1, 0], [0, 1], [1, 1]], [0.5, 0.5, 0.5], 3)
    task = PrioritySort(width=2, sorted_fraction=1)
    np.testing.assert_array_equal(task.solve(np.float32([inputs])), [targets])


def test_ngrams_known_answer():
    # The example of the docstring: bits 0 1 1 0 1 1 with contexts of two.
    inputs = np.float32([[[0], [0], [1], [1], [0], [1]]])
    answers = [[[0], [0], [0.5], [0.5], [0.5], [0.75]]]
    np.testing.assert_array_equal(DynamicNGrams(context=2).solve(inputs), answers)


@pytest.mark.parametrize(
    ("task", "length", "steps"),
    [
        (Copy(), 1, 3),
        (RepeatCopy(max_repeats=1), 4, 10),
        (RepeatCopy(min_repeats=10), 10, 112),
        (RepeatCopy(min_repeats=20, max_repeats=20), 10, 212),
        (DynamicNGrams(), 200, 200),
        (DynamicNGrams(context=2), 3, 3),
        (PrioritySort(), 20, 37),
        (PrioritySort(), 1, 3),
        (PrioritySort(), 6, 12),
        (PrioritySort(sorted_fraction=0.55), 100, 156),  # 0.55 * 100 is above 55 in binary
        (PrioritySort(sorted_fraction=1e-9), 7, 9),
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
    widths = {name: (p.task.input_width, p.task.target_width) for name, p in PROTOCOLS.items()}
    assert widths == {
        "copy": (9, 8),
        "repeat_copy": (10, 9),
        "associative_recall": (8, 6),
        "dynamic_ngrams": (1, 1),
        "priority_sort": (10, 8),
    }


@each_task
@given(seed=seeds, data=st.data())
def test_batch_is_well_formed(task, seed, data):
    lengths = data.draw(st.lists(st.integers(task.shortest, 9), min_size=1, max_size=8))
    batch = task.sample(rng(seed), lengths)
    task.check_batch(batch, len(lengths))
    assert len(batch) == len(lengths)
    assert batch.lengths.tolist() == lengths
    assert np.all(batch.steps <= task.steps(np.array(lengths)))
    assert not np.shares_memory(batch.steps, batch.lengths)
    assert batch.inputs.shape[1] == batch.steps.max()


@pytest.mark.slow
@each_task
@given(seed=seeds, data=st.data())
def test_oracle_is_right_and_causal(task, seed, data):
    most = task.shortest + 5
    lengths = data.draw(st.lists(st.integers(task.shortest, most), min_size=1, max_size=4))
    batch = task.sample(rng(seed), lengths)
    answers = task.solve(batch.inputs)
    assert answers.dtype == np.float32
    if isinstance(task, DynamicNGrams):  # nobody can know these bits, nor where the tape ends
        assert np.all((answers > 0) == (np.arange(batch.mask.shape[1]) >= task.context)[:, None])
        assert np.all(answers < 1)
    else:
        np.testing.assert_array_equal(answers, batch.targets)
    for step in range(batch.inputs.shape[1]):
        seen = task.solve(batch.inputs[:, : step + 1])
        np.testing.assert_array_equal(seen, answers[:, : step + 1])


@each_task
def test_sample_is_determined_by_the_generator(task):
    lengths = [task.shortest, 7, 9]
    first, again, other = (task.sample(rng(seed), lengths) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.inputs, again.inputs)
    assert not np.array_equal(first.inputs, other.inputs)


@each_task
def test_tape_dtype_holds_the_same_tapes(task):
    lengths = [task.shortest, 7, 9]
    wide, narrow = (task.sample(rng(), lengths, dtype) for dtype in (np.float32, task.tape_dtype))
    assert narrow.inputs.dtype == narrow.targets.dtype == task.tape_dtype
    assert wide.inputs.dtype == wide.targets.dtype == np.float32
    for name in ("inputs", "targets", "mask", "steps", "lengths"):
        np.testing.assert_array_equal(getattr(wide, name), getattr(narrow, name))


@each_task
def test_bits_are_fair(task):
    batch = task.sample(rng(), np.full(2000, 6))
    # The first row of each tape that holds bits alone.
    bits = batch.inputs[:, int(not isinstance(task, Copy | RepeatCopy | PrioritySort))]
    bits = bits[:, : getattr(task, "width", 1)]
    assert set(np.unique(bits)) == {0, 1}
    assert np.all(np.abs(bits.mean(axis=0) - 0.5) < 5 * 0.5 / np.sqrt(2000))


def test_repeats_are_uniform_and_shown_with_mean_0_and_variance_1():
    batch = RepeatCopy().sample(rng(), np.full(10_000, 1))
    _, counts = np.unique(batch.steps, return_counts=True)
    assert len(counts) == 10
    np.testing.assert_allclose(counts, 1000, atol=150)
    shown = batch.inputs[:, 1, 9]
    assert shown.mean() == pytest.approx(0, abs=0.05)
    assert shown.var() == pytest.approx(1, abs=0.05)
    values = np.unique(shown)
    assert values.mean() == pytest.approx(0, abs=1e-6)
    assert values.var() == pytest.approx(1, abs=1e-6)
    # Other repeats in a test are shown on the same scale.
    more = RepeatCopy(min_repeats=20, max_repeats=20).sample(rng(), [1]).inputs[0, 1, 9]
    assert more == pytest.approx((20 - 5.5) / 8.25**0.5)


def test_priorities_are_uniform():
    priorities = PrioritySort().sample(rng(), np.full(1000, 20)).inputs[:, :20, 8].ravel()
    counts, _ = np.histogram(priorities, bins=10, range=(-1, 1))
    assert counts.sum() == 20_000
    np.testing.assert_allclose(counts, 2000, atol=250)


def test_sources_are_beta_distributed():
    """Beta(1/2, 1/2) has mean 1/2, variance 1/8 and the quantiles sin^2(pi q / 2)."""
    chances = _sources(rng(), 2000, 5)
    assert chances.shape == (2000, 32)
    assert np.all((chances >= 0) & (chances <= 1))
    assert chances.mean() == pytest.approx(0.5, abs=0.01)
    assert chances.var() == pytest.approx(0.125, abs=0.002)
    quartiles = [(2 - 2**0.5) / 4, 0.5, (2 + 2**0.5) / 4]
    np.testing.assert_allclose(np.quantile(chances, [0.25, 0.5, 0.75]), quartiles, atol=0.01)


def test_sources_follow_their_contexts():
    """Contexts 00 01 10 11, sure of what follows: the bits are known from the first two."""
    coins = np.float32([[0.9, 0.1], [0.9, 0.9], *[[0.5, 0.5]] * 4])
    bits = _run(np.float32([[1, 1, 0, 0], [0, 0, 1, 0]]), coins, 2)
    assert bits.T.astype(int).tolist() == [[0, 0, 1, 1, 0, 0], [1, 0, 1, 0, 1, 0]]
    # And of chances in between, the coin decides.
    assert _run(np.float32([[0.3, 0, 0, 0]]), np.float32([[0.9], [0.9], [0.29]]), 2)[2, 0]
    assert not _run(np.float32([[0.3, 0, 0, 0]]), np.float32([[0.9], [0.9], [0.31]]), 2)[2, 0]


def count_of_bayes(tapes, bits, context, seed):
    """Mean and standard error of Bayes' cost in bits: sources, tapes and counts of its own."""
    generator = rng(seed)
    chances = generator.beta(0.5, 0.5, (tapes, 2**context))
    past = generator.integers(0, 2, (tapes, context))
    counts = np.full((tapes, 2**context, 2), 0.5)
    row, cost = np.arange(tapes), np.zeros(tapes)
    for _ in range(context, bits):
        now = past[:, -context:] @ 2 ** np.arange(context)
        bit = (generator.random(tapes) < chances[row, now]).astype(int)
        seen = counts[row, now]
        cost -= np.log2(seen[row, bit] / seen.sum(axis=1))
        counts[row, now, bit] += 1
        past = np.concatenate([past, bit[:, None]], axis=1)
    return cost.mean(), cost.std() / np.sqrt(tapes)


@pytest.mark.slow
def test_bayes_cost_is_that_of_an_independent_count():
    task = DynamicNGrams()
    batch = task.sample(rng(), np.full(6000, 200))
    assert np.all(batch.mask.sum(axis=1) == 195)
    answers = task.solve(batch.inputs).astype(float)
    with np.errstate(divide="ignore"):
        logits = np.log(answers) - np.log1p(-answers)
    cost = cost_bits(logits, batch.targets, batch.mask)
    mean, error = cost.mean(), cost.std() / np.sqrt(6000)
    expected, spread = count_of_bayes(6000, 200, 5, seed=1)
    assert abs(mean - expected) < 4 * np.hypot(error, spread)
    assert mean == pytest.approx(128.3, abs=4 * error)
    assert error < 0.5


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


def items_of(batch, task):
    """The items of tapes of one length, [B, n, v, width]."""
    block = task.vectors_per_item + 1
    steps = int(batch.lengths[0]) * block
    shown = batch.inputs[:, :steps, : task.width]
    return shown.reshape(len(batch), -1, block, task.width)[:, :, 1:]


@pytest.mark.parametrize("alike", [0.0, 0.3, 1.0])
def test_alike_items_share_vectors_at_their_places_and_differ(alike):
    task = AssociativeRecall(alike=alike)
    batch = task.sample(rng(), np.full(2000, 5))
    np.testing.assert_array_equal(task.solve(batch.inputs), batch.targets)
    items = items_of(batch, task)
    places = items[:, :, None] == items[:, None]
    shared = places.all(axis=4)
    assert shared.all(axis=3).sum() == 5 * len(items)  # each item equals itself alone
    others = shared[:, ~np.eye(5, dtype=bool)]
    # Two vectors are those of one of the five items drawn, or by chance equal.
    own, other = 1 - 0.8 * alike, 0.2 * alike
    same = 2 * own * other + 3 * other**2
    expected = same + (1 - same) / 64
    # A few less, since in some tapes two items became equal.
    assert 0.85 * expected - 0.002 < others.mean() < expected + 0.002


def test_alike_items_do_not_depend_on_longer_tapes_beside_them():
    task = AssociativeRecall(alike=0.5)
    shares = []
    for beside in (2, 20):
        lengths = np.full(4000, 2)
        lengths[-1] = beside
        batch = task.sample(rng(), lengths)
        first, second = (batch.inputs[:-1, start : start + 3, :6] for start in (1, 5))
        shares.append((first == second).all(axis=2).any(axis=1).mean())
    assert shares[0] == pytest.approx(0.72, abs=0.03)
    assert shares[1] == pytest.approx(shares[0], abs=0.03)


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Copy, RepeatCopy])
@pytest.mark.parametrize("sparse", [0.0, 0.5, 1.0])
def test_sparse_vectors_have_few_ones(kind, sparse):
    task = kind(sparse=sparse)
    batch = task.sample(rng(), np.full(2000, 40))
    np.testing.assert_array_equal(task.solve(batch.inputs), batch.targets)
    ones = batch.inputs[:, :40, : task.width].sum(axis=2)
    few = sparse / 2  # half of the vectors, of so many tapes
    assert ones.mean() == pytest.approx(8 * (0.5 - 0.375 * few), abs=0.1)
    blank = few * (7 / 8) ** 8 + (1 - few) / 2**8
    assert (ones == 0).mean() == pytest.approx(blank, abs=0.015)
    # The share is a tape's own, from none to all: 4 ones in a vector down to 1.
    means = ones.mean(axis=1)
    for least, most in ((1, 1.75), (1.75, 2.5), (2.5, 3.25)):
        within = np.mean((least < means) & (means < most))
        assert within == pytest.approx(sparse / 4, abs=0.05)


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
    for field in fields(task):
        if field.type == "int":
            with pytest.raises(ValueError, match=rf"expected {field.name} as an integer .* got"):
                replace(task, **{field.name: value})


@pytest.mark.parametrize("value", [0, -0.1, 1.01, 2, True, "1", None, float("nan")])
def test_impossible_fractions(value):
    with pytest.raises(ValueError, match=r"expected sorted_fraction .* got"):
        PrioritySort(sorted_fraction=value)
    if value != 0:
        with pytest.raises(ValueError, match=r"expected alike .* got"):
            AssociativeRecall(alike=value)
        for kind in (Copy, RepeatCopy):
            with pytest.raises(ValueError, match=r"expected sparse .* got"):
                kind(sparse=value)


def test_impossible_repeats():
    with pytest.raises(ValueError, match="expected min_repeats <= max_repeats, got 11 > 10"):
        RepeatCopy(min_repeats=11)
    with pytest.raises(ValueError, match="expected trained_repeats of at least 2, got 1"):
        RepeatCopy(trained_repeats=1)


def test_sources_beyond_memory():
    with pytest.raises(ValueError, match=r"expected context as an integer from 1 to 20, got 21"):
        DynamicNGrams(context=21)
    with pytest.raises(ValueError, match=r"expected at most .* probabilities .* got 314,572,800"):
        DynamicNGrams(context=20).sample(rng(), np.full(300, 30))
    DynamicNGrams(context=20).sample(rng(), [30])


@each_task
def test_lengths_of_any_integer_type(task):
    for dtype in (np.int8, np.uint64, np.int32):
        assert task.sample(rng(), np.array([8, 9], dtype)).lengths.dtype == np.int64


@each_task
@pytest.mark.parametrize("rows", [slice(1, 3), [1, 2], np.array([False, True, True])], ids=str)
def test_select(task, rows):
    batch = task.sample(rng(), [7, 8, 9])
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
