"""The page's tables: the summary, the leaderboard and every seed."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from agents.evaluation.markdown import count, figure, interval
from agents.evaluation.summary import Solved
from agents.views.report.results import BENCHMARK, Kind, Results
from agents.views.report.standings import Standing, tested_lengths


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: what stands in it.
        order: the number by which it is sorted; None to sort by the text.
    """

    text: str
    order: float | None = None


NONE = Cell("-", math.inf)
"""Where there is no score."""


class Table(NamedTuple):
    """A table of the page.

    Attributes:
        caption: what it says.
        columns: names of the columns.
        rows: its rows, a cell for each column.
    """

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]


def summary_table(results: Results, found: dict[str, list[Standing]]) -> Table:
    """Returns who solves what, how soon and how far it holds, for all tasks."""
    kind = results.kind
    several = len(found) > 1
    rows = [
        [
            *[Cell(task)] * several,
            Cell(standing.name),
            _solved(standing),
            _effort(kind, standing.effort),
            Cell(count(standing.reach, "-"), standing.reach or -1.0),
        ]
        for task, standings in found.items()
        for standing in standings
    ]
    columns = ["task"] * several
    columns += [kind.who, "solved", kind.effort, "no error up to length"]
    return Table("Who solves what, how soon, how far", columns, rows)


def leaderboard(results: Results, task: str, found: Sequence[Standing]) -> Table:
    """Returns the scores of a task with their intervals, the best first."""
    lengths = next((list(each.scores) for each in found if each.scores), [])
    pooled = any(standing.pooled for standing in found)
    columns = ["rank", results.kind.who, "seeds", "solved", results.kind.effort]
    columns += ["all lengths"] * pooled + [_at(results, task, length) for length in lengths]
    rows = []
    for rank, standing in enumerate(found, 1):
        estimates = [standing.pooled] * pooled + [standing.scores.get(each) for each in lengths]
        rows.append(
            [
                Cell(str(rank), rank),
                Cell(standing.name),
                Cell(str(standing.seeds), standing.seeds),
                _solved(standing),
                _effort(results.kind, standing.effort),
                *(
                    Cell(interval(estimate, standing.seeds), estimate.mean) if estimate else NONE
                    for estimate in estimates
                ),
            ]
        )
    return Table(f"Leaderboard of {task}", columns, rows)


def seed_table(results: Results, task: str) -> Table:
    """Returns every run or job of a task."""
    kind, entries = results.kind, results.of_task(task)
    lengths = tested_lengths(entries)
    after = kind is not BENCHMARK  # there, effort is that of the whole training
    columns = [kind.who, "seed", "solved", *["solved after"] * after]
    columns += [f"{kind.unit.split()[-1]} in all", "seconds in all"]
    columns += [_at(results, task, length) for length in lengths]
    rows = [
        [
            Cell(entry.place.variant),
            Cell(str(entry.place.seed), entry.place.seed),
            Cell("yes" if entry.solved else "no"),
            *[_count(entry.effort, kind.without)] * after,
            _count(entry.trained),
            _count(entry.seconds),
            *(_score(entry.scores.get(length)) for length in lengths),
        ]
        for entry in entries
    ]
    return Table(f"Every seed of {task}", columns, rows)


def _solved(standing: Standing) -> Cell:
    return Cell(f"{standing.solved} of {standing.seeds}", standing.solved / standing.seeds)


def _effort(kind: Kind, effort: Solved) -> Cell:
    if effort.least == effort.most:  # one seed, or nothing known of any
        return _count(effort.median, kind.without)
    return Cell(effort.spread(kind.without), effort.median)


def _at(results: Results, task: str, length: int) -> str:
    longest = results.longest_trained.get(task)
    beyond = longest is not None and length > longest
    return f"{results.kind.at} at {length:,}" + " (beyond)" * beyond


def _score(value: float | None) -> Cell:
    return NONE if value is None else Cell(figure(value), value)


def _count(value: float | None, without: str = "-") -> Cell:
    text = count(value, without)
    return Cell(text, math.inf if value is None or text == without else value)
