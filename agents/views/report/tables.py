"""The page's tables: the summary, the leaderboard and every seed."""

import math
from collections.abc import Sequence
from typing import NamedTuple

from agents.evaluation.bootstrap import Estimate
from agents.evaluation.markdown import figure
from agents.views.report.results import BENCHMARK, Results
from agents.views.report.standings import Standing, tested_lengths


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: what stands in it.
        order: the number by which it is sorted; None to sort by the text.
    """

    text: str
    order: float | None = None


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
    rows = []
    for task, of_task in found.items():
        for standing in of_task:
            reach = standing.reach
            rows.append(
                [
                    *[Cell(task)] * several,
                    Cell(standing.name),
                    _solved(standing),
                    _effort(results, standing),
                    Cell("-", -1.0) if reach is None else Cell(f"{reach:,}", reach),
                ]
            )
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
                _effort(results, standing),
                *(_estimate(estimate, standing.seeds) for estimate in estimates),
            ]
        )
    return Table(f"Leaderboard of {task}", columns, rows)


def seed_table(results: Results, task: str) -> Table:
    """Returns every run or job of a task."""
    kind, entries = results.kind, results.of_task(task)
    unit = "steps" if kind is BENCHMARK else "sequences"
    lengths = tested_lengths(entries)
    columns = [kind.who, "seed", "solved"] + ["solved after"] * (kind is not BENCHMARK)
    columns += [f"{unit} in all", "seconds in all"]
    rows = []
    for entry in entries:
        after = [_count(entry.effort, kind.without)] * (kind is not BENCHMARK)
        rows.append(
            [
                Cell(entry.place.variant),
                Cell(str(entry.place.seed), entry.place.seed),
                Cell("yes" if entry.solved else "no"),
                *after,
                _count(entry.trained, "-"),
                _count(entry.seconds, "-"),
                *(_number(entry.scores.get(length)) for length in lengths),
            ]
        )
    columns += [_at(results, task, length) for length in lengths]
    return Table(f"Every seed of {task}", columns, rows)


def count_text(results: Results, count: float) -> str:
    """Returns an effort as it stands in tables and sentences."""
    return _count(count, results.kind.without).text


def _solved(standing: Standing) -> Cell:
    return Cell(f"{standing.solved} of {standing.seeds}", standing.solved / standing.seeds)


def _effort(results: Results, standing: Standing) -> Cell:
    effort = standing.effort
    middle, least, most = (
        count_text(results, count) for count in (effort.median, effort.least, effort.most)
    )
    if least == most:  # one seed, or nothing known of any
        return Cell(middle, effort.median)
    return Cell(f"{middle} [{least}-{most}]", effort.median)


def _at(results: Results, task: str, length: int) -> str:
    noun = "score" if results.kind is BENCHMARK else "wrong"
    longest = results.longest_trained.get(task)
    beyond = longest is not None and length > longest
    return f"{noun} at {length:,}" + " (beyond)" * beyond


def _estimate(estimate: Estimate | None, seeds: int) -> Cell:
    """The mean and its interval, which one seed alone does not have."""
    if estimate is None:
        return _number(None)
    interval = f" [{figure(estimate.low)}, {figure(estimate.high)}]" if seeds > 1 else ""
    return Cell(figure(estimate.mean) + interval, estimate.mean)


def _number(value: float | None) -> Cell:
    return Cell("-", math.inf) if value is None else Cell(figure(value), value)


def _count(value: float | None, without: str) -> Cell:
    if value is None or not math.isfinite(value):
        return Cell(without, math.inf)
    return Cell(f"{value:,.0f}", value)
