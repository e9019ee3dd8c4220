"""The equations of addressing: NumPy reference, known outcomes, invariants, gradients."""

import itertools
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import pytest
import tensorflow as tf
from helpers import reference
from hypothesis import given, settings
from hypothesis import strategies as st

from ntm_gym.cells import HeadParameters, addressing

DTYPES = ("float32", "float64")
TOLERANCE = {"float32": 1e-5, "float64": 1e-11}


class Arguments(NamedTuple):
    """Arguments of all functions, by the names that they have there; a row of them has no B."""

    memory: np.ndarray
    weights: np.ndarray
    previous: np.ndarray
    keys: np.ndarray
    strengths: np.ndarray
    gates: np.ndarray
    shifts: np.ndarray
    gammas: np.ndarray
    erase: np.ndarray
    add: np.ndarray

    def row(self, index: int) -> "Arguments":
        return Arguments(*(argument[index] for argument in self))


def draw(
    seed: int, batch: int = 2, heads: int = 3, slots: int = 7, width: int = 4, reach: int = 1
) -> Arguments:
    rng = np.random.default_rng(seed)
    return Arguments(
        memory=rng.normal(size=(batch, width, slots)),
        weights=rng.dirichlet(np.ones(slots), size=(batch, heads)),
        previous=rng.dirichlet(np.ones(slots), size=(batch, heads)),
        keys=rng.normal(size=(batch, heads, width)),
        strengths=rng.uniform(0, 10, size=(batch, heads, 1)),
        gates=rng.uniform(size=(batch, heads, 1)),
        shifts=rng.dirichlet(np.ones(2 * reach + 1), size=(batch, heads)),
        gammas=rng.uniform(1, 5, size=(batch, heads, 1)),
        erase=rng.uniform(size=(batch, heads, width)),
        add=rng.uniform(-1, 1, size=(batch, heads, width)),
    )


def each_head(function: Callable, row: Arguments, names: str, **constants: float) -> list:
    """Applies a reference function head by head; the memory is the same for all heads."""
    arguments = [
        itertools.repeat(row.memory.T) if name == "memory" else getattr(row, name)
        for name in names.split()
    ]
    return [function(*each, **constants) for each in zip(*arguments, strict=False)]


class Operation(NamedTuple):
    """A function, the names of its arguments and its reference on one row of arguments."""

    function: Callable
    names: str
    reference: Callable[[Arguments], np.ndarray]

    def __call__(self, arguments: Arguments, dtype: str = "float64") -> np.ndarray:
        chosen = [getattr(arguments, name) for name in self.names.split()]
        return self.function(*[tf.constant(array, dtype) for array in chosen]).numpy()


def operation(name: str, names: str, **constants: float) -> Operation:
    by_head = getattr(reference, name)
    return Operation(
        getattr(addressing, name), names, lambda row: each_head(by_head, row, names, **constants)
    )


FLOOR = {"floor": addressing.NORM_FLOOR}
OPERATIONS = {
    "read": operation("read", "memory weights"),
    "write": Operation(
        addressing.write,
        "memory weights erase add",
        lambda row: reference.write(row.memory.T, row.weights, row.erase, row.add).T,
    ),
    "cosine_similarity": operation("cosine_similarity", "memory keys", **FLOOR),
    "content_weights": operation("content_weights", "memory keys strengths", **FLOOR),
    "interpolate": operation("interpolate", "weights previous gates"),
    "shift": operation("shift", "weights shifts"),
    "sharpen": operation("sharpen", "weights gammas", tiny=addressing.TINY),
}
ON_SIMPLEX = ("content_weights", "interpolate", "shift", "sharpen")
each_operation = pytest.mark.parametrize("name", OPERATIONS)


def one_hot(*slots: int, size: int = 7) -> np.ndarray:
    """Addresses of several heads of one row, each on one slot."""
    return np.eye(size)[np.newaxis, list(slots)]


# Reference


