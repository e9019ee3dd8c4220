"""Pictures of a benchmark: how many runs reach which score, and how fast returns rise."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from agents.evaluation.bootstrap import Samples, performance_profiles
from agents.evaluation.pictures import draw_curves, line_styles, new_picture, save_picture
from agents.storage.metrics import Curve

THRESHOLDS = np.linspace(-0.1, 1.0, 56)
"""Scores at which a profile is drawn; at 1 itself nothing is greater."""


def draw_profiles(
    samples: Samples, names: Sequence[str], title: str, columns: str, path: Path
) -> Path:
    """Draws for each score the fraction of all scores that are above it, with 95 % bands.

    Args:
        samples: scores float[runs, columns] of each entrant.
        names: all entrants, so that each has the same colour in all pictures.
        title: of the picture.
        columns: what the columns are, such as lengths.
        path: where it is written.
    """
    figure, axis = new_picture(title)
    profiles = performance_profiles(samples, THRESHOLDS)
    for style in line_styles(names):
        if style["label"] not in profiles:
            continue
        fraction, low, high = np.array(profiles[style["label"]]).T
        axis.plot(THRESHOLDS, fraction, **style, linewidth=1.8)
        axis.fill_between(THRESHOLDS, low, high, color=style["color"], alpha=0.13, linewidth=0)
    axis.set_ylim(-0.02, 1.02)
    axis.set_xlabel("score: 0 random answers, 1 the oracle")
    axis.set_ylabel(f"fraction of seeds and {columns} above it")
    return save_picture(figure, axis, "95 % interval", path)


def draw_sample_efficiency(
    curves: Mapping[str, Sequence[Curve]],
    names: Sequence[str],
    oracle_return: float,
    title: str,
    path: Path,
) -> Path:
    """Draws the mean return of training episodes against environment steps.

    Args:
        curves: for each entrant the curve of each seed, none of them empty.
        names: all entrants, so that each has the same colour in all pictures.
        oracle_return: the best mean return.
        title: of the picture.
        path: where it is written.
    """
    figure, axis = new_picture(title)
    draw_curves(
        axis,
        {
            name: [
                (np.array(steps, float), np.array(returns, float))
                for steps, returns in (zip(*curve, strict=True) for curve in group)
            ]
            for name, group in curves.items()
        },
        names,
    )
    axis.axhline(oracle_return, color="0.4", linestyle=":", label="oracle")
    axis.axhline(0, color="0.4", linewidth=0.8)
    axis.set_xlim(left=0)
    axis.xaxis.set_major_formatter("{x:,.0f}")
    axis.set_xlabel("environment steps")
    axis.set_ylabel("return of training episodes")
    return save_picture(figure, axis, "median over seeds", path)
