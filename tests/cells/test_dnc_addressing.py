"""The equations of the DNC: NumPy reference, known outcomes, invariants, gradients."""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from helpers import reference_dnc
from hypothesis import given, settings
from hypothesis import strategies as st

from ntm_gym.cells import addressing, dnc_addressing

DTYPES = ("float32", "float64")
TOLERANCE = {"float32": 1e-5, "float64": 1e-11}
FLOOR = addressing.NORM_FLOOR
SLOTS = 6


class Arguments(NamedTuple):
    """Arguments of all functions, by the names that they have here; a row of them has no B."""

    memory: np.ndarray
    keys: np.ndarray
    strengths: np.ndarray
    masks: np.ndarray
    free_gates: np.ndarray
    read_weights: np.ndarray
    write_weights: np.ndarray
    used: np.ndarray
    retained: np.ndarray
    content: np.ndarray
    allocated: np.ndarray
    allocation_gate: np.ndarray
    write_gate: np.ndarray
    last: np.ndarray
    links: np.ndarray
    contents: np.ndarray
    before: np.ndarray
    after: np.ndarray
    modes: np.ndarray

    def row(self, index: int) -> "Arguments":
        return Arguments(*(argument[index] for argument in self))


def draw(seed: int, batch: int = 2, heads: int = 3, slots: int = SLOTS, width: int = 4):
    """Arguments within their ranges; links are those of a few writes."""
    rng = np.random.default_rng(seed)

    def partial(*shape):
        return rng.uniform(size=(*shape, 1)) * rng.dirichlet(np.ones(slots), size=shape)

    links, last = np.zeros((batch, slots, slots)), np.zeros((batch, slots))
    for written in partial(4, batch):
        for b in range(batch):
            links[b] = reference_dnc.links(links[b], last[b], written[b])
            last[b] = reference_dnc.precedence(last[b], written[b])
    return Arguments(
        memory=rng.normal(size=(batch, width, slots)),
        keys=rng.normal(size=(batch, heads, width)),
        strengths=rng.uniform(1, 10, size=(batch, heads, 1)),
        masks=rng.uniform(size=(batch, heads, width)),
        free_gates=rng.uniform(size=(batch, heads, 1)),
        read_weights=partial(batch, heads),
        write_weights=partial(batch, 1),
        used=rng.uniform(size=(batch, slots)),
        retained=rng.uniform(size=(batch, slots)),
        content=rng.dirichlet(np.ones(slots), size=(batch, 1)),
        allocated=partial(batch),
        allocation_gate=rng.uniform(size=(batch, 1, 1)),
        write_gate=rng.uniform(size=(batch, 1, 1)),
        last=last,
        links=links,
        contents=rng.dirichlet(np.ones(slots), size=(batch, heads)),
        before=partial(batch, heads),
        after=partial(batch, heads),
        modes=rng.dirichlet(np.ones(3), size=(batch, heads)),
    )


class Operation(NamedTuple):
    """A function, the names of its arguments and its reference on one row of arguments."""

    function: Callable
    names: str
    reference: Callable[[Arguments], np.ndarray]

    def __call__(self, arguments: Arguments, dtype: str = "float64") -> np.ndarray:
        chosen = [getattr(arguments, name) for name in self.names.split()]
        return self.function(*[tf.constant(array, dtype) for array in chosen]).numpy()


OPERATIONS = {
    "masked_content_weights": Operation(
        dnc_addressing.masked_content_weights,
        "memory keys strengths masks",
        lambda row: np.array(
            [
                reference_dnc.masked_content_weights(row.memory.T, *each, FLOOR)
                for each in zip(row.keys, row.strengths, row.masks, strict=True)
            ]
        ),
    ),
    "retention": Operation(
        dnc_addressing.retention,
        "free_gates read_weights",
        lambda row: reference_dnc.retention(row.free_gates, row.read_weights),
    ),
    "usage": Operation(
        dnc_addressing.usage,
        "used write_weights retained",
        lambda row: reference_dnc.usage(row.used, row.write_weights[0], row.retained),
    ),
    "allocation": Operation(
        dnc_addressing.allocation, "used", lambda row: reference_dnc.allocation(row.used)
    ),
    "write_weights": Operation(
        dnc_addressing.write_weights,
        "content allocated allocation_gate write_gate",
        lambda row: reference_dnc.write_weights(
            row.content, row.allocated, row.allocation_gate, row.write_gate
        ),
    ),
    "precedence": Operation(
        dnc_addressing.precedence,
        "last write_weights",
        lambda row: reference_dnc.precedence(row.last, row.write_weights[0]),
    ),
    "links": Operation(
        dnc_addressing.links,
        "links last write_weights",
        lambda row: reference_dnc.links(row.links, row.last, row.write_weights[0]),
    ),
    "backward": Operation(
        lambda links, weights: dnc_addressing.along(links, weights)[0],
        "links read_weights",
        lambda row: np.array([reference_dnc.backward(row.links, w) for w in row.read_weights]),
    ),
    "forward": Operation(
        lambda links, weights: dnc_addressing.along(links, weights)[1],
        "links read_weights",
        lambda row: np.array([reference_dnc.forward(row.links, w) for w in row.read_weights]),
    ),
    "read_weights": Operation(
        dnc_addressing.read_weights,
        "before contents after modes",
        lambda row: np.array(
            [
                reference_dnc.read_weights(*each)
                for each in zip(row.before, row.contents, row.after, row.modes, strict=True)
            ]
        ),
    ),
}
ADDRESSES = (
    *("masked_content_weights", "allocation", "write_weights", "precedence"),
    *("backward", "forward", "read_weights"),
)
each_operation = pytest.mark.parametrize("name", OPERATIONS)


