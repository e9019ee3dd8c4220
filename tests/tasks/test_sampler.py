from itertools import islice, pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ntm_gym import PROTOCOLS, Copy, Sampler
from ntm_gym.curriculum import Fixed, Uniform

PARTS = ("inputs", "targets", "mask", "steps", "lengths")
each_name = pytest.mark.parametrize("name", PROTOCOLS)


def assert_same(first, second):
    for part in PARTS:
        one, other = getattr(first, part), getattr(second, part)
        assert one.dtype == other.dtype
        np.testing.assert_array_equal(one, other)


def take(sampler, n):
    return list(islice(sampler, n))


@each_name
def test_batches_are_what_the_task_draws(name):
    """The same calls by hand give the same tapes; the lengths are those of the protocol."""
    protocol = PROTOCOLS[name]
    rng = np.random.default_rng(3)
    lengths = Uniform(protocol.min_length, protocol.max_length)
    for batch in take(Sampler(name, batch_size=5, seed=3), 4):
        assert_same(batch, protocol.task.sample(rng, lengths.sample(rng, 5)))


@given(
    width=st.integers(1, 9),
    ends=st.tuples(st.integers(1, 12), st.integers(1, 12)).map(sorted),
    batch_size=st.integers(1, 7),
    seed=st.integers(0, 2**64),
)
def test_fixed_steps_only_pads(width, ends, batch_size, seed):
    arguments = {
        "min_length": ends[0],
        "max_length": ends[1],
        "batch_size": batch_size,
        "seed": seed,
        "width": width,
    }
    sampler = Sampler("copy", **arguments, fixed_steps=True)
    assert sampler.steps == 2 * ends[1] + 1
    for short, fixed in zip(take(Sampler("copy", **arguments), 3), take(sampler, 3), strict=True):
        assert short.inputs.shape == (batch_size, short.steps.max(), width + 1)
        assert fixed.inputs.shape == (batch_size, sampler.steps, width + 1)
        assert short.lengths.min() >= ends[0]
        assert short.lengths.max() <= ends[1]
        sampler.task.check_batch(fixed, batch_size)
        for part in PARTS[:3]:
            long = getattr(fixed, part)
            cut = long[:, : short.mask.shape[1]]
            np.testing.assert_array_equal(cut, getattr(short, part))
            assert long.dtype == getattr(short, part).dtype
        np.testing.assert_array_equal(fixed.steps, short.steps)


def test_each_iterator_begins_anew():
    sampler = Sampler("copy", batch_size=2, seed=1)
    first, again = iter(sampler), iter(sampler)
    for _ in range(3):
        assert_same(next(first), next(again))
    one, two = take(sampler, 2)
    assert not np.array_equal(one.inputs[0, 0], two.inputs[0, 0]) or one.steps[0] != two.steps[0]
    assert not np.array_equal(one.lengths, next(iter(Sampler("copy", batch_size=2))).lengths)


def test_a_curriculum_is_asked_before_each_batch():
    class Growing(Fixed):
        longest = 1

        def sample(self, rng, n):  # noqa: ARG002
            return np.full(n, self.longest)

        def record(self, lengths, errors):  # noqa: ARG002
            type(self).longest += 1

    sampler = Sampler(Copy(2), min_length=1, max_length=3, curriculum=Growing(1, 3), batch_size=2)
    seen = []
    for batch in islice(sampler, 3):
        seen += batch.lengths.tolist()
        sampler.curriculum.record(batch.lengths, np.zeros(2, np.int64))
    assert seen == [1, 1, 2, 2, 3, 3]


def test_a_tape_longer_than_the_fixed_steps():
    sampler = Sampler("copy", curriculum=Fixed(1, 30), max_length=20, fixed_steps=True)
    with pytest.raises(
        ValueError, match=r"expected tapes of at most 41 steps.*got 61 for a length of 30"
    ):
        next(iter(sampler))


def test_spawned_samplers_draw_tapes_of_their_own():
    sampler = Sampler("copy", curriculum="fixed", batch_size=3, seed=5)
    workers = [sampler, *sampler.spawn(3), *sampler.spawn(2)[1].spawn(2)]
    drawn = [take(worker, 4) for worker in workers]
    tapes = {batch.inputs[row].tobytes() for own in drawn for batch in own for row in range(3)}
    assert len(tapes) == len(workers) * 4 * 3  # 160 random bits never fall alike
    for again, own in zip(sampler.spawn(2), drawn[1:3], strict=True):
        assert_same(next(iter(again)), own[0])
    assert sampler.spawn(1)[0].curriculum is sampler.curriculum
    # numpy's own way of spawning, as its documentation promises.
    child = np.random.SeedSequence(5).spawn(2)[1]
    assert_same(
        take(Sampler("copy", curriculum="fixed", batch_size=3, seed=child), 1)[0], drawn[2][0]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"task": "cpoy"}, "expected task as a Task or one of 'copy'"),
        ({"task": Copy()}, "expected min_length and max_length, or a task's name"),
        ({"task": Copy(), "min_length": 1}, "expected min_length and max_length"),
        ({"batch_size": 0}, "expected batch_size as an integer of at least 1, got 0"),
        ({"batch_size": 2.0}, "expected batch_size"),
        ({"batch_size": 10**9}, "expected at most"),
        ({"seed": -1}, "expected seed as an integer of at least 0 or a SeedSequence, got -1"),
        ({"seed": None}, "expected seed"),
        ({"seed": 1.5}, "expected seed"),
        ({"max_length": 0}, "expected max_length"),
        ({"min_length": 30}, "expected min_length <= max_length"),
        ({"task": "associative_recall", "min_length": 1}, "expected lengths from 2"),
        ({"curriculum": "none"}, "expected curriculum as one of"),
        ({"colour": 3}, "got colour"),
        ({"width": 0}, "expected width"),
    ],
)
def test_impossible_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        Sampler(**{"task": "copy", **arguments})


