"""What a controller tells the heads of a Differentiable Neural Computer."""

from collections.abc import Callable
from typing import NamedTuple

import tensorflow as tf


class Interface(NamedTuple):
    """Everything a controller tells R read heads and the write head at one step.

    "Interface parameters" in the Methods of Graves et al. 2016; the last three are those of Csordas
    & Schmidhuber 2019, or None.

    Attributes:
        read_keys: float[B, R, N], what to look for.
        read_strengths: float[B, R, 1], at least 1, how sharply to look for it.
        write_key: float[B, 1, N].
        write_strength: float[B, 1, 1], at least 1.
        erase: float[B, 1, N] in [0, 1].
        add: float[B, 1, N], the write vector.
        free_gates: float[B, R, 1] in [0, 1], whether what a head read last can be forgotten.
        allocation_gate: float[B, 1, 1] in [0, 1], whether to write to free room or by content.
        write_gate: float[B, 1, 1] in [0, 1], whether to write at all.
        read_modes: float[B, R, 3] on the simplex: backward, by content, forward.
        read_masks: float[B, R, N] in [0, 1], the part of the content to look at.
        write_mask: float[B, 1, N] in [0, 1].
        sharpness: float[B, R, 2], at least 1: of the backward and of the forward address.
    """

    read_keys: tf.Tensor
    read_strengths: tf.Tensor
    write_key: tf.Tensor
    write_strength: tf.Tensor
    erase: tf.Tensor
    add: tf.Tensor
    free_gates: tf.Tensor
    allocation_gate: tf.Tensor
    write_gate: tf.Tensor
    read_modes: tf.Tensor
    read_masks: tf.Tensor | None = None
    write_mask: tf.Tensor | None = None
    sharpness: tf.Tensor | None = None


def oneplus(raw: tf.Tensor) -> tf.Tensor:
    """Returns 1 + log(1 + exp(raw)), at least 1."""
    return 1.0 + tf.nn.softplus(raw)


RANGES: dict[str, Callable[[tf.Tensor], tf.Tensor]] = {
    "read_strengths": oneplus,
    "write_strength": oneplus,
    "erase": tf.sigmoid,
    "free_gates": tf.sigmoid,
    "allocation_gate": tf.sigmoid,
    "write_gate": tf.sigmoid,
    "read_modes": tf.nn.softmax,
    "read_masks": tf.sigmoid,
    "write_mask": tf.sigmoid,
    "sharpness": oneplus,
}
"""What brings a field of an `Interface` into its range; the others are of any values."""


def interface_shapes(
    width: int, read_heads: int, mask_content: bool, sharpen_links: bool
) -> dict[str, tuple[int, int]]:
    """Returns heads and numbers a head of each field of an `Interface` that there is.

    Args:
        width: size of a slot N.
        read_heads: number of read heads R.
        mask_content: whether there are masks.
        sharpen_links: whether there is a sharpness.
    """
    shapes = {
        "read_keys": (read_heads, width),
        "read_strengths": (read_heads, 1),
        "write_key": (1, width),
        "write_strength": (1, 1),
        "erase": (1, width),
        "add": (1, width),
        "free_gates": (read_heads, 1),
        "allocation_gate": (1, 1),
        "write_gate": (1, 1),
        "read_modes": (read_heads, 3),
    }
    if mask_content:
        shapes |= {"read_masks": (read_heads, width), "write_mask": (1, width)}
    if sharpen_links:
        shapes["sharpness"] = (read_heads, 2)
    return shapes


def split_interface(raw: tf.Tensor, shapes: dict[str, tuple[int, int]]) -> Interface:
    """Cuts a controller's output for its heads into parts and brings them into their ranges.

    Args:
        raw: float[B, n], of any values.
        shapes: those of the parts, from `interface_shapes`; they have n numbers together.
    """
    sections = tf.split(raw, [heads * size for heads, size in shapes.values()], axis=1)
    fields = {
        name: tf.reshape(section, [-1, *shape])
        for section, (name, shape) in zip(sections, shapes.items(), strict=True)
    }
    return Interface(**{name: RANGES.get(name, tf.identity)(raw) for name, raw in fields.items()})
