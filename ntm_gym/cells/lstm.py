"""Stacked LSTM layers with an output layer as a Keras cell: the baseline without a memory."""

from typing import Any

import keras
import tensorflow as tf

from ntm_gym.cells.base import ControlledCell
from ntm_gym.cells.bounds import check_sizes
from ntm_gym.cells.controllers import Dense, call_dense
from ntm_gym.cells.state import LSTMState, Step


@keras.saving.register_keras_serializable(package="ntm_gym")
class LSTMCell(ControlledCell):
    """One step of stacked LSTM layers (Hochreiter & Schmidhuber 1997, with forget gates).

    The last layer's hidden state goes through an output layer. ``LSTMCell(8, units=256, layers=3)``
    has the size of the baseline in Graves, Wayne & Danihelka 2014 (table 3).

    Args:
        output_dim: size of the output W.
        units: size of each layer.
        layers: number of layers.
        clip: bound on the magnitude of the outputs.
        **kwargs: ``name``, ``dtype`` and ``trainable`` of a Keras layer. dtype is float32 or
            float64.

    Raises:
        ValueError: an argument is out of its range.

    Input shape: float[B, D]. Output shape: float[B, output_dim], logits. States: float[B, units]
    each, hidden and cell state of each layer in turn.
    """

    state_type = LSTMState

    def __init__(
        self,
        output_dim: int,
        units: int = 100,
        layers: int = 1,
        clip: float = 20.0,
        **kwargs: Any,
    ) -> None:
        check_sizes(layers=layers)
        super().__init__(
            output_dim,
            units=units,
            controller="lstm",
            controller_layers=layers,
            clip=clip,
            read_size=0,
            head_size=0,
            **kwargs,
        )
        self.layers = layers

    @property
    def state_shapes(self) -> list[tuple[int, ...]]:
        """None: all states are the controller's."""
        return []

    def step(self, projected: tf.Tensor, state: LSTMState, dense: Dense = call_dense) -> Step:
        """Takes the recurrent part of a step; see ``ControlledCell.step``."""
        nothing = projected[:, :0]
        control = self.control(projected, nothing, state.controller, dense)
        hidden = control.hidden
        return Step(hidden, LSTMState(control.states), tf.zeros_like(hidden[:, 0]))
