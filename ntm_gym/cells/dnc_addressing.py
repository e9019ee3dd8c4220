"""Memory access of the Differentiable Neural Computer: one pure function per equation.

From the Methods of Graves et al. 2016 (Nature 538, 471-476), whose paragraphs the docstrings name,
since most of the equations there have no number; and from Csordas & Schmidhuber 2019 (arXiv
1904.10278). Reading, writing and plain content lookup are those of ``addressing``. Symbols:

    B  batch rows        R  read heads (there is one write head)
    S  slots (the paper's N)        N  slot width (the paper's W)

    memory          float[B, N, S]   slot s of row b is ``memory[b, :, s]``
    read_weights    float[B, R, S]   addresses: at least 0, with a sum of at most 1
    write_weights   float[B, 1, S]   likewise
    links           float[B, S, S]   ``links[b, i, j]``: slot i was written right after slot j
"""

from typing import Any

import tensorflow as tf

from ntm_gym.cells.addressing import NORM_FLOOR, TINY


def masked_content_weights(
    memory: tf.Tensor, keys: tf.Tensor, strengths: tf.Tensor, masks: tf.Tensor
) -> tf.Tensor:
    """Returns the address found by the part of the content that a mask lets through.

    A softmax over the cosine similarity of masked keys and masked slots (Csordas & Schmidhuber
    2019, "Masked content-based addressing").

    Args:
        memory: float[B, N, S].
        keys: float[B, H, N].
        strengths: float[B, H, 1], at least 1.
        masks: float[B, H, N] in [0, 1]; 1 everywhere gives ``addressing.content_weights``.

    Returns:
        float[B, H, S] on the simplex.
    """
    squares = tf.square(masks)
    slot_norms = tf.matmul(squares, tf.square(memory))
    key_norms = tf.reduce_sum(squares * tf.square(keys), axis=2, keepdims=True)
    products = tf.matmul(squares * keys, memory)
    return tf.nn.softmax(strengths * products * tf.math.rsqrt(slot_norms * key_norms + NORM_FLOOR))


def retention(free_gates: tf.Tensor, read_weights: tf.Tensor) -> tf.Tensor:
    """Returns how much of each slot is not freed by the heads that read it last (psi).

    "Dynamic memory allocation": the product over the heads of 1 - f w.

    Args:
        free_gates: float[B, R, 1] in [0, 1].
        read_weights: float[B, R, S], of the step before.

    Returns:
        float[B, S] in [0, 1].
    """
    kept = 1.0 - free_gates * read_weights
    product = kept[:, 0]
    for head in range(1, kept.shape[1]):
        product *= kept[:, head]
    return product


def usage(previous: tf.Tensor, write_weights: tf.Tensor, retained: tf.Tensor) -> tf.Tensor:
    """Returns how much each slot is in use: more where it was written, less where freed (u).

    "Dynamic memory allocation": (u + w - u w) psi. As in the authors' code, no gradient goes to the
    write weights.

    Args:
        previous: float[B, S] in [0, 1], of the step before.
        write_weights: float[B, 1, S], of the step before.
        retained: float[B, S] in [0, 1], from ``retention``.

    Returns:
        float[B, S] in [0, 1].
    """
    written = tf.stop_gradient(write_weights[:, 0])
    return (previous + (1.0 - previous) * written) * retained


def allocation(used: tf.Tensor) -> tf.Tensor:
    """Returns where there is room for something new: on the least used slot, if it is free (a).

    "Dynamic memory allocation": 1 - u, times the product of u over all slots that come before it in
    the order of usage; of equal ones, that with the lower number comes first.

    Args:
        used: float[B, S] in [0, 1], from ``usage``.

    Returns:
        float[B, S], at least 0, with a sum of at most 1.
    """
    # Comparing all pairs takes a tenth of the time of sorting here. Logarithms are compared, which
    # XLA computes once, and not usages, which it would compute anew for every pair.
    logs = tf.math.log(used + TINY)
    one, other = logs[:, tf.newaxis, :], logs[:, :, tf.newaxis]
    slots = tf.range(used.shape[1])
    lower = slots[:, tf.newaxis] < slots[tf.newaxis, :]
    before = tf.cast((other < one) | ((other == one) & lower), used.dtype)
    return (1.0 - used) * tf.exp(tf.matmul(logs[:, tf.newaxis], before)[:, 0])


