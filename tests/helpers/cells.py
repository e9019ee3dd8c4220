"""The table of cells that tests run over, and the reference of each."""

import numpy as np
import tensorflow as tf

from helpers import reference, reference_dnc
from ntm_gym.cells import CELLS, addressing

# One entry per path through a cell; the sizes are tiny to keep the tests quick.
VARIANTS = {
    "ntm": {},
    "ntm, read first, uniform start": {"read_first": True, "address_init": "uniform"},
    "ntm, 2 layers, 2 + 3 heads, learned start": {
        "controller_layers": 2,
        "read_heads": 2,
        "write_heads": 3,
        "shift_range": 2,
        "memory_init": "learned",
        "address_init": "learned",
    },
    "ntm, feed-forward": {
        "controller": "feedforward",
        "clip": 1.0,
    },
    "ntm, feed-forward, 2 layers, 2 + 1 heads, read first": {
        "controller": "feedforward",
        "controller_layers": 2,
        "read_heads": 2,
        "read_first": True,
        "address_init": "learned",
    },
    "dnc": {},
    "dnc, 2 layers, 3 heads, refined": {
        "controller_layers": 2,
        "read_heads": 3,
        "mask_content": True,
        "erase_freed": True,
        "sharpen_links": True,
    },
    "dnc, feed-forward, masked": {
        "controller": "feedforward",
        "clip": 1.0,
        "mask_content": True,
    },
    "dnc, feed-forward, 2 layers, 2 heads, erasing, sharp": {
        "controller": "feedforward",
        "controller_layers": 2,
        "read_heads": 2,
        "erase_freed": True,
        "sharpen_links": True,
    },
    "lstm": {},
    "lstm, 3 layers": {"layers": 3, "clip": 0.5},
}
SIZES = {
    "ntm": {"output_dim": 3, "units": 6, "slots": 7, "width": 4},
    "dnc": {"output_dim": 3, "units": 6, "slots": 7, "width": 4},
    "lstm": {"output_dim": 3, "units": 6},
}
INPUT_DIM = 5


def kind_of(name):
    """The cell's name in CELLS."""
    return name.partition(",")[0]


def new_cell(name, **changes):
    """A cell of the table as a user makes it."""
    kind = kind_of(name)
    return CELLS[kind](**{**SIZES[kind], **VARIANTS[name], **changes})


def make_cell(name, dtype="float64", **changes):
    """A built cell of the table, all of whose weights are random."""
    cell = new_cell(name, dtype=dtype, **changes)
    cell.build((None, INPUT_DIM))
    rng = np.random.default_rng(0)
    cell.set_weights([rng.normal(scale=0.5, size=weight.shape) for weight in cell.get_weights()])
    return cell


def make_inputs(batch=2, length=5, dtype="float64"):
    """Random inputs for a cell of the table."""
    rng = np.random.default_rng(1)
    return tf.constant(rng.normal(size=(batch, length, INPUT_DIM)), dtype)


def make_offsets(cell, batch=2):
    """Small positive numbers for each of the cell's states.

    A start without them has slots that are used alike; those change places in the DNC's order of
    usage by the last bit of a number.
    """
    rng = np.random.default_rng(2)
    return [
        tf.constant(0.1 * rng.uniform(size=(batch, size)), cell.compute_dtype)
        for size in cell.state_size
    ]


def make_start(cell, batch=2):
    """The cell's own start plus `make_offsets`."""
    offsets = make_offsets(cell, batch)
    return [s + o for s, o in zip(cell.get_initial_state(batch), offsets, strict=True)]


def walk(cell, inputs, start=None):
    """Outputs [B, T, W] and the states after each step, of the cell stepped by hand."""
    states = cell.get_initial_state(inputs.shape[0]) if start is None else start
    outputs, history = [], []
    for step in range(inputs.shape[1]):
        output, states = cell(inputs[:, step], states)
        outputs.append(output)
        history.append(states)
    return tf.stack(outputs, axis=1), history


def reference_of(cell):
    """The reference with the cell's options and weights."""
    layers = {"input": cell.input_layer, "heads": cell.head_layer, "output": cell.output_layer}
    for index, layer in enumerate(cell.controller_denses):
        layers[f"controller_{index}"] = layer
    weights = {
        name: (layer.kernel.numpy(), layer.bias.numpy() if layer.use_bias else 0.0)
        for name, layer in layers.items()
        if layer is not None
    }
    if isinstance(cell, CELLS["lstm"]):
        return reference.LSTM(weights, controller_layers=cell.layers, clip=cell.clip)
    network = reference_dnc.DNC if isinstance(cell, CELLS["dnc"]) else reference.NTM
    constants = {"floor": addressing.NORM_FLOOR, "tiny": addressing.TINY}
    return network(weights, **cell.get_config(), **constants)
