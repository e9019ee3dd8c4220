"""``unroll`` against ``keras.layers.RNN`` and against the cell stepped by hand."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.cells import (
    INPUT_DIM,
    VARIANTS,
    make_cell,
    make_inputs,
    make_offsets,
    make_start,
    new_cell,
)

from ntm_gym.cells import DNCCell, unroll
from ntm_gym.cells.state import flatten

BATCH, LENGTH, SHORTER = 2, 5, 3
each_cell = pytest.mark.parametrize("name", VARIANTS)


def arbitrary(shape, dtype):
    """Numbers without a pattern, the same on each call."""
    return tf.constant(np.random.default_rng(2).normal(size=shape), dtype)


def loss_of(outputs, states):
    """A loss in which every output and every final state has a weight of its own."""
    weights = arbitrary([BATCH, LENGTH, outputs.shape[-1]], outputs.dtype)
    losses = [tf.reduce_sum(weights[:, : outputs.shape[1]] * outputs)]
    losses += [tf.reduce_sum(arbitrary(state.shape, state.dtype) * state) for state in states]
    return tf.add_n(losses)


def results_and_gradients(cell, run, inputs):
    """Outputs, final states and the gradients of all that ``run(inputs, states)`` depends on.

    It starts at the cell's own states plus an offset, so that both the offsets and what the cell
    has learned about its start get a gradient.
    """
    offsets = make_offsets(cell, BATCH)
    variables = [weight.value for weight in cell.trainable_weights]
    with tf.GradientTape() as tape:
        tape.watch([inputs, offsets])
        start = cell.get_initial_state(BATCH)
        outputs, states = run(inputs, [s + o for s, o in zip(start, offsets, strict=True)])
        loss = loss_of(outputs, states)
    if isinstance(cell, DNCCell):  # where it wrote goes into usage alone, without a gradient
        del offsets[-5]
    return outputs, states, tape.gradient(loss, [inputs, *offsets, *variables])


def by_keras(cell, inputs):
    """What is right, by ``keras.layers.RNN``."""
    rnn = keras.layers.RNN(cell, return_sequences=True, return_state=True, dtype=inputs.dtype.name)

    def run(inputs, start):
        outputs, *states = rnn(inputs, initial_state=start)
        return outputs, states

    return results_and_gradients(cell, run, inputs)


def by_unroll(cell, inputs, steps):
    def run(inputs, start):
        return unroll(cell, inputs, steps, start, training=True)[:2]

    return results_and_gradients(cell, run, inputs)


def assert_equal(got, expected, tolerance):
    """Equal, not trivially zero, and zero at the steps that only ``got`` has."""
    for one, other in zip(tf.nest.flatten(got), tf.nest.flatten(expected), strict=True):
        assert one.dtype == other.dtype
        one, other = one.numpy(), other.numpy()
        assert np.abs(other).max() > 0
        if one.shape != other.shape:
            padding = one[:, other.shape[1] :]
            np.testing.assert_array_equal(padding, np.zeros_like(padding))
            one = one[:, : other.shape[1]]
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)


# Equal to keras.layers.RNN


@pytest.mark.slow
@each_cell
def test_results_and_all_gradients_equal_keras_rnn(name):
    cell, inputs = make_cell(name), make_inputs(BATCH, LENGTH)
    assert_equal(by_unroll(cell, inputs, [1, LENGTH]), by_keras(cell, inputs), 1e-9)


@pytest.mark.slow
def test_where_the_dnc_wrote_before_gets_no_gradient():
    cell, inputs = make_cell("dnc"), make_inputs(BATCH, LENGTH)
    states = make_start(cell)
    with tf.GradientTape() as tape:
        tape.watch(states)
        loss = loss_of(*unroll(cell, inputs, LENGTH, states, training=True)[:2])
    gradient = cell.unpack(tape.gradient(loss, states)).write_weights
    np.testing.assert_array_equal(gradient, tf.zeros_like(gradient))


@pytest.mark.slow
@each_cell
def test_steps_after_the_longest_row_do_nothing(name):
    cell, inputs = make_cell(name), make_inputs(BATCH, LENGTH)
    expected = by_keras(cell, inputs[:, :SHORTER])
    assert_equal(by_unroll(cell, inputs, [SHORTER, 1]), expected, 1e-9)
    garbage = tf.concat([inputs[:, :SHORTER], 1e3 * inputs[:, SHORTER:]], axis=1)
    assert_equal(by_unroll(cell, garbage, SHORTER), expected, 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "dtype", "tolerance"),
    [
        ("ntm, 2 layers, 2 + 3 heads, learned start", "float64", 1e-9),
        (
            "ntm, feed-forward, 2 layers, 2 + 1 heads, read first",
            "float32",
            1e-5,
        ),
        ("dnc, 2 layers, 3 heads, refined", "float64", 1e-9),
        ("dnc", "float32", 1e-5),
        ("lstm, 3 layers", "float64", 1e-9),
    ],
)
def test_under_xla_one_compilation_serves_every_length(name, dtype, tolerance):
    cell, inputs = make_cell(name, dtype), make_inputs(BATCH, LENGTH, dtype)
    compiled = tf.function(lambda x, steps: by_unroll(cell, x, steps), jit_compile=True)
    for steps in ([SHORTER, LENGTH], [SHORTER, SHORTER], [1, 1]):
        expected = by_keras(cell, inputs[:, : max(steps)])
        assert_equal(compiled(inputs, tf.constant(steps)), expected, tolerance)
    assert compiled.experimental_get_tracing_count() == 1


def test_no_steps_leave_the_start_as_it_is():
    cell = make_cell("ntm")
    outputs, states, *_ = unroll(cell, make_inputs(BATCH), 0)
    np.testing.assert_array_equal(outputs, tf.zeros_like(outputs))
    for state, start in zip(states, cell.get_initial_state(BATCH), strict=True):
        np.testing.assert_array_equal(state, start)


@pytest.mark.slow
def test_steps_beyond_the_tape_are_those_of_the_tape():
    cell, inputs = make_cell("ntm"), make_inputs(BATCH, SHORTER)
    expected = by_keras(cell, inputs)
    assert_equal(by_unroll(cell, inputs, LENGTH), expected, 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("memory_init", ["constant", "random"])
def test_the_default_start_is_the_cells_own(memory_init):
    cells = [make_cell("ntm", memory_init=memory_init, seed=4) for _ in range(2)]
    start = cells[0].get_initial_state(BATCH)
    given = unroll(cells[0], make_inputs(BATCH), LENGTH, start)
    default = unroll(cells[1], make_inputs(BATCH), LENGTH)
    assert_equal(default[:2], given[:2], 1e-14)


def test_going_on_from_the_final_states_continues_the_sequence():
    cell, inputs = make_cell("ntm"), make_inputs(BATCH, LENGTH)
    whole = unroll(cell, inputs, LENGTH)
    first = unroll(cell, inputs[:, :2], 2)
    second = unroll(cell, inputs[:, 2:], LENGTH - 2, first.states)
    outputs = tf.concat([first.outputs, second.outputs], axis=1)
    assert_equal([outputs, second.states], [whole.outputs, whole.states], 1e-13)


@pytest.mark.slow
@each_cell
def test_training_and_inference_compute_the_same(name):
    cell, inputs = make_cell(name), make_inputs(BATCH, LENGTH)
    training = unroll(cell, inputs, SHORTER, training=True)
    assert_equal(training[:2], unroll(cell, inputs, SHORTER)[:2], 1e-14)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ntm, 2 layers, 2 + 3 heads, learned start", "dnc"])
def test_blur_is_that_of_every_step_and_has_its_gradient(name):
    cell, inputs = make_cell(name), make_inputs(BATCH, LENGTH)
    with tf.GradientTape(persistent=True) as tape:
        tape.watch(inputs)
        blur = unroll(cell, inputs, LENGTH, training=True).blur
        states, by_hand = cell.get_initial_state(BATCH), []
        for step in range(LENGTH):
            projected = cell.project_inputs(inputs[:, step])
            result = cell.step(projected, cell.unpack(states))
            states = flatten(result.state)
            by_hand.append(result.blur)
        expected = tf.stack(by_hand, axis=1)
        losses = [tf.reduce_sum(tf.sin(each)) for each in (blur, expected)]
    np.testing.assert_allclose(blur, expected, rtol=1e-12)
    gradients = [tape.gradient(loss, inputs) for loss in losses]
    if name == "dnc":
        np.testing.assert_array_equal(blur, np.zeros((BATCH, LENGTH)))
    else:
        heads = cell.read_heads + cell.write_heads
        assert 0 < np.min(blur) < np.max(blur) < heads
        assert_equal(gradients[0], gradients[1], 1e-9)


# The trace


def check_trace(cell, inputs, steps, tolerance, compute=unroll):
    outputs, final, trace, dense_outputs, blur = compute(cell, inputs, steps, trace=True)
    states, count = cell.get_initial_state(BATCH), max(steps)
    for step in range(count):
        dense_by_hand = []

        def dense(layer, vectors, outputs=dense_by_hand):
            outputs.append(layer(vectors))
            return outputs[-1]

        result = cell.step(cell.project_inputs(inputs[:, step]), cell.unpack(states), dense)
        states = flatten(result.state)
        expected = [cell.project_outputs(result.features), *states, *dense_by_hand, result.blur]
        got = [record[:, step] for record in (outputs, *trace, *dense_outputs, blur)]
        for one, other in zip(got, expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance)
    assert_equal(final, states, tolerance)
    for record in (outputs, *trace, *dense_outputs, blur):
        assert record.shape[:2] == (BATCH, LENGTH)
        np.testing.assert_array_equal(record[:, count:], tf.zeros_like(record[:, count:]))


@pytest.mark.slow
@each_cell
@pytest.mark.parametrize("steps", [[LENGTH, 1], [1, SHORTER]], ids=["whole", "padded"])
def test_the_trace_is_the_states_after_each_step(name, steps):
    check_trace(make_cell(name), make_inputs(BATCH, LENGTH), steps, 1e-13)


@pytest.mark.slow
def test_the_trace_under_xla():
    compiled = tf.function(unroll, jit_compile=True)
    check_trace(make_cell("ntm"), make_inputs(BATCH, LENGTH), [LENGTH, 1], 1e-12, compiled)


def test_there_is_no_trace_unless_asked_for():
    result = unroll(make_cell("ntm"), make_inputs(BATCH), LENGTH)
    assert result.trace == []
    assert result.dense_outputs == []


# Refusals


def test_a_trace_while_training_is_refused():
    with pytest.raises(ValueError, match="trace: expected training=False with it, got"):
        unroll(make_cell("ntm"), make_inputs(BATCH), LENGTH, training=True, trace=True)


def test_a_cell_without_weights_is_refused_and_can_be_built_then():
    cell = new_cell("ntm")
    with pytest.raises(ValueError, match="cell: expected a built one"):
        unroll(cell, make_inputs(BATCH), LENGTH)
    cell.build((None, INPUT_DIM))
    unroll(cell, make_inputs(BATCH), LENGTH)


@pytest.mark.parametrize("shape", [(None, LENGTH, INPUT_DIM), (BATCH, None, INPUT_DIM)])
def test_an_unknown_batch_size_or_length_is_refused(shape):
    cell = new_cell("ntm")
    cell.build((None, INPUT_DIM))
    call = tf.function(lambda inputs: unroll(cell, inputs, LENGTH), autograph=False)
    with pytest.raises(ValueError, match="inputs: expected a known batch size and length, got"):
        call.get_concrete_function(tf.TensorSpec(shape, tf.float32))


@pytest.mark.parametrize("part", ["outputs", "states"])
def test_a_gradient_without_training_is_refused(part):
    cell = make_cell("ntm")
    with tf.GradientTape() as tape:
        result = unroll(cell, make_inputs(BATCH), LENGTH)
        loss = tf.add_n([tf.reduce_sum(each) for each in tf.nest.flatten(getattr(result, part))])
    with pytest.raises(LookupError, match=r"unroll\(training=False\)"):
        tape.gradient(loss, cell.head_layer.kernel.value)
