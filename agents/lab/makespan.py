"""How long a sweep takes on a number of cores, computed from how long its runs took."""

import csv
import heapq
from collections.abc import Iterable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import NamedTuple

from agents.evaluation.markdown import table_head, table_row


class Makespan(NamedTuple):
    """How long runs take on a number of cores.

    Attributes:
        cores: the cores.
        seconds: from the first run's start to the last run's end.
        least: no order of the runs takes less: the longest run, or all of them spread evenly.
        speedup: how many times sooner it ends than on one core.
        busy: the share of the cores' time that they work, from 0 to 1.
    """

    cores: int
    seconds: float
    least: float
    speedup: float
    busy: float


def makespan(runs: Sequence[float], cores: int) -> Makespan:
    """Computes how long runs take if each starts as soon as a core is free, in their order.

    Args:
        runs: the seconds of each run, positive; at least one run.
        cores: how many cores, at least 1, each of which does one run at a time.

    Raises:
        ValueError: there is no run or no core, or a run takes no time.
    """
    if not runs or min(runs) <= 0:
        raise ValueError(f"expected runs of some seconds each, got {list(runs)}")
    if cores < 1:
        raise ValueError(f"expected at least 1 core, got {cores}")
    free = [0.0] * min(cores, len(runs))  # when each core is free again
    for seconds in runs:
        heapq.heapreplace(free, free[0] + seconds)
    total, last = sum(runs), max(free)
    return Makespan(
        cores, last, max(max(runs), total / cores), total / last, total / (cores * last)
    )


def training_seconds(scores: Path, runs: int | None = None, more: float = 0.0) -> list[float]:
    """Returns how long each run of a comparison took, in the order in which they are begun.

    Args:
        scores: the comparison's `scores.csv`.
        runs: how many runs are wanted, at least 1; more than there are begin anew. All if None.
        more: seconds that are added to each run, at least 0.

    Raises:
        OSError: there is no such file.
        ValueError: it is of another kind, or a number is too small.
    """
    if runs is not None and runs < 1:
        raise ValueError(f"expected at least 1 run, got {runs}")
    if more < 0:
        raise ValueError(f"expected at least 0 seconds more, got {more}")
    seconds: dict[tuple[str, str, int], float] = {}
    try:
        with scores.open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):  # a row for each length of each run
                place = (row["task"], row["variant"], int(row["seed"]))
                seconds[place] = float(row["total_seconds"]) + more
    except KeyError as error:
        raise ValueError(f"expected a comparison's scores in {scores}, got no {error}") from error
    if not seconds:
        raise ValueError(f"expected a comparison's scores in {scores}, got none")
    # As `Plan.jobs` has them: the first seed of all tasks and variants comes first.
    begun = [seconds[place] for place in sorted(seconds, key=lambda place: place[2])]
    return list(islice(cycle(begun), runs or len(begun)))


def makespan_table(runs: Sequence[float], cores: Iterable[int]) -> str:
    """Returns a Markdown table of `makespan`, a row for each number of cores."""
    lines = table_head(["cores", "hours", "at least", "speedup", "busy"])
    for number in cores:
        result = makespan(runs, number)
        hours = [f"{seconds / 3600:,.2f}" for seconds in (result.seconds, result.least)]
        lines.append(
            table_row([f"{number:,}", *hours, f"{result.speedup:,.1f}", f"{result.busy:.0%}"])
        )
    return "\n".join(lines)
