"""The update of learning by reward: better bits or good actions likelier, values nearer."""

from collections.abc import Callable
from typing import Any

import keras
import tensorflow as tf

from agents.recipes.reward import RewardConfig
from agents.training.reward.actions import Actions
from agents.training.updates import descend
from ntm_gym.cells import unroll


def compile_update(
    cell: Any,
    optimizer: keras.optimizers.Optimizer,
    mean: Any,
    actions: Actions,
    config: RewardConfig,
) -> Callable[..., Any]:
    """Returns a compiled function that makes one update of a cell and of its mean.

    It takes what `differentiate` takes after the config. It returns the gradient's norm and the
    policy's entropy per step.
    """

    @tf.function(jit_compile=True, autograph=False)
    def update(*told: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        entropy, gradients = differentiate(cell, actions, config, *told)
        norm = descend(cell, optimizer, mean, gradients, config.averaging, config.longest_gradient)
        return norm, entropy

    return update


def differentiate(
    cell: Any,
    actions: Actions,
    config: RewardConfig,
    observations: tf.Tensor,
    taught: tf.Tensor,
    log_probabilities: tf.Tensor,
    advantages: tf.Tensor,
    returns: tf.Tensor,
    steps: tf.Tensor,
    entropy_bonus: tf.Tensor,
    blur_cost: tf.Tensor,
) -> tuple[tf.Tensor, list[tf.Tensor]]:
    """Returns what experience asks of a cell.

    Args:
        cell: the cell.
        actions: the kind of the actions.
        config: the recipe.
        observations: float32[G, T, D].
        taught: actions; this and the next three are those of a lesson, see
            `agents.training.reward.advantages`.
        log_probabilities: those that their parts had.
        advantages: what they are worth.
        returns: what to expect.
        steps: of the episodes, int32[G].
        entropy_bonus: what a nat of entropy is worth at each step, float32[G, T].
        blur_cost: what a step's blur costs.

    Returns:
        The policy's entropy per step and the gradients by the trainable variables.
    """
    episodes, longest = observations.shape[:2]
    playing = tf.sequence_mask(steps, longest, tf.float32)
    with tf.GradientTape() as tape:
        unrolled = unroll(cell, observations, steps, training=True)
        outputs = unrolled.outputs
        policy = outputs[..., : actions.size]
        moved = actions.log_probabilities(policy[:, tf.newaxis], taught) - log_probabilities
        if config.teaches_bits:
            gain = moved * advantages
        else:
            gain = _expected(moved, advantages, playing, config)
        entropy = actions.entropy(policy) * playing
        # Advantages are 0 beyond an episode's end.
        loss = -config.policy_weight * tf.reduce_sum(tf.reduce_mean(gain, axis=1))
        loss -= tf.reduce_sum(entropy_bonus * entropy)
        loss += blur_cost * tf.reduce_sum(unrolled.blur * playing)
        if outputs.shape[-1] > actions.size:
            errors = (outputs[..., -1] - returns) * playing
            loss += config.value_weight * tf.reduce_sum(errors**2)
        loss /= episodes
    gradients = tape.gradient(loss, [variable.value for variable in cell.trainable_variables])
    return tf.reduce_sum(entropy) / tf.reduce_sum(playing), gradients


def _expected(
    moved: tf.Tensor, advantages: tf.Tensor, playing: tf.Tensor, config: RewardConfig
) -> tf.Tensor:
    """Returns what actions promise, float32[G, K, T, 1], by how their log-probabilities moved.

    The surrogate of PPO (Schulman et al. 2017, equations 6 and 7).
    """
    moved = tf.reduce_sum(moved, axis=-1, keepdims=True)
    ratio = tf.exp(moved * playing[:, tf.newaxis, :, tf.newaxis])
    if not config.ppo_clip:
        return ratio * advantages
    bounded = tf.clip_by_value(ratio, 1 - config.ppo_clip, 1 + config.ppo_clip)
    return tf.minimum(ratio * advantages, bounded * advantages)
