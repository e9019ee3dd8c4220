"""What all cells share: a controller between an input and an output layer, and Keras's contract."""

import inspect
import math
from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from ntm_gym.cells.bounds import (
    LARGEST_STATE,
    LARGEST_WEIGHTS,
    MOST_LAYERS,
    check_sizes,
    check_total,
)
from ntm_gym.cells.controllers import (
    Control,
    Dense,
    call_dense,
    feedforward_step,
    lstm_bias,
    lstm_step,
)
from ntm_gym.cells.state import Step, flatten, unflatten
from ntm_gym.checks import check_choice, expect, is_number


class ControlledCell(keras.layers.Layer):
    """A recurrent cell: a controller that reads from what a subclass gives it as memory.

    A subclass says what its states are (``state_type``, ``state_shapes``), what a ``step`` does
    with them, and how they begin (``get_initial_state``) if not as zeros.

    Args:
        output_dim: size of the output W.
        units: size of each controller layer.
        controller: ``"lstm"`` or ``"feedforward"`` (tanh layers).
        controller_layers: number of controller layers.
        clip: bound on the magnitude of the outputs and of what the controller tells a memory.
        read_size: how many numbers are read from the memory at a step; 0 without one.
        head_size: how many numbers the controller tells the memory at a step; 0 without one.
        **kwargs: ``name``, ``dtype`` and ``trainable`` of a Keras layer. dtype is float32 or
            float64.

    Raises:
        ValueError: an argument is out of its range, which ends at the bounds in ``bounds``.
    """

    state_type: Any
    """The named tuple of the states: the field ``controller``, then a tensor for each shape."""

    slots: int | None = None
    """Memory slots; None of a cell without a memory, which has no heads either."""

    quadratic: bool = False
    """Whether a step's time and memory grow with the square of the slots."""

    def __init__(
        self,
        output_dim: int,
        *,
        units: int,
        controller: str,
        controller_layers: int,
        clip: float,
        read_size: int,
        head_size: int,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        check_sizes(output_dim=output_dim, units=units, controller_layers=controller_layers)
        fits = controller_layers <= MOST_LAYERS
        expect(fits, "layers", f"at most {MOST_LAYERS}", controller_layers)
        check_choice("controller", controller, ("lstm", "feedforward"))
        check_choice("dtype", self.compute_dtype, ("float32", "float64"))
        fits = is_number(clip) and 0 < clip < math.inf
        expect(fits, "clip", "a positive finite number", clip)
        self.output_dim, self.units, self.clip = output_dim, units, float(clip)
        self.controller, self.controller_layers = controller, controller_layers
        self._read_size = read_size

        gates = 4 * units if controller == "lstm" else units
        bias = lstm_bias if controller == "lstm" else "zeros"
        dense = keras.layers.Dense
        self.input_layer = dense(
            gates, bias_initializer=bias, dtype=self.dtype_policy, name="input"
        )
        self.controller_denses = [
            dense(
                gates,
                use_bias=layer > 0,
                bias_initializer=bias,
                dtype=self.dtype_policy,
                name=f"controller_{layer}",
            )
            for layer in range(controller_layers)
        ]
        self.head_layer: Any = None
        if head_size:
            self.head_layer = dense(head_size, dtype=self.dtype_policy, name="heads")
        self.output_layer = dense(output_dim, dtype=self.dtype_policy, name="output")
        # Keras has told `trainable` to the layers that were there then, and these are newer.
        for layer in (self.input_layer, *self.recurrent_layers, self.output_layer):
            layer.trainable = kwargs.get("trainable", True)

    @property
    def recurrent_layers(self) -> list[keras.layers.Dense]:
        """The dense layers that ``step`` applies, in the order in which it does."""
        heads = [] if self.head_layer is None else [self.head_layer]
        return [*self.controller_denses, *heads]

    @property
    def state_shapes(self) -> list[tuple[int, ...]]:
        """Shapes of the states after those of the controller, for a row of a batch."""
        raise NotImplementedError

    @property
    def state_size(self) -> list[int]:
        """Sizes of the flat states, in the order of the fields of ``state_type``."""
        layers = self.controller_layers if self.controller == "lstm" else 0
        return [*[self.units] * (2 * layers), *map(math.prod, self.state_shapes)]

    @property
    def output_size(self) -> int:
        """Size of the output."""
        return self.output_dim

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Creates the weights for inputs of shape [B, D].

        Raises:
            ValueError: the cell would have more weights or a larger state than the bounds in
                ``bounds``; raised before any memory is taken.
        """
        recurrent = self.units if self.controller == "lstm" else 0
        self._check_memory(input_shape[-1], recurrent)
        self.input_layer.build((None, input_shape[-1]))
        for layer, dense in enumerate(self.controller_denses):
            dense.build((None, (self._read_size if layer == 0 else self.units) + recurrent))
        if self.head_layer is not None:
            self.head_layer.build((None, self.units))
        self.output_layer.build((None, self.units + self._read_size))
        self.built = True

    def _check_memory(self, input_dim: Any, recurrent: int) -> None:
        """Raises ValueError if the weights or a row's state would be too large."""
        check_sizes(input_dim=input_dim)
        gates = self.input_layer.units
        below = self._read_size + (self.controller_layers - 1) * self.units
        heads = 0 if self.head_layer is None else self.head_layer.units
        weights = (input_dim + below + self.controller_layers * recurrent) * gates
        weights += self.units * heads + (self.units + self._read_size) * self.output_dim
        check_total("weights", weights, LARGEST_WEIGHTS)
        check_total("state", max(self.state_size), LARGEST_STATE)

    def unpack(self, states: Sequence[tf.Tensor]) -> Any:
        """Names and shapes flat states float[..., n]; leading axes stay as they are."""
        return unflatten(self.state_type, states, self.state_shapes)

    def call(
        self,
        inputs: tf.Tensor,
        states: Sequence[tf.Tensor],
        training: bool = False,  # noqa: ARG002
    ) -> tuple[tf.Tensor, list[tf.Tensor]]:
        """Takes one step.

        Args:
            inputs: float[B, D].
            states: the flat states of the step before, or of ``get_initial_state``.
            training: has no effect; Keras passes it.

        Returns:
            The outputs, logits float[B, output_dim], and the new states.
        """
        step = self.step(self.project_inputs(inputs), self.unpack(states))
        return self.project_outputs(step.features), flatten(step.state)

    def project_inputs(self, inputs: tf.Tensor) -> tf.Tensor:
        """Returns the inputs' share of the first controller layer: [..., D] to [..., gates]."""
        return self.input_layer(inputs)

    def project_outputs(self, features: tf.Tensor) -> tf.Tensor:
        """Returns the outputs, logits [..., output_dim], for features of ``step``."""
        return tf.clip_by_value(self.output_layer(features), -self.clip, self.clip)

    def step(self, projected: tf.Tensor, state: Any, dense: Dense = call_dense) -> Step:
        """Takes the recurrent part of a step, all that cannot be done for all steps at once.

        Args:
            projected: float[B, gates], from ``project_inputs``.
            state: the states, named and shaped, from ``unpack``.
            dense: applies one of ``recurrent_layers`` to vectors; ``unroll`` puts its own here.
                Trained variables enter only by it.
        """
        raise NotImplementedError

    def control(
        self,
        projected: tf.Tensor,
        reads: tf.Tensor,
        states: Sequence[tf.Tensor],
        dense: Dense,
    ) -> Control:
        """Takes the controller's step.

        Args:
            projected: float[B, gates], from ``project_inputs``.
            reads: float[B, H, N], what was read last; of a cell without a memory, anything of no
                width.
            states: the controller's states.
            dense: applies a layer.
        """
        flat = tf.reshape(reads, [tf.shape(reads)[0], self._read_size])
        if self.controller == "lstm":
            return lstm_step(projected, flat, states, layers=self.controller_denses, dense=dense)
        return feedforward_step(projected, flat, self.controller_denses, dense)

    def features(self, hidden: tf.Tensor, reads: tf.Tensor) -> tf.Tensor:
        """Returns what the output layer sees: the controller's output and what was read."""
        return tf.concat([hidden, tf.reshape(reads, [-1, self._read_size])], axis=1)

    def get_initial_state(self, batch_size: int | tf.Tensor | None = None) -> list[tf.Tensor]:
        """Returns the flat states before the first step, float[batch_size, n] each: zeros."""
        return [tf.zeros((batch_size, size), self.compute_dtype) for size in self.state_size]

    @property
    def any_slots(self) -> bool:
        """Whether ``with_slots`` gives the same network on a memory of any size."""
        return True

    @property
    def least_slots(self) -> int:
        """The fewest slots that ``with_slots`` takes."""
        return 1

    def with_slots(self, slots: int) -> "ControlledCell":
        """Returns a cell with the same weights on a memory of another size.

        A cell without a memory returns itself.

        Raises:
            ValueError: this cell is not built, or runs on no other number of slots.
        """
        return self if self.slots is None else self.changed(slots=slots)

    def fresh(self, **options: Any) -> "ControlledCell":
        """Returns a cell built for the same inputs, with other options and new first weights.

        Raises:
            ValueError: this cell is not built, or an option is out of its range.
        """
        expect(self.built, "cell", "a built one (call it once, or build it)", "one without weights")
        cell = type(self)(**{**self.get_config(), **options})
        cell.build((None, self.input_layer.kernel.shape[0]))
        return cell

    def changed(self, **options: Any) -> "ControlledCell":
        """Returns a cell with the same weights and other options, which no weight depends on.

        Raises:
            ValueError: this cell is not built, or an option is out of its range.
        """
        cell = self.fresh(**options)
        cell.set_weights(self.get_weights())
        return cell

    def get_config(self) -> dict[str, Any]:
        """Returns all constructor arguments, for saving.

        Those of every class down from this one: a class of a user's own may pass its ``**kwargs``
        on. Each argument must be an attribute, too.
        """
        kinds = type(self).__mro__
        names = {
            name
            for kind in kinds[: kinds.index(ControlledCell)]
            if "__init__" in vars(kind)
            for name, parameter in inspect.signature(vars(kind)["__init__"]).parameters.items()
            if name != "self"
            and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
        }
        return {**super().get_config(), **{name: getattr(self, name) for name in sorted(names)}}
