"""What all cells of the table keep: reference, Keras's contract, saving, sizes, bad arguments."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from helpers.cells import (
    INPUT_DIM,
    SIZES,
    VARIANTS,
    kind_of,
    make_cell,
    make_inputs,
    make_start,
    new_cell,
    reference_of,
    walk,
)
from helpers.marks import SAVING

from ntm_gym.cells import CELLS, NTMCell, unroll
from ntm_gym.cells.state import flatten

each_cell = pytest.mark.parametrize("name", VARIANTS)
each_kind = pytest.mark.parametrize("kind", CELLS)


def network(cell):
    inputs = keras.Input((None, INPUT_DIM), dtype=cell.compute_dtype)
    rnn = keras.layers.RNN(cell, return_sequences=True, dtype=cell.compute_dtype)
    return keras.Model(inputs, rnn(inputs))


def test_the_table_names_the_cells_and_every_one_is_tested():
    assert list(CELLS) == ["ntm", "dnc", "lstm"]
    assert {kind_of(name) for name in VARIANTS} == set(CELLS) == set(SIZES)


# Reference


@each_cell
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-11), ("float32", 1e-4)])
def test_steps_equal_the_reference(name, dtype, tolerance):
    cell, inputs = make_cell(name, dtype), make_inputs(dtype=dtype)
    start = make_start(cell)
    outputs, history = walk(cell, inputs, start)
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


@each_kind
def test_clipping_bounds_the_outputs(kind):
    outputs, _ = walk(make_cell(kind, clip=0.25), 100.0 * make_inputs())
    assert np.abs(outputs).max() == 0.25


# Keras's contract


@pytest.mark.slow
@each_cell
def test_sizes_are_those_of_the_tensors(name):
    cell = make_cell(name)
    start = cell.get_initial_state(2)
    output, states = cell(make_inputs()[:, 0], start)
    assert output.shape == (2, cell.output_size)
    assert [state.shape[1] for state in start] == cell.state_size
    assert [state.shape for state in states] == [(2, size) for size in cell.state_size]
    for again, part in zip(flatten(cell.unpack(states)), states, strict=True):
        np.testing.assert_array_equal(again, part)


@each_cell
def test_unpacking_keeps_leading_axes(name):
    cell = make_cell(name)
    state = cell.unpack([tf.zeros([2, 3, size]) for size in cell.state_size])
    assert isinstance(state, cell.state_type)
    assert all(part.shape == (2, 3, 6) for part in state.controller)
    assert [part.shape for part in state[1:]] == [(2, 3, *shape) for shape in cell.state_shapes]


@pytest.mark.slow
@each_cell
@pytest.mark.parametrize("graph", [False, True])
def test_keras_rnn_steps_the_cell(name, graph):
    check_keras_rnn(name, (lambda rnn: tf.function(rnn, jit_compile=False)) if graph else None)


@pytest.mark.slow
@each_kind
def test_keras_rnn_steps_the_cell_under_xla(kind):
    check_keras_rnn(kind, lambda rnn: tf.function(rnn, jit_compile=True))


def check_keras_rnn(name, compiled):
    cell, inputs = make_cell(name), make_inputs()
    start = make_start(cell)
    rnn = keras.layers.RNN(cell, return_sequences=True, return_state=True, dtype="float64")
    call = rnn if compiled is None else compiled(rnn)
    outputs, *states = call(inputs, initial_state=start)
    expected, history = walk(cell, inputs, start)
    np.testing.assert_allclose(outputs, expected, atol=1e-12)
    for got, want in zip(states, history[-1], strict=True):
        np.testing.assert_allclose(got, want, atol=1e-12)


@pytest.mark.slow
@each_cell
def test_functional_model_takes_any_batch_and_length(name):
    cell = make_cell(name)
    model = network(cell)
    assert model.output_shape == (None, None, 3)
    for batch, length in ((1, 2), (3, 4)):
        inputs = make_inputs(batch, length)
        np.testing.assert_allclose(model(inputs), walk(cell, inputs)[0], atol=1e-12)


# Training


@pytest.mark.slow
@each_kind
def test_fit_under_xla_lowers_the_loss(kind):
    keras.utils.set_random_seed(0)
    inputs = np.random.default_rng(0).integers(0, 2, size=(16, 4, INPUT_DIM)).astype("float32")
    targets = np.roll(inputs, 1, axis=1)[:, :, :3]  # the input one step before
    targets[:, 0] = 0.0
    model = network(new_cell(kind))
    model.compile(
        optimizer=keras.optimizers.Adam(0.05),
        loss=keras.losses.BinaryCrossentropy(from_logits=True),
        jit_compile=True,
    )
    losses = model.fit(inputs, targets, batch_size=16, epochs=25, verbose=0).history["loss"]
    assert losses[0] > 0.6
    assert losses[-1] < 0.4


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "options"),
    [
        *[
            ("ntm", {"controller": controller, "read_heads": heads, "write_heads": heads})
            for controller, heads in (("lstm", 8), ("feedforward", 4))
        ],
        ("ntm", {"controller_layers": 3, "read_heads": 5, "write_heads": 2}),
        *[
            ("dnc", {"controller": controller, "read_heads": heads})
            for controller, heads in (("lstm", 8), ("feedforward", 4))
        ],
        ("dnc", {"controller_layers": 3, "read_heads": 2, "sharpen_links": True}),
        ("lstm", {"layers": 3}),
    ],
    ids=str,
)
def test_a_few_updates_lower_the_loss(kind, options):
    keras.utils.set_random_seed(0)
    cell = new_cell(kind, **options)
    cell.build((None, INPUT_DIM))
    optimizer = keras.optimizers.Adam(0.02)
    optimizer.build(cell.trainable_variables)
    inputs = tf.cast(make_inputs(4, 4) > 0, tf.float32)

    @tf.function  # without XLA, whose compilation takes longer than all updates
    def update():
        variables = [variable.value for variable in cell.trainable_variables]
        with tf.GradientTape() as tape:
            logits = unroll(cell, inputs, 4, training=True).outputs
            loss = tf.reduce_mean(
                tf.nn.sigmoid_cross_entropy_with_logits(logits=logits, labels=inputs[:, :, :3])
            )
        optimizer.apply(tape.gradient(loss, variables))
        return loss

    before = [variable.numpy() for variable in cell.trainable_variables]
    losses = [float(update()) for _ in range(30)]
    assert losses[-1] < 0.9 * losses[0]
    for variable, old in zip(cell.trainable_variables, before, strict=True):
        assert np.abs(variable.numpy() - old).max() > 0, variable.path


# Saving


@pytest.mark.slow
@SAVING
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        *((name, {}) for name in VARIANTS),
        ("ntm", {"memory_init": "random", "seed": 5}),
        ("ntm", {"memory_init": "learned", "dtype": "float64"}),
        ("dnc", {"dtype": "float64"}),
        ("lstm", {"dtype": "float64"}),
    ],
    ids=str,
)
def test_a_saved_model_loads_in_safe_mode(name, changes, tmp_path):
    keras.utils.set_random_seed(0)
    cell = new_cell(name, **changes)
    model, inputs = network(cell), make_inputs(dtype=cell.compute_dtype)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras", safe_mode=True)
    np.testing.assert_array_equal(loaded(inputs), model(inputs))
    assert loaded.layers[-1].cell.get_config() == cell.get_config()


MEMORY = {"slots": 9, "width": 5, "controller": "feedforward", "controller_layers": 2}
OPTIONS = {
    "ntm": {
        **MEMORY,
        "read_heads": 2,
        "write_heads": 3,
        "shift_range": 4,
        "memory_init": "random",
        "address_init": "uniform",
        "read_first": True,
        "seed": 11,
    },
    "dnc": {
        **MEMORY,
        "read_heads": 2,
        "mask_content": True,
        "erase_freed": True,
        "sharpen_links": True,
    },
    "lstm": {"layers": 4},
}


@each_kind
def test_config_holds_every_option(kind):
    shared = {"output_dim": 2, "units": 3, "clip": 7.0, "name": "memory_cell", "trainable": False}
    options = {**shared, **OPTIONS[kind], "dtype": "float64"}
    config = CELLS[kind](**options).get_config()
    assert set(config) == set(options)  # none was forgotten here
    cell = CELLS[kind].from_config(config)
    for option, value in options.items():
        if option != "dtype":
            assert getattr(cell, option) == value, option
    assert cell.compute_dtype == "float64"


def test_a_class_of_ones_own_keeps_the_settings_that_it_passes_on():
    class Own(NTMCell):
        def __init__(self, output_dim, scale=1.0, **kwargs):
            super().__init__(output_dim, **kwargs)
            self.scale = scale

    cell = Own(3, scale=2.0, units=6, slots=7, width=4)
    again = Own.from_config(cell.get_config())
    assert (again.scale, again.units, again.slots, again.width) == (2.0, 6, 7, 4)
    cell.build((None, INPUT_DIM))
    assert cell.with_slots(9).slots == 9


@pytest.mark.slow
@SAVING
@each_kind
def test_a_frozen_cell_stays_frozen(kind, tmp_path):
    frozen = CELLS[kind](**SIZES[kind], trainable=False)
    frozen_later = CELLS[kind](**SIZES[kind])
    frozen_later.trainable = False
    for cell in (frozen, frozen_later):
        model = network(cell)
        assert model.trainable_variables == []
        assert len(model.variables) > 0
        model.save(tmp_path / "model.keras")
        loaded = keras.saving.load_model(tmp_path / "model.keras")
        assert loaded.trainable_variables == []
        if kind != "lstm":
            assert cell.with_slots(9).trainable_variables == []


@pytest.mark.slow
def test_a_stateful_layer_begins_anew_as_the_docs_say():
    keras.utils.set_random_seed(0)
    rnn = keras.layers.RNN(new_cell("ntm"), stateful=True)
    inputs = make_inputs()
    first = rnn(inputs)
    assert not np.allclose(rnn(inputs), first)
    for state, start in zip(rnn.states, rnn.cell.get_initial_state(len(inputs)), strict=True):
        state.assign(start)
    np.testing.assert_allclose(rnn(inputs), first)


# Other numbers of slots


@each_kind
def test_with_slots_is_the_same_network_on_another_memory(kind):
    cell, inputs = make_cell(kind), make_inputs(batch=1)
    other = cell.with_slots(12)
    assert other.slots == (None if kind == "lstm" else 12)
    for weight, again in zip(cell.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(weight, again)
    start = make_start(other, batch=1)
    expected, _ = reference_of(cell).run(inputs[0].numpy(), [state[0].numpy() for state in start])
    np.testing.assert_allclose(walk(other, inputs, start)[0][0], expected, atol=1e-11)


@pytest.mark.parametrize("kind", ["ntm", "dnc"])
def test_with_slots_needs_weights(kind):
    with pytest.raises(ValueError, match="cell: expected a built one"):
        CELLS[kind](3).with_slots(9)


def test_without_a_memory_there_are_no_slots_to_change():
    cell = make_cell("lstm")
    assert cell.with_slots(12) is cell
    assert cell.slots is None


# Refusals


@pytest.mark.parametrize(
    ("kind", "option", "bad", "expected"),
    [
        *[
            (kind, size, bad, "an integer of at least 1")
            for kind, sizes in {
                "ntm": [*SIZES["ntm"], "read_heads", "write_heads", "controller_layers"],
                "dnc": [*SIZES["dnc"], "read_heads", "controller_layers"],
                "lstm": [*SIZES["lstm"], "layers"],
            }.items()
            for size in sizes
            for bad in (0, -1, 2.0, "3", None, True)
        ],
        *[
            (kind, "clip", bad, "a positive finite number")
            for kind in CELLS
            for bad in (0, -1.0, float("nan"), float("inf"), "20")
        ],
        *[
            (kind, "dtype", bad, "one of 'float32', 'float64'")
            for kind in CELLS
            for bad in ("float16", "bfloat16")
        ],
        *[(kind, "controller", "gru", "one of 'lstm', 'feedforward'") for kind in ("ntm", "dnc")],
        *[
            ("ntm", "shift_range", bad, "an integer of at least 0 and less than half the slots")
            for bad in (-1, 4, 1.0, None)
        ],
        ("ntm", "memory_init", "zeros", "one of 'constant', 'learned', 'random'"),
        ("ntm", "address_init", None, "one of 'slot', 'learned', 'uniform'"),
        *[("ntm", "read_first", bad, "True or False") for bad in (1, "no", None)],
        *[
            ("dnc", option, bad, "True or False")
            for option in ("mask_content", "erase_freed", "sharpen_links")
            for bad in (1, "no", None)
        ],
    ],
)
def test_bad_arguments_are_named(kind, option, bad, expected):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the whole message is compared)
        CELLS[kind](**{**SIZES[kind], option: bad})
    assert str(caught.value) == f"{option}: expected {expected}, got {bad!r}"


@pytest.mark.parametrize(
    ("kind", "option"), [("dnc", "write_heads"), ("lstm", "slots"), ("lstm", "read_heads")]
)
def test_what_a_cell_does_not_have_is_refused(kind, option):
    with pytest.raises(ValueError, match=option):
        CELLS[kind](3, **{option: 2})