@pytest.mark.slow
@each_operation
@settings(deadline=None, max_examples=8, derandomize=True)
@given(
    seed=st.integers(0, 2**32 - 1),
    batch=st.integers(1, 3),
    heads=st.integers(1, 3),
    slots=st.integers(5, 9),
    width=st.integers(1, 5),
    reach=st.integers(0, 2),
)
def test_equals_the_reference(name, seed, batch, heads, slots, width, reach):
    arguments = draw(seed, batch, heads, slots, width, reach)
    expected = np.stack([OPERATIONS[name].reference(arguments.row(b)) for b in range(batch)])
    for dtype in DTYPES:
        got = OPERATIONS[name](arguments, dtype)
        assert got.dtype == dtype
        assert got.shape == expected.shape
        np.testing.assert_allclose(got, expected, rtol=0, atol=TOLERANCE[dtype])
        if name in ON_SIMPLEX:
            assert (got >= 0).all()
            np.testing.assert_allclose(got.sum(axis=-1), 1.0, atol=TOLERANCE[dtype])


def test_the_constants_do_not_move_ordinary_values():
    arguments = draw(seed=0)
    literal = {
        name: operation(name, OPERATIONS[name].names)
        for name in ("cosine_similarity", "content_weights", "sharpen")
    }
    for name, paper in literal.items():
        got = OPERATIONS[name](arguments)
        expected = [paper.reference(arguments.row(b)) for b in range(len(got))]
        np.testing.assert_allclose(got, expected, atol=1e-6)


# Known outcomes


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_great_strength_finds_the_slot_that_equals_the_key(dtype):
    arguments = draw(seed=1, batch=1)
    arguments = arguments._replace(
        keys=arguments.memory[:, :, [5, 0, 3]].swapaxes(1, 2), strengths=np.full((1, 3, 1), 1e4)
    )
    found = OPERATIONS["content_weights"](arguments, dtype)
    np.testing.assert_allclose(found, one_hot(5, 0, 3), atol=1e-6)


def test_similarity_is_the_angle_not_the_size():
    memory = np.array([[[2.0, 0.0, -3.0, 1.0, 0.0], [0.0, 7.0, 0.0, 1.0, 0.0]]])
    similarity = addressing.cosine_similarity(memory, np.array([[[0.5, 0.0], [0.0, 0.0]]]))
    expected = [[[1.0, 0.0, -1.0, np.sqrt(0.5), 0.0], [0.0] * 5]]
    np.testing.assert_allclose(similarity, expected, atol=1e-6)


def test_a_key_or_a_memory_of_zeros_finds_every_slot_alike():
    arguments = draw(seed=2)._replace(strengths=np.full((2, 3, 1), 1e4))
    for blank in ("keys", "memory"):
        blanked = arguments._replace(**{blank: np.zeros_like(getattr(arguments, blank))})
        np.testing.assert_allclose(OPERATIONS["content_weights"](blanked), 1 / 7, rtol=1e-12)


def test_a_gate_of_one_takes_the_content_and_of_zero_the_previous_address():
    arguments = draw(seed=3, heads=2)._replace(gates=np.array([[[1.0], [0.0]]] * 2))
    gated = OPERATIONS["interpolate"](arguments)
    np.testing.assert_allclose(gated[:, 0], arguments.weights[:, 0], atol=1e-15)
    np.testing.assert_allclose(gated[:, 1], arguments.previous[:, 1], atol=1e-15)


@pytest.mark.parametrize("reach", [0, 1, 2])
def test_a_one_hot_shift_moves_exactly_and_wraps_round(reach):
    start = one_hot(0, 3, 6)
    for index, move in enumerate(range(-reach, reach + 1)):
        shifts = np.broadcast_to(np.eye(2 * reach + 1)[index], (1, 3, 2 * reach + 1))
        moved = addressing.shift(tf.constant(start), tf.constant(shifts))
        np.testing.assert_array_equal(moved, one_hot(move % 7, 3 + move, (6 + move) % 7))


