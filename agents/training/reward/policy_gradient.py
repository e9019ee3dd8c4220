"""The update of learning by reward: better bits or good actions likelier, values nearer."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from agents.recipes.reward import RewardConfig
from agents.training.reward.actions import Actions
from agents.training.reward.advantages import Lesson
from agents.training.updates import descend
from ntm_gym.cells import unroll

PPO_CLIP = 0.2
"""How far passes may move an action's probability, as a fraction, before nothing more is gained."""

VALUE_WEIGHT = 0.5
"""Weight of the squared errors of the values, summed over an episode's steps."""


class Update(NamedTuple):
    """What an update reports: its gradient's norm and the policy's entropy per step, float32[]."""

    norm: Any
    entropy: Any


class Differentiated(NamedTuple):
    """What a lesson asks of a cell: gradients by its trainable variables, and the entropy."""

    entropy: tf.Tensor
    gradients: list[tf.Tensor]


class PolicyGradient:
    """What lessons ask of a cell, by a recipe.

    Args:
        cell: the cell.
        actions: the kind of the actions.
        config: the recipe.
    """

    def __init__(self, cell: Any, actions: Actions, config: RewardConfig) -> None:
        self.cell, self.actions, self.config = cell, actions, config

    def compile(self, mean: Any, optimizer: keras.optimizers.Optimizer) -> Callable[..., Update]:
        """Returns a compiled function that makes one update of the cell and of its mean.

        It takes what `differentiate` takes.
        """

        @tf.function(jit_compile=True, autograph=False)
        def update(lesson: Lesson, entropy_bonus: tf.Tensor, blur_cost: tf.Tensor) -> Update:
            found = self.differentiate(lesson, entropy_bonus, blur_cost)
            longest = self.config.longest_gradient
            norm = descend(self.cell, mean, optimizer, found.gradients, longest=longest)
            return Update(norm, found.entropy)

        return update

    def differentiate(
        self, lesson: Lesson, entropy_bonus: tf.Tensor, blur_cost: tf.Tensor
    ) -> Differentiated:
        """Returns the gradients and the policy's entropy per step.

        Args:
            lesson: what experience teaches.
            entropy_bonus: what a nat of entropy is worth at a step that matters, float32[].
            blur_cost: what a step's blur costs, float32[].
        """
        cell, config, actions = self.cell, self.config, self.actions
        episodes, longest = lesson.observations.shape[:2]
        playing = tf.sequence_mask(lesson.steps, longest, tf.float32)
        with tf.GradientTape() as tape:
            unrolled = unroll(cell, lesson.observations, lesson.steps, training=True)
            outputs = unrolled.outputs
            policy = outputs[..., : actions.size]
            moved = actions.log_probabilities(policy[:, tf.newaxis], lesson.actions)
            moved -= lesson.log_probabilities
            if config.teaches_bits:
                gain = moved * lesson.advantages
            else:
                gain = self._expected(moved, lesson.advantages, playing)
            entropy = actions.entropy(policy) * playing
            # Advantages are 0 beyond an episode's end.
            loss = -config.policy_weight * tf.reduce_sum(tf.reduce_mean(gain, axis=1))
            loss -= tf.reduce_sum(entropy_bonus * lesson.matters * entropy)
            loss += blur_cost * tf.reduce_sum(unrolled.blur * playing)
            if outputs.shape[-1] > actions.size:
                errors = (outputs[..., -1] - lesson.returns) * playing
                loss += VALUE_WEIGHT * tf.reduce_sum(errors**2)
            loss /= episodes
        gradients = tape.gradient(loss, [variable.value for variable in cell.trainable_variables])
        return Differentiated(tf.reduce_sum(entropy) / tf.reduce_sum(playing), gradients)

    def _expected(self, moved: tf.Tensor, advantages: tf.Tensor, playing: tf.Tensor) -> tf.Tensor:
        """Returns what actions promise, float32[G, K, T, 1], by how their log-probabilities moved.

        The surrogate of PPO (Schulman et al. 2017, equations 6 and 7).
        """
        moved = tf.reduce_sum(moved, axis=-1, keepdims=True)
        ratio = tf.exp(moved * playing[:, tf.newaxis, :, tf.newaxis])
        if self.config.epochs == 1:
            return ratio * advantages
        bounded = tf.clip_by_value(ratio, 1 - PPO_CLIP, 1 + PPO_CLIP)
        return tf.minimum(ratio * advantages, bounded * advantages)
