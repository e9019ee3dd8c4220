"""Runs side by side: when each solved its task, and its wrong bits at each length."""

import json
from collections.abc import Sequence
from statistics import median

from agents.runs import Run, RunError


def solved_at(run: Run) -> tuple[float, float] | None:
    """Returns sequences and seconds of the first report of the first row that solved the task."""
    rows, in_a_row = run.read_metrics(), 0
    for last, row in enumerate(rows):
        in_a_row = in_a_row + 1 if row["held_out_bit_errors"] == 0 else 0
        if in_a_row == run.config.solved_reports:
            first = rows[last - in_a_row + 1]
            return first["sequences"], first["seconds"]
    return None


def bit_errors(run: Run) -> dict[int, float]:
    """Returns the network's wrong bits per sequence by length, from `evaluation.json`.

    Raises:
        RunError: the run has not been evaluated.
    """
    try:
        content = json.loads((run.folder / "evaluation.json").read_text(encoding="utf-8"))
        return {
            score["length"]: score["bit_errors"]
            for score in content["scores"]
            if score["agent"] == "ntm"
        }
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"expected scores in {run.folder}/evaluation.json, got {error}") from error


def markdown_table(runs: Sequence[Run]) -> str:
    """Returns a Markdown table with a row for each run and one of medians.

    Raises:
        RunError: a run has not been evaluated.
    """
    errors = [bit_errors(run) for run in runs]
    lengths = sorted(set.intersection(*map(set, errors)))
    lines = [
        "| seed | solved after | seconds | total seconds | "
        + " | ".join(f"wrong at {length:,}" for length in lengths)
        + " |",
        "|---" * (4 + len(lengths)) + "|",
    ]
    for run, wrong in zip(runs, errors, strict=True):
        solved = solved_at(run)
        total = run.read_metrics()[-1]["seconds"]
        when = ("not", "") if solved is None else (f"{solved[0]:,.0f}", f"{solved[1]:.0f}")
        cells = [str(run.config.seed), *when, f"{total:.0f}", *_figures(wrong, lengths)]
        lines.append("| " + " | ".join(cells) + " |")
    solved_runs = [solved for run in runs if (solved := solved_at(run)) is not None]
    middle = {length: median(wrong[length] for wrong in errors) for length in lengths}
    when = ("", "")
    if solved_runs:
        sequences, seconds = (median(column) for column in zip(*solved_runs, strict=True))
        when = (f"{sequences:,.0f}", f"{seconds:.0f}")
    total = median(run.read_metrics()[-1]["seconds"] for run in runs)
    cells = [f"median ({len(solved_runs)} of {len(runs)} solved)", *when, f"{total:.0f}"]
    lines.append("| " + " | ".join([*cells, *_figures(middle, lengths)]) + " |")
    return "\n".join(lines)


def _figures(wrong: dict[int, float], lengths: Sequence[int]) -> list[str]:
    return [f"{wrong[length]:,.3g}" for length in lengths]
