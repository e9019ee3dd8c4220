"""Runs side by side: when each solved its task, and its wrong bits or cost at each length."""

from collections.abc import Sequence
from statistics import median
from typing import Literal, NamedTuple

from agents.evaluation import read_scores
from agents.markdown import figure, table_head, table_row
from agents.runs import Run
from agents.training.reports import first_solved


class SolvedAt(NamedTuple):
    """When a run solved its task.

    Attributes:
        sequences: training sequences until then.
        seconds: of training until then.
        steps: environment steps until then; None if it learned from no rewards.
    """

    sequences: int
    seconds: float
    steps: int | None


def solved_at(run: Run) -> SolvedAt | None:
    """Returns when the first report was of the first row of good reports; None if none was."""
    row = first_solved(run.read_metrics(), run.config.solved_reports)
    if row is None:
        return None
    return SolvedAt(
        int(row["sequences"]), row["seconds"], int(row["steps"]) if "steps" in row else None
    )


Quantity = Literal["bit_errors", "cost_bits"]


def mean_scores(run: Run, quantity: Quantity) -> dict[int, float]:
    """Returns the network's wrong bits or cost per sequence by length, from `evaluation.json`.

    Raises:
        RunError: the run has not been evaluated.
    """
    return {
        score.length: getattr(score, quantity)
        for score in read_scores(run)
        if score.agent == run.config.cell.name
    }


def markdown_table(runs: Sequence[Run], quantity: Quantity = "bit_errors") -> str:
    """Returns a Markdown table with a row for each run and one of medians.

    Args:
        runs: the runs.
        quantity: wrong bits per sequence, or cost in bits.

    Raises:
        RunError: a run has not been evaluated.
    """
    scores = [mean_scores(run, quantity) for run in runs]
    lengths = sorted(set.intersection(*map(set, scores)))
    noun = {"bit_errors": "wrong", "cost_bits": "cost"}[quantity]
    columns = ["seed", "solved after", "seconds", "total seconds"]
    columns += [f"{noun} at {length:,}" for length in lengths]
    lines = table_head(columns)
    for run, by_length in zip(runs, scores, strict=True):
        solved = solved_at(run)
        total = run.read_metrics()[-1]["seconds"]
        when = ("not", "") if solved is None else (f"{solved.sequences:,}", f"{solved.seconds:.0f}")
        figures = [figure(by_length[length]) for length in lengths]
        lines.append(table_row([str(run.config.seed), *when, f"{total:.0f}", *figures]))
    solved_runs = [solved for run in runs if (solved := solved_at(run)) is not None]
    middle = {length: median(score[length] for score in scores) for length in lengths}
    when = ("", "")
    if solved_runs:
        sequences = median(solved.sequences for solved in solved_runs)
        seconds = median(solved.seconds for solved in solved_runs)
        when = (f"{sequences:,.0f}", f"{seconds:.0f}")
    total = median(run.read_metrics()[-1]["seconds"] for run in runs)
    cells = [f"median ({len(solved_runs)} of {len(runs)} solved)", *when, f"{total:.0f}"]
    lines.append(table_row([*cells, *(figure(middle[length]) for length in lengths)]))
    return "\n".join(lines)
