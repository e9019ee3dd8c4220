"""What is the Differentiable Neural Computer's own: it writes, frees and reads as it is told."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.cells import make_cell, make_inputs, walk

from ntm_gym.cells import DNCCell
from ntm_gym.cells.state import flatten

SLOTS, WIDTH = 5, 3
BACKWARD, CONTENT, FORWARD = np.eye(3)


def told(cell, **parts):
    """A cell whose controller tells its heads the same at every step: saturated raw numbers.

    Args:
        cell: a built cell without masks and sharpness, with one read head.
        parts: gates in [0, 1] and read modes on the simplex; what is not given is raw 0.
    """
    names = ("read_keys", "read_strengths", "write_key", "write_strength", "erase", "add")
    sizes = [WIDTH, 1, WIDTH, 1, WIDTH, WIDTH, 1, 1, 1, 3]
    names += ("free_gates", "allocation_gate", "write_gate", "read_modes")
    raw = {name: np.zeros(size) for name, size in zip(names, sizes, strict=True)}
    for name, value in parts.items():
        value = np.asarray(value, float)
        gate = name in ("free_gates", "allocation_gate", "write_gate", "read_modes", "erase")
        raw[name] = np.broadcast_to(20.0 * (2 * value - 1) if gate else value, raw[name].shape)
    kernel, _ = cell.head_layer.get_weights()
    cell.head_layer.set_weights([0 * kernel, np.concatenate([raw[name] for name in names])])


def step(cell, states):
    """The states after a step, named."""
    _, states = cell(make_inputs(batch=1)[:, 0], states)
    return states, cell.unpack(states)


def small_cell(**options):
    return make_cell("dnc", slots=SLOTS, width=WIDTH, **options)


def test_start_is_blank():
    for state in make_cell("dnc").get_initial_state(3):
        np.testing.assert_array_equal(state, np.zeros_like(state))


def test_writes_one_after_the_other_then_reads_forward_along_the_links():
    cell = small_cell()
    states = cell.get_initial_state(1)
    vectors = [[1.0, 2.0, 3.0], [-1.0, 0.5, 2.0], [0.0, -3.0, 1.0], [2.0, 2.0, -2.0]]
    writing = {"write_gate": 1, "allocation_gate": 1, "free_gates": 0, "erase": 1}
    where = []  # some free slot each time; which of them is as good as another
    for vector in vectors:
        told(cell, **writing, add=vector)
        states, state = step(cell, states)
        where.append(int(tf.argmax(state.write_weights[0, 0])))
    assert len(set(where)) == 4
    np.testing.assert_allclose(state.memory[0].numpy().T[where], vectors, atol=1e-6)
    used = np.isin(np.arange(SLOTS), where[:3])  # usage does not know of the last write yet
    np.testing.assert_allclose(state.usage[0], used, atol=1e-6)

    # Finds the first by its content, then goes forward, to the end, and back.
    resting = {"write_gate": 0, "free_gates": 0}
    told(cell, **resting, read_modes=CONTENT, read_keys=vectors[0], read_strengths=20.0)
    states, state = step(cell, states)
    np.testing.assert_allclose(state.reads[0, 0], vectors[0], atol=0.05)
    for vector in vectors[1:]:
        told(cell, **resting, read_modes=FORWARD)
        states, state = step(cell, states)
        np.testing.assert_allclose(state.reads[0, 0], vector, atol=0.05)
    for vector in vectors[-2::-1]:
        told(cell, **resting, read_modes=BACKWARD)
        states, state = step(cell, states)
        np.testing.assert_allclose(state.reads[0, 0], vector, atol=0.05)


@pytest.mark.parametrize("erase_freed", [False, True])
def test_a_slot_that_was_read_and_freed_is_free_again(erase_freed):
    cell = small_cell(erase_freed=erase_freed)
    states = cell.get_initial_state(1)
    told(cell, write_gate=1, allocation_gate=1, free_gates=0, add=1.0)
    for _ in range(2):
        states, written = step(cell, states)
    first = tf.one_hot([[0]], SLOTS, dtype=tf.float64)
    states = flatten(written._replace(read_weights=first))
    second = int(tf.argmax(written.write_weights[0, 0]))
    np.testing.assert_allclose(written.usage[0], np.eye(SLOTS)[0], atol=1e-6)
    told(cell, write_gate=0, free_gates=1)
    states, state = step(cell, states)
    np.testing.assert_allclose(state.usage[0], np.eye(SLOTS)[second], atol=1e-6)
    left = [0, 0, 0] if erase_freed else written.memory[0, :, 0]
    np.testing.assert_allclose(state.memory[0, :, 0], left, atol=1e-6)
    np.testing.assert_allclose(state.memory[0, :, second], written.memory[0, :, second], atol=1e-6)
    told(cell, write_gate=1, allocation_gate=1, free_gates=0, erase=1, add=7.0)
    states, state = step(cell, states)
    again = int(tf.argmax(state.write_weights[0, 0]))
    assert again != second
    np.testing.assert_allclose(state.write_weights[0, 0], np.eye(SLOTS)[again], atol=1e-6)
    np.testing.assert_allclose(state.memory[0, :, again], [7, 7, 7], atol=1e-5)


def test_sharpness_keeps_addresses_from_blurring():
    blurs = []
    for sharpen in (False, True):
        cell = small_cell(sharpen_links=sharpen)
        states = cell.get_initial_state(1)
        state = cell.unpack(states)
        # Links 0 -> 1 -> 2 -> 3, each with a tenth of its weight on a wrong slot.
        links = np.zeros((1, SLOTS, SLOTS))
        for slot in range(SLOTS - 1):
            links[0, slot + 1, slot], links[0, (slot + 3) % SLOTS, slot] = 0.9, 0.1
        state = state._replace(
            links=tf.constant(links), read_weights=tf.one_hot([[0]], SLOTS, dtype=tf.float64)
        )
        projected = cell.project_inputs(make_inputs(batch=1)[:, 0])
        kernel, bias = cell.head_layer.get_weights()
        bias[:] = 0.0
        gate, modes = 2 * (WIDTH + 1) + 2 * WIDTH + 2, slice(2 * (WIDTH + 1) + 2 * WIDTH + 3, None)
        bias[gate] = -20.0
        bias[modes][:3] = 20.0 * (2 * FORWARD - 1)
        bias[modes][3:] = 10.0
        cell.head_layer.set_weights([0 * kernel, bias])
        for _ in range(3):
            state = cell.step(projected, state).state
        blurs.append(1 - float(state.read_weights[0, 0, 3]))
    assert blurs[0] > 0.2
    assert blurs[1] < 1e-6


def test_clipping_bounds_what_the_heads_are_told():
    cell = make_cell("dnc", clip=0.25)
    strongest = cell.head_outputs(tf.fill([1, cell.head_layer.units], tf.constant(1e9, tf.float64)))
    np.testing.assert_allclose(strongest.read_strengths, 1 + np.log1p(np.exp(0.25)), rtol=1e-12)
    np.testing.assert_allclose(strongest.write_gate, 1 / (1 + np.exp(-0.25)), rtol=1e-12)
    np.testing.assert_array_equal(strongest.add, np.full((1, 1, 4), 0.25))


def test_what_the_heads_are_told_has_shapes_and_ranges():
    cell = make_cell("dnc, 2 layers, 3 heads, refined")
    rng = np.random.default_rng(0)
    heads = cell.head_outputs(tf.constant(3 * rng.normal(size=(2, cell.head_layer.units))))
    shapes = [part.shape[1:] for part in heads]
    assert shapes == [
        *[(3, 4), (3, 1), (1, 4), (1, 1), (1, 4), (1, 4)],
        *[(3, 1), (1, 1), (1, 1), (3, 3), (3, 4), (1, 4), (3, 2)],
    ]
    for gate in (
        "erase",
        "free_gates",
        "allocation_gate",
        "write_gate",
        "read_masks",
        "write_mask",
    ):
        values = getattr(heads, gate).numpy()
        assert 0 < values.min() < values.max() < 1
    for strength in (heads.read_strengths, heads.write_strength, heads.sharpness):
        assert strength.numpy().min() > 1
    np.testing.assert_allclose(tf.reduce_sum(heads.read_modes, -1), np.ones((2, 3)), rtol=1e-12)
    plain = make_cell("dnc").head_outputs(tf.zeros([1, make_cell("dnc").head_layer.units]))
    assert (plain.read_masks, plain.write_mask, plain.sharpness) == (None, None, None)


@pytest.mark.slow
def test_invariants_hold_in_a_random_cell():
    cell = DNCCell(3, units=8, slots=12, width=4, read_heads=2, dtype="float64")
    cell.build((None, 5))
    rng = np.random.default_rng(3)
    cell.set_weights([rng.normal(size=w.shape) for w in cell.get_weights()])
    _, history = walk(cell, make_inputs(batch=2, length=40))
    for states in history:
        state = cell.unpack(states)
        usage, links = state.usage.numpy(), state.links.numpy()
        assert usage.min() >= 0
        assert usage.max() <= 1 + 1e-12
        assert links.min() >= 0
        assert max(links.sum(1).max(), links.sum(2).max()) <= 1 + 1e-12
        assert np.abs(links[:, range(12), range(12)]).max() == 0
        for weights in (state.read_weights, state.write_weights, state.precedence):
            assert weights.numpy().min() >= 0
            assert weights.numpy().sum(-1).max() <= 1 + 1e-12