def one_hot(slot, slots=SLOTS):
    return tf.constant(np.eye(slots)[np.newaxis, [slot]])


# Reference


@each_operation
@settings(deadline=None, max_examples=8, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(1, 3),
    heads=st.integers(1, 3),
    slots=st.integers(1, 9),
    width=st.integers(1, 5),
)
def test_equals_the_reference(name, seed, batch, heads, slots, width):
    arguments = draw(seed, batch, heads, slots, width)
    expected = np.stack([OPERATIONS[name].reference(arguments.row(b)) for b in range(batch)])
    for dtype in DTYPES:
        got = OPERATIONS[name](arguments, dtype)
        assert got.dtype == dtype
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE[dtype])
        if name in ADDRESSES:
            assert (got >= -TOLERANCE[dtype]).all()
            assert (got.sum(axis=-1) <= 1 + TOLERANCE[dtype]).all()


@each_operation
def test_rows_are_independent(name):
    arguments, other = draw(seed=8), draw(seed=9)
    mixed = Arguments(
        *(np.stack([mine[0], others[1]]) for mine, others in zip(arguments, other, strict=True))
    )
    together = OPERATIONS[name](mixed)
    for row, source in enumerate((arguments, other)):
        alone = Arguments(*(array[row : row + 1] for array in source))
        np.testing.assert_allclose(together[row], OPERATIONS[name](alone)[0], atol=1e-15)


# Known outcomes


def test_an_open_mask_is_plain_content_lookup():
    arguments = draw(seed=1)
    chosen = [tf.constant(array) for array in arguments[:3]]
    np.testing.assert_allclose(
        dnc_addressing.masked_content_weights(*chosen, tf.ones_like(chosen[1])),
        addressing.content_weights(*chosen),
        atol=1e-12,
    )


def test_a_mask_finds_by_the_part_it_lets_through():
    memory = tf.constant([[[1.0, 0.0], [0.0, 1.0], [9.0, 9.0]]])  # two keys, one value
    key, mask = tf.constant([[[0.0, 1.0, -9.0]]]), tf.constant([[[1.0, 1.0, 0.0]]])
    strength = tf.fill([1, 1, 1], 50.0)
    found = dnc_addressing.masked_content_weights(memory, key, strength, mask)
    np.testing.assert_allclose(found, [[[0.0, 1.0]]], atol=1e-6)


