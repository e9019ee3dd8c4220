"""What is the Neural Turing Machine's own: start states, other slots, its heads' bounds."""

import importlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.cells import make_cell, make_inputs, walk

import ntm_gym.cells
from ntm_gym.cells import NTMCell


def test_clipping_bounds_what_the_heads_are_told():
    cell = make_cell("ntm", clip=0.25)
    strongest = cell.head_outputs(tf.fill([1, cell.head_layer.units], tf.constant(1e9, tf.float64)))
    np.testing.assert_allclose(strongest.read.gammas, 1 + np.log1p(np.exp(0.25)), rtol=1e-12)
    np.testing.assert_allclose(strongest.erase, 1 / (1 + np.exp(-0.25)), rtol=1e-12)


# Start states


def test_start_with_a_constant_memory_and_the_first_slot():
    start = make_cell("ntm", read_heads=2).get_initial_state(3)
    first = np.eye(7)[0]
    expected = [np.zeros(6)] * 2 + [np.full(28, 1e-6), np.tile(first, 2), first, np.zeros(8)]
    for got, want in zip(start, expected, strict=True):
        np.testing.assert_array_equal(got, np.tile(want, (3, 1)))


def test_start_with_uniform_addresses():
    state = make_cell("ntm", address_init="uniform")
    state = state.unpack(state.get_initial_state(2))
    np.testing.assert_allclose(state.read_weights, np.full((2, 1, 7), 1 / 7))
    np.testing.assert_allclose(state.write_weights, np.full((2, 1, 7), 1 / 7))


def test_start_with_what_was_learned():
    cell = make_cell("ntm", read_heads=2, memory_init="learned", address_init="learned")
    state = cell.unpack(cell.get_initial_state(2))
    powers = np.exp(cell.initial_addresses.numpy())
    addresses = powers / powers.sum(axis=1, keepdims=True)
    for row in range(2):
        np.testing.assert_array_equal(state.memory[row], cell.initial_memory)
        np.testing.assert_allclose(state.read_weights[row], addresses[:2])
        np.testing.assert_allclose(state.write_weights[row], addresses[2:])


def test_random_memories_differ_by_call_and_row_and_repeat_with_the_seed():
    def memories(seed):
        cell = make_cell("ntm", memory_init="random", seed=seed)
        return [cell.unpack(cell.get_initial_state(2)).memory.numpy() for _ in range(2)]

    def differ(one, other):
        return not np.isclose(one, other).any()

    first, second = memories(seed=3)
    assert differ(first, second)
    assert differ(first[0], first[1])
    assert differ(first, memories(seed=4)[0])
    np.testing.assert_array_equal([first, second], memories(seed=3))
    assert 0.4 < np.abs(first).max() <= 0.5  # within 1 / sqrt(N)
    assert abs(first.mean()) < 0.2


@pytest.mark.parametrize("read_first", [False, True])
def test_learned_starts_get_gradients(read_first):
    cell = make_cell("ntm", memory_init="learned", address_init="learned", read_first=read_first)
    with tf.GradientTape() as tape:
        outputs, _ = walk(cell, make_inputs())
        loss = tf.reduce_sum(outputs**2)
    for gradient in tape.gradient(loss, [cell.initial_memory, cell.initial_addresses]):
        assert np.abs(gradient).max() > 1e-4


# Other numbers of slots


@pytest.mark.slow
def test_with_slots_changes_nothing_for_tapes_that_fit():
    cell = make_cell("ntm")
    # Gates shut: addresses go by position alone, so slots out of reach do not matter.
    per_head = 4 + 3 + 3
    kernel, bias = cell.head_layer.get_weights()
    for gate in (5, per_head + 5):
        kernel[:, gate], bias[gate] = 0.0, -20.0
    cell.head_layer.set_weights([kernel, bias])
    inputs = make_inputs(length=12)
    outputs, _ = walk(cell, inputs)
    larger, _ = walk(cell.with_slots(40), inputs)
    np.testing.assert_allclose(larger[:, :3], outputs[:, :3], atol=1e-6)
    assert np.abs(larger[:, 8:] - outputs[:, 8:]).max() > 1e-3  # seven slots do not fit twelve


@pytest.mark.slow
@pytest.mark.parametrize("option", ["memory_init", "address_init"])
def test_with_slots_refuses_learned_starts(option):
    cell = make_cell("ntm", **{option: "learned"})
    with pytest.raises(ValueError, match=rf"{option}: expected .* from 7 to 9, got 'learned'"):
        cell.with_slots(9)
    np.testing.assert_array_equal(
        walk(cell.with_slots(7), make_inputs())[0], walk(cell, make_inputs())[0]
    )


@pytest.mark.parametrize("address_init", ["slot", "uniform"])
@pytest.mark.parametrize("memory_init", ["constant", "random"])
def test_no_weight_depends_on_the_slots(memory_init, address_init):
    options = {"memory_init": memory_init, "address_init": address_init}
    shapes = [
        [weight.shape for weight in make_cell("ntm", slots=slots, **options).weights]
        for slots in (7, 30)
    ]
    assert shapes[0] == shapes[1]


# Refusals


def test_largest_shift_range_is_accepted():
    assert NTMCell(3, slots=7, shift_range=3).shift_range == 3
    assert NTMCell(3, slots=1, shift_range=0).shift_range == 0


def test_without_tensorflow_the_extra_is_named():
    program = "import sys; sys.modules['tensorflow'] = None; import ntm_gym.cells"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 1
    assert "ImportError: ntm_gym.cells needs TensorFlow and Keras 3" in done.stderr
    assert 'pip install "ntm-gym[cells]"' in done.stderr


def test_another_backend_is_refused(monkeypatch):
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    with pytest.raises(ImportError, match=r"expected .* 'tensorflow', got 'jax'.*KERAS_BACKEND"):
        importlib.reload(ntm_gym.cells)
