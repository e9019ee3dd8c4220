"""What if: each intervention does to a cell's memory what it says, and nothing else."""

import numpy as np
import pytest
import tensorflow as tf
from helpers.cells import INPUT_DIM, make_cell, make_inputs

from agents.evaluation.scores import held_out
from agents.inspection.interventions import Intervened, Interventions
from agents.inspection.tracing import STRETCH, Tracer
from agents.policies.recurrent import RecurrentAgent
from ntm_gym.cells import NTMCell, unroll
from ntm_gym.metrics import bit_errors
from ntm_gym.tasks import Copy

KINDS = ("ntm, 2 layers, 2 + 3 heads, learned start", "dnc, 2 layers, 3 heads, refined")


def told_by(cell, interventions, steps=4):
    """What the heads are told over a few steps, with and without the interventions."""
    raw = tf.constant(np.random.default_rng(3).normal(size=(steps, cell.head_layer.units)))
    return Intervened(cell, interventions.numbers()).told(raw), cell.head_outputs(raw)


def changed_fields(got, free, path=""):
    """The names of the fields of two nested tuples that differ."""
    names = set()
    for name in got._fields:
        one, other = getattr(got, name), getattr(free, name)
        if hasattr(one, "_fields"):
            names |= changed_fields(one, other, f"{path}{name}.")
        elif one is not None and not np.array_equal(one, other):
            names.add(path + name)
    return names


# What each does to the heads


def test_nothing_is_changed_by_default():
    for kind in KINDS:
        assert not changed_fields(*told_by(make_cell(kind), Interventions()))


@pytest.mark.parametrize(
    ("heads", "fields"),
    [
        ("both", {"read.strengths", "write.strengths"}),
        ("read", {"read.strengths"}),
        ("write", {"write.strengths"}),
    ],
)
def test_without_content_keys_have_no_strength(heads, fields):
    got, free = told_by(make_cell(KINDS[0]), Interventions(content=False, heads=heads))
    assert changed_fields(got, free) == fields
    for name in fields:
        head, field = name.split(".")
        assert not getattr(getattr(got, head), field).numpy().any()


def test_a_share_of_content_is_the_interpolation_gate():
    got, free = told_by(make_cell(KINDS[0]), Interventions(content_share=0.25, heads="write"))
    assert changed_fields(got, free) == {"write.gates"}
    assert (got.write.gates.numpy() == 0.25).all()


def test_a_share_of_content_in_a_dnc():
    got, free = told_by(make_cell(KINDS[1]), Interventions(content_share=0.25))
    assert changed_fields(got, free) == {"allocation_gate", "read_modes"}
    np.testing.assert_allclose(got.allocation_gate, 0.75)
    modes, before = got.read_modes.numpy(), free.read_modes.numpy()
    np.testing.assert_allclose(modes[..., 1], 0.25)
    np.testing.assert_allclose(modes.sum(axis=-1), 1)
    # backward against forward as it was
    np.testing.assert_allclose(
        modes[..., 0] / modes[..., 2], before[..., 0] / before[..., 2], rtol=1e-6
    )


def test_without_content_a_dnc_looks_everything_alike():
    got, free = told_by(make_cell(KINDS[1]), Interventions(content=False))
    assert changed_fields(got, free) == {"read_strengths", "write_strength"}


@pytest.mark.parametrize("kind", KINDS)
def test_they_begin_with_their_first_step(kind):
    interventions = Interventions(content=False, content_share=1.0, first_step=2)
    got, free = told_by(make_cell(kind), interventions)
    assert not changed_fields(
        *(tf.nest.map_structure(lambda v: v[:2], each) for each in (got, free))
    )
    assert changed_fields(*(tf.nest.map_structure(lambda v: v[2:3], each) for each in (got, free)))


# What that does to a run


@pytest.mark.slow
def test_a_gate_of_zero_leaves_heads_to_their_shifts():
    """The address is then a shift of the one before, whatever the memory holds."""
    cell = make_cell("ntm")
    told = []
    for content in (True, False):
        run = unroll(
            Intervened(cell, Interventions(content=content, content_share=0.0).numbers()),
            make_inputs(),
            5,
            trace=True,
        )
        told.append(cell.unpack(run.trace).write_weights)
    np.testing.assert_array_equal(*told)


def test_heads_begin_elsewhere():
    cell = make_cell("ntm, 2 layers, 2 + 3 heads, learned start")
    plain = cell.unpack(cell.get_initial_state(2))
    start = Intervened(cell, Interventions(start=-2, heads="write").numbers())
    moved = cell.unpack(start.get_initial_state(2))
    np.testing.assert_array_equal(moved.read_weights, plain.read_weights)
    np.testing.assert_array_equal(moved.write_weights, np.roll(plain.write_weights, -2, axis=-1))
    np.testing.assert_array_equal(moved.memory, plain.memory)


