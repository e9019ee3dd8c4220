"""Curricula side by side: when each solved its task, as a table and as a picture."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median

import matplotlib.pyplot as plt
import numpy as np
from numpy.typing import NDArray

from agents.runs import Run


def solved_after(run: Run) -> float:
    """The sequences of the first report of the first solved ones in a row; infinity if none."""
    in_a_row = 0
    rows = run.read_metrics()
    for i, row in enumerate(rows):
        in_a_row = in_a_row + 1 if row["held_out_bit_errors"] == 0 else 0
        if in_a_row == run.config.solved_reports:
            return rows[i + 1 - in_a_row]["sequences"]
    return math.inf


def comparison_table(runs: Mapping[str, Sequence[Run]]) -> str:
    """Returns a Markdown table: sequences until each run solved its task, and the medians.

    Args:
        runs: the runs of each curriculum, with the same seeds in the same order.
    """
    seeds = [run.config.seed for run in next(iter(runs.values()))]
    columns = ["curriculum", *(f"seed {seed}" for seed in seeds), "median", "solved"]
    lines = [_row(columns), "|---" * len(columns) + "|"]
    for name, group in runs.items():
        solved = [solved_after(run) for run in group]
        count = sum(map(math.isfinite, solved))
        figures = [f"{n:,.0f}" if n < math.inf else "not" for n in (*solved, median(solved))]
        lines.append(_row([f"`{name}`", *figures, f"{count} of {len(group)}"]))
    return "\n".join(lines)


def draw_comparison(runs: Mapping[str, Sequence[Run]], title: str, path: Path) -> Path:
    """Draws wrong bits per held-out sequence of the longest length against training sequences.

    Every run is a thin line, to its end, and each curriculum's median over its runs a thick one; a
    run that has ended counts there with its last report.

    Args:
        runs: the runs of each curriculum.
        title: of the picture.
        path: where it is written.
    """
    figure, axis = plt.subplots(figsize=(9, 5.4), layout="constrained")
    for number, (name, group) in enumerate(runs.items()):
        colour = f"C{number}"
        curves = [_held_out(run) for run in group]
        for sequences, errors in curves:
            axis.plot(sequences, errors, color=colour, linewidth=0.7, alpha=0.45)
        begin = max(sequences[0] for sequences, _ in curves)
        times = np.unique(np.concatenate([sequences for sequences, _ in curves]))
        times = times[times >= begin]
        last = [
            errors[np.searchsorted(sequences, times, side="right") - 1]
            for sequences, errors in curves
        ]
        axis.plot(times, np.median(last, axis=0), color=colour, linewidth=2.6, label=name)
    # Zero must be seen too: it is what counts.
    axis.set_yscale("symlog", linthresh=0.01)
    axis.set_ylim(bottom=0)
    axis.set_xlim(left=0)
    axis.set_xlabel("training sequences")
    axis.set_ylabel("wrong bits per held-out sequence of the longest length")
    axis.grid(alpha=0.3)
    axis.legend(title="median over seeds")
    axis.set_title(title)
    figure.savefig(path, dpi=100)
    plt.close(figure)
    return path


def _held_out(run: Run) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    rows = run.read_metrics()
    sequences, errors = (
        np.array([row[name] for row in rows]) for name in ("sequences", "held_out_bit_errors")
    )
    return sequences, errors


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
