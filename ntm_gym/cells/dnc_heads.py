"""What a controller tells the heads of a Differentiable Neural Computer."""

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


def interface_size(width: int, read_heads: int, mask_content: bool, sharpen_links: bool) -> int:
    """Returns how many numbers `split_interface` takes for a step of one row."""
    return sum(
        heads * size for heads, size in _parts(width, read_heads, mask_content, sharpen_links)
    )


def split_interface(
    raw: tf.Tensor, width: int, read_heads: int, mask_content: bool, sharpen_links: bool
) -> Interface:
    """Cuts a controller's output for its heads into parts and brings them into their ranges.

    Args:
        raw: float[B, interface_size(...)], of any values.
        width: size of a slot N.
        read_heads: number of read heads R.
        mask_content: whether there are masks.
        sharpen_links: whether there is a sharpness.
    """
    parts = _parts(width, read_heads, mask_content, sharpen_links)
    sections = tf.split(raw, [heads * size for heads, size in parts], axis=1)
    tensors = [
        tf.reshape(section, [-1, heads, size])
        for section, (heads, size) in zip(sections, parts, strict=True)
    ]
    basic, extra = tensors[:10], tensors[10:]
    read_keys, read_strengths, write_key, write_strength, erase, add, free, allocate, on, modes = (
        basic
    )
    read_masks, write_mask = map(tf.sigmoid, extra[:2]) if mask_content else (None, None)
    return Interface(
        read_keys,
        oneplus(read_strengths),
        write_key,
        oneplus(write_strength),
        tf.sigmoid(erase),
        add,
        tf.sigmoid(free),
        tf.sigmoid(allocate),
        tf.sigmoid(on),
        tf.nn.softmax(modes),
        read_masks,
        write_mask,
        oneplus(extra[-1]) if sharpen_links else None,
    )


def oneplus(raw: tf.Tensor) -> tf.Tensor:
    """Returns 1 + log(1 + exp(raw)), at least 1."""
    return 1.0 + tf.nn.softplus(raw)


def _parts(
    width: int, read_heads: int, mask_content: bool, sharpen_links: bool
) -> list[tuple[int, int]]:
    """Heads and numbers a head of each field of an `Interface`, in order."""
    parts = [
        *((read_heads, width), (read_heads, 1)),
        *((1, width), (1, 1), (1, width), (1, width)),
        *((read_heads, 1), (1, 1), (1, 1), (read_heads, 3)),
    ]
    if mask_content:
        parts += [(read_heads, width), (1, width)]
    if sharpen_links:
        parts += [(read_heads, 2)]
    return parts
