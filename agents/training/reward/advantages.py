"""What rewards teach: how much better actions were than expected, or which bits are better."""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.recipes.reward import RewardConfig
from agents.training.reward.experience import Experience

RIDGE = 1e-3
"""Added to the diagonal of the normal equations: bits that never differed get no credit."""

GAE_LAMBDA = 0.95
"""Trust in the rewards that came rather than in the values learned, from 0 to 1, with one
rollout."""

REWARD_SCALE = 0.1
"""Rewards of environments that are no task's are multiplied by this."""

ROUNDING = 1e-9
"""Differences of rewards below this fraction of them are none."""


class Lesson(NamedTuple):
    """What G episodes of K rollouts and T steps teach; 0 after an episode's end.

    Attributes:
        observations: what was seen, float32[G, T, D].
        actions: what is to become likelier or less likely: the actions of all rollouts,
            float32[G, K, T, A], or the better value of each bit, float32[G, 1, T, A].
        log_probabilities: those that the parts of the actions had, float32[G, K, T, A]; 0 of bits.
        advantages: of those actions, float32[G, K, T, 1], or how much those bits count, from 0 to
            1, float32[G, 1, T, A].
        returns: what to expect from a step on, float32[G, T].
        steps: of the episodes, int32[G].
        matters: 1 where what is done may change what is got, float32[G, T].
    """

    observations: NDArray[np.float32]
    actions: NDArray[np.float32]
    log_probabilities: NDArray[np.float32]
    advantages: NDArray[np.float32]
    returns: NDArray[np.float32]
    steps: NDArray[np.int32]
    matters: NDArray[np.float32]


def lesson_of(experience: Experience, config: RewardConfig) -> Lesson:
    """What to make likelier and what to expect, by a config's settings.

    With one rollout the advantages are generalised ones (Schulman et al. 2016, equation 16), their
    sums with the values are what to expect, and every step matters. With K > 1, an advantage is
    the discounted rewards from a step on, less the mean of the same over the episode's other
    rollouts; nothing is expected then, 0, and steps from which on no rollout got a reward do not
    matter. For bits see `better_bits`.
    """
    # The tasks divide rewards by the scored steps; else a step of a long tape would count less.
    per_step = config.task is not None
    scale = experience.steps[:, None, None] if per_step else REWARD_SCALE
    rewards, values = experience.rewards * scale, experience.values
    groups, rollouts, longest = rewards.shape
    playing = np.arange(longest) < experience.steps[:, None]
    found = np.zeros_like(rewards)
    decay = config.gamma * (GAE_LAMBDA if rollouts == 1 else 1.0)
    ahead = np.zeros((groups, rollouts))
    for t in reversed(range(longest)):
        surprise = rewards[..., t] + config.gamma * values[..., t + 1] - values[..., t]
        ahead = (surprise + decay * ahead) * playing[:, t : t + 1]
        found[..., t] = ahead
    got = found[..., np.newaxis]
    if rollouts == 1:
        returns, matters = (found[:, 0] + values[:, 0, :-1]) * playing, playing
    else:
        returns, matters = np.zeros((groups, longest)), np.any(found != 0, axis=1)
    if config.teaches_bits:
        better, advantages = better_bits(experience.actions, got)
        actions, log_probabilities = better.astype(np.float32), np.zeros_like(advantages)
    else:
        actions, log_probabilities = experience.actions, experience.log_probabilities
        advantages = got if rollouts == 1 else _less_the_others(got)
    return Lesson(
        observations=experience.observations,
        actions=actions,
        log_probabilities=log_probabilities.astype(np.float32),
        advantages=advantages.astype(np.float32),
        returns=returns.astype(np.float32),
        steps=experience.steps,
        matters=matters.astype(np.float32),
    )


def better_bits(
    bits: NDArray[np.floating], got: NDArray[np.floating]
) -> tuple[NDArray[np.bool_], NDArray[np.floating]]:
    """Says which value of each bit earned more, by how rollouts with and without it compare.

    A linear function of a step's bits is fitted to what the rollouts of an episode got from that
    step on, the least one where several fit, as Swaminathan et al. 2017 ("Off-policy evaluation for
    slate recommendation") do for actions of several parts. Where rewards are sums over bits, a few
    more rollouts than bits pin it down. To take the sign of a bit's coefficient for its better
    value, and the size for what a mistake costs, makes of learning by reward a classification with
    costs (Dudik, Langford & Li 2011, "Doubly robust policy evaluation and learning"): bits that are
    sure and wrong are taught as much as any others, while the gradient of the expected reward
    vanishes there.

    Args:
        bits: of K rollouts of G episodes of T steps, [G, K, T, A].
        got: what each got from each step on, [G, K, T, 1].

    Returns:
        Whether 1 is the better value of each bit, bool[G, 1, T, A], and what the worse value costs,
        as a fraction of the most that any bit of the episode costs, float64[G, 1, T, A].
    """
    own = _less_the_others(bits.astype(np.float64)).swapaxes(1, 2)  # [G, T, K, A]
    earned = _less_the_others(got).swapaxes(1, 2)
    across = own.swapaxes(-1, -2)
    worth = np.linalg.solve(across @ own + RIDGE * np.eye(own.shape[-1]), across @ earned)
    worth = worth[..., 0][:, np.newaxis]
    costs = np.abs(worth)
    most = costs.max(axis=(2, 3), keepdims=True)
    # Equal rewards differ from their mean by what rounding leaves.
    differs = most > ROUNDING * np.abs(got).max(axis=(1, 2, 3), keepdims=True)
    return worth > 0, np.divide(costs, most, out=np.zeros_like(costs), where=differs)


def _less_the_others(values: NDArray[np.floating]) -> NDArray[np.floating]:
    """Returns values [G, K, ...] less the mean of those of the other rollouts."""
    count = values.shape[1]
    return values - (values.sum(axis=1, keepdims=True) - values) / (count - 1)
