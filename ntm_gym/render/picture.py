"""A tape as an array of pixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ntm_gym.render.view import View, shade, shown_channels
from ntm_gym.task import Task

if TYPE_CHECKING:
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

Pixels = NDArray[np.uint8]
"""[height, width, 3]."""
Colours = NDArray[np.float64]
"""[..., 3], each 0 to 255; NaN is transparent."""

CELL = 16
"""Pixels of a step and of a channel."""
LEFT, RIGHT, TOP, GAP, BOTTOM = 80, 16, 76, 12, 52
"""Pixels around and between the panels."""

PAPER, INK = (255, 255, 255), (28, 30, 38)
GRID, FRAME = (214, 217, 222), (150, 155, 165)
QUIET, NOTHING, HIDDEN = (110, 115, 125), (243, 244, 246), (203, 210, 220)
NOW = (234, 124, 0)
POSITIVE, NEGATIVE = (178, 24, 43), (33, 102, 172)
WRONG_ONE, WRONG_ZERO, CROSS = (205, 35, 45), (255, 208, 203), (150, 10, 20)
AHEAD = 0.28
"""How much of its colour a step has that is still to come."""


def draw_picture(
    view: View, columns: int, *, caption: str = "", names: Sequence[str] = ()
) -> Pixels:
    """Draws a view: input, target and answer over time, one above the other.

    Bits are black for 1 and white for 0; signed inputs are red above and blue below zero. Wrong
    bits of the answer are red and crossed out, a pending answer is orange. The present step is
    framed, the future is pale, blue-grey is hidden and grey is where no answer is due.

    Args:
        view: what to draw.
        columns: steps to show at most, around the present one.
        caption: a line below the tape.
        names: what to call the answer's first bits, at their left.

    Returns:
        uint8[height, width, 3]; the size, even both ways, depends on task and columns alone.

    Raises:
        ImportError: if Pillow is missing.
    """
    window = view.window(columns)
    height, width = picture_size(view.task, columns)
    pixels = np.full((height, width, 3), PAPER, np.uint8)
    panels = {
        "input": _inputs(view),
        "target": _targets(view),
        "answer": _answers(view),
    }
    tops, top = {}, TOP
    for name, colours in panels.items():
        tops[name] = top
        top = paint_cells(pixels, colours[:, window], (top, LEFT)) + GAP
    bottom = top - GAP

    image, draw = canvas(pixels)
    title, state = view.describe()
    draw.text((LEFT, 10), title, INK, font(15))
    draw.text((LEFT, 32), state, INK, font(13))
    right = LEFT + CELL * (window.stop - window.start)
    for name, at in tops.items():
        below = at + CELL * len(panels[name])
        draw.rectangle((LEFT - 1, at - 1, right - 1, below - 1), outline=FRAME)
        draw.text((LEFT - 20, at), name, INK, font(13), anchor="ra")
        _write_channels(draw, at, panels[name], names if name == "answer" else ())
    _write_steps(draw, view, window, bottom)
    _cross_out(draw, view, window, tops["answer"])
    draw.text((LEFT, height - 22), caption, QUIET, font(12))
    if view.step < view.steps:
        left = LEFT + CELL * (view.step - window.start)
        draw.rectangle((left - 1, TOP - 3, left + CELL, bottom + 1), outline=NOW, width=2)
        draw.polygon(
            [(left, TOP - 14), (left + CELL - 1, TOP - 14), (left + CELL // 2, TOP - 5)], NOW
        )
    return np.asarray(image)


def picture_size(task: Task, columns: int) -> tuple[int, int]:
    """Height and width in pixels of a task's pictures with so many columns."""
    channels = len(shown_channels(task.input_width)) + 2 * len(shown_channels(task.target_width))
    return TOP + CELL * channels + 2 * GAP + BOTTOM, LEFT + CELL * columns + RIGHT


def paint_cells(
    pixels: Pixels, colours: Colours, corner: tuple[int, int], size: tuple[int, int] = (CELL, CELL)
) -> int:
    """Paints cells with thin lines between them into a picture, and returns where they end below.

    Args:
        pixels: the picture, changed in place.
        colours: [rows, columns, 3]; a cell of NaN is left out.
        corner: pixels above and at the left.
        size: pixels of a cell, height and width; lines are left out below 5.
    """
    cells = np.repeat(np.repeat(colours, size[0], axis=0), size[1], axis=1)
    for axis, pitch in enumerate(size):
        if pitch >= 5:
            lines = np.arange(cells.shape[axis]) % pitch == pitch - 1
            at: tuple[Any, ...] = (lines,) if axis == 0 else (slice(None), lines)
            empty = np.isnan(cells[at]) | _is_flat(cells[at])
            cells[at] = np.where(empty, cells[at], GRID)
    rows, width, _ = cells.shape
    area = pixels[corner[0] : corner[0] + rows, corner[1] : corner[1] + width]
    np.copyto(area, np.nan_to_num(cells).round().astype(np.uint8), where=~np.isnan(cells))
    return corner[0] + rows


def _is_flat(colours: Colours) -> NDArray[np.bool_]:
    """Which colours are of areas that are not divided into cells."""
    flat = [(colours == colour).all(axis=-1, keepdims=True) for colour in (NOTHING, HIDDEN)]
    return np.logical_or(*flat)


