"""What a controller tells its heads, and how they find their addresses from it."""

from typing import NamedTuple

import tensorflow as tf

from ntm_gym.cells import addressing


class Address(NamedTuple):
    """Where H heads are.

    Attributes:
        weights: float[B, H, S] on the simplex.
        blur: float[B, H] in [0, 1), how far each was from a single slot before it was sharpened,
            see ``addressing.blur``.
    """

    weights: tf.Tensor
    blur: tf.Tensor


class HeadParameters(NamedTuple):
    """What a controller tells H heads of one kind (section 3.3 of the paper).

    Attributes:
        keys: float[B, H, N] in [-1, 1], what to look for.
        strengths: float[B, H, 1], at least 0, how sharply to look for it (beta).
        gates: float[B, H, 1] in [0, 1], how far to go by content rather than position (g).
        shifts: float[B, H, 2R+1] on the simplex, where to move then (s).
        gammas: float[B, H, 1], at least 1, how much to sharpen at the end (gamma).
    """

    keys: tf.Tensor
    strengths: tf.Tensor
    gates: tf.Tensor
    shifts: tf.Tensor
    gammas: tf.Tensor

    def address(self, memory: tf.Tensor, previous: tf.Tensor) -> Address:
        """Finds the heads' new addresses, equations 5 to 9 in a row (figure 2 of the paper).

        Args:
            memory: float[B, N, S].
            previous: float[B, H, S], the heads' addresses one step before.
        """
        content = addressing.content_weights(memory, self.keys, self.strengths)
        gated = addressing.interpolate(content, previous, self.gates)
        shifted = addressing.shift(gated, self.shifts)
        return Address(addressing.sharpen(shifted, self.gammas), addressing.blur(shifted))


class HeadOutputs(NamedTuple):
    """Everything a controller tells its heads at one step.

    Attributes:
        read: parameters of the read heads.
        write: parameters of the write heads.
        erase: float[B, write_heads, N] in [0, 1].
        add: float[B, write_heads, N] in [-1, 1].
    """

    read: HeadParameters
    write: HeadParameters
    erase: tf.Tensor
    add: tf.Tensor


def head_size(width: int, shift_range: int, read_heads: int, write_heads: int) -> int:
    """Returns how many numbers `split_heads` takes for a step of one row."""
    parameters = (read_heads + write_heads) * _parameters_size(width, shift_range)
    return parameters + 2 * write_heads * width


def split_heads(
    raw: tf.Tensor, width: int, shift_range: int, read_heads: int, write_heads: int
) -> HeadOutputs:
    """Cuts a controller's output for its heads into parts and brings them into their ranges.

    Args:
        raw: float[B, head_size(...)], of any values.
        width: size of a slot N.
        shift_range: the farthest move R.
        read_heads: number of read heads.
        write_heads: number of write heads.
    """
    size = _parameters_size(width, shift_range)

    def parameters(flat: tf.Tensor, heads: int) -> HeadParameters:
        keys, strengths, gates, shifts, gammas = tf.split(
            tf.reshape(flat, [-1, heads, size]), [width, 1, 1, 2 * shift_range + 1, 1], axis=2
        )
        return HeadParameters(
            keys=tf.tanh(keys),
            strengths=tf.nn.softplus(strengths),
            gates=tf.sigmoid(gates),
            shifts=tf.nn.softmax(shifts),
            gammas=1.0 + tf.nn.softplus(gammas),
        )

    vectors = write_heads * width
    read, write, erase, add = tf.split(
        raw, [read_heads * size, write_heads * size, vectors, vectors], axis=1
    )
    return HeadOutputs(
        parameters(read, read_heads),
        parameters(write, write_heads),
        tf.sigmoid(tf.reshape(erase, [-1, write_heads, width])),
        tf.tanh(tf.reshape(add, [-1, write_heads, width])),
    )


def _parameters_size(width: int, shift_range: int) -> int:
    """Numbers that make one head's key, strength, gate, shifts and gamma."""
    return width + 3 + 2 * shift_range + 1
