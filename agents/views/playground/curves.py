"""What heads are told, as lines over time: strength, interpolation, shift, sharpening and such."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from ntm_gym.render.picture import GRID, QUIET, font

WRITE, READ, THIRD = (0, 92, 175), (196, 78, 0), (0, 128, 96)
"""Colours of what concerns writing and reading, and of a third line."""


class Line(NamedTuple):
    """One quantity of some heads: its name, its colour, and its values float[heads, T]."""

    name: str
    colour: tuple[int, int, int]
    values: NDArray[np.floating]


class Curves(NamedTuple):
    """Lines over the same scale.

    Attributes:
        name: what they have in common.
        low: the least value of the scale.
        high: the greatest, or more where values are greater.
        lines: the lines.
    """

    name: str
    low: float
    high: float
    lines: tuple[Line, ...]

    def draw(self, draw: Any, box: tuple[int, int, int, int], cell: int, window: slice) -> None:
        """Draws the lines of the steps in view into a box of left, top, right and bottom.

        The scale's ends and the lines' names stand at its left.
        """
        left, top, right, bottom = box
        greatest = max([float(line.values.max(initial=self.low)) for line in self.lines])
        high = max(self.high, greatest)
        if self.low < 0:
            zero = _height(np.zeros(1), self.low, high, top, bottom)[0]
            draw.line((left, zero, right, zero), GRID)
        for number, line in enumerate(self.lines):
            draw.text((16, top + 12 + 11 * number), line.name, line.colour, font(11))
            for values in line.values:
                heights = _height(values[window], self.low, high, top, bottom)
                # Each value is a level as wide as its step.
                edges = left + cell * np.arange(len(heights) + 1)
                points = np.stack(
                    [np.stack([edges[:-1], heights], 1), np.stack([edges[1:], heights], 1)], 1
                )
                draw.line([tuple(point) for point in points.reshape(-1, 2).tolist()], line.colour)
        for value, at, anchor in ((high, top, "ra"), (self.low, bottom - 1, "rd")):
            draw.text((left - 5, at), f"{value:.3g}", QUIET, font(10), anchor=anchor)


def curves_of(told: Mapping[str, NDArray[np.floating]]) -> list[Curves]:
    """Returns the curves of what a network's heads were told.

    Args:
        told: by name, float[heads, T, n] each, as in `agents.inspection.tracing.Trace`.
    """

    def first(name: str) -> NDArray[np.floating]:
        return told[name][..., 0]

    if "read.gates" in told:
        return [
            _both("strength", 0, 1, first("write.strengths"), first("read.strengths")),
            _both("interpolation", 0, 1, first("write.gates"), first("read.gates")),
            _both(
                "shift", -1, 1, _mean_shift(told["write.shifts"]), _mean_shift(told["read.shifts"])
            ),
            _both("sharpening", 1, 2, first("write.gammas"), first("read.gammas")),
        ]
    modes = told["read_modes"]
    return [
        _both("strength", 1, 2, first("write_strength"), first("read_strengths")),
        Curves(
            "write gates",
            0,
            1,
            (
                Line("write", WRITE, first("write_gate")),
                Line("allocation", THIRD, first("allocation_gate")),
            ),
        ),
        Curves("free gates", 0, 1, (Line("read", READ, first("free_gates")),)),
        Curves(
            "read mode",
            0,
            1,
            tuple(
                Line(name, colour, modes[..., number])
                for number, (name, colour) in enumerate(
                    (("backward", WRITE), ("content", READ), ("forward", THIRD))
                )
            ),
        ),
    ]


def _both(name: str, low: float, high: float, write: NDArray[Any], read: NDArray[Any]) -> Curves:
    return Curves(name, low, high, (Line("write", WRITE, write), Line("read", READ, read)))


def _mean_shift(shifts: NDArray[np.floating]) -> NDArray[np.floating]:
    """The mean move float[heads, T] of shifts float[heads, T, 2R+1]."""
    moves = np.arange(shifts.shape[-1]) - shifts.shape[-1] // 2
    mean: NDArray[np.floating] = shifts @ moves.astype(shifts.dtype)
    return mean


def _height(
    values: NDArray[Any], low: float, high: float, top: int, bottom: int
) -> NDArray[np.float64]:
    """Pixels from above of values on a scale; what is beyond it lies at its ends."""
    share = (np.clip(values, low, high) - low) / (high - low)
    return bottom - 2 - share * (bottom - top - 4)
