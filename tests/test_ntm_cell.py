"""The cell: NumPy reference, start states, Keras's contract, saving, sizes and bad arguments."""

import importlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf
from reference import CELLS, INPUT_DIM, SIZES, make_cell, make_inputs, reference_of

import ntm_gym.cells
from ntm_gym.cells import NTMCell
from ntm_gym.cells.state import flatten

each_cell = pytest.mark.parametrize("name", CELLS)


def walk(cell, inputs):
    """Outputs [B, T, W] and the states after each step, of the cell stepped by hand."""
    states = cell.get_initial_state(inputs.shape[0])
    outputs, history = [], []
    for step in range(inputs.shape[1]):
        output, states = cell(inputs[:, step], states)
        outputs.append(output)
        history.append(states)
    return tf.stack(outputs, axis=1), history


def network(cell):
    inputs = keras.Input((None, INPUT_DIM), dtype=cell.compute_dtype)
    rnn = keras.layers.RNN(cell, return_sequences=True, dtype=cell.compute_dtype)
    return keras.Model(inputs, rnn(inputs))


# Reference


@each_cell
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 1e-4)])
def test_steps_equal_the_reference(name, dtype, tolerance):
    cell, inputs = make_cell(name, dtype), make_inputs(dtype=dtype)
    outputs, history = walk(cell, inputs)
    start = cell.get_initial_state(2)
    assert outputs.dtype == dtype
    for row in range(2):
        expected, states = reference_of(cell).run(
            inputs[row].numpy(), [state[row].numpy() for state in start]
        )
        np.testing.assert_allclose(outputs[row], expected, rtol=0, atol=tolerance)
        for got, want in zip(history, states, strict=True):
            for part, other in zip(got, want, strict=True):
                assert part.dtype == dtype
                np.testing.assert_allclose(part[row], other, rtol=0, atol=tolerance)


def test_clipping_bounds_the_outputs_and_the_heads():
    cell = make_cell("lstm", clip=0.25)
    outputs, _ = walk(cell, 100.0 * make_inputs())
    assert np.abs(outputs).max() == 0.25
    strongest = cell.head_outputs(tf.fill([1, cell.head_layer.units], tf.constant(1e9, tf.float64)))
    np.testing.assert_allclose(strongest.read.gammas, 1 + np.log1p(np.exp(0.25)), rtol=1e-12)
    np.testing.assert_allclose(strongest.erase, 1 / (1 + np.exp(-0.25)), rtol=1e-12)


# Start states


def test_start_with_a_constant_memory_and_the_first_slot():
    start = make_cell("lstm", read_heads=2).get_initial_state(3)
    first = np.eye(7)[0]
    expected = [np.zeros(6)] * 2 + [np.full(28, 1e-6), np.tile(first, 2), first, np.zeros(8)]
    for got, want in zip(start, expected, strict=True):
        np.testing.assert_array_equal(got, np.tile(want, (3, 1)))


def test_start_with_uniform_addresses():
    state = make_cell("lstm", address_init="uniform")
    state = state.unpack(state.get_initial_state(2))
    np.testing.assert_allclose(state.read_weights, np.full((2, 1, 7), 1 / 7))
    np.testing.assert_allclose(state.write_weights, np.full((2, 1, 7), 1 / 7))


def test_start_with_what_was_learned():
    cell = make_cell("lstm", read_heads=2, memory_init="learned", address_init="learned")
    state = cell.unpack(cell.get_initial_state(2))
    powers = np.exp(cell.initial_addresses.numpy())
    addresses = powers / powers.sum(axis=1, keepdims=True)
    for row in range(2):
        np.testing.assert_array_equal(state.memory[row], cell.initial_memory)
        np.testing.assert_allclose(state.read_weights[row], addresses[:2])
        np.testing.assert_allclose(state.write_weights[row], addresses[2:])


