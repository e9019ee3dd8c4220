"""The Differentiable Neural Computer in float64 NumPy, formula by formula from its papers.

Graves et al. 2016 (Nature 538), and Csordas & Schmidhuber 2019 for the refinements. As in
`reference`, memories have the paper's layout, and nothing is batched.
"""

import numpy as np

from helpers.reference import Network, content_weights, cosine_similarity, sharpen, sigmoid, softmax
from helpers.reference import read as read_memory
from helpers.reference import write as write_memory


def oneplus(x):
    return 1 + np.log(1 + np.exp(x))


def masked_content_weights(memory, key, strength, mask, floor=0.0):
    return softmax(strength * cosine_similarity(memory * mask, key * mask, floor))


def retention(free_gates, read_weights):
    """For all heads together."""
    psi = np.ones(read_weights.shape[1])
    for gate, weights in zip(free_gates, read_weights, strict=True):
        psi = psi * (1 - gate * weights)
    return psi


def usage(previous, write_weights, psi):
    return (previous + write_weights - previous * write_weights) * psi


def allocation(used, tiny=0.0):
    """By the free list: the slots in the order of their usage."""
    allocated = np.zeros(len(used))
    product = 1.0
    for slot in np.argsort(used, kind="stable"):
        allocated[slot] = (1 - used[slot]) * product
        product *= used[slot] + tiny
    return allocated


def write_weights(content, allocated, allocation_gate, write_gate):
    return write_gate * (allocation_gate * allocated + (1 - allocation_gate) * content)


def precedence(previous, written):
    return (1 - written.sum()) * previous + written


def links(previous, last, written):
    slots = len(last)
    new = np.zeros((slots, slots))
    for i in range(slots):
        for j in range(slots):
            if i != j:
                new[i, j] = (1 - written[i] - written[j]) * previous[i, j] + written[i] * last[j]
    return new


def backward(matrix, weights):
    return matrix.T @ weights


def forward(matrix, weights):
    return matrix @ weights


def read_weights(before, content, after, modes):
    return modes[0] * before + modes[1] * content + modes[2] * after


class DNC(Network):
    """A whole computer for one row.

    After the controller's, its states are memory, addresses of the read heads and of the write
    head, what was read, usage, precedence and links.
    """

    def __init__(
        self,
        weights,
        *,
        width,
        read_heads=1,
        mask_content=False,
        erase_freed=False,
        sharpen_links=False,
        floor=0.0,
        tiny=0.0,
        **options,
    ):
        super().__init__(weights, **options)
        self.width, self.read_heads = width, read_heads
        self.mask_content, self.erase_freed = mask_content, erase_freed
        self.sharpen_links, self.floor, self.tiny = sharpen_links, floor, tiny

    def shape(self, flat_state):
        *controller, memory, read_weights, written, reads, used, last, matrix = flat_state
        return [
            *controller,
            memory.reshape(self.width, -1).T,
            read_weights.reshape(self.read_heads, -1),
            written,
            reads.reshape(self.read_heads, -1),
            used,
            last,
            matrix.reshape(len(used), -1),
        ]

    def order(self, state):
        *controller, memory, read_weights, written, reads, used, last, matrix = state
        return [*controller, memory.T, read_weights, written, reads, used, last, matrix]

    def step(self, x, state):
        """Returns the output and the state after it."""
        *controller, memory, were_read, was_written, reads, used, last, matrix = state
        heads = self.read_heads
        hidden, controller = self.control(x, reads, controller)
        raw = list(np.clip(self.dense("heads", hidden), -self.clip, self.clip))

        def take(*shape):
            count = int(np.prod(shape))
            taken = np.array(raw[:count]).reshape(shape)
            del raw[:count]
            return taken

        read_keys, read_strengths = take(heads, self.width), oneplus(take(heads))
        write_key, write_strength = take(self.width), oneplus(take(1))
        erase, add = sigmoid(take(self.width)), take(self.width)
        free_gates, allocation_gate, write_gate = (
            sigmoid(take(heads)),
            sigmoid(take(1)),
            sigmoid(take(1)),
        )
        modes = [softmax(mode) for mode in take(heads, 3)]
        read_masks, write_mask = [None] * heads, None
        if self.mask_content:
            read_masks, write_mask = sigmoid(take(heads, self.width)), sigmoid(take(self.width))
        sharpness = oneplus(take(heads, 2)) if self.sharpen_links else None
        assert not raw

        psi = retention(free_gates, were_read)
        used = usage(used, was_written, psi)
        content = self.content(memory, write_key, write_strength, write_mask)
        allocated = allocation(used, self.tiny)
        written = write_weights(content, allocated, allocation_gate, write_gate)
        if self.erase_freed:
            memory = memory * psi[:, None]
        memory = write_memory(memory, [written], [erase], [add])
        matrix = links(matrix, last, written)
        last = precedence(last, written)
        addresses = []
        for head in range(heads):
            before, after = backward(matrix, were_read[head]), forward(matrix, were_read[head])
            if self.sharpen_links:
                before = sharpen(before, sharpness[head, 0], self.tiny)
                after = sharpen(after, sharpness[head, 1], self.tiny)
            content = self.content(memory, read_keys[head], read_strengths[head], read_masks[head])
            addresses.append(read_weights(before, content, after, modes[head]))
        reads = np.array([read_memory(memory, weights) for weights in addresses])
        state = [*controller, memory, np.array(addresses), written, reads, used, last, matrix]
        return self.output(hidden, reads), state

    def content(self, memory, key, strength, mask):
        if mask is None:
            return content_weights(memory, key, strength, self.floor)
        return masked_content_weights(memory, key, strength, mask, self.floor)
