"""How much better actions were than expected, from the rewards that followed them."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.experience import Experience
from agents.reward_config import RewardConfig

RIDGE = 1e-3
"""Added to the diagonal of the normal equations: bits that never differed get no credit."""


class Lesson(NamedTuple):
    """What G episodes of K rollouts and T steps teach; 0 after an episode's end.

    Attributes:
        advantages: of the actions, float32[G, K, T, 1], or of their bits, float32[G, K, T, A].
        returns: what to expect from a step on, float32[G, T].
        matters: 1 where what is done may change what is got, float32[G, T].
    """

    advantages: NDArray[np.float32]
    returns: NDArray[np.float32]
    matters: NDArray[np.float32]


def lesson(experience: Experience, config: RewardConfig) -> Lesson:
    """How much better each action was than expected, and what to expect, by a config's settings.

    With one rollout these are generalised advantages (Schulman et al. 2016, equation 16) and their
    sums with the values, and every step matters. With K > 1, the discounted rewards from a step on,
    less the mean of the same over the episode's other rollouts; nothing is expected then, 0, and
    steps from which on no rollout got a reward do not matter.
    """
    scale = config.reward_scale * (experience.steps[:, None, None] if config.by_length else 1.0)
    rewards, values = experience.rewards * scale, experience.values
    groups, rollouts, longest = rewards.shape
    playing = np.arange(longest) < experience.steps[:, None]
    found = np.zeros_like(rewards)
    decay = config.gamma * (config.gae_lambda if rollouts == 1 else 1.0)
    ahead = np.zeros((groups, rollouts))
    for t in reversed(range(longest)):
        surprise = rewards[..., t] + config.gamma * values[..., t + 1] - values[..., t]
        ahead = (surprise + decay * ahead) * playing[:, t : t + 1]
        found[..., t] = ahead
    better = found[..., np.newaxis]
    if rollouts == 1:
        returns, matters = (found[:, 0] + values[:, 0, :-1]) * playing, playing
    else:
        returns, matters = np.zeros((groups, longest)), np.any(found != 0, axis=1)
        by_bit = config.credit == "bit"
        better = credit_bits(experience.actions, better) if by_bit else _less_the_others(better)
    return Lesson(*(array.astype(np.float32) for array in (better, returns, matters)))


def credit_bits(bits: NDArray[np.floating], got: NDArray[np.floating]) -> NDArray[np.floating]:
    """Says what each bit of an action was worth, by how rollouts with and without it compare.

    A linear function of the bits is fitted to what the rollouts of an episode got from a step on.
    What it says of the other bits is taken off a bit's advantage: a baseline that depends on them
    (Wu et al. 2018, "Variance reduction for policy gradient with action-dependent factorized
    baselines"). So a bit is not blurred by the luck of the others; a few more rollouts than bits
    are enough where rewards are sums over bits. What the function does not explain counts for all;
    of such rewards the mean gradient is met up to what a fit to so few gets wrong.

    Args:
        bits: of K rollouts of G episodes of T steps, [G, K, T, A].
        got: what each got from each step on, [G, K, T, 1].

    Returns:
        The advantages of the bits, float64[G, K, T, A].
    """
    own = _less_the_others(bits.astype(np.float64)).swapaxes(1, 2)  # [G, T, K, A]
    got = _less_the_others(got).swapaxes(1, 2)
    across = own.swapaxes(-1, -2)
    worth = np.linalg.solve(across @ own + RIDGE * np.eye(own.shape[-1]), across @ got)
    told = own * worth.swapaxes(-1, -2)
    return (told + got - told.sum(axis=-1, keepdims=True)).swapaxes(1, 2)


def _less_the_others(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Returns values [G, K, ...] less the mean of those of the other rollouts."""
    count = values.shape[1]
    return values - (values.sum(axis=1, keepdims=True) - values) / (count - 1)