def test_random_memories_differ_by_call_and_row_and_repeat_with_the_seed():
    def memories(seed):
        cell = make_cell("lstm", memory_init="random", seed=seed)
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
    cell = make_cell("lstm", memory_init="learned", address_init="learned", read_first=read_first)
    with tf.GradientTape() as tape:
        outputs, _ = walk(cell, make_inputs())
        loss = tf.reduce_sum(outputs**2)
    for gradient in tape.gradient(loss, [cell.initial_memory, cell.initial_addresses]):
        assert np.abs(gradient).max() > 1e-4


# Keras's contract


@each_cell
def test_sizes_are_those_of_the_tensors(name):
    cell = make_cell(name)
    start = cell.get_initial_state(batch_size=2)
    output, states = cell(make_inputs()[:, 0], start)
    assert output.shape == (2, cell.output_size)
    assert [state.shape[1] for state in start] == cell.state_size
    assert [state.shape for state in states] == [(2, size) for size in cell.state_size]
    for again, part in zip(flatten(cell.unpack(states)), states, strict=True):
        np.testing.assert_array_equal(again, part)


def test_unpacking_keeps_leading_axes():
    cell = make_cell("lstm", read_heads=2)
    state = cell.unpack([tf.zeros([2, 3, size]) for size in cell.state_size])
    assert [part.shape for part in state.controller] == [(2, 3, 6)] * 2
    assert [part.shape[2:] for part in state[1:]] == [(4, 7), (2, 7), (1, 7), (2, 4)]


@each_cell
@pytest.mark.parametrize("jit_compile", [None, False])
def test_keras_rnn_steps_the_cell(name, jit_compile):
    check_keras_rnn(name, jit_compile)


def test_keras_rnn_steps_the_cell_under_xla():
    check_keras_rnn("lstm", jit_compile=True)


def check_keras_rnn(name, jit_compile):
    cell, inputs = make_cell(name), make_inputs()
    rnn = keras.layers.RNN(cell, return_sequences=True, return_state=True, dtype="float64")
    call = rnn if jit_compile is None else tf.function(rnn, jit_compile=jit_compile)
    outputs, *states = call(inputs)
    expected, history = walk(cell, inputs)
    np.testing.assert_allclose(outputs, expected, atol=1e-12)
    for got, want in zip(states, history[-1], strict=True):
        np.testing.assert_allclose(got, want, atol=1e-12)


@each_cell
def test_functional_model_takes_any_batch_and_length(name):
    cell = make_cell(name)
    model = network(cell)
    assert model.output_shape == (None, None, 3)
    for batch, length in ((1, 2), (3, 4)):
        inputs = make_inputs(batch, length)
        np.testing.assert_allclose(model(inputs), walk(cell, inputs)[0], atol=1e-12)


def test_fit_under_xla_lowers_the_loss():
    keras.utils.set_random_seed(0)
    inputs = np.random.default_rng(0).integers(0, 2, size=(16, 4, INPUT_DIM)).astype("float32")
    targets = np.roll(inputs, 1, axis=1)[:, :, :3]  # the input one step before
    targets[:, 0] = 0.0
    model = network(NTMCell(**SIZES))
    model.compile(
        optimizer=keras.optimizers.Adam(0.05),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=True,
    )
    losses = model.fit(inputs, targets, batch_size=16, epochs=25, verbose=0).history["loss"]
    assert losses[0] > 0.6
    assert losses[-1] < 0.4


# Saving


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning:keras")
@pytest.mark.parametrize(
    "changes",
    [
        *CELLS.values(),
        {"memory_init": "random", "seed": 5},
        {"memory_init": "learned", "dtype": "float64"},
    ],
    ids=str,
)
def test_a_saved_model_loads_in_safe_mode(changes, tmp_path):
    keras.utils.set_random_seed(0)
    cell = NTMCell(**{**SIZES, **changes})
    model, inputs = network(cell), make_inputs(dtype=cell.compute_dtype)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(inputs), model(inputs))
    assert loaded.layers[-1].cell.get_config() == cell.get_config()


