"""Sequences laid one after the other in fewer rows, so that less of a batch is padding."""

from collections.abc import Callable
from typing import NamedTuple

import keras
import tensorflow as tf

from ntm_gym.cells.unroll import known_size, unroll
from ntm_gym.checks import expect


class Packed(NamedTuple):
    """What ``unroll_packed`` returns; zeros after a sequence's end.

    Attributes:
        outputs: float[B, T, output_dim].
        blur: float[B, T], the blur that ``step`` returns.
    """

    outputs: tf.Tensor
    blur: tf.Tensor


@tf.autograph.experimental.do_not_convert  # as unroll
def unroll_packed(
    cell: keras.layers.Layer, inputs: tf.Tensor, steps: tf.Tensor, rows: int
) -> Packed:
    """Runs a cell over a batch of sequences of several lengths, for training.

    Outputs and gradients are those of ``unroll(cell, inputs, steps, training=True)``, but for
    rounding and for outputs after a sequence's end. The work is that of so many rows of about the
    same number of steps: where lengths differ, of fewer steps in all.

    Args:
        cell: a built cell of this package.
        inputs: float[B, T, D]. B and T must be known when the function is traced.
        steps: int[B], the sequences' lengths; more than T counts as T.
        rows: how many rows the sequences are laid in, a divisor of B.

    Raises:
        ValueError: the cell is not built, B or T is unknown, ``steps`` are not B numbers, or B is
            not a multiple of ``rows``.
    """
    batch, length = known_size(inputs)
    steps = tf.convert_to_tensor(steps)
    expect(steps.shape == (batch,), "steps", f"{batch} numbers, one a sequence", steps.shape)
    divides = rows >= 1 and batch % rows == 0
    expect(divides, "rows", f"a divisor of the batch's size, {batch}", rows)
    packing = pack(tf.clip_by_value(tf.cast(steps, tf.int32), 0, length), length, rows)
    result = unroll(
        cell, packed(packing, inputs), packing.steps, training=True, begins=packing.begins
    )
    blur = unpacked(packing, result.blur[..., tf.newaxis])
    return Packed(unpacked(packing, result.outputs), blur[..., 0])


class Packing(NamedTuple):
    """Where the steps of sequences [B, T] lie in rows [H, B T / H] of several sequences each.

    Attributes:
        source: int32[H, B T / H], which step of the flat [B T] lies there; 0 where none does.
        filled: bool[H, B T / H], whether one does.
        begins: bool[H, B T / H], whether a sequence begins there.
        place: int32[B, T], where in the flat [B T] of the rows a step lies; 0 after a sequence's
            end.
        shown: bool[B, T], whether a sequence goes on until then.
        steps: int32[H], the steps of each row.
    """

    source: tf.Tensor
    filled: tf.Tensor
    begins: tf.Tensor
    place: tf.Tensor
    shown: tf.Tensor
    steps: tf.Tensor


def pack(steps: tf.Tensor, length: int, rows: int) -> Packing:
    """Gives each row about as many steps: sequences by length, dealt out there and back.

    Args:
        steps: int32[B], the sequences' steps, from 0 to T.
        length: T.
        rows: H, a divisor of B.

    Returns:
        Where all steps lie; in a row, the longest sequence comes first.
    """
    per_row = steps.shape[0] // rows
    order = tf.reshape(tf.argsort(steps, direction="DESCENDING", stable=True), [per_row, rows])
    backwards = (tf.range(per_row) % 2 == 1)[:, tf.newaxis]
    dealt = tf.transpose(tf.where(backwards, order[:, ::-1], order))  # [H, B / H]
    dealt_steps = tf.gather(steps, dealt)
    starts = tf.cumsum(dealt_steps, axis=1, exclusive=True)

    time = tf.range(per_row * length)
    begun = time >= starts[..., tf.newaxis]
    last_begun = tf.reduce_sum(tf.cast(begun, tf.int32), axis=1) - 1
    sequence = tf.gather(dealt, last_begun, batch_dims=1)
    within = time - tf.gather(starts, last_begun, batch_dims=1)
    row_steps = starts[:, -1] + dealt_steps[:, -1]
    filled = time < row_steps[:, tf.newaxis]

    first_place = tf.reshape(starts + (tf.range(rows) * per_row * length)[:, tf.newaxis], [-1])
    first_place = tf.gather(first_place, tf.argsort(tf.reshape(dealt, [-1])))
    shown = tf.range(length) < steps[:, tf.newaxis]
    return Packing(
        source=tf.where(filled, sequence * length + within, 0),
        filled=filled,
        begins=filled & (within == 0),
        place=tf.where(shown, first_place[:, tf.newaxis] + tf.range(length), 0),
        shown=shown,
        steps=row_steps,
    )


def packed(packing: Packing, sequences: tf.Tensor) -> tf.Tensor:
    """Lays sequences [B, T, n] in rows, [H, B T / H, n]; zeros after their ends."""
    there, back = (packing.source, packing.filled), (packing.place, packing.shown)
    return _moved(sequences, *there, *back)


def unpacked(packing: Packing, rows: tf.Tensor) -> tf.Tensor:
    """Takes sequences [B, T, n] out of rows [H, B T / H, n]; zeros after their ends."""
    there, back = (packing.source, packing.filled), (packing.place, packing.shown)
    return _moved(rows, *back, *there)


def _moved(
    values: tf.Tensor, source: tf.Tensor, filled: tf.Tensor, place: tf.Tensor, shown: tf.Tensor
) -> tf.Tensor:
    # Each step goes to one place alone, so that its gradient is taken from there: many times faster
    # than adding up what comes from anywhere.
    @tf.custom_gradient
    def move(values: tf.Tensor) -> tuple[tf.Tensor, Callable[[tf.Tensor], tf.Tensor]]:
        return _taken(values, source, filled), lambda upstream: _taken(upstream, place, shown)

    return move(values)


def _taken(values: tf.Tensor, source: tf.Tensor, filled: tf.Tensor) -> tf.Tensor:
    taken = tf.gather(tf.reshape(values, [-1, values.shape[-1]]), source)
    return tf.where(filled[..., tf.newaxis], taken, tf.constant(0, taken.dtype))
