"""``unroll_packed`` against ``unroll``, and the rows that it lays sequences in."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.cells import VARIANTS, make_cell, make_inputs, make_offsets, new_cell
from hypothesis import given, settings
from hypothesis import strategies as st

from ntm_gym.cells import NTMCell, unroll, unroll_packed
from ntm_gym.cells.packing import pack, packed, unpacked

STEPS = [3, 7, 0, 5, 7, 2]
BATCH, LENGTH = len(STEPS), 7


def results_and_gradients(cell, inputs, steps, run):
    """Outputs and blur up to each sequence's end, and the gradients of all they depend on."""
    variables = [weight.value for weight in cell.trainable_weights]
    shown = tf.sequence_mask(steps, LENGTH, inputs.dtype)
    with tf.GradientTape() as tape:
        tape.watch(inputs)
        outputs, blur = run(cell, inputs, steps)
        results = outputs * shown[..., tf.newaxis], blur * shown
        loss = tf.add_n([tf.reduce_sum(tf.sin(result)) for result in results])
    return [*results, *tape.gradient(loss, [inputs, *variables])]


def by_unroll(cell, inputs, steps):
    result = unroll(cell, inputs, steps, training=True)
    return result.outputs, result.blur


def check_equal(name, dtype, rows, tolerance, compiled=False):
    cell, inputs = make_cell(name, dtype), make_inputs(BATCH, LENGTH, dtype)

    def in_rows(cell, inputs, steps):
        return unroll_packed(cell, inputs, steps, rows)

    def results(steps):
        return results_and_gradients(cell, inputs, steps, in_rows)

    if compiled:
        results = tf.function(results, jit_compile=True)
    for steps in (STEPS, STEPS[::-1]):
        expected = results_and_gradients(cell, inputs, tf.constant(steps), by_unroll)
        got = results(tf.constant(steps))
        for one, other in zip(got, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
        no_blur = not isinstance(cell, NTMCell)
        assert [bool(np.any(other)) for other in expected] == [
            not (no_blur and index == 1) for index in range(len(expected))
        ]


@pytest.mark.slow
@pytest.mark.parametrize("name", VARIANTS)
def test_results_and_all_gradients_equal_those_of_unroll(name):
    check_equal(name, "float64", 2, 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 3, 6])
