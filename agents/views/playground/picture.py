"""Pictures of a view: the tape, and below it what each agent did, over the same steps."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.views.live import draw_slots
from agents.views.playground.curves import READ, WRITE, Curves, curves_of
from agents.views.playground.gallery import Look
from agents.views.playground.settings import Settings
from ntm_gym import Batch, Task
from ntm_gym.metrics import cost_bits
from ntm_gym.render.picture import (
    FRAME,
    INK,
    NOTHING,
    NOW,
    PAPER,
    QUIET,
    WRONG_ONE,
    blend,
    canvas,
    font,
    grey_colours,
    paint_cells,
    signed_colours,
)
from ntm_gym.render.view import shade, shown_channels

Pixels = NDArray[np.uint8]
"""[height, width, 3]."""

LEFT, RIGHT, TITLE, GAP, RULER = 116, 8, 30, 8, 18
"""Pixels at the left, at the right, of a title, between two panels and of the steps' numbers."""
WIDE, STEP, LEAST = 960, 24, 480
"""Pixels of the steps in view together, and of one at most; of a picture's steps at least."""
BIT = 10
"""Pixels of a bit, from above to below."""
SLOTS = 240
"""Pixels of an address at most."""
CURVE = 44
"""Pixels of a curve's panel."""
USED = 0.1
"""A slot counts as used if an address has so much weight on it."""


class Panel(NamedTuple):
    """A part of a picture over the steps in view.

    Attributes:
        name: what stands at its left.
        colours: float[rows, steps, 3] of 0 to 255; NaN is transparent.
        pitch: pixels of a row.
        curves: lines to draw in it, if it is empty of colours.
        notes: numbers at the rows, each with the row's number.
    """

    name: str
    colours: NDArray[np.float64]
    pitch: int
    curves: Curves | None = None
    notes: tuple[tuple[int, str], ...] = ()


def draw_tape(task: Task, tape: Batch, settings: Settings) -> Pixels:
    """Draws the input and the target of the steps in view; the first row is the first channel."""
    window = settings.window(len(tape.mask[0]))
    values, signed = shade(task, tape.inputs[0, window])
    colours = np.where(signed[:, None], signed_colours(values), grey_colours(np.abs(values)))
    targets = grey_colours(tape.targets[0, window].astype(np.float64))
    targets[~tape.mask[0, window]] = NOTHING
    return _draw(
        [Panel("input", _rows(colours), BIT), Panel("target", _rows(targets), BIT)],
        f"{type(task).__name__}, length {settings.length}, {len(tape.mask[0]):,} steps",
        settings,
        len(tape.mask[0]),
    )


def stack(pictures: Sequence[Pixels]) -> Pixels:
    """Returns pictures one below the other, white beside those that are less wide."""
    wide = max(picture.shape[1] for picture in pictures)
    white = [((0, 0), (0, wide - picture.shape[1]), (0, 0)) for picture in pictures]
    return np.concatenate(
        [
            np.pad(picture, pad, constant_values=255)
            for picture, pad in zip(pictures, white, strict=True)
        ]
    )


def draw_agent(look: Look, tape: Batch, settings: Settings) -> Pixels:
    """Draws an agent's answers, its heads' addresses and what they were told, step by step."""
    window = settings.window(len(tape.mask[0]))
    due = tape.mask[0, window]
    chances = 1 / (1 + np.exp(-np.clip(look.logits[window], -50, 50)))
    answers = grey_colours(chances.astype(np.float64))
    wrong = look.wrong[window]
    answers[wrong] = blend(answers[wrong], np.broadcast_to(WRONG_ONE, answers[wrong].shape), 0.75)
    answers[~due] = NOTHING
    errors = wrong.mean(axis=1, keepdims=True)
    marks = blend(
        np.broadcast_to(PAPER, (*errors.shape, 3)),
        np.broadcast_to(WRONG_ONE, (*errors.shape, 3)),
        np.where(errors > 0, 0.3 + 0.7 * errors, 0)[..., None],
    )
    marks[~due] = NOTHING
    panels = [
        Panel("answer", _rows(answers), BIT),
        Panel("errors", _rows(marks), BIT),
        *_address_panels(look, window),
    ]
    if look.trace is not None and look.trace.told is not None:
        empty = np.full((1, len(due), 3), np.nan)
        panels += [
            Panel(curves.name, empty, CURVE, curves) for curves in curves_of(look.trace.told)
        ]
    return _draw(panels, describe(look, tape), settings, len(tape.mask[0]))


def describe(look: Look, tape: Batch) -> str:
    """An agent's name, its slots and how well it did, in one line."""
    slots = "" if look.slots is None else f", {look.slots:,} slots"
    count = int(tape.mask[0].sum()) * look.wrong.shape[1]
    cost = float(cost_bits(look.logits[None], tape.targets, tape.mask)[0])
    return (
        f"{look.name}{slots}: {int(look.wrong.sum()):,} of {count:,} bits wrong, cost {cost:.3g}"
        " bits"
    )