def test_sharpening_goes_to_one_hot_with_gamma_and_does_nothing_at_one():
    arguments = draw(seed=4)
    largest = np.eye(7)[arguments.weights.argmax(axis=-1)]
    sharp = OPERATIONS["sharpen"](arguments._replace(gammas=np.full((2, 3, 1), 1e3)))
    np.testing.assert_allclose(sharp, largest, atol=1e-6)
    same = OPERATIONS["sharpen"](arguments._replace(gammas=np.ones((2, 3, 1))))
    np.testing.assert_allclose(same, arguments.weights, atol=1e-9)


def test_sharpening_does_not_underflow_over_many_slots():
    flat = tf.fill([1, 1, 4096], 1 / 4096)  # to the power of 50 this is 0 in float32
    np.testing.assert_allclose(addressing.sharpen(flat, tf.fill([1, 1, 1], 50.0)), flat, rtol=1e-5)


@pytest.mark.parametrize("spread", [1, 2, 4])
def test_an_address_on_some_slots_alike_has_the_blur_of_them(spread):
    weights = np.repeat([1 / spread, 0], [spread, 7 - spread])
    got = addressing.blur(tf.constant([[np.roll(weights, 3), weights]]))
    np.testing.assert_allclose(got, [[1 - 1 / spread] * 2], atol=1e-15)


def test_reading_at_a_one_hot_gives_the_slot():
    arguments = draw(seed=5, batch=1)._replace(weights=one_hot(2, 0, 6))
    np.testing.assert_array_equal(
        OPERATIONS["read"](arguments)[0], arguments.memory[0][:, [2, 0, 6]].T
    )


def test_erasing_all_at_a_one_hot_leaves_what_was_added():
    arguments = draw(seed=6, batch=1, heads=2)._replace(
        weights=one_hot(4, 1), erase=np.ones((1, 2, 4))
    )
    written = OPERATIONS["write"](arguments)
    back = OPERATIONS["read"](arguments._replace(memory=written))
    np.testing.assert_array_equal(back, arguments.add)
    others = [0, 2, 3, 5, 6]
    np.testing.assert_array_equal(written[:, :, others], arguments.memory[:, :, others])


def test_two_heads_at_one_slot_erase_both_and_then_add_both():
    memory = np.full((1, 2, 3), 8.0)
    written = addressing.write(
        memory,
        one_hot(1, 1, size=3),
        erase=np.array([[[0.5, 1.0], [0.5, 0.0]]]),
        add=np.array([[[1.0, 2.0], [10.0, 20.0]]]),
    )
    # The later head's erasing spares what the earlier one added: 8 / 4 + 1 + 10 and 0 + 2 + 20.
    np.testing.assert_array_equal(written, [[[8.0, 13.0, 8.0], [8.0, 22.0, 8.0]]])


# Invariants


@each_operation
def test_rotating_the_memory_rotates_the_result(name):
    arguments = draw(seed=7)
    rotate = {"memory", "weights", "previous"}
    rolled = arguments._replace(**{key: np.roll(getattr(arguments, key), 3, -1) for key in rotate})
    result = OPERATIONS[name](arguments)
    expected = result if name == "read" else np.roll(result, 3, axis=-1)
    np.testing.assert_allclose(OPERATIONS[name](rolled), expected, atol=1e-14)


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


def test_a_head_finds_its_address_by_equations_5_to_9_in_order():
    arguments = draw(seed=10)

    def move(memory, before, key, strength, gate, shifts):
        content = reference.content_weights(memory, key, strength, **FLOOR)
        return reference.shift(reference.interpolate(content, before, gate), shifts)

    def sharpen(weights, gamma):
        return reference.sharpen(weights, gamma, addressing.TINY)

    names = "memory previous keys strengths gates shifts"
    moved = np.array([each_head(move, arguments.row(b), names) for b in range(2)])
    rows = [arguments._replace(weights=moved).row(b) for b in range(2)]
    expected = [each_head(sharpen, row, "weights gammas") for row in rows]
    parameters = HeadParameters(
        *(tf.constant(getattr(arguments, name)) for name in HeadParameters._fields)
    )
    address, blur = parameters.address(
        tf.constant(arguments.memory), tf.constant(arguments.previous)
    )
    np.testing.assert_allclose(address, expected, atol=1e-12)
    np.testing.assert_allclose(blur, 1 - (moved**2).sum(axis=-1), atol=1e-12)


