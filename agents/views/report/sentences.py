"""The summary in words: who solves what, how fast, how far."""

from collections.abc import Sequence

from agents.evaluation.markdown import count
from agents.views.report.results import Results
from agents.views.report.standings import Standing, tested_lengths


def task_sentences(results: Results, task: str, found: Sequence[Standing]) -> list[str]:
    """Returns what is to say first of a task.

    Args:
        results: the results.
        task: the task.
        found: how all stand on it.
    """
    learners = [standing for standing in found if not standing.untrained]
    if not learners:
        return ["Nothing was trained here."]
    return [
        _who(learners),
        *_how_fast(results, learners),
        *_how_far(results, task, learners),
    ]


def _who(learners: Sequence[Standing]) -> str:
    if len(learners) == 1:
        (only,) = learners
        if only.seeds == 1:
            return "It is solved." if only.solved else "It is not solved."
        return f"{only.name} solves it with {only.solved} of {_seeds(only.seeds)}."
    always = [standing for standing in learners if standing.solved == standing.seeds]
    if always:
        names = ", ".join(standing.name for standing in always)
        return f"{len(always)} of {len(learners)} solve it with every seed: {names}."
    best = max(learners, key=lambda standing: standing.solved / standing.seeds)
    if not best.solved:
        return f"None of {len(learners)} solves it with any seed."
    often = f"most often {best.name}, with {best.solved} of {_seeds(best.seeds)}"
    return f"None of {len(learners)} solves it with every seed; {often}."


def _how_fast(results: Results, learners: Sequence[Standing]) -> list[str]:
    solved = [each for each in learners if each.solved == each.seeds and each.effort.number]
    if not solved:
        return []
    fastest = min(solved, key=lambda standing: standing.effort.median)
    effort = fastest.effort
    middle, least, most = (
        count(each, results.kind.without) for each in (effort.median, effort.least, effort.most)
    )
    who = "Fastest is " + fastest.name + ", after" if len(solved) > 1 else "It takes"
    spread = f" (median; {least} to {most})" * (fastest.seeds > 1)
    return [f"{who} {middle} {results.kind.unit}{spread}."]


def _how_far(results: Results, task: str, learners: Sequence[Standing]) -> list[str]:
    lengths = tested_lengths(results.of_task(task))
    if not lengths:
        return ["Nothing was evaluated at other lengths."]
    farthest = max(standing.reach or 0 for standing in learners)
    if not farthest:
        return ["At the shortest length that was tested, each has errors with some seed."]
    names = ", ".join(standing.name for standing in learners if standing.reach == farthest)
    tested = "the longest tested" if farthest == lengths[-1] else f"of {lengths[-1]:,} tested"
    found = f"No error with any seed up to length {farthest:,}, {tested}"
    return [f"{found}: {names}." if len(learners) > 1 else f"{found}."]


def _seeds(count: int) -> str:
    return f"{count} seed" if count == 1 else f"{count} seeds"