@pytest.mark.parametrize("n", [0, -1, 1.5, None, True])
def test_impossible_number_of_workers(n):
    with pytest.raises(ValueError, match="expected n as an integer"):
        Sampler("copy").spawn(n)


@pytest.mark.slow
@each_name
@pytest.mark.parametrize("fixed", [False, True])
def test_tf_dataset(name, fixed):
    sampler = Sampler(name, batch_size=3, seed=2, fixed_steps=fixed)
    dataset = sampler.tf_dataset()
    steps = PROTOCOLS[name].task.steps(np.array([PROTOCOLS[name].max_length]))[0] if fixed else None
    shapes = [tuple(part.shape) for part in dataset.element_spec]
    task = sampler.task
    assert shapes == [(3, steps, task.input_width), (3, steps, task.target_width), (3, steps)]
    elements = dataset.take(3).as_numpy_iterator()
    for batch, (inputs, targets, mask) in zip(take(sampler, 3), elements, strict=True):
        np.testing.assert_array_equal(inputs, batch.inputs)
        np.testing.assert_array_equal(targets, batch.targets)
        np.testing.assert_array_equal(mask, batch.mask)
        assert {inputs.dtype, targets.dtype, mask.dtype} == {np.dtype(np.float32)}


def test_keras_weighs_the_steps_by_the_mask():
    """Loss and metrics of `evaluate` are those of the scored steps alone."""
    keras = pytest.importorskip("keras")
    sampler = Sampler("copy", width=2, max_length=3, batch_size=4, seed=0, fixed_steps=True)
    network = keras.Sequential([keras.Input((sampler.steps, 3)), keras.layers.Dense(2)])
    network.compile(
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        weighted_metrics=[keras.metrics.BinaryAccuracy(threshold=0)],
    )
    _, accuracy = network.evaluate(sampler.tf_dataset(), steps=2, verbose=0)
    right = scored = 0
    for batch in take(sampler, 2):
        outputs = network.predict_on_batch(batch.inputs)
        right += (((outputs > 0) == (batch.targets > 0)) & batch.mask[..., None]).sum()
        scored += batch.mask.sum() * 2
    assert accuracy == pytest.approx(right / scored)


def as_arrays(loader, n):
    return [[part.numpy() for part in triple] for triple in islice(loader, n)]


def test_torch_dataset_without_workers_is_the_plain_iterator():
    data = pytest.importorskip("torch.utils.data")
    sampler = Sampler("copy", batch_size=3, seed=2)
    dataset = sampler.torch_dataset()
    assert isinstance(dataset, data.IterableDataset)
    triples = as_arrays(data.DataLoader(dataset, batch_size=None), 3)
    for batch, (inputs, targets, mask) in zip(take(sampler, 3), triples, strict=True):
        np.testing.assert_array_equal(inputs, batch.inputs)
        np.testing.assert_array_equal(targets, batch.targets)
        np.testing.assert_array_equal(mask, batch.mask)
        assert (inputs.dtype, targets.dtype, mask.dtype) == (np.float32, np.float32, bool)


# The test is of two workers; on a machine of one core torch advises against that.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:This DataLoader will create")
# Workers are stopped while they draw on; that torch's may abort then says nothing of the tapes.
@pytest.mark.filterwarnings(
    "ignore:Exception ignored in.*DataLoaderIter:pytest.PytestUnraisableExceptionWarning"
)
def test_torch_workers_draw_tapes_of_their_own():
    """In processes started afresh, so that the dataset goes there pickled."""
    data = pytest.importorskip("torch.utils.data")
    sampler = Sampler("copy", curriculum="fixed", batch_size=2, seed=4)
    loader = data.DataLoader(
        sampler.torch_dataset(),
        batch_size=None,
        num_workers=2,
        multiprocessing_context="spawn",
    )
    batches = [triple[0] for triple in as_arrays(loader, 6)]
    first, second = (take(worker, 3) for worker in sampler.spawn(2))
    for number, batch in enumerate(batches):
        worker = (first, second)[number % 2]
        np.testing.assert_array_equal(batch, worker[number // 2].inputs)
    assert not any(np.array_equal(one, other) for one, other in pairwise(batches))