def test_config_holds_every_option():
    options = {
        "output_dim": 2,
        "units": 3,
        "slots": 9,
        "width": 5,
        "read_heads": 2,
        "write_heads": 3,
        "shift_range": 4,
        "controller": "feedforward",
        "controller_layers": 2,
        "memory_init": "random",
        "address_init": "uniform",
        "read_first": True,
        "clip": 7.0,
        "seed": 11,
        "name": "memory_cell",
        "dtype": "float64",
        "trainable": False,
    }
    cell = NTMCell.from_config(NTMCell(**options).get_config())
    for option, value in options.items():
        if option != "dtype":
            assert getattr(cell, option) == value, option
    assert cell.compute_dtype == "float64"


# Other numbers of slots


def test_with_slots_is_the_same_network_on_another_memory():
    cell, inputs = make_cell("lstm"), make_inputs(batch=1)
    larger = cell.with_slots(12)
    assert larger.slots == 12
    assert larger.state_size == [6, 6, 48, 12, 12, 4]
    for weight, other in zip(cell.get_weights(), larger.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, other)
    start = [state[0].numpy() for state in larger.get_initial_state(1)]
    expected, _ = reference_of(cell).run(inputs[0].numpy(), start)
    np.testing.assert_allclose(walk(larger, inputs)[0][0], expected, atol=1e-11)


def test_with_slots_changes_nothing_for_tapes_that_fit():
    cell = make_cell("lstm")
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


@pytest.mark.parametrize("option", ["memory_init", "address_init"])
def test_with_slots_refuses_learned_starts(option):
    cell = make_cell("lstm", **{option: "learned"})
    with pytest.raises(ValueError, match=rf"{option}: expected .* from 7 to 9, got 'learned'"):
        cell.with_slots(9)
    np.testing.assert_array_equal(
        walk(cell.with_slots(7), make_inputs())[0], walk(cell, make_inputs())[0]
    )


def test_with_slots_needs_weights():
    with pytest.raises(ValueError, match="cell: expected a built one"):
        NTMCell(3).with_slots(9)


@pytest.mark.parametrize("address_init", ["slot", "uniform"])
@pytest.mark.parametrize("memory_init", ["constant", "random"])
def test_no_weight_depends_on_the_slots(memory_init, address_init):
    options = {"memory_init": memory_init, "address_init": address_init}
    shapes = [
        [weight.shape for weight in make_cell("lstm", slots=slots, **options).weights]
        for slots in (7, 30)
    ]
    assert shapes[0] == shapes[1]


# Refusals


@pytest.mark.parametrize(
    ("option", "bad", "expected"),
    [
        *[
            (size, bad, "an integer of at least 1")
            for size in [*SIZES, "read_heads", "write_heads", "controller_layers"]
            for bad in (0, -1, 2.0, "3", None, True)
        ],
        *[
            ("shift_range", bad, "an integer of at least 0 and less than half the slots")
            for bad in (-1, 4, 1.0, None)
        ],
        ("controller", "gru", "one of 'lstm', 'feedforward'"),
        ("memory_init", "zeros", "one of 'constant', 'learned', 'random'"),
        ("address_init", None, "one of 'slot', 'learned', 'uniform'"),
        *[
            ("clip", bad, "a positive finite number")
            for bad in (0, -1.0, float("nan"), float("inf"), "20")
        ],
        *[("read_first", bad, "True or False") for bad in (1, "no", None)],
        ("dtype", "float16", "one of 'float32', 'float64'"),
        ("dtype", "bfloat16", "one of 'float32', 'float64'"),
    ],
)
def test_bad_arguments_are_named(option, bad, expected):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the whole message is compared)
        NTMCell(**{**SIZES, option: bad})
    assert str(caught.value) == f"{option}: expected {expected}, got {bad!r}"


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
