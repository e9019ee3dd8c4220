"""Runs side by side: when each solved its task, and its wrong bits or cost at each length."""

import math
from collections.abc import Sequence
from statistics import median
from typing import Literal, NamedTuple

from agents.evaluation.markdown import figure, table_head, table_row
from agents.evaluation.scores import read_scores
from agents.storage.runs import Run
from agents.training.goals import goal_of


class SolvedAt(NamedTuple):
    """When a run solved its task.

    Attributes:
        sequences: training sequences until then.
        seconds: of training until then.
        steps: environment steps until then; None of a run by right answers
            from before its reports told them.
    """

    sequences: int
    seconds: float
    steps: int | None


class Solved(NamedTuple):
    """How soon several runs solved their task; infinite where one did not."""

    number: int
    median: float
    least: float
    most: float


def solved_summary(solved: Sequence[float | None]) -> Solved:
    """Returns how many of a variant's runs solved their task, and how soon.

    A run that did not counts as one that needs more than all others, so that the median of variants
    which seldom succeed is not that of their best runs.

    Args:
        solved: of each run when it solved its task; None if it did not.
    """
    times = sorted(math.inf if time is None else time for time in solved)
    return Solved(sum(map(math.isfinite, times)), median(times), times[0], times[-1])


def solved_at(run: Run) -> SolvedAt | None:
    """Returns when the first report was of the first row of good reports; None if none was."""
    row = goal_of(run.config).first_solved(run.metrics.read())
    if row is None:
        return None
    return SolvedAt(int(row["sequences"]), row["seconds"], int(row["steps"]))


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
        ValueError: there are no runs.
    """
    if not runs:
        raise ValueError("expected the folder of a run or of several, got none")
    scores = [mean_scores(run, quantity) for run in runs]
    lengths = sorted(set.intersection(*map(set, scores)))
    noun = {"bit_errors": "wrong", "cost_bits": "cost"}[quantity]
    columns = ["seed", "solved after", "seconds", "total seconds"]
    columns += [f"{noun} at {length:,}" for length in lengths]
    lines = table_head(columns)
    solved_runs = [solved_at(run) for run in runs]
    for run, solved, by_length in zip(runs, solved_runs, scores, strict=True):
        total = run.metrics.read()[-1]["seconds"]
        when = ("not", "") if solved is None else (f"{solved.sequences:,}", f"{solved.seconds:.0f}")
        figures = [figure(by_length[length]) for length in lengths]
        lines.append(table_row([str(run.config.seed), *when, f"{total:.0f}", *figures]))
    middle = {length: median(score[length] for score in scores) for length in lengths}
    sequences = solved_summary([solved and solved.sequences for solved in solved_runs])
    seconds = solved_summary([solved and solved.seconds for solved in solved_runs])
    when = ("not", "")
    if math.isfinite(sequences.median):
        when = (f"{sequences.median:,.0f}", f"{seconds.median:.0f}")
    total = median(run.metrics.read()[-1]["seconds"] for run in runs)
    cells = [f"median ({sequences.number} of {len(runs)} solved)", *when, f"{total:.0f}"]
    lines.append(table_row([*cells, *(figure(middle[length]) for length in lengths)]))
    return "\n".join(lines)
