"""Distributions over the actions of an environment, from the outputs of a network."""

from collections.abc import Sequence
from typing import Any, Protocol, cast

import numpy as np
import tensorflow as tf
from gymnasium import spaces
from numpy.typing import NDArray

from agents.training.reward.spaces import expect_actions


class Actions(Protocol):
    """A distribution over actions that a network's outputs describe.

    Attributes:
        size: outputs that it takes, P.
        width: numbers in an action, A.
    """

    size: int
    width: int

    def sample(self, rng: np.random.Generator, outputs: NDArray[np.floating]) -> NDArray[np.int64]:
        """Draws actions int64[n, A] for outputs float[n, P]."""

    def best(self, outputs: NDArray[np.floating]) -> NDArray[np.int64]:
        """The most probable actions, int64[n, A], for outputs float[n, P]."""

    def to_space(self, actions: NDArray[np.int64]) -> NDArray[Any]:
        """The actions int64[n, A] as the vector environment takes them."""

    def log_probabilities(self, outputs: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """Of each of the A independent parts of actions float[..., A], for outputs float[..., P].

        In nats, float[..., A].
        """

    def entropy(self, outputs: tf.Tensor) -> tf.Tensor:
        """In nats, float[...], for outputs float[..., P]."""


class Bits:
    """W independent bits, whose outputs are logits: log(p / (1 - p)) of the probability of a 1.

    Args:
        width: W.
    """

    def __init__(self, width: int) -> None:
        self.size = self.width = width

    def sample(self, rng: np.random.Generator, outputs: NDArray[np.floating]) -> NDArray[np.int64]:
        """Draws bits; see `Actions.sample`."""
        # A logistic variable is above -z with probability 1 / (1 + exp(-z)).
        return (rng.logistic(size=outputs.shape) < outputs).astype(np.int64)

    def best(self, outputs: NDArray[np.floating]) -> NDArray[np.int64]:
        """The most probable bits; see `Actions.best`."""
        return (outputs > 0).astype(np.int64)

    def to_space(self, actions: NDArray[np.int64]) -> NDArray[np.int8]:
        """int8[n, W]."""
        return actions.astype(np.int8)

    def log_probabilities(self, outputs: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """Each bit's; see `Actions.log_probabilities`."""
        return actions * outputs - tf.nn.softplus(outputs)

    def entropy(self, outputs: tf.Tensor) -> tf.Tensor:
        """The sum over the bits; see `Actions.entropy`."""
        return tf.reduce_sum(tf.nn.softplus(outputs) - outputs * tf.nn.sigmoid(outputs), axis=-1)


class Choices:
    """Independent choices, each of several; outputs are unnormalised log-probabilities.

    Args:
        counts: of how many each choice is.
        single: whether the space has one choice and no axis for it, as `Discrete` has.
    """

    def __init__(self, counts: Sequence[int], single: bool = False) -> None:
        self.counts = [int(count) for count in counts]
        self.size, self.width = sum(self.counts), len(self.counts)
        self._single = single
        self._parts = np.split(np.arange(self.size), np.cumsum(self.counts)[:-1])

    def sample(self, rng: np.random.Generator, outputs: NDArray[np.floating]) -> NDArray[np.int64]:
        """Draws choices; see `Actions.sample`."""
        # The greatest of logits with Gumbel noise is drawn with the probabilities of a softmax.
        return self.best(outputs + rng.gumbel(size=outputs.shape))

    def best(self, outputs: NDArray[np.floating]) -> NDArray[np.int64]:
        """The most probable choices; see `Actions.best`."""
        return np.stack([outputs[:, part].argmax(axis=1) for part in self._parts], axis=1)

    def to_space(self, actions: NDArray[np.int64]) -> NDArray[np.int64]:
        """int64[n, A], or int64[n] of a single choice."""
        return actions[:, 0] if self._single else actions

    def log_probabilities(self, outputs: tf.Tensor, actions: tf.Tensor) -> tf.Tensor:
        """Each choice's; see `Actions.log_probabilities`."""
        chosen = [
            tf.reduce_sum(
                tf.one_hot(tf.cast(actions[..., i], tf.int32), count, dtype=logs.dtype) * logs, -1
            )
            for i, (count, logs) in enumerate(zip(self.counts, self._logs(outputs), strict=True))
        ]
        return tf.stack(chosen, axis=-1)

    def entropy(self, outputs: tf.Tensor) -> tf.Tensor:
        """The sum over the choices; see `Actions.entropy`."""
        return tf.add_n(
            [-tf.reduce_sum(tf.exp(logs) * logs, axis=-1) for logs in self._logs(outputs)]
        )

    def _logs(self, outputs: tf.Tensor) -> list[tf.Tensor]:
        """Each choice's log-probabilities."""
        return [tf.nn.log_softmax(part) for part in tf.split(outputs, self.counts, axis=-1)]


def make_actions(space: spaces.Space[Any]) -> Actions:
    """Returns the distribution over a single environment's actions.

    Raises:
        ValueError: the space is of another kind than `expect_actions` says.
    """
    expect_actions(space)
    if isinstance(space, spaces.MultiBinary):
        return Bits(space.shape[0])
    if isinstance(space, spaces.MultiDiscrete):
        return Choices(space.nvec.tolist())
    return Choices([int(cast("spaces.Discrete", space).n)], single=True)
