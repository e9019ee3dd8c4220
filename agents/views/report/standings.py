"""How the variants or agents of a task stand: who solves it, how soon, and how far it holds."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from agents.evaluation.bootstrap import Estimate, means_over_runs, pooled_means
from agents.evaluation.summary import Solved, grouped, solved_summary
from agents.views.report.results import Entry, Results


class Standing(NamedTuple):
    """How one variant or agent does on a task.

    Attributes:
        name: its name.
        seeds: number of seeds.
        solved: on how many of them it solved the task.
        effort: what that took; infinite where it is not known.
        reach: the longest length up to which no seed has a wrong answer at any length that was
            tested; None if there is none.
        scores: the interquartile mean at each length, with its interval.
        pooled: likewise of all lengths together; None where lengths cannot be compared.
    """

    name: str
    seeds: int
    solved: int
    effort: Solved
    reach: int | None
    scores: dict[int, Estimate]
    pooled: Estimate | None

    @property
    def untrained(self) -> bool:
        """Whether there was nothing to learn for it: random answers or the oracle."""
        return self.effort.most == 0


def tested_lengths(entries: Sequence[Entry]) -> list[int]:
    """Returns the lengths at which all entries that were evaluated have a score."""
    scored = [set(entry.scores) for entry in entries if entry.scores]
    return sorted(set.intersection(*scored)) if scored else []


def standings(results: Results, task: str) -> list[Standing]:
    """Returns how all variants or agents do on a task, the best first."""
    entries = results.of_task(task)
    lengths = tested_lengths(entries)
    groups = grouped(entries, lambda entry: entry.place.variant)
    samples = {
        name: np.array([[entry.scores[length] for length in lengths] for entry in scored])
        for name, group in groups.items()
        if lengths and (scored := [entry for entry in group if entry.scores])
    }
    means = means_over_runs(samples) if samples else {}
    # Wrong bits grow with the length; scores are fractions of what the oracle earns at each.
    pooled = pooled_means(samples) if samples and not results.kind.counted else {}
    found = [
        Standing(
            name,
            seeds=len(group),
            solved=sum(entry.solved for entry in group),
            effort=solved_summary([entry.effort for entry in group]),
            reach=_reach(group, lengths),
            scores=dict(zip(lengths, means.get(name, ()), strict=False)),
            pooled=pooled.get(name),
        )
        for name, group in groups.items()
    ]
    return sorted(found, key=_rank)


def _reach(entries: Sequence[Entry], lengths: Sequence[int]) -> int | None:
    reach = None
    for length in lengths:
        if not all(length in entry.flawless for entry in entries):
            break
        reach = length
    return reach


def _rank(standing: Standing) -> tuple[float, ...]:
    """What is less for who is better."""
    if standing.pooled is not None:
        return (-standing.pooled.mean,)
    wrong = [estimate.mean for estimate in standing.scores.values()] or [math.inf]
    return (-standing.solved / standing.seeds, standing.effort.median, wrong[-1])