def test_allocation_takes_free_slots_in_order_and_nothing_of_full_ones():
    used = tf.constant([[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [1.0, 1.0, 1.0]])
    expected = [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]
    np.testing.assert_allclose(dnc_addressing.allocation(used), expected, atol=1e-6)


def test_allocation_by_hand():
    # In the order of usage: slot 1 takes 0.9, slot 3 0.8 * 0.1, slot 0 0.5 * 0.02, slot 2 0.
    used = tf.constant([[0.5, 0.1, 1.0, 0.2]], tf.float64)
    expected = [[0.5 * 0.02, 0.9, 0.0, 0.8 * 0.1]]
    np.testing.assert_allclose(dnc_addressing.allocation(used), expected, atol=1e-11)


def test_a_slot_is_used_when_written_and_free_when_read_with_an_open_gate():
    nothing, closed, wide = tf.zeros([1, SLOTS], tf.float64), [[[0.0]]], [[[1.0]]]
    kept = dnc_addressing.retention(tf.constant(closed, tf.float64), one_hot(2))
    used = dnc_addressing.usage(nothing, one_hot(2), kept)
    np.testing.assert_array_equal(used, one_hot(2)[0])
    freed = dnc_addressing.retention(tf.constant(wide, tf.float64), one_hot(2))
    used = dnc_addressing.usage(used, tf.zeros_like(one_hot(2)), freed)
    np.testing.assert_array_equal(used, nothing)


def test_usage_gives_write_weights_no_gradient():
    arguments = draw(seed=2)
    chosen = [tf.constant(a) for a in (arguments.used, arguments.write_weights, arguments.retained)]
    with tf.GradientTape() as tape:
        tape.watch(chosen)
        used = dnc_addressing.usage(*chosen)
    gradients = tape.gradient(used, chosen)
    assert gradients[1] is None
    np.testing.assert_allclose(
        gradients[0], (1 - arguments.write_weights[:, 0]) * arguments.retained, rtol=1e-12
    )


ORDER = (3, 0, 4, 1)


def written_in_order(dtype="float64"):
    """The links after writing to slots one after the other."""
    links, last = tf.zeros([1, SLOTS, SLOTS], dtype), tf.zeros([1, SLOTS], dtype)
    for slot in ORDER:
        written = tf.cast(one_hot(slot), dtype)
        links = dnc_addressing.links(links, last, written)
        last = dnc_addressing.precedence(last, written)
    np.testing.assert_array_equal(last, one_hot(ORDER[-1])[0])
    return links


def test_links_lead_forward_and_backward_along_the_order_of_writing():
    links = written_in_order()
    for first, second in itertools.pairwise(ORDER):
        before, after = dnc_addressing.along(links, tf.concat([one_hot(first)] * 2, axis=1))
        np.testing.assert_array_equal(after, tf.concat([one_hot(second)] * 2, axis=1))
        before, after = dnc_addressing.along(links, one_hot(second))
        np.testing.assert_array_equal(before, one_hot(first))
    before, _ = dnc_addressing.along(links, one_hot(ORDER[0]))
    _, after = dnc_addressing.along(links, one_hot(ORDER[-1]))
    np.testing.assert_array_equal([before, after], np.zeros((2, 1, 1, SLOTS)))


def test_writing_again_to_a_slot_takes_it_out_of_its_old_place():
    links = dnc_addressing.links(written_in_order(), one_hot(ORDER[-1])[0], one_hot(0))
    expected = np.zeros((SLOTS, SLOTS))
    expected[1, 4] = expected[0, 1] = 1  # 3 -> 0 -> 4 is gone, 4 -> 1 -> 0 there
    np.testing.assert_array_equal(links[0], expected)


def test_no_writing_leaves_links_and_precedence():
    arguments = draw(seed=3)
    links, last = tf.constant(arguments.links), tf.constant(arguments.last)
    nothing = tf.zeros_like(tf.constant(arguments.write_weights))
    np.testing.assert_array_equal(dnc_addressing.links(links, last, nothing), links)
    np.testing.assert_array_equal(dnc_addressing.precedence(last, nothing), last)


def test_gates_and_modes_choose_one_address():
    arguments = draw(seed=4)
    content, allocated = tf.constant(arguments.content), tf.constant(arguments.allocated)
    for allocation_gate, write_gate, expected in (
        (1.0, 1.0, arguments.allocated[:, np.newaxis]),
        (0.0, 1.0, arguments.content),
        (1.0, 0.0, 0 * arguments.content),
    ):
        gates = [
            tf.fill([2, 1, 1], tf.constant(g, tf.float64)) for g in (allocation_gate, write_gate)
        ]
        got = dnc_addressing.write_weights(content, allocated, *gates)
        np.testing.assert_allclose(got, expected, atol=1e-15)
    ways = [tf.constant(a) for a in (arguments.before, arguments.contents, arguments.after)]
    for way in range(3):
        modes = tf.one_hot(tf.fill([2, 3], way), 3, dtype=tf.float64)
        np.testing.assert_array_equal(dnc_addressing.read_weights(*ways, modes), ways[way])


# Invariants


@pytest.mark.slow
@settings(deadline=None, max_examples=20, derandomize=True)
@given(seed=st.integers(0, 2**32 - 1), sharp=st.booleans())
def test_what_holds_after_any_writes(seed, sharp):
    """Usage within [0, 1]; links without loops, whose rows and columns sum to at most 1."""
    rng = np.random.default_rng(seed)
    slots = 5
    zeros = tf.zeros([1, slots], tf.float32)
    used, last, links = zeros, zeros, tf.zeros([1, slots, slots], tf.float32)

    def address(heads):
        weights = rng.dirichlet(np.full(slots, 0.05 if sharp else 1.0), size=(1, heads))
        gates = rng.uniform(size=(1, heads, 1)) ** (0.1 if sharp else 1.0)
        return tf.constant(weights * gates, tf.float32)

    for _ in range(30):
        written = address(1)
        links = dnc_addressing.links(links, last, written)
        last = dnc_addressing.precedence(last, written)
        free = tf.constant(rng.uniform(size=(1, 2, 1)), tf.float32)
        used = dnc_addressing.usage(used, written, dnc_addressing.retention(free, address(2)))
        allocated = dnc_addressing.allocation(used)
        for values in (used, last, links, allocated):
            assert values.numpy().min() >= -1e-6
            assert values.numpy().max() <= 1 + 1e-6
        assert np.trace(links[0]) == 0
        for sums in (tf.reduce_sum(links, 1), tf.reduce_sum(links, 2), tf.reduce_sum(last, 1)):
            assert sums.numpy().max() <= 1 + 1e-5
        np.testing.assert_allclose(
            tf.reduce_sum(allocated), 1 - np.prod(used.numpy().astype(float)), atol=1e-5
        )


# Gradients


@pytest.mark.slow
@each_operation
def test_gradients_equal_finite_differences(name):
    arguments = draw(seed=11, heads=2, slots=4, width=2)
    function, names, _ = OPERATIONS[name]
    tensors = [tf.constant(getattr(arguments, each)) for each in names.split()]
    if name == "usage":  # its gradient to the write weights is left out
        function = lambda used, retained, written=tensors[1]: dnc_addressing.usage(  # noqa: E731
            used, written, retained
        )
        tensors = [tensors[0], tensors[2]]
    analytic, numeric = tf.test.compute_gradient(function, tensors, delta=1e-6)
    for one, other in zip(analytic, numeric, strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


EXTREMES = {
    "memory": lambda slots: [np.zeros((1, 3, slots)), np.full((1, 3, slots), 1e3)],
    "keys": lambda _: [np.zeros((1, 1, 3)), np.ones((1, 1, 3))],
    "strengths": lambda _: [np.ones((1, 1, 1)), np.full((1, 1, 1), 1e4)],
    "masks": lambda _: [np.zeros((1, 1, 3)), np.ones((1, 1, 3))],
    "free_gates": lambda _: [np.zeros((1, 1, 1)), np.ones((1, 1, 1))],
    "read_weights": lambda slots: [np.eye(slots)[None, :1], np.zeros((1, 1, slots))],
    "used": lambda slots: [
        np.zeros((1, slots)),
        np.ones((1, slots)),
        np.where(np.arange(slots) % 2, 1.0, 0.0)[None],
    ],
    "gate": lambda _: [np.zeros((1, 1, 1)), np.ones((1, 1, 1))],
}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("slots", [1, 300])
def test_extreme_parameters_give_finite_values_and_gradients(slots, dtype):
    @tf.function(jit_compile=True)  # without, TensorFlow has crashed here once
    def write_and_read(memory, keys, strengths, masks, free_gates, read_weights, used, gate):
        arguments = [memory, keys, strengths, masks, free_gates, read_weights, used, gate]
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            retained = dnc_addressing.retention(free_gates, read_weights)
            used = dnc_addressing.usage(used, read_weights, retained)
            content = dnc_addressing.masked_content_weights(memory, keys, strengths, masks)
            written = dnc_addressing.write_weights(
                content, dnc_addressing.allocation(used), gate, tf.ones_like(gate)
            )
            memory = addressing.write(memory, written, tf.ones_like(keys), keys)
            last = read_weights[:, 0]
            links = dnc_addressing.links(tf.zeros([1, slots, slots], dtype), last, written)
            before, after = dnc_addressing.along(links, read_weights)
            sharp = addressing.sharpen(after, strengths)
            modes = tf.constant([[[0.5, 0.25, 0.25]]], dtype)
            read = dnc_addressing.read_weights(before, content, sharp, modes)
            loss = tf.reduce_sum(addressing.read(memory, read)) + tf.reduce_sum(used[:, 0])
        return [used, written, read], tape.gradient(loss, arguments)

    for values in itertools.product(*(choices(slots) for choices in EXTREMES.values())):
        arguments = dict(zip(EXTREMES, values, strict=True))
        results, gradients = write_and_read(
            **{name: tf.constant(value, dtype) for name, value in arguments.items()}
        )
        for name, gradient in zip(EXTREMES, gradients, strict=True):
            assert np.isfinite(gradient).all(), (name, arguments)
        for result in results:
            assert np.isfinite(result).all(), arguments
            assert result.numpy().min() >= 0, arguments
            assert result.numpy().max() <= 1 + 1e-5, arguments