def draw_memory(look: Look, tape: Batch, memory: NDArray[Any], step: int, height: int) -> Pixels:
    """Draws an agent's memory float[N, S] after a step, beside where its heads are."""
    trace = look.trace
    if trace is None or trace.read_addresses is None or trace.write_addresses is None:
        raise ValueError(f"expected an agent with a memory, got {look.name}")
    return draw_slots(
        memory.T.astype(np.float64),
        trace.write_addresses[:, step].T.astype(np.float64),
        trace.read_addresses[:, step].T.astype(np.float64),
        bool(tape.mask[0, step]),
        height,
    )


def mark_step(pixels: Pixels, settings: Settings, steps: int) -> Pixels:
    """Returns the picture of a tape of so many steps with a frame around the view's step."""
    marked, cell = pixels.copy(), step_width(settings, steps)
    left = LEFT + (settings.step % settings.columns) * cell
    marked[TITLE - 4 : -RULER, [left - 1, left + max(cell, 2) - 1]] = NOW
    return marked


def step_width(settings: Settings, steps: int) -> int:
    """Pixels of a step of a tape of so many steps."""
    return min(STEP, WIDE // min(settings.columns, steps))


def _address_panels(look: Look, window: slice) -> list[Panel]:
    trace = look.trace
    if trace is None or trace.read_addresses is None or trace.write_addresses is None:
        return []
    ways = {"write address": trace.write_addresses, "read address": trace.read_addresses}
    ways = {name: way[:, window] for name, way in ways.items()}
    shown = _slots_in_use(np.concatenate(list(ways.values())))
    group = -(-len(shown) // SLOTS)
    pitch = max(1, min(BIT, SLOTS // len(shown)))
    rows = -(-len(shown) // group)
    notes = tuple(
        (int(row), str(shown[row * group]))
        for row in np.unique(np.linspace(0, rows - 1, min(4, rows)).astype(int))
    )
    panels = []
    for name, way in ways.items():
        for head, weights in enumerate(way):
            number = f" {head + 1}" if len(way) > 1 else ""
            part, starts = weights[:, shown].T, np.arange(0, len(shown), group)
            # Of slots that share a row the strongest is seen.
            strongest = np.maximum.reduceat(part, starts, axis=0).astype(np.float64)
            ink = WRITE if name.startswith("write") else READ
            shape = (*strongest.shape, 3)
            colours = blend(
                np.broadcast_to(PAPER, shape), np.broadcast_to(ink, shape), strongest[..., None]
            )
            panels.append(Panel(f"{name}{number}", colours, pitch, notes=notes))
    return panels


def _slots_in_use(addresses: NDArray[np.floating]) -> NDArray[np.int64]:
    """The slots to draw of addresses float[n, T, S]: all of a few, else the used ones in a row.

    The slots are a ring, in which the last is beside the first.
    """
    slots = addresses.shape[2]
    used = np.flatnonzero((addresses > USED).any(axis=(0, 1)))
    if slots <= 32 or len(used) == 0:
        return np.arange(slots)
    gaps = np.diff(used, append=used[0] + slots)
    first = used[(gaps.argmax() + 1) % len(used)]
    count = min(max(slots - int(gaps.max()) + 1, 8), slots)
    return (first + np.arange(count)) % slots


def _rows(colours: NDArray[np.float64]) -> NDArray[np.float64]:
    """[steps, channels, 3] to [rows, steps, 3], of wide tapes some channels alone."""
    empty = np.full((len(colours), 3), np.nan)
    shown = shown_channels(colours.shape[1])
    return np.stack([empty if at is None else colours[:, at] for at in shown])


def _draw(panels: Sequence[Panel], title: str, settings: Settings, steps: int) -> Pixels:
    """Stacks panels under a title, with the steps' numbers below."""
    window = settings.window(steps)
    cell = step_width(settings, steps)
    heights = [len(panel.colours) * panel.pitch for panel in panels]
    height = TITLE + sum(heights) + GAP * len(panels) + RULER
    wide = max(LEAST, cell * min(settings.columns, steps))
    pixels = np.full((height, LEFT + wide + RIGHT, 3), PAPER, np.uint8)
    tops, top = [], TITLE
    for panel, tall in zip(panels, heights, strict=True):
        tops.append(top)
        paint_cells(pixels, panel.colours, (top, LEFT), (panel.pitch, cell))
        top += tall + GAP
    image, draw = canvas(pixels)
    right = LEFT + cell * (window.stop - window.start)
    draw.text((8, 6), title, INK, font(15))
    for panel, top, tall in zip(panels, tops, heights, strict=True):
        draw.rectangle((LEFT - 1, top - 1, right, top + tall), outline=FRAME)
        words = panel.name.split(" ") if panel.notes else [panel.name]
        for line, word in enumerate(words if tall >= 14 * len(words) else [panel.name]):
            draw.text((8, top - 1 + 14 * line), word, INK, font(13))
        for row, note in panel.notes:
            middle = top + row * panel.pitch + panel.pitch // 2
            draw.text((LEFT - 5, middle), note, QUIET, font(11), anchor="rm")
        if panel.curves is not None:
            panel.curves.draw(draw, (LEFT, top, right, top + tall), cell, window)
    every = max(1, round(60 / cell / 5) * 5) if cell < 12 else 5
    for step in range(window.start, window.stop):
        if step % every == 0:
            middle = LEFT + cell * (step - window.start) + cell // 2
            draw.text((middle, height - RULER - 2), str(step), QUIET, font(11), anchor="ma")
    return np.asarray(image)
