"""The Neural Turing Machine in float64 NumPy, formula by formula from Graves et al. 2014.

Memories have the paper's layout: ``memory[i]`` is slot i. The formulas share nothing with the
package and nothing is batched: every function computes one row, and one head unless it says
otherwise. ``floor`` and ``tiny`` are what an implementation adds to stay finite; 0 is the paper.

At the end stands the table of cells that the tests run over.
"""

import numpy as np
import tensorflow as tf

from ntm_gym.cells import NTMCell, addressing


def read(memory, weights):
    """Eq. 2."""
    total = np.zeros(memory.shape[1])
    for i, weight in enumerate(weights):
        total += weight * memory[i]
    return total


def write(memory, weights, erase, add):
    """Eq. 3 for every head, then eq. 4 for every head."""
    memory = memory.copy()
    for w, e in zip(weights, erase, strict=True):
        for i in range(len(memory)):
            memory[i] = memory[i] * (1 - w[i] * e)
    for w, a in zip(weights, add, strict=True):
        for i in range(len(memory)):
            memory[i] = memory[i] + w[i] * a
    return memory


def cosine_similarity(memory, key, floor=0.0):
    """Eq. 6, between the key and every slot."""
    return np.array([slot @ key / np.sqrt((slot @ slot) * (key @ key) + floor) for slot in memory])


def softmax(x):
    exponentials = np.exp(x - np.max(x))
    return exponentials / exponentials.sum()


def content_weights(memory, key, strength, floor=0.0):
    """Eq. 5."""
    return softmax(strength * cosine_similarity(memory, key, floor))


def interpolate(content, previous, gate):
    """Eq. 7."""
    return gate * content + (1 - gate) * previous


def shift(weights, shifts):
    """Eq. 8; ``shifts[k]`` is s(k - R)."""
    slots, reach = len(weights), len(shifts) // 2
    shifted = np.zeros(slots)
    for i in range(slots):
        for j in range(slots):
            for move in range(-reach, reach + 1):
                if (i - j - move) % slots == 0:
                    shifted[i] += weights[j] * shifts[move + reach]
    return shifted


def sharpen(weights, gamma, tiny=0.0):
    """Eq. 9."""
    powers = (weights + tiny) ** gamma
    return powers / powers.sum()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def softplus(x):
    return np.log(1 + np.exp(x))