def write_weights(
    content: tf.Tensor, allocated: tf.Tensor, allocation_gate: tf.Tensor, write_gate: tf.Tensor
) -> tf.Tensor:
    """Returns where to write, between the address found by content and free room (w^w).

    "Write weighting": g^w (g^a a + (1 - g^a) c).

    Args:
        content: float[B, 1, S] on the simplex.
        allocated: float[B, S], from ``allocation``.
        allocation_gate: float[B, 1, 1] in [0, 1]; 1 takes free room alone.
        write_gate: float[B, 1, 1] in [0, 1]; 0 writes nowhere.

    Returns:
        float[B, 1, S], at least 0, with a sum of at most 1.
    """
    return write_gate * (content + allocation_gate * (allocated[:, tf.newaxis] - content))


def precedence(previous: tf.Tensor, write_weights: tf.Tensor) -> tf.Tensor:
    """Returns how much each slot is the one that was written last (p).

    "Temporal memory linkage": (1 - sum of w) p + w.

    Args:
        previous: float[B, S], of the step before.
        write_weights: float[B, 1, S], of this step.

    Returns:
        float[B, S], at least 0, with a sum of at most 1.
    """
    written = write_weights[:, 0]
    return (1.0 - tf.reduce_sum(written, axis=1, keepdims=True)) * previous + written


def links(previous: tf.Tensor, last: tf.Tensor, write_weights: tf.Tensor) -> tf.Tensor:
    """Returns which slot was written after which (L).

    "Temporal memory linkage": (1 - w_i - w_j) L_ij + w_i p_j, and 0 on the diagonal.

    Args:
        previous: float[B, S, S], of the step before.
        last: float[B, S], the precedence of the step before.
        write_weights: float[B, 1, S], of this step.

    Returns:
        float[B, S, S]; at least 0, rows and columns with a sum of at most 1.
    """
    rows, columns = write_weights[:, 0, :, tf.newaxis], write_weights
    linked = (1.0 - rows - columns) * previous + tf.matmul(rows, last[:, tf.newaxis])
    slots = tf.range(previous.shape[1])
    itself = slots[:, tf.newaxis] == slots[tf.newaxis, :]
    return tf.where(itself, tf.zeros_like(linked), linked)


@tf.custom_gradient
def along(links: tf.Tensor, read_weights: tf.Tensor) -> tuple[tuple[tf.Tensor, tf.Tensor], Any]:
    """Returns the slots that were written right before and right after those read last.

    "Temporal memory linkage": b = L^T w and f = L w. The gradient is written out for its speed:
    that of the links is one product instead of the sum of two.

    Args:
        links: float[B, S, S], of this step.
        read_weights: float[B, R, S], of the step before.

    Returns:
        Backward and forward addresses, float[B, R, S] each, at least 0, with a sum of at most 1.
    """

    def gradient(before: tf.Tensor, after: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return (
            tf.matmul(
                tf.concat([after, read_weights], axis=1),
                tf.concat([read_weights, before], axis=1),
                transpose_a=True,
            ),
            tf.matmul(after, links) + tf.matmul(before, links, transpose_b=True),
        )

    before = tf.matmul(read_weights, links)
    after = tf.matmul(read_weights, links, transpose_b=True)
    return (before, after), gradient


def read_weights(
    before: tf.Tensor, content: tf.Tensor, after: tf.Tensor, modes: tf.Tensor
) -> tf.Tensor:
    """Returns where to read: backward, by content or forward, as the read mode says (w^r).

    "Read weighting": pi_1 b + pi_2 c + pi_3 f.

    Args:
        before: float[B, R, S], backward address of ``along``.
        content: float[B, R, S] on the simplex.
        after: float[B, R, S], forward address of ``along``.
        modes: float[B, R, 3] on the simplex.

    Returns:
        float[B, R, S], at least 0, with a sum of at most 1.
    """
    return modes[:, :, 0:1] * before + modes[:, :, 1:2] * content + modes[:, :, 2:3] * after
