"""How well answers match targets: wrong bits, perfect tapes, cost in bits and the reward."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", float, NDArray[np.float64])


def bit_errors(
    outputs: NDArray[np.floating], targets: NDArray[np.float32], mask: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The wrong bits of each tape.

    Args:
        outputs: [B, T, W], the probabilities that each bit is 1, or hard answers 0 and 1. Above
            one half means 1; NaN is always wrong.
        targets: [B, T, W], 0 or 1.
        mask: bool[B, T], the scored steps.

    Returns:
        int64[B].

    Raises:
        ValueError: if the shapes do not fit together.
    """
    _check_shapes(outputs, targets, mask)
    right = np.where(targets > 0.5, outputs > 0.5, outputs <= 0.5)
    return np.count_nonzero(~right & mask[..., None], axis=(1, 2)).astype(np.int64)


def solved_fraction(errors: NDArray[np.int64]) -> float:
    """The fraction of tapes without a wrong bit, from `bit_errors`' int64[B].

    Raises:
        ValueError: if there are no tapes.
    """
    if np.size(errors) == 0:
        raise ValueError("expected the errors of at least one tape, got none")
    return float(np.mean(np.asarray(errors) == 0))


def cost_bits(
    logits: NDArray[np.floating], targets: NDArray[np.float32], mask: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """The cost of each tape in bits: the sum of -log2 p(target) over its scored bits.

    Args:
        logits: [B, T, W], log(p / (1 - p)) of the probability p that each bit is 1; any finite
            value, and infinite ones where the answer is sure.
        targets: [B, T, W], 0 or 1.
        mask: bool[B, T], the scored steps.

    Returns:
        float64[B]; W times the scored steps for logits of 0.

    Raises:
        ValueError: if the shapes do not fit together.
    """
    _check_shapes(logits, targets, mask)
    # -log p(target) = log(1 + exp(-z)), where z is the logit in the target's favour.
    favour = np.where(targets > 0.5, logits, np.negative(logits)).astype(np.float64)
    with np.errstate(invalid="ignore"):  # NaN costs NaN
        nats = np.logaddexp(0, -favour)
    return np.where(mask[..., None], nats, 0).sum(axis=(1, 2)) / np.log(2)


def step_reward(wrong: Number, width: int, scored_steps: Number) -> Number:
    """The reward of a scored step: (right - wrong) / (width x scored steps).

    A tape answered without an error returns 1, coin flips 0 on average, whatever task and length.

    Args:
        wrong: wrong bits at this step, 0 to `width`; a number or a float array of them.
        width: bits answered at each step.
        scored_steps: scored steps of the tape; likewise.
    """
    return (width - 2 * wrong) / (width * scored_steps)


def tape_return(wrong: Number, width: int, scored_steps: Number) -> Number:
    """The return of a tape, from -1 to 1: the sum of `step_reward` over its scored steps.

    Args:
        wrong: wrong bits of the tape; a number or an array of them.
        width: bits answered at each step.
        scored_steps: scored steps of the tape, 1 or more; likewise.
    """
    return 1 - 2 * wrong / (width * scored_steps)


def _check_shapes(
    outputs: NDArray[np.floating], targets: NDArray[np.float32], mask: NDArray[np.bool_]
) -> None:
    if outputs.ndim != 3 or outputs.shape != targets.shape or outputs.shape[:2] != mask.shape:
        raise ValueError(
            "expected outputs and targets [B, T, W] and a mask [B, T], "
            f"got {outputs.shape}, {targets.shape} and {mask.shape}"
        )