# Gradients


@pytest.mark.slow
@each_operation
def test_gradients_equal_finite_differences(name):
    arguments = draw(seed=11, heads=2, slots=4, width=2)
    function, names, _ = OPERATIONS[name]
    tensors = [tf.constant(getattr(arguments, each)) for each in names.split()]
    analytic, numeric = tf.test.compute_gradient(function, tensors, delta=1e-6)
    for one, other in zip(analytic, numeric, strict=True):
        assert np.abs(one).max() > 0
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def test_sharpening_has_the_gradient_of_normalising_at_a_one_hot_with_gamma_one():
    weights, upstream = tf.constant(one_hot(2), tf.float32), tf.range(7.0)[tf.newaxis, tf.newaxis]
    with tf.GradientTape() as tape:
        tape.watch(weights)
        sharp = addressing.sharpen(weights, tf.ones([1, 1, 1]))
    # w / sum(w) has the gradient u - u . w where sum(w) = 1, also for slots of weight 0.
    np.testing.assert_allclose(tape.gradient(sharp, weights, upstream), upstream - 2.0, atol=1e-4)


EXTREMES = {
    "memory": lambda slots: [np.zeros((1, 3, slots)), np.full((1, 3, slots), 1e-6)],
    "previous": lambda slots: [one_hot(1, size=slots), np.full((1, 1, slots), 1 / slots)],
    "keys": lambda _: [np.zeros((1, 1, 3)), np.ones((1, 1, 3))],
    "strengths": lambda _: [np.zeros((1, 1, 1)), np.full((1, 1, 1), 1e4)],
    "gates": lambda _: [np.zeros((1, 1, 1)), np.ones((1, 1, 1))],
    "shifts": lambda _: [np.eye(3)[[[0]]], np.full((1, 1, 3), 1 / 3)],
    "gammas": lambda _: [np.ones((1, 1, 1)), np.full((1, 1, 1), 50.0)],
}


@pytest.mark.slow
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("slots", [5, 4096])
def test_extreme_parameters_give_finite_values_and_gradients(slots, dtype):
    @tf.function
    def write_and_read(memory, previous, keys, strengths, gates, shifts, gammas):
        arguments = [memory, previous, keys, strengths, gates, shifts, gammas]
        with tf.GradientTape() as tape:
            tape.watch(arguments)
            head = HeadParameters(keys, strengths, gates, shifts, gammas)
            address, blur = head.address(memory, previous)
            written = addressing.write(memory, address, tf.ones_like(keys), keys)
            again, blur_again = head.address(written, address)
            loss = tf.reduce_sum(addressing.read(written, again)) + tf.reduce_sum(again[..., 0])
            loss += tf.reduce_sum(blur + blur_again)
        return [address, again], tape.gradient(loss, arguments)

    for values in itertools.product(*(choices(slots) for choices in EXTREMES.values())):
        arguments = dict(zip(EXTREMES, values, strict=True))
        addresses, gradients = write_and_read(
            **{name: tf.constant(value, dtype) for name, value in arguments.items()}
        )
        for name, gradient in zip(EXTREMES, gradients, strict=True):
            assert np.isfinite(gradient).all(), (name, arguments)
        for address in addresses:
            assert (address.numpy() >= 0).all(), arguments
            np.testing.assert_allclose(
                address.numpy().sum(), 1.0, atol=1e-4, err_msg=str(arguments)
            )
