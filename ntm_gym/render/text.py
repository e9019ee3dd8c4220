"""A tape as text, with ANSI colours."""

from __future__ import annotations

import numpy as np
from gymnasium.utils import colorize
from numpy.typing import NDArray

from ntm_gym.render.view import View, shade, shown_channels

LEVELS = "▁▂▃▄▅▆▇█"
LABEL = 8
"""Characters before the tape."""

Characters = NDArray[np.str_]


def draw_text(view: View, columns: int) -> str:
    """Draws a view as lines of text: input, target and answer over time.

    A bit of 1 is a full block and 0 a dot; other values are blocks as high as the value stands
    between its bounds. Wrong bits are red: X is a 1 and O is a 0 that should be the other. The
    future is dim, `?` is hidden, blank is where no answer is due.

    Args:
        view: what to draw.
        columns: steps to show at most, around the present one.

    Returns:
        Lines, the last without an end of line. Without its colours, all is still there.
    """
    window = view.window(columns)
    steps = np.arange(window.start, window.stop)
    title, state = view.describe()
    marker = "".join("▼" if step == view.step else " " for step in steps)
    ruler = "".join(f"{step:<5}" for step in steps if step % 5 == 0)
    lead = " " * (int(-window.start) % 5)
    lines = [f"{title}   {state}", " " * LABEL + (lead + ruler)[: len(steps)].rstrip()]
    lines.append((" " * LABEL + marker).rstrip())
    for name, characters in (
        ("input", _inputs(view)),
        ("target", _targets(view)),
        ("answer", _answers(view)),
    ):
        for index, channel in enumerate(shown_channels(characters.shape[1])):
            label = (name if index == 0 else "").ljust(LABEL)
            if channel is None:
                lines.append(label + "...")
            else:
                cells = (
                    _coloured(str(characters[step, channel]), bool(step > view.step))
                    for step in steps
                )
                lines.append((label + "".join(cells)).rstrip())
    return "\n".join(lines)


def _coloured(character: str, future: bool) -> str:
    if character in "XO":
        return colorize(character, "red", bold=True)
    if future and character != " ":
        return f"\x1b[2m{character}\x1b[0m"
    return character


def _inputs(view: View) -> Characters:
    values, signed = shade(view.task, view.inputs)
    heights = np.where(signed, (values + 1) / 2, values)
    levels = np.nan_to_num(heights * (len(LEVELS) - 1)).round().astype(int)
    characters = np.array(list(LEVELS))[levels]
    characters[values == 0] = "·"
    characters[np.isnan(values)] = "?"
    return characters


def _targets(view: View) -> Characters:
    characters = np.where(view.targets > 0.5, "█", "·")
    characters[np.isnan(view.targets.astype(float))] = "?"
    characters[~view.scored] = " "
    return characters


def _answers(view: View) -> Characters:
    done = view.step
    characters = np.full(view.targets.shape, " ")
    characters[:done] = np.where(view.answers > 0.5, "█", "·")
    characters[:done][view.wrong] = np.where(view.answers > 0.5, "X", "O")[view.wrong]
    if view.pending is not None and done < view.steps:
        characters[done] = np.where(view.pending > 0.5, "█", "·")
    characters[~view.scored] = " "
    return characters
