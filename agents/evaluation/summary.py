"""Runs side by side: when each solved its task, and its wrong bits or cost at each length."""

import math
from collections.abc import Callable, Iterable, Sequence
from statistics import median
from typing import Literal, NamedTuple, TypeVar

from agents.evaluation.markdown import count, figure, table
from agents.evaluation.scores import read_scores
from agents.storage.runs import Run
from agents.training.goals import goal_of

Item = TypeVar("Item")
Key = TypeVar("Key")


def grouped(items: Iterable[Item], key: Callable[[Item], Key]) -> dict[Key, list[Item]]:
    """Returns the items of each key, both in the order in which they first come."""
    groups: dict[Key, list[Item]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return groups


class SolvedAt(NamedTuple):
    """When a run solved its task: training sequences, seconds and environment steps until then."""

    sequences: int
    seconds: float
    steps: int


class Solved(NamedTuple):
    """How soon several runs solved their task; infinite where one did not."""

    number: int
    median: float
    least: float
    most: float

    def spread(self, without: str = "not") -> str:
        """Returns median and range; the words where a run did not solve it."""
        middle, least, most = (
            count(each, without) for each in (self.median, self.least, self.most)
        )
        return f"{middle} [{least}-{most}]"


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


Measure = Literal["bit_errors", "cost_bits"]


def mean_scores(run: Run, agent: str, quantity: Measure = "bit_errors") -> dict[int, float]:
    """Returns wrong bits or cost per sequence by length, from `evaluation.json`.

    Args:
        run: the run.
        agent: whose: "random", "oracle" or the name of the run's cell.
        quantity: wrong bits, or cost in bits.

    Raises:
        RunError: the run has not been evaluated.
    """
    return {
        score.length: getattr(score, quantity) for score in read_scores(run) if score.agent == agent
    }


def markdown_table(runs: Sequence[Run], quantity: Measure = "bit_errors") -> str:
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
    scores = [mean_scores(run, run.config.cell.name, quantity) for run in runs]
    lengths = sorted(set.intersection(*map(set, scores)))
    noun = {"bit_errors": "wrong", "cost_bits": "cost"}[quantity]
    columns = ["seed", "solved after", "seconds", "total seconds"]
    columns += [f"{noun} at {length:,}" for length in lengths]
    solved = [solved_at(run) for run in runs]
    sequences: list[float | None] = [each and each.sequences for each in solved]
    seconds = [each and each.seconds for each in solved]
    totals = [run.metrics.read()[-1]["seconds"] for run in runs]
    names = [str(run.config.seed) for run in runs]
    middle = solved_summary(sequences)
    # Below the runs, their medians.
    names.append(f"median ({middle.number} of {len(runs)} solved)")
    sequences.append(middle.median)
    seconds.append(solved_summary(seconds).median)
    totals.append(median(totals))
    scores.append({length: median(each[length] for each in scores) for length in lengths})
    rows = (
        [name, count(after), count(until, ""), count(total), *(figure(own[n]) for n in lengths)]
        for name, after, until, total, own in zip(
            names, sequences, seconds, totals, scores, strict=True
        )
    )
    return table(columns, rows)
