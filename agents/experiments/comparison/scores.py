"""A plan's runs side by side: all scores as rows, and the tables of a task."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from agents.evaluation.bootstrap import Estimate, means_over_runs
from agents.evaluation.markdown import interval, table
from agents.evaluation.pictures import LearningCurve
from agents.evaluation.scores import read_scores
from agents.evaluation.summary import grouped, solved_at, solved_summary
from agents.experiments.comparison.figures import Curves
from agents.experiments.comparison.plan import Place
from agents.storage.runs import Run


class Row(NamedTuple):
    """One run at one length of its evaluation; a row of the CSV file.

    Attributes:
        task: the task's short name.
        variant: the variant's name.
        seed: the seed.
        solved_sequences: training sequences until the task was solved; None if it was not.
        solved_steps: environment steps until then.
        solved_seconds: seconds until then.
        total_seconds: seconds of the whole training.
        sequences: sequences of the whole training.
        length: the length of the tapes.
        slots: memory slots at this length; None without a memory.
        bit_errors: wrong bits per tape, mean.
        perfect: fraction of tapes without a wrong bit.
        cost_bits: what the answers cost, mean over tapes.
        random_bit_errors: wrong bits of the random agent.
        oracle_bit_errors: wrong bits of the oracle.
    """

    task: str
    variant: str
    seed: int
    solved_sequences: int | None
    solved_steps: int | None
    solved_seconds: float | None
    total_seconds: float
    sequences: int
    length: int
    slots: int | None
    bit_errors: float
    perfect: float
    cost_bits: float
    random_bit_errors: float
    oracle_bit_errors: float


def collect(place: Place, run: Run, lengths: Sequence[int]) -> Iterator[Row]:
    """Yields a run's rows.

    Raises:
        RunError: the run has not been trained or evaluated.
    """
    solved, last = solved_at(run), run.metrics.read()[-1]
    scores = {(score.agent, score.length): score for score in read_scores(run)}
    for length in lengths:
        own = scores[run.config.cell.name, length]
        yield Row(
            **place._asdict(),
            solved_sequences=solved and solved.sequences,
            solved_steps=solved and solved.steps,
            solved_seconds=solved and solved.seconds,
            total_seconds=last["seconds"],
            sequences=int(last["sequences"]),
            length=length,
            slots=own.slots,
            bit_errors=own.bit_errors,
            perfect=own.perfect,
            cost_bits=own.cost_bits,
            random_bit_errors=scores["random", length].bit_errors,
            oracle_bit_errors=scores["oracle", length].bit_errors,
        )


def interquartile_means(rows: Sequence[Row]) -> dict[str, dict[int, Estimate]]:
    """Returns the wrong bits of each variant at each length, over its seeds.

    The interval is a bootstrap over seeds, see `agents.evaluation.bootstrap`.

    Args:
        rows: rows of one task, for each seed those of all lengths.
    """
    lengths = list(dict.fromkeys(row.length for row in rows))
    samples = {
        variant: np.array([row.bit_errors for row in group]).reshape(-1, len(lengths))
        for variant, group in grouped(rows, lambda row: row.variant).items()
    }
    return {
        variant: dict(zip(lengths, estimates, strict=True))
        for variant, estimates in means_over_runs(samples).items()
    }


def comparison_table(
    rows: Sequence[Row],
    estimates: Mapping[str, Mapping[int, Estimate]],
    failed: Mapping[str, int] | None = None,
    by_reward: bool = False,
) -> str:
    """Returns a Markdown table of one task with a row for each variant.

    Args:
        rows: rows of one task.
        estimates: what `interquartile_means` says of them.
        failed: how many more runs of each variant failed; they count as not solved.
        by_reward: whether a variant learns by reward, so that environment steps matter.
    """
    columns = ["variant", "solved", "sequences until solved"]
    columns += ["environment steps until then"] * by_reward
    columns += [f"wrong at {length:,}" for length in next(iter(estimates.values()))]
    lines = []
    for variant, group in grouped(rows, lambda row: row.variant).items():
        runs = list({row.seed: row for row in group}.values())
        lost: list[float | None] = [None] * (failed or {}).get(variant, 0)
        solved = solved_summary([run.solved_sequences for run in runs] + lost)
        cells = [f"`{variant}`", f"{solved.number} of {len(runs) + len(lost)}", solved.spread()]
        if by_reward:
            cells.append(solved_summary([run.solved_steps for run in runs] + lost).spread())
        cells += [interval(estimate, len(runs)) for estimate in estimates[variant].values()]
        lines.append(cells)
    return table(columns, lines)


def marks(curves: Curves) -> list[int]:
    """Returns 3, 10, 30, ... environment steps, from the first report to beyond the last one."""
    every = [steps for group in curves.values() for steps, _ in group]
    first, last = min(steps[0] for steps in every), max(steps[-1] for steps in every)
    found = sorted(factor * 10**power for power in range(12) for factor in (1, 3))
    return [
        mark
        for before, mark in itertools.pairwise(found)
        if first <= mark and before < last  # so that the last mark shows how all of them ended
    ]


def returns_table(curves: Curves) -> str:
    """Returns a Markdown table: each variant's return after so many environment steps.

    The return is that of a run's last report until then, the mean over the training episodes since
    the report before; the last one of all, once the training has ended.
    """
    columns = marks(curves)

    def cell(group: Sequence[LearningCurve], mark: int) -> str:
        if any(steps[0] > mark for steps, _ in group):
            return ""
        found = [values[steps <= mark][-1] for steps, values in group]
        spread = (float(np.median(found)), min(found), max(found))
        middle, least, most = (f"{round(float(value), 3) + 0.0:.3f}" for value in spread)
        return f"{middle} [{least}, {most}]"

    rows = (
        [f"`{name}`", *(cell(group, mark) for mark in columns)] for name, group in curves.items()
    )
    return table(["return after steps", *(f"{mark:,}" for mark in columns)], rows)