@pytest.mark.slow
def test_noise_is_added_from_its_step_on_and_repeats_with_its_seed():
    """A cell that writes nothing holds the sum of the noise."""
    cell = NTMCell(3, units=2, slots=40, width=30, dtype="float64")
    cell.build((None, INPUT_DIM))
    kernel, bias = cell.head_layer.get_weights()
    vectors = 2 * cell.width
    kernel[:, -vectors:], bias[-vectors:-30], bias[-30:] = 0, -1e9, 0  # erases and adds nothing
    cell.head_layer.set_weights([kernel, bias])
    cell.clip = 1e9  # so that the erasing is 0 and not nearly so

    def memories(seed):
        interventions = Interventions(noise=0.5, first_step=2, seed=seed)
        changed = Intervened(cell, interventions.numbers())
        return cell.unpack(unroll(changed, make_inputs(), 5, trace=True).trace).memory.numpy()

    first = memories(7)
    np.testing.assert_allclose(first[:, :2], 1e-6)
    for step, steps_of_noise in ((2, 1), (3, 2), (4, 3)):
        assert first[:, step].std() == pytest.approx(0.5 * steps_of_noise**0.5, rel=0.05)
    assert abs(np.corrcoef(first[0, 2].ravel(), (first[0, 3] - first[0, 2]).ravel())[0, 1]) < 0.1
    np.testing.assert_array_equal(first, memories(7))
    assert not np.isclose(first[:, 2:], memories(8)[:, 2:]).all()


def test_a_cell_without_memory_stays_as_it_is():
    tracer, inputs = Tracer(make_cell("lstm")), make_inputs(batch=1)[0].numpy()
    disturbed = tracer.trace(inputs, Interventions(noise=1.0))
    np.testing.assert_array_equal(disturbed.logits, tracer.trace(inputs).logits)


@pytest.mark.parametrize(
    "wrong",
    [
        {"content_share": 1.5},
        {"content_share": float("nan")},
        {"noise": -1.0},
        {"noise": float("inf")},
        {"heads": "all"},
        {"first_step": -1},
        {"start": 2**30},
        {"seed": -1},
    ],
)
def test_values_out_of_range_are_refused(wrong):
    with pytest.raises(ValueError, match=rf"expected {next(iter(wrong))}.*got Interventions"):
        Interventions(**wrong)


# Long tapes


@pytest.mark.slow
@pytest.mark.parametrize("kind", [*KINDS, "lstm, 3 layers"])
def test_a_trace_is_that_of_unroll(kind):
    cell = make_cell(kind)
    inputs = make_inputs(batch=1, length=STRETCH + 6)
    interventions = Interventions(noise=0.1, content_share=0.5, start=1, first_step=STRETCH + 2)
    changed = cell if cell.slots is None else Intervened(cell, interventions.numbers())
    expected = tf.function(unroll, autograph=False)(changed, inputs, STRETCH + 6, trace=True)
    tracer = Tracer(cell)
    trace = tracer.trace(inputs[0].numpy(), interventions)
    np.testing.assert_allclose(trace.logits, expected.outputs[0], atol=1e-6)
    if cell.slots is None:
        with pytest.raises(ValueError, match="expected a cell with a memory"):
            tracer.memory(trace, 0)
        return
    state = cell.unpack(expected.trace)
    heads = np.moveaxis(state.write_weights[0].numpy(), 1, 0)
    np.testing.assert_allclose(trace.write_addresses, heads, atol=1e-6)
    for step in (0, STRETCH - 1, STRETCH, STRETCH + 5):
        memory = tracer.memory(trace, step)[step % STRETCH]
        np.testing.assert_allclose(memory, state.memory[0, step], atol=1e-6)
    with pytest.raises(ValueError, match=rf"expected a step from 0 to {STRETCH + 5}"):
        tracer.memory(trace, STRETCH + 6)
    shares = {"ntm": "read.gates", "dnc": "allocation_gate"}
    values = trace.told[shares[kind[:3]]]
    assert (values[:, STRETCH + 2 :] == 0.5).all()
    assert not (values[:, : STRETCH + 2] == 0.5).any()


@pytest.mark.slow
def test_the_network_that_copies_goes_by_position():
    """Heads that begin elsewhere are lost, but not together: the slots are a ring."""
    tape = held_out(Copy(), 40, 3, seed=0)
    tracer = Tracer(RecurrentAgent.pretrained("copy", slots=128).cell)

    def wrong(**changes):
        logits = [tracer.trace(row, Interventions(**changes)).logits for row in tape.inputs]
        return bit_errors(np.array(logits) > 0, tape.targets, tape.mask).mean()

    assert wrong() == 0
    assert wrong(content_share=0.0) == 0
    assert wrong(content_share=1.0) > 100
    assert wrong(start=7) == 0
    assert wrong(start=7, heads="read") > 100
