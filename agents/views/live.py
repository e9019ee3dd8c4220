"""A trained network that plays live, with its memory and heads drawn beside the tape."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.evaluation.scores import enough_slots
from agents.policies.recurrent import RecurrentAgent
from agents.storage.runs import Run
from ntm_gym.render import View
from ntm_gym.render.picture import (
    BOTTOM,
    INK,
    NOW,
    PAPER,
    QUIET,
    TOP,
    blend,
    canvas,
    font,
    paint_cells,
    signed_colours,
)

HEAD, SPACE = 16, 12
"""Pixels of a head's column, and between the columns and the memory."""
MEMORY = 168
"""Pixels of the memory at most, across a slot."""
LEFT, RIGHT = 44, 24
LEAST = 3
"""Pixels of a slot at least; of a larger memory, the part around the busy head is drawn."""


def load(run: Run, length: int | None = None, slots: int | None = None) -> RecurrentAgent:
    """Returns a run's network on a memory that fits the tapes.

    Args:
        run: the run.
        length: the tapes' length; None if it is one of training.
        slots: memory slots; if None, those of training up to its longest length, and beyond what
            `enough_slots` says.

    Raises:
        RunError: the run has no network.
        ValueError: the length or the slots are impossible.
    """
    agent = RecurrentAgent.load(run.folder, slots)
    if slots is None and length is not None and length > run.config.max_length:
        size = enough_slots(agent.cell, run.config.task, length)
        return RecurrentAgent(agent.cell.with_slots(size))
    return agent


def draw_memory(cell: Any, state: Sequence[Any], view: View, height: int) -> NDArray[np.uint8]:
    """Draws the memory after a step, and where the heads wrote and read in it.

    Each row is a slot. In the middle is what it holds, red above and blue below zero; the columns
    at its left are the write heads' weights and those at its right the read heads', orange for 1.

    Args:
        cell: a cell with a memory.
        state: its flat states after the step, of one row.
        view: the tape: while answers are due the read heads are followed, else the write heads.
        height: pixels of the picture that this one stands beside.

    Returns:
        uint8[height, width, 3].
    """
    parts = cell.unpack(state)
    memory = np.asarray(parts.memory[0], np.float64).T
    writes, reads = (
        np.asarray(heads[0], np.float64).T for heads in (parts.write_weights, parts.read_weights)
    )
    due = bool(view.scored[min(view.step, view.steps - 1)])
    return draw_slots(memory, writes, reads, due, height)


def draw_slots(
    memory: NDArray[Any],
    writes: NDArray[Any],
    reads: NDArray[Any],
    follow_reads: bool,
    height: int,
) -> NDArray[np.uint8]:
    """Draws a memory of S slots of N numbers, and the heads' weights on them; see `draw_memory`.

    Args:
        memory: float[S, N].
        writes: float[S, write_heads].
        reads: float[S, read_heads].
        follow_reads: of a memory that does not fit, whether the part around the first read head is
            drawn, or that around the first write head.
        height: pixels of the picture.

    Returns:
        uint8[height, width, 3].
    """
    room = height - TOP - BOTTOM
    busy = int((reads if follow_reads else writes)[:, 0].argmax())
    shown = _around(busy, room // LEAST, len(memory))
    slot = min(HEAD, room // (shown.stop - shown.start))
    across = max(1, min(HEAD, MEMORY // memory.shape[1]))

    scale = max(1.0, float(np.quantile(np.abs(memory), 0.98)))  # a few extremes hide no other
    columns = [
        ("write", _weight_colours(writes[shown]), HEAD),
        ("memory", signed_colours(np.clip(memory[shown] / scale, -1, 1)), across),
        ("read", _weight_colours(reads[shown]), HEAD),
    ]
    wide = sum(colours.shape[1] * size for _, colours, size in columns)
    width = LEFT + wide + 2 * SPACE + RIGHT
    pixels = np.full((height, width + width % 2, 3), PAPER, np.uint8)
    image_left, places = LEFT, []
    for name, colours, size in columns:
        places.append((name, image_left, image_left + colours.shape[1] * size))
        bottom = paint_cells(pixels, colours, (TOP, image_left), (slot, size))
        image_left = places[-1][2] + SPACE
    image, draw = canvas(pixels)
    for name, left, right in places:
        draw.rectangle((left - 1, TOP - 1, right, bottom), outline=QUIET)
        draw.text(((left + right) // 2, TOP - 6), name, INK, font(13), anchor="md")
    draw.text((LEFT, 10), f"{len(memory):,} slots of {memory.shape[1]}", INK, font(15))
    for number in np.unique(np.linspace(shown.start, shown.stop - 1, 5).astype(int)).tolist():
        middle = TOP + slot * (number - shown.start) + slot // 2
        draw.text((LEFT - 6, middle), str(number), QUIET, font(11), anchor="rm")
    return np.asarray(image)


def _around(centre: int, count: int, total: int) -> slice:
    """So many of all slots at most, around one of them."""
    first = min(max(centre - count // 2, 0), max(total - count, 0))
    return slice(first, min(first + count, total))


def _weight_colours(weights: NDArray[np.float64]) -> NDArray[np.float64]:
    shape = (*weights.shape, 3)
    return blend(np.broadcast_to(PAPER, shape), np.broadcast_to(NOW, shape), weights[..., None])
