"""A plan's runs side by side: all scores as rows, and the table of a task."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np

from agents.evaluation.bootstrap import Estimate, means_over_runs
from agents.evaluation.markdown import figure, table_head, table_row
from agents.evaluation.scores import read_scores
from agents.evaluation.summary import Solved, solved_at, solved_summary
from agents.experiments.comparison.plan import Place
from agents.storage.runs import Run


class Row(NamedTuple):
    """One run at one length of its evaluation; a row of the CSV file.

    Attributes:
        task: the task's short name.
        variant: the variant's name.
        seed: the seed.
        solved_sequences: training sequences until the task was solved; None if it was not.
        solved_steps: environment steps until then; None of a run by right answers from before its
            reports told them, too.
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
            *place,
            solved and solved.sequences,
            solved and solved.steps,
            solved and solved.seconds,
            last["seconds"],
            int(last["sequences"]),
            length,
            own.slots,
            own.bit_errors,
            own.perfect,
            own.cost_bits,
            scores["random", length].bit_errors,
            scores["oracle", length].bit_errors,
        )


def interquartile_means(rows: Sequence[Row]) -> dict[str, dict[int, Estimate]]:
    """Returns the wrong bits of each variant at each length, over its seeds.

    The interval is a bootstrap over seeds, see `agents.evaluation.bootstrap`.

    Args:
        rows: rows of one task.
    """
    samples = {}
    for variant, group in _by_variant(rows).items():
        by_seed: dict[int, list[float]] = {}
        for row in group:
            by_seed.setdefault(row.seed, []).append(row.bit_errors)
        samples[variant] = np.array(list(by_seed.values()))
    lengths = list(dict.fromkeys(row.length for row in rows))
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
    lengths = list(next(iter(estimates.values())))
    columns = ["variant", "solved", "sequences until solved"]
    columns += ["environment steps until then"] * by_reward
    columns += [f"wrong at {length:,}" for length in lengths]
    lines = table_head(columns)
    for variant, group in _by_variant(rows).items():
        runs = {row.seed: row for row in group}
        lost: list[float | None] = [None] * (failed or {}).get(variant, 0)
        solved = solved_summary([row.solved_sequences for row in runs.values()] + lost)
        cells = [f"`{variant}`", f"{solved.number} of {len(runs) + len(lost)}", _spread(solved)]
        if by_reward:
            known = all(row.solved_steps for row in runs.values() if row.solved_sequences)
            steps = [row.solved_steps for row in runs.values()] + lost
            cells.append(_spread(solved_summary(steps)) if known else "")
        for length in lengths:
            mean, low, high = map(figure, estimates[variant][length])
            # One run alone has no interval.
            cells.append(f"{mean} [{low}, {high}]" if len(runs) > 1 else mean)
        lines.append(table_row(cells))
    return "\n".join(lines)


def _spread(solved: Solved) -> str:
    counts = (solved.median, solved.least, solved.most)
    middle, first, last = (f"{n:,.0f}" if math.isfinite(n) else "not" for n in counts)
    return f"{middle} [{first}-{last}]"


def _by_variant(rows: Sequence[Row]) -> dict[str, list[Row]]:
    groups: dict[str, list[Row]] = {}
    for row in rows:
        groups.setdefault(row.variant, []).append(row)
    return groups