class NTM:
    """A whole machine for one row; weights are given as (kernel, bias) by layer.

    A state is a list: one vector per controller state, then the memory, the read and the write
    heads' addresses and what was read.
    """

    def __init__(
        self,
        weights,
        *,
        width,
        controller="lstm",
        controller_layers=1,
        read_heads=1,
        write_heads=1,
        shift_range=1,
        read_first=False,
        clip=20.0,
        floor=0.0,
        tiny=0.0,
        **_,
    ):
        self.weights, self.width, self.shift_range = weights, width, shift_range
        self.controller, self.controller_layers = controller, controller_layers
        self.read_heads, self.write_heads, self.read_first = read_heads, write_heads, read_first
        self.clip, self.floor, self.tiny = clip, floor, tiny

    def run(self, inputs, flat_state):
        """Returns the outputs [T, W] and, step by step, the states as the cell flattens them."""
        *controller, memory, read_weights, write_weights, reads = flat_state
        state = [
            *controller,
            memory.reshape(self.width, -1).T,
            read_weights.reshape(self.read_heads, -1),
            write_weights.reshape(self.write_heads, -1),
            reads.reshape(self.read_heads, -1),
        ]
        outputs, states = [], []
        for x in inputs:
            output, state = self.step(x, state)
            outputs.append(output)
            *controller, memory, read_weights, write_weights, reads = state
            parts = [*controller, memory.T, read_weights, write_weights, reads]
            states.append([part.ravel() for part in parts])
        return np.array(outputs), states

    def dense(self, name, vector):
        kernel, bias = self.weights[name]
        return vector @ kernel + bias

    def step(self, x, state):
        """Returns the output and the state after it."""
        *controller, memory, read_weights, write_weights, reads = state
        hidden, controller = self.control(x, reads, controller)
        raw = list(np.clip(self.dense("heads", hidden), -self.clip, self.clip))

        def take(count):
            taken = np.array(raw[:count])
            del raw[:count]
            return taken

        def head():
            return {
                "key": np.tanh(take(self.width)),
                "strength": softplus(take(1)),
                "gate": sigmoid(take(1)),
                "shifts": softmax(take(2 * self.shift_range + 1)),
                "gamma": 1 + softplus(take(1)),
            }

        readers = [head() for _ in range(self.read_heads)]
        writers = [head() for _ in range(self.write_heads)]
        erase = [sigmoid(take(self.width)) for _ in range(self.write_heads)]
        add = [np.tanh(take(self.width)) for _ in range(self.write_heads)]
        assert not raw

        new_write_weights = self.address(writers, memory, write_weights)
        written = write(memory, new_write_weights, erase, add)
        seen = memory if self.read_first else written
        new_read_weights = self.address(readers, seen, read_weights)
        reads = np.array([read(seen, w) for w in new_read_weights])
        output = self.dense("output", np.concatenate([hidden, reads.ravel()]))
        return (
            np.clip(output, -self.clip, self.clip),
            [*controller, written, new_read_weights, new_write_weights, reads],
        )

    def control(self, x, reads, controller):
        below, states = reads.ravel(), []
        for layer in range(self.controller_layers):
            from_input = self.dense("input", x) if layer == 0 else 0.0
            name = f"controller_{layer}"
            if self.controller == "feedforward":
                below = np.tanh(from_input + self.dense(name, below))
                continue
            hidden, cell = controller[2 * layer], controller[2 * layer + 1]
            gates = from_input + self.dense(name, np.concatenate([below, hidden]))
            forget, admit, emit, candidate = np.split(gates, 4)
            cell = sigmoid(forget) * cell + sigmoid(admit) * np.tanh(candidate)
            below = sigmoid(emit) * np.tanh(cell)
            states += [below, cell]
        return below, states

    def address(self, heads, memory, previous):
        """Figure 2 for every head."""
        addresses = []
        for head, before in zip(heads, previous, strict=True):
            content = content_weights(memory, head["key"], head["strength"], self.floor)
            gated = interpolate(content, before, head["gate"])
            shifted = shift(gated, head["shifts"])
            addresses.append(sharpen(shifted, head["gamma"], self.tiny))
        return np.array(addresses)


# One entry per path through the cell; the sizes are tiny to keep the tests quick.
CELLS = {
    "lstm": {},
    "lstm, read first, uniform start": {"read_first": True, "address_init": "uniform"},
    "lstm, 2 layers, 2 + 3 heads, learned start": {
        "controller_layers": 2,
        "read_heads": 2,
        "write_heads": 3,
        "shift_range": 2,
        "memory_init": "learned",
        "address_init": "learned",
    },
    "feed-forward": {"controller": "feedforward", "clip": 1.0},
    "feed-forward, 2 layers, 2 + 1 heads, read first": {
        "controller": "feedforward",
        "controller_layers": 2,
        "read_heads": 2,
        "read_first": True,
        "address_init": "learned",
    },
}
SIZES = {"output_dim": 3, "units": 6, "slots": 7, "width": 4}
INPUT_DIM = 5


def make_cell(name, dtype="float64", **changes):
    """A built cell of the table, all of whose weights are random."""
    cell = NTMCell(**{**SIZES, **CELLS[name], "dtype": dtype, **changes})
    cell.build((None, INPUT_DIM))
    rng = np.random.default_rng(0)
    cell.set_weights([rng.normal(scale=0.5, size=weight.shape) for weight in cell.get_weights()])
    return cell


def make_inputs(batch=2, length=5, dtype="float64"):
    """Random inputs for a cell of the table."""
    rng = np.random.default_rng(1)
    return tf.constant(rng.normal(size=(batch, length, INPUT_DIM)), dtype)


def reference_of(cell):
    """The reference with the cell's options and weights."""
    layers = {"input": cell.input_layer, "heads": cell.head_layer, "output": cell.output_layer}
    for index, layer in enumerate(cell.controller_denses):
        layers[f"controller_{index}"] = layer
    weights = {
        name: (layer.kernel.numpy(), layer.bias.numpy() if layer.use_bias else 0.0)
        for name, layer in layers.items()
    }
    constants = {"floor": addressing.NORM_FLOOR, "tiny": addressing.TINY}
    return NTM(weights, **cell.get_config(), **constants)
