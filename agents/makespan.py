"""How long a sweep takes on a number of cores, computed from how long its runs took."""

import heapq
from collections.abc import Sequence
from typing import NamedTuple


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