def test_in_any_number_of_rows(rows):
    check_equal("ntm, 2 layers, 2 + 3 heads, learned start", "float64", rows, 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ntm, 2 layers, 2 + 3 heads, learned start", "dnc", "lstm"])
def test_under_xla(name):
    check_equal(name, "float32", 2, 1e-4, compiled=True)


@pytest.mark.slow
@settings(deadline=None, max_examples=50)
@given(st.data())
def test_every_step_lies_in_a_row_once_and_in_order(data):
    rows, each = data.draw(st.integers(1, 4)), data.draw(st.integers(1, 4))
    counts = st.integers(0, LENGTH)
    steps = data.draw(st.lists(counts, min_size=rows * each, max_size=rows * each))
    packing = pack(tf.constant(steps), LENGTH, rows)
    # Steps are told by numbers above 0, so that a row shows which lie in it.
    named = 1 + np.arange(rows * each * LENGTH).reshape(-1, LENGTH, 1)
    shown = np.arange(LENGTH) < np.array(steps)[:, None]
    laid = packed(packing, tf.constant(named)).numpy()[..., 0]

    assert laid.shape == (rows, each * LENGTH)
    np.testing.assert_array_equal(np.sort(laid[laid > 0]), named[shown][:, 0])
    for row, begins, count in zip(laid, packing.begins.numpy(), packing.steps.numpy(), strict=True):
        assert (row[:count] > 0).all()
        assert not row[count:].any()
        names = row[:count] - 1
        np.testing.assert_array_equal(begins[:count], names % LENGTH == 0)
        assert not begins[count:].any()
        goes_on = np.diff(names) == 1
        np.testing.assert_array_equal(goes_on | begins[1:count], True)
    # Dealt out there and back: no row has more than another by more than the longest sequence.
    assert np.ptp(packing.steps.numpy()) <= max(steps)
    back = unpacked(packing, tf.constant(laid)[..., tf.newaxis])
    np.testing.assert_array_equal(back, named * shown[..., np.newaxis])


def test_steps_beyond_the_tape_are_those_of_the_tape():
    cell, inputs = make_cell("ntm"), make_inputs(4, LENGTH)
    beyond = unroll_packed(cell, inputs, tf.constant([LENGTH + 1, 2, 100, LENGTH]), 2)
    within = unroll_packed(cell, inputs, tf.constant([LENGTH, 2, LENGTH, LENGTH]), 2)
    for one, other in zip(beyond, within, strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("steps", [3, [3, 2, 1], [3] * 7])
def test_steps_that_are_not_one_a_row_are_refused(steps):
    with pytest.raises(ValueError, match="steps: expected 6 numbers, one a sequence, got"):
        unroll_packed(make_cell("ntm"), make_inputs(BATCH, LENGTH), steps, 2)


def test_an_unknown_batch_size_is_refused():
    cell = make_cell("ntm", "float32")
    call = tf.function(lambda inputs: unroll_packed(cell, inputs, STEPS, 2), autograph=False)
    with pytest.raises(ValueError, match="inputs: expected a known batch size and length, got"):
        call.get_concrete_function(tf.TensorSpec([None, LENGTH, 5], tf.float32))


@pytest.mark.parametrize("rows", [0, 4, 12])
def test_rows_that_do_not_divide_the_batch_are_refused(rows):
    message = f"rows: expected a divisor of the batch's size, 6, got {rows}"
    with pytest.raises(ValueError, match=message):
        unroll_packed(make_cell("ntm"), make_inputs(BATCH, LENGTH), STEPS, rows)


def test_a_cell_without_weights_is_refused():
    with pytest.raises(ValueError, match="cell: expected a built one"):
        unroll_packed(new_cell("ntm"), make_inputs(BATCH, LENGTH), STEPS, 2)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ntm, 2 layers, 2 + 3 heads, learned start", "dnc", "lstm"])
def test_rows_that_begin_anew_begin_from_their_initial_states(name):
    """Against the two parts of a row on their own, final states and all gradients included."""
    cell, inputs = make_cell(name), make_inputs(2, LENGTH)
    begins = np.zeros((2, LENGTH), bool)
    begins[:, 3] = True

    def whole(start):
        result = unroll(cell, inputs, LENGTH, start, training=True, begins=tf.constant(begins))
        return result.outputs, result.states

    def in_two(start):
        first = unroll(cell, inputs[:, :3], 3, start, training=True)
        second = unroll(cell, inputs[:, 3:], LENGTH - 3, start, training=True)
        return tf.concat([first.outputs, second.outputs], axis=1), second.states

    found = []
    for run in (whole, in_two):
        offsets = make_offsets(cell, 2)
        with tf.GradientTape() as tape:
            tape.watch(offsets)
            start = cell.get_initial_state(2)
            results = run([s + o for s, o in zip(start, offsets, strict=True)])
            flat = tf.nest.flatten(results)
            loss = tf.add_n([tf.reduce_sum(tf.sin(3 * each)) for each in flat])
        if name == "dnc":  # where it wrote before has no gradient
            del offsets[-5]
        weights = [weight.value for weight in cell.trainable_weights]
        found.append([*flat, *tape.gradient(loss, [*offsets, *weights])])
    for one, other in zip(*found, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-9, atol=1e-9)
        assert np.any(other)


def test_a_trace_of_rows_that_begin_anew():
    cell, inputs = make_cell("ntm"), make_inputs(2, LENGTH)
    begins = tf.constant([[False] * 3 + [True] + [False] * 3] * 2)
    whole = unroll(cell, inputs, LENGTH, trace=True, begins=begins)
    first = unroll(cell, inputs[:, :3], 3, trace=True)
    second = unroll(cell, inputs[:, 3:], LENGTH - 3, trace=True)
    for got, one, other in zip(whole.trace, first.trace, second.trace, strict=True):
        np.testing.assert_allclose(got, tf.concat([one, other], axis=1), rtol=1e-12)