def signed_colours(values: NDArray[Any]) -> Colours:
    """Colours for values -1 to 1: blue below zero, white at zero, red above."""
    ends = np.where(values[..., None] < 0, NEGATIVE, POSITIVE)
    return blend(np.broadcast_to(PAPER, ends.shape), ends, np.abs(values)[..., None])


def grey_colours(values: NDArray[Any]) -> Colours:
    """Colours for values 0 to 1, white to black."""
    shape = (*values.shape, 3)
    return blend(np.broadcast_to(PAPER, shape), np.broadcast_to(INK, shape), values[..., None])


def blend(first: Any, second: Any, share: Any) -> Colours:
    """The mixture of two colours, with a share of the second from 0 to 1."""
    mixed: Colours = np.asarray(first, np.float64) * (1 - share) + np.asarray(second) * share
    return mixed


def canvas(pixels: Pixels) -> tuple[Any, ImageDraw]:
    """A Pillow image of the pixels, and what draws on it.

    Raises:
        ImportError: if Pillow is missing.
    """
    require_pillow()
    from PIL import Image, ImageDraw

    image = Image.fromarray(pixels)
    return image, ImageDraw.Draw(image)


def font(size: int) -> FreeTypeFont | ImageFont:
    """Pillow's own font, in pixels."""
    from PIL import ImageFont

    return ImageFont.load_default(size)


def require_pillow() -> None:
    """Raises an ImportError that says what to install, if Pillow is missing."""
    try:
        import PIL  # noqa: F401
    except ImportError as error:
        raise ImportError(
            "pictures need Pillow: install it with pip install 'ntm-gym[render]'"
        ) from error


def _inputs(view: View) -> Colours:
    """[channels, T, 3]."""
    values, signed = shade(view.task, view.inputs)
    colours = np.where(signed[:, None], signed_colours(values), grey_colours(np.abs(values)))
    colours[view.step + 1 :] = _ahead(colours[view.step + 1 :])
    colours[np.isnan(values)] = HIDDEN
    return _channels(colours)


def _targets(view: View) -> Colours:
    colours = grey_colours(view.targets.astype(np.float64))
    colours[view.step + 1 :] = _ahead(colours[view.step + 1 :])
    colours[np.isnan(colours)] = np.broadcast_to(HIDDEN, colours.shape)[np.isnan(colours)]
    colours[~view.scored] = NOTHING
    return _channels(colours)


def _answers(view: View) -> Colours:
    done, wrong = view.step, view.wrong
    colours = np.full((*view.targets.shape, 3), PAPER, np.float64)
    colours[:done] = grey_colours(view.answers.astype(np.float64))
    colours[:done][wrong & (view.answers > 0.5)] = WRONG_ONE
    colours[:done][wrong & (view.answers <= 0.5)] = WRONG_ZERO
    if view.pending is not None and done < view.steps:
        colours[done] = np.where(view.pending[:, None] > 0.5, NOW, PAPER)
    colours[~view.scored] = NOTHING
    return _channels(colours)


def _ahead(colours: Colours) -> Colours:
    return blend(np.broadcast_to(PAPER, colours.shape), colours, AHEAD)


def _channels(colours: Colours) -> Colours:
    """The channels that are shown, as rows: [T, C, 3] to [channels, T, 3]."""
    empty = np.full(len(colours) * 3, np.nan).reshape(-1, 3)
    shown = shown_channels(colours.shape[1])
    return np.stack([empty if at is None else colours[:, at] for at in shown])


def _write_channels(draw: ImageDraw, top: int, colours: Colours, names: Sequence[str]) -> None:
    """Writes the channels' names beside their rows, and dots where some are left out."""
    for row, colour in enumerate(colours):
        middle = top + CELL * row + CELL // 2
        if np.isnan(colour).all():
            draw.text((LEFT + 4, middle), "...", QUIET, font(13), anchor="lm")
        elif row < len(names):
            draw.text((LEFT - 6, middle), names[row], QUIET, font(11), anchor="rm")


def _write_steps(draw: ImageDraw, view: View, window: slice, top: int) -> None:
    """Writes every fifth step's number, and where the window lies in a longer tape."""
    for step in range(window.start, window.stop):
        if step % 5 == 0:
            middle = LEFT + CELL * (step - window.start) + CELL // 2
            draw.text((middle, top + 4), str(step), QUIET, font(11), anchor="ma")
    shown = window.stop - window.start
    if shown < view.steps:
        whole = shown * CELL
        first, last = (LEFT + whole * step // view.steps for step in (window.start, window.stop))
        draw.rectangle((LEFT, top + 20, LEFT + whole - 1, top + 23), GRID)
        draw.rectangle((first, top + 20, max(last - 1, first + 3), top + 23), QUIET)


def _cross_out(draw: ImageDraw, view: View, window: slice, top: int) -> None:
    rows = {channel: row for row, channel in enumerate(shown_channels(view.task.target_width))}
    for step, bit in np.argwhere(view.wrong).tolist():
        if window.start <= step < window.stop and bit in rows:
            left, above = LEFT + CELL * (step - window.start), top + CELL * rows[bit]
            colour = PAPER if view.answers[step, bit] > 0.5 else CROSS
            near, far = 4, CELL - 6
            draw.line((left + near, above + near, left + far, above + far), colour, 2)
            draw.line((left + near, above + far, left + far, above + near), colour, 2)
