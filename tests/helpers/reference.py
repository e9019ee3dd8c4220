"""The Neural Turing Machine and the LSTM in float64 NumPy, formula by formula.

The machine's formulas are those of Graves et al. 2014. The other memory is in `reference_dnc`.

Memories have the paper's layout: ``memory[i]`` is slot i. The formulas share nothing with the
package and nothing is batched: every function computes one row, and one head unless it says
otherwise. ``floor`` and ``tiny`` are what an implementation adds to stay finite; 0 is the paper.
"""

import numpy as np


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


class Network:
    """A controller with an output layer, for one row; weights are (kernel, bias) by layer.

    A state is a list, which begins with one vector for each of the controller's states.
    """

    def __init__(self, weights, *, controller="lstm", controller_layers=1, clip=20.0, **_):
        self.weights, self.clip = weights, clip
        self.controller, self.controller_layers = controller, controller_layers

    def run(self, inputs, flat_state):
        """Returns the outputs [T, W] and, step by step, the states as the cell flattens them."""
        state = self.shape(flat_state)
        outputs, states = [], []
        for x in inputs:
            output, state = self.step(x, state)
            outputs.append(output)
            states.append([part.ravel() for part in self.order(state)])
        return np.array(outputs), states

    def dense(self, name, vector):
        kernel, bias = self.weights[name]
        return vector @ kernel + bias

    def output(self, hidden, reads):
        output = self.dense("output", np.concatenate([hidden, np.ravel(reads)]))
        return np.clip(output, -self.clip, self.clip)

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


class LSTM(Network):
    """Stacked LSTM layers alone: all states are the controller's."""

    def shape(self, flat_state):
        return flat_state

    def order(self, state):
        return state

    def step(self, x, state):
        """Returns the output and the state after it."""
        hidden, state = self.control(x, np.zeros(0), state)
        return self.output(hidden, np.zeros(0)), state


class NTM(Network):
    """A whole machine for one row.

    After the controller's, its states are the memory, the read and the write heads' addresses and
    what was read.
    """

    def __init__(
        self,
        weights,
        *,
        width,
        read_heads=1,
        write_heads=1,
        shift_range=1,
        read_first=False,
        floor=0.0,
        tiny=0.0,
        **options,
    ):
        super().__init__(weights, **options)
        self.width, self.shift_range = width, shift_range
        self.read_heads, self.write_heads, self.read_first = read_heads, write_heads, read_first
        self.floor, self.tiny = floor, tiny

    def shape(self, flat_state):
        *controller, memory, read_weights, write_weights, reads = flat_state
        return [
            *controller,
            memory.reshape(self.width, -1).T,
            read_weights.reshape(self.read_heads, -1),
            write_weights.reshape(self.write_heads, -1),
            reads.reshape(self.read_heads, -1),
        ]

    def order(self, state):
        *controller, memory, read_weights, write_weights, reads = state
        return [*controller, memory.T, read_weights, write_weights, reads]

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
        state = [*controller, written, new_read_weights, new_write_weights, reads]
        return self.output(hidden, reads), state

    def address(self, heads, memory, previous):
        """Figure 2 for every head."""
        addresses = []
        for head, before in zip(heads, previous, strict=True):
            content = content_weights(memory, head["key"], head["strength"], self.floor)
            gated = interpolate(content, before, head["gate"])
            shifted = shift(gated, head["shifts"])
            addresses.append(sharpen(shifted, head["gamma"], self.tiny))
        return np.array(addresses)
