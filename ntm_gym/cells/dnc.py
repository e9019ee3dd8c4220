"""The Differentiable Neural Computer (Graves et al. 2016, Nature 538, 471-476) as a Keras cell."""

from typing import Any, Literal

import keras
import tensorflow as tf

from ntm_gym.cells import addressing, dnc_addressing
from ntm_gym.cells.base import ControlledCell
from ntm_gym.cells.bounds import LARGEST_WEIGHTS, check_flags, check_sizes, check_total
from ntm_gym.cells.controllers import Dense, call_dense
from ntm_gym.cells.dnc_heads import Interface, interface_shapes, split_interface
from ntm_gym.cells.state import DNCState, Step


@keras.saving.register_keras_serializable(package="ntm_gym")
class DNCCell(ControlledCell):
    """One step of a Differentiable Neural Computer, with the contract of Keras's recurrent cells.

    ``keras.layers.RNN(DNCCell(output_dim=8), return_sequences=True)`` is a whole network;
    ``ntm_gym.cells.unroll`` computes the same faster. Outputs are logits, clipped to +-``clip``.

    It writes to free slots, remembers in which order it did, and reads by content or along that
    order. All states begin as zeros and no weight depends on the number of slots: ``with_slots``
    gives the same network on a larger memory. Time and memory of a step grow with the square of the
    slots, since any slot may follow any other.

    There is one write head, as in the paper. The last three options are the refinements of Csordas
    & Schmidhuber 2019 (arXiv 1904.10278).

    Args:
        output_dim: size of the output W.
        units: size of each controller layer.
        slots: number of memory slots S (the paper's N).
        width: size of a slot N (the paper's W).
        read_heads: number of read heads R.
        controller: ``"lstm"`` or ``"feedforward"`` (tanh layers).
        controller_layers: number of controller layers; the first sees the input and what was read.
        clip: bound on the magnitude of the heads' raw parameters and of the outputs.
        mask_content: whether the controller chooses which part of a slot to look at when it looks
            for content.
        erase_freed: whether freeing a slot also erases it; otherwise it is only marked as free.
        sharpen_links: whether the controller can sharpen the addresses that follow the links, which
            otherwise blur from step to step.
        **kwargs: ``name``, ``dtype`` and ``trainable`` of a Keras layer. dtype is float32 or
            float64.

    Raises:
        ValueError: an argument is out of its range.

    Input shape: float[B, D]. Output shape: float[B, output_dim]. States: float[B, n] each, flat as
    Keras asks; ``unpack`` names and shapes them.
    """

    state_type = DNCState
    slots: int
    quadratic = True

    def __init__(
        self,
        output_dim: int,
        units: int = 100,
        slots: int = 32,
        width: int = 20,
        read_heads: int = 1,
        controller: Literal["lstm", "feedforward"] = "lstm",
        controller_layers: int = 1,
        clip: float = 20.0,
        mask_content: bool = False,
        erase_freed: bool = False,
        sharpen_links: bool = False,
        **kwargs: Any,
    ) -> None:
        check_sizes(slots=slots, width=width, read_heads=read_heads)
        check_flags(mask_content=mask_content, erase_freed=erase_freed, sharpen_links=sharpen_links)
        shapes = interface_shapes(width, read_heads, mask_content, sharpen_links)
        size = sum(heads * numbers for heads, numbers in shapes.values())
        check_total("heads", size, LARGEST_WEIGHTS)
        super().__init__(
            output_dim,
            units=units,
            controller=controller,
            controller_layers=controller_layers,
            clip=clip,
            read_size=read_heads * width,
            head_size=size,
            **kwargs,
        )
        self.slots, self.width, self.read_heads = slots, width, read_heads
        self.mask_content, self.erase_freed = mask_content, erase_freed
        self.sharpen_links = sharpen_links

    @property
    def state_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the fields of ``DNCState`` from the memory on, for a row of a batch."""
        return [
            (self.width, self.slots),
            (self.read_heads, self.slots),
            (1, self.slots),
            (self.read_heads, self.width),
            (self.slots,),
            (self.slots,),
            (self.slots, self.slots),
        ]

    def step(self, projected: tf.Tensor, state: DNCState, dense: Dense = call_dense) -> Step:
        """Takes the recurrent part of a step; see ``ControlledCell.step``."""
        control = self.control(projected, state.reads, state.controller, dense)
        heads = self.head_outputs(dense(self.head_layer, control.hidden))

        retained = dnc_addressing.retention(heads.free_gates, state.read_weights)
        usage = dnc_addressing.usage(state.usage, state.write_weights, retained)
        write_weights = dnc_addressing.write_weights(
            self._content(state.memory, heads.write_key, heads.write_strength, heads.write_mask),
            dnc_addressing.allocation(usage),
            heads.allocation_gate,
            heads.write_gate,
        )
        memory = state.memory * retained[:, tf.newaxis] if self.erase_freed else state.memory
        memory = addressing.write(memory, write_weights, heads.erase, heads.add)

        links = dnc_addressing.links(state.links, state.precedence, write_weights)
        precedence = dnc_addressing.precedence(state.precedence, write_weights)
        before, after = dnc_addressing.along(links, state.read_weights)
        if heads.sharpness is not None:
            before = addressing.sharpen(before, heads.sharpness[:, :, :1])
            after = addressing.sharpen(after, heads.sharpness[:, :, 1:])
        content = self._content(memory, heads.read_keys, heads.read_strengths, heads.read_masks)
        read_weights = dnc_addressing.read_weights(before, content, after, heads.read_modes)
        reads = addressing.read(memory, read_weights)
        state = DNCState(
            controller=control.states,
            memory=memory,
            read_weights=read_weights,
            write_weights=write_weights,
            reads=reads,
            usage=usage,
            precedence=precedence,
            links=links,
        )
        features = self.features(control.hidden, reads)
        return Step(features, state, tf.zeros_like(features[:, 0]))

    def head_outputs(self, raw: tf.Tensor) -> Interface:
        """Brings the head layer's outputs, float[B, n], into their ranges, for all heads."""
        raw = tf.clip_by_value(raw, -self.clip, self.clip)
        shapes = interface_shapes(
            self.width, self.read_heads, self.mask_content, self.sharpen_links
        )
        return split_interface(raw, shapes)

    @staticmethod
    def _content(
        memory: tf.Tensor, keys: tf.Tensor, strengths: tf.Tensor, masks: tf.Tensor | None
    ) -> tf.Tensor:
        if masks is None:
            return addressing.content_weights(memory, keys, strengths)
        return dnc_addressing.masked_content_weights(memory, keys, strengths, masks)
