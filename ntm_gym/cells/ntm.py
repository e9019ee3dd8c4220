"""The Neural Turing Machine of Graves, Wayne & Danihelka 2014 (arXiv 1410.5401) as a Keras cell."""

from collections.abc import Sequence
from typing import Any, Literal

import keras
import tensorflow as tf

from ntm_gym.cells import addressing
from ntm_gym.cells.base import ControlledCell
from ntm_gym.cells.bounds import LARGEST_WEIGHTS, check_flags, check_sizes, check_total
from ntm_gym.cells.controllers import Dense, call_dense
from ntm_gym.cells.heads import HeadOutputs, head_size, split_heads
from ntm_gym.cells.state import NTMState, Step, flatten
from ntm_gym.checks import check_choice, expect, is_integer

BLANK = 1e-6
"""Every element of a constant initial memory."""


@keras.saving.register_keras_serializable(package="ntm_gym")
class NTMCell(ControlledCell):
    """One step of a Neural Turing Machine, with the contract of Keras's recurrent cells.

    ``keras.layers.RNN(NTMCell(output_dim=8), return_sequences=True)`` is a whole network;
    ``ntm_gym.cells.unroll`` computes the same faster. Outputs are logits, clipped to +-``clip``.

    With ``memory_init="constant"`` and ``address_init="slot"`` no weight depends on the number of
    slots: ``with_slots`` then gives the same network on a larger memory.

    Args:
        output_dim: size of the output W.
        units: size of each controller layer.
        slots: number of memory slots S (the paper's N).
        width: size of a slot N (the paper's M).
        read_heads: number of read heads.
        write_heads: number of write heads.
        shift_range: heads may move by up to this many slots a step, either way (R).
        controller: ``"lstm"`` or ``"feedforward"`` (tanh layers).
        controller_layers: number of controller layers; the first sees the input and what was read.
        memory_init: initial memory: ``"constant"`` (1e-6 everywhere), ``"learned"`` (a trained
            matrix) or ``"random"`` (drawn anew for each call from U[-1, 1] / sqrt(N)).
        address_init: initial addresses: ``"slot"`` (all on slot 0), ``"learned"`` (a trained
            softmax for each head) or ``"uniform"``.
        read_first: whether a step reads before it writes (so that it sees the memory of the step
            before) or, the default, after.
        clip: bound on the magnitude of the heads' raw parameters and of the outputs.
        seed: seed of the random initial memory.
        **kwargs: ``name``, ``dtype`` and ``trainable`` of a Keras layer. dtype is float32 or
            float64.

    Raises:
        ValueError: an argument is out of its range.

    Input shape: float[B, D]. Output shape: float[B, output_dim]. States: float[B, n] each, flat as
    Keras asks; ``unpack`` names and shapes them.

    The start is not all zeros, as ``reset_state`` of a stateful ``keras.layers.RNN`` has it: to
    begin anew there, assign what ``get_initial_state`` returns to each of the layer's ``states``.
    """

    state_type = NTMState
    slots: int

    def __init__(
        self,
        output_dim: int,
        units: int = 100,
        slots: int = 128,
        width: int = 20,
        read_heads: int = 1,
        write_heads: int = 1,
        shift_range: int = 1,
        controller: Literal["lstm", "feedforward"] = "lstm",
        controller_layers: int = 1,
        memory_init: Literal["constant", "learned", "random"] = "constant",
        address_init: Literal["slot", "learned", "uniform"] = "slot",
        read_first: bool = False,
        clip: float = 20.0,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        check_sizes(slots=slots, width=width, read_heads=read_heads, write_heads=write_heads)
        expect(
            is_integer(shift_range) and 0 <= 2 * shift_range < slots,
            "shift_range",
            "an integer of at least 0 and less than half the slots",
            shift_range,
        )
        check_flags(read_first=read_first)
        check_choice("memory_init", memory_init, ("constant", "learned", "random"))
        expect(seed is None or is_integer(seed), "seed", "an integer or None", seed)
        heads = head_size(width, shift_range, read_heads, write_heads)
        check_total("heads", heads, LARGEST_WEIGHTS)
        check_choice("address_init", address_init, ("slot", "learned", "uniform"))
        super().__init__(
            output_dim,
            units=units,
            controller=controller,
            controller_layers=controller_layers,
            clip=clip,
            read_size=read_heads * width,
            head_size=heads,
            **kwargs,
        )
        self.slots, self.width = slots, width
        self.read_heads, self.write_heads, self.shift_range = read_heads, write_heads, shift_range
        self.memory_init, self.address_init = memory_init, address_init
        self.read_first, self.seed = read_first, seed
        self._random = keras.random.SeedGenerator(seed) if memory_init == "random" else None

    @property
    def state_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of memory, read and write weights and reads, for a row of a batch."""
        return [
            (self.width, self.slots),
            (self.read_heads, self.slots),
            (self.write_heads, self.slots),
            (self.read_heads, self.width),
        ]

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Creates the weights for inputs of shape [B, D]."""
        super().build(input_shape)
        heads = self.read_heads + self.write_heads
        if self.memory_init == "learned":
            check_total("memory_init", self.width * self.slots, LARGEST_WEIGHTS)
            self.initial_memory = self.add_weight(
                shape=(self.width, self.slots),
                initializer=keras.initializers.RandomUniform(-(self.width**-0.5), self.width**-0.5),
                name="initial_memory",
            )
        if self.address_init == "learned":
            check_total("address_init", heads * self.slots, LARGEST_WEIGHTS)
            self.initial_addresses = self.add_weight(
                shape=(heads, self.slots),
                initializer="glorot_uniform",
                name="initial_addresses",
            )

    def get_initial_state(self, batch_size: int | tf.Tensor | None = None) -> list[tf.Tensor]:
        """Returns the states before the first step, each float[batch_size, n]."""
        dtype = self.compute_dtype
        heads = self.read_heads + self.write_heads
        memory_shape = (batch_size, self.width, self.slots)
        if self._random is not None:
            bound = self.width**-0.5
            # keras.random.uniform leaves the choice of a generator to XLA, whose own takes 20 times
            # as long on a processor.
            memory = tf.random.stateless_uniform(
                memory_shape, self._random.next(), -bound, bound, dtype, alg="philox"
            )
        elif self.memory_init == "learned":
            memory = tf.broadcast_to(tf.convert_to_tensor(self.initial_memory), memory_shape)
        else:
            memory = tf.fill(memory_shape, tf.constant(BLANK, dtype))
        if self.address_init == "slot":
            addresses = tf.one_hot(tf.zeros([heads], tf.int32), self.slots, dtype=dtype)
        elif self.address_init == "learned":
            addresses = tf.nn.softmax(tf.convert_to_tensor(self.initial_addresses))
        else:
            addresses = tf.fill([heads, self.slots], tf.constant(1.0 / self.slots, dtype))
        addresses = tf.broadcast_to(addresses, (batch_size, heads, self.slots))
        zeros = self.unpack(super().get_initial_state(batch_size))
        return flatten(
            zeros._replace(
                memory=memory,
                read_weights=addresses[:, : self.read_heads],
                write_weights=addresses[:, self.read_heads :],
            )
        )

    def step(self, projected: tf.Tensor, state: NTMState, dense: Dense = call_dense) -> Step:
        """Takes the recurrent part of a step; see ``ControlledCell.step``."""
        control = self.control(projected, state.reads, state.controller, dense)
        heads = self.head_outputs(dense(self.head_layer, control.hidden))
        written = heads.write.address(state.memory, state.write_weights)
        memory = addressing.write(state.memory, written.weights, heads.erase, heads.add)
        seen = state.memory if self.read_first else memory
        read = heads.read.address(seen, state.read_weights)
        reads = addressing.read(seen, read.weights)
        return Step(
            self.features(control.hidden, reads),
            NTMState(
                controller=control.states,
                memory=memory,
                read_weights=read.weights,
                write_weights=written.weights,
                reads=reads,
            ),
            tf.reduce_sum(read.blur, axis=1) + tf.reduce_sum(written.blur, axis=1),
        )

    def head_outputs(self, raw: tf.Tensor) -> HeadOutputs:
        """Brings the head layer's outputs, float[B, n], into their ranges, for all heads."""
        raw = tf.clip_by_value(raw, -self.clip, self.clip)
        return split_heads(
            raw,
            self.width,
            self.shift_range,
            read_heads=self.read_heads,
            write_heads=self.write_heads,
        )

    @property
    def any_slots(self) -> bool:
        """Whether no learned initial memory or address belongs to this number of slots."""
        return "learned" not in (self.memory_init, self.address_init)

    @property
    def least_slots(self) -> int:
        """The fewest slots that ``with_slots`` takes: all that a head may move by."""
        return 2 * self.shift_range + 1

    def with_slots(self, slots: int) -> ControlledCell:
        """See ``ControlledCell.with_slots``; learned starts run on no other number of slots."""
        for name, init in (("memory_init", self.memory_init), ("address_init", self.address_init)):
            expect(
                init != "learned" or slots == self.slots,
                name,
                f"one that does not depend on the slots, to go from {self.slots} to {slots}",
                init,
            )
        return super().with_slots(slots)
