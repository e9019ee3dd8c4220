"""All that is written of a benchmark: scores.csv, curves.csv, leaderboard.md and the pictures."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.evaluation.bootstrap import Estimate, means_over_runs, pooled_means
from agents.evaluation.markdown import table_head, table_row
from agents.experiments.benchmark.figures import draw_profiles, draw_sample_efficiency
from agents.experiments.benchmark.job import BenchmarkJob, Result
from agents.storage.files import replacing, write_csv

Results = Sequence[tuple[BenchmarkJob, Result]]


class Row(NamedTuple):
    """One run at one length; a row of scores.csv.

    Attributes:
        env_id: id of the environment.
        agent: the entrant's name.
        seed: the seed.
        length: the length of the held-out tapes.
        beyond: whether it is longer than those of training.
        episodes: number of tapes.
        mean_return: mean over tapes.
        oracle_return: the oracle's on the same tapes.
        score: 0 for random answers, 1 for the oracle's.
        perfect: fraction of tapes without a wrong bit.
        env_steps: environment steps of the training; None if not known.
        seconds: of the training; None if not known.
    """

    env_id: str
    agent: str
    seed: int
    length: int
    beyond: bool
    episodes: int
    mean_return: float
    oracle_return: float
    score: float
    perfect: float
    env_steps: int | None
    seconds: float | None


class Point(NamedTuple):
    """A point of a learning curve; a row of curves.csv."""

    env_id: str
    agent: str
    seed: int
    env_steps: int
    mean_return: float


def normalised(mean_return: float, oracle_return: float, random_return: float = 0.0) -> float:
    """Returns a score: 0 for random answers, 1 for the oracle's.

    Args:
        mean_return: an agent's return.
        oracle_return: the oracle's.
        random_return: of coin flips; 0 is what they earn on average, whatever task and length.

    Raises:
        ValueError: the oracle earns no more than coin flips, so that nothing lies between them.
    """
    if not oracle_return > random_return:
        raise ValueError(
            f"expected an oracle's return above {random_return}, got {oracle_return}: are the "
            "episodes too few?"
        )
    return (mean_return - random_return) / (oracle_return - random_return)


def write_leaderboard(results: Results, command: str, folder: Path) -> str:
    """Writes CSV files, tables and pictures into a folder; returns `leaderboard.md`.

    Args:
        results: the jobs that are done and what came of each.
        command: the command line that did them.
        folder: the benchmark's folder.

    Raises:
        ValueError: the oracle earns no more than coin flips in any environment. One in which it
            does is left out, which the text says.
    """
    rows: list[Row] = []
    left_out: dict[str, str] = {}
    for job, result in results:
        try:
            rows += _rows(job, result)
        except ValueError as error:
            left_out[job.trial.env_id] = str(error)
    rows = [row for row in rows if row.env_id not in left_out]
    if not rows:
        raise ValueError(f"no environment could be scored: {left_out}")
    write_csv(rows, folder / "scores.csv", Row._fields)
    points = [
        Point(job.trial.env_id, job.entrant.name, job.trial.seed, *point)
        for job, result in results
        for point in result.curve
        if job.trial.env_id not in left_out
    ]
    write_csv(points, folder / "curves.csv", Point._fields)
    parts = ["# Leaderboard", f"```bash\n{command}\n```", _explanation(rows[0].episodes)]
    names = list(dict.fromkeys(row.agent for row in rows))
    envs = list(dict.fromkeys(row.env_id for row in rows))
    parts += [f"`{env_id}` is left out: {reason}" for env_id, reason in left_out.items()]
    if len(envs) > 1 and score_table(rows):
        parts += _overall(rows, names, envs, folder)
    for env_id in envs:
        own = [row for row in rows if row.env_id == env_id]
        parts += _of_environment(env_id, own, names, folder)
        learned = [point for point in points if point.env_id == env_id]
        if learned:
            best = float(np.mean([row.oracle_return for row in own]))
            path = folder / f"{env_id}-learning.png"
            drawn = draw_sample_efficiency(_curves(learned), names, best, env_id, path)
            parts.append(_image(drawn))
    text = "\n\n".join(parts) + "\n"
    with replacing(folder / "leaderboard.md") as path:
        path.write_text(text, encoding="utf-8")
    return text


def _rows(job: BenchmarkJob, result: Result) -> Iterator[Row]:
    for score in result.scores:
        yield Row(
            job.trial.env_id,
            job.entrant.name,
            job.trial.seed,
            score.length,
            score.length > job.trial.trained[1],
            job.episodes,
            score.mean_return,
            score.oracle_return,
            normalised(score.mean_return, score.oracle_return),
            score.perfect,
            result.steps,
            result.seconds,
        )


def _explanation(episodes: int) -> str:
    return (
        "A score is an agent's mean return divided by the oracle's on the same held-out tapes, "
        f"{episodes:,} of each length: 0 for random answers, 1 for the oracle. Tables show the "
        "interquartile mean over seeds, and over lengths where there are several, with the 95 % "
        "interval of a stratified bootstrap if there are several seeds; over all environments, of "
        "each seed's means over the lengths of an environment, so that environments count alike. "
        "Lengths in italics are beyond those of training. Environment steps and seconds are those "
        "of the training, mean over seeds; those of the right answers, where an agent learned from "
        "such; - where they are not known."
    )


def _overall(
    rows: Sequence[Row], names: Sequence[str], envs: Sequence[str], folder: Path
) -> Iterator[str]:
    """Yields the parts about all environments, of the entrants that are in each of them."""
    parts = rows, [row for row in rows if not row.beyond], [row for row in rows if row.beyond]
    tables = [environment_table(part) for part in parts]
    samples, means = tables[0], [pooled_means(table) for table in tables]
    yield "## All environments"
    yield f"{', '.join(envs)}. Agents with equally many seeds in each of them."
    lines = table_head(["agent", "seeds", "all lengths", "lengths of training", "beyond"])
    for name in _best_first(means[0]):
        runs = len(samples[name])
        cells = [_estimate(part.get(name), runs) for part in means]
        lines.append(table_row([_code(name), str(runs), *cells]))
    yield "\n".join(lines)
    path = folder / "all.png"
    yield _image(draw_profiles(samples, names, "all environments", "environments", path))


def _of_environment(
    env_id: str, rows: Sequence[Row], names: Sequence[str], folder: Path
) -> Iterator[str]:
    """Yields the parts about one environment."""
    samples = score_table(rows)
    pooled, by_length = pooled_means(samples), means_over_runs(samples)
    yield f"## {env_id}"
    columns = {row.length: f"*{row.length:,}*" if row.beyond else f"{row.length:,}" for row in rows}
    first = ["agent", "seeds", "env steps", "seconds", "all lengths"]
    lines = table_head([*first, *(f"at {column}" for column in columns.values())])
    for name in _best_first(pooled):
        own = [row for row in rows if row.agent == name]
        effort = [_mean([row.env_steps for row in own]), _mean([row.seconds for row in own])]
        runs = len(samples[name])
        scores = [_estimate(each, runs) for each in (pooled[name], *by_length[name])]
        lines.append(table_row([_code(name), str(runs), *effort, *scores]))
    yield "\n".join(lines)
    path = folder / f"{env_id}.png"
    yield _image(draw_profiles(samples, names, env_id, "lengths", path))


def score_table(rows: Sequence[Row]) -> dict[str, NDArray[np.float64]]:
    """Returns each entrant's scores, float64[runs, tasks]; a task is an environment and a length.

    Entrants that lack a task, or have more runs of one than of another, are left out.
    """
    tasks = list(dict.fromkeys((row.env_id, row.length) for row in rows))
    found: dict[str, dict[tuple[str, int], list[float]]] = {}
    for row in sorted(rows, key=lambda row: row.seed):
        of_tasks = found.setdefault(row.agent, {task: [] for task in tasks})
        of_tasks[row.env_id, row.length].append(row.score)
    return {
        name: np.array(list(scores.values())).T
        for name, scores in found.items()
        if len({len(runs) for runs in scores.values()}) == 1
    }


def environment_table(rows: Sequence[Row]) -> dict[str, NDArray[np.float64]]:
    """Returns each entrant's means over the lengths of an environment, float64[runs, environments].

    An environment with many lengths counts no more than others then. Entrants are left out as in
    `score_table`.
    """
    envs = dict.fromkeys(row.env_id for row in rows)
    tables = [score_table([row for row in rows if row.env_id == env_id]) for env_id in envs]
    return {
        name: np.stack([table[name].mean(axis=1) for table in tables], axis=1)
        for name in score_table(rows)
    }


def _curves(points: Sequence[Point]) -> dict[str, list[list[tuple[int, float]]]]:
    """Returns each entrant's learning curves, one for each seed."""
    curves: dict[str, dict[int, list[tuple[int, float]]]] = {}
    for point in points:
        of_seeds = curves.setdefault(point.agent, {})
        of_seeds.setdefault(point.seed, []).append((point.env_steps, point.mean_return))
    return {name: list(of_seeds.values()) for name, of_seeds in curves.items()}


def _best_first(means: dict[str, Estimate]) -> list[str]:
    return sorted(means, key=lambda name: -means[name].mean)


def _estimate(estimate: Estimate | None, runs: int) -> str:
    """The mean and its interval, which one run alone does not have."""
    if estimate is None:
        return "-"
    if runs == 1:
        return f"{estimate.mean:.3f}"
    return f"{estimate.mean:.3f} [{estimate.low:.3f}, {estimate.high:.3f}]"


def _mean(values: Sequence[float | None]) -> str:
    known = [value for value in values if value is not None]
    return f"{np.mean(known):,.0f}" if known and len(known) == len(values) else "-"


def _code(name: str) -> str:
    return f"`{name}`"


def _image(path: Path) -> str:
    return f"![{path.stem}]({path.name})"
