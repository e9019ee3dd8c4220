"""Memory access of the Neural Turing Machine: one pure function per equation of the paper.

Equation numbers are those of Graves, Wayne & Danihelka 2014 (arXiv 1410.5401), section 3. Symbols:

    B  batch rows        H  heads          S  slots (the paper's N)
    N  slot width (the paper's M)          R  shift range; a head shifts by -R..R slots

    memory    float[B, N, S]   slot s of row b is ``memory[b, :, s]``
    weights   float[B, H, S]   each head's address, a point on the simplex over slots

Slots come last because nearly all work is elementwise over them: on a CPU this layout is twice as
fast as the paper's. Outer and inner products are written as ``matmul``, so that their gradients are
matrix products too, instead of slow reductions over the last axis.
"""

import tensorflow as tf

TINY = 1e-12
"""Added inside square roots and logarithms: keeps values and gradients finite at zero."""

NORM_FLOOR = 1e-6
"""Added to the product of the squared norms in a cosine: a nearly blank slot looks like nothing."""


def read(memory: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Returns what each head reads, the mean of the slots under its address (eq. 2).

    Args:
        memory: float[B, N, S].
        weights: float[B, H, S].

    Returns:
        float[B, H, N].
    """
    return tf.matmul(weights, memory, transpose_b=True)


def write(memory: tf.Tensor, weights: tf.Tensor, erase: tf.Tensor, add: tf.Tensor) -> tf.Tensor:
    """Returns the memory after all heads have erased (eq. 3) and then all have added (eq. 4).

    Erasing multiplies and adding sums, so the order of the heads does not matter.

    Args:
        memory: float[B, N, S].
        weights: float[B, H, S].
        erase: float[B, H, N] in [0, 1].
        add: float[B, H, N].

    Returns:
        float[B, N, S].
    """
    for head in range(weights.shape[1]):
        w, e = weights[:, head, tf.newaxis, :], erase[:, head, :, tf.newaxis]
        memory = memory * (1.0 - tf.matmul(e, w))
    return memory + tf.matmul(add, weights, transpose_a=True)


def cosine_similarity(memory: tf.Tensor, keys: tf.Tensor) -> tf.Tensor:
    """Returns the cosine of the angle between each key and each slot (eq. 6).

    A key or slot of zeros has similarity 0 to everything.

    Args:
        memory: float[B, N, S].
        keys: float[B, H, N].

    Returns:
        float[B, H, S] in [-1, 1].
    """
    slot_norms = tf.reduce_sum(tf.square(memory), axis=1)[:, tf.newaxis, :]
    key_norms = tf.reduce_sum(tf.square(keys), axis=2)[:, :, tf.newaxis]
    return tf.matmul(keys, memory) * tf.math.rsqrt(slot_norms * key_norms + NORM_FLOOR)


def content_weights(memory: tf.Tensor, keys: tf.Tensor, strengths: tf.Tensor) -> tf.Tensor:
    """Returns the address found by content: a softmax over similarity to the key (eq. 5).

    Args:
        memory: float[B, N, S].
        keys: float[B, H, N].
        strengths: float[B, H, 1], at least 0 (the paper's beta).

    Returns:
        float[B, H, S] on the simplex.
    """
    return tf.nn.softmax(strengths * cosine_similarity(memory, keys))


def interpolate(content: tf.Tensor, previous: tf.Tensor, gates: tf.Tensor) -> tf.Tensor:
    """Returns the address between the one found by content and the previous one (eq. 7).

    Args:
        content: float[B, H, S] on the simplex.
        previous: float[B, H, S] on the simplex.
        gates: float[B, H, 1] in [0, 1]; 1 takes the content address alone.

    Returns:
        float[B, H, S] on the simplex.
    """
    return previous + gates * (content - previous)


def shift(weights: tf.Tensor, shifts: tf.Tensor) -> tf.Tensor:
    """Returns the address moved along the slots, by circular convolution (eq. 8).

    Args:
        weights: float[B, H, S] on the simplex.
        shifts: float[B, H, 2R+1] on the simplex; entry k is the weight of a move by k - R slots.

    Returns:
        float[B, H, S] on the simplex.
    """
    moves = shifts.shape[-1]
    return tf.add_n(
        [
            shifts[:, :, k : k + 1] * tf.roll(weights, shift=k - moves // 2, axis=2)
            for k in range(moves)
        ]
    )


def blur(weights: tf.Tensor) -> tf.Tensor:
    """Returns how far each address is from a single slot: 1 less the sum of its squares.

    Not in the paper. An address on k slots alike has a blur of 1 - 1/k.

    Args:
        weights: float[B, H, S] on the simplex.

    Returns:
        float[B, H] in [0, 1).
    """
    return 1.0 - tf.reduce_sum(tf.square(weights), axis=2)


@tf.custom_gradient
def sharpen(weights: tf.Tensor, gammas: tf.Tensor) -> tf.Tensor:
    """Returns the address raised to the power gamma and normalised (eq. 9).

    Computed as a softmax of gamma * log(weights): the literal power underflows to 0 / 0 for a flat
    address over many slots. The gradient is written out to reuse the logarithm.

    Args:
        weights: float[B, H, S] on the simplex.
        gammas: float[B, H, 1], at least 1.

    Returns:
        float[B, H, S] on the simplex.
    """
    logs = tf.math.log(weights + TINY)
    sharp = tf.nn.softmax(gammas * logs)

    def gradient(upstream: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        inner = sharp * (upstream - tf.reduce_sum(upstream * sharp, axis=-1, keepdims=True))
        return (
            gammas * inner / (weights + TINY),
            tf.reduce_sum(inner * logs, axis=-1, keepdims=True),
        )

    return sharp, gradient
