"""Reads a folder of results, which somebody else may have written."""

import math
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path

import numpy as np

from agents.evaluation.scores import read_scores
from agents.evaluation.summary import mean_scores, solved_at
from agents.experiments.benchmark.leaderboard import Point
from agents.experiments.benchmark.leaderboard import Row as BenchmarkRow
from agents.experiments.comparison.figures import LABELS
from agents.experiments.comparison.plan import Place
from agents.experiments.comparison.scores import Row as ComparisonRow
from agents.storage.files import RunError, read_csv, read_file, read_json
from agents.storage.metrics import LARGEST_TABLE
from agents.storage.runs import Run
from agents.training.reports import return_curve
from agents.views.report.results import BENCHMARK, COMPARISON, RUN, Curve, Entry, Results
from ntm_gym import PROTOCOLS

QUANTITIES = {str(name): label for name, label in LABELS.items()}
QUANTITIES["mean_return"] = "return of training episodes"
"""What is shown of a run's reports: columns of `metrics.csv`, and what they are."""


def read_results(folder: Path) -> Results:
    """Reads a run's folder, or one that `scripts/compare.py` or `scripts/benchmark.py` wrote.

    What is missing or damaged beside the scores is said in the results.

    Raises:
        RunError: the folder holds none of these, or its scores are damaged.
    """
    scores = folder / "scores.csv"
    try:
        if (folder / "config.json").is_file():
            results = _read_run(folder)
        elif not scores.exists():
            results = _read_unfinished(folder)
        elif read_file(scores, LARGEST_TABLE).startswith(b"env_id,"):
            results = _read_benchmark(folder)
        else:
            results = _read_comparison(folder)
        _check_entries(results)
    except (OSError, ValueError) as error:
        raise RunError(f"expected results in {folder}, got {error}") from error
    return results


def _read_run(folder: Path) -> Results:
    run = Run.open(folder)
    place = Place(run.config.name, folder.resolve().name, run.config.seed)
    results = Results(folder, RUN)
    _add_run(results, place, run)
    results.entries.append(_entry_of_run(place, run))
    if not results.entries[0].scores and run.config.task is not None:
        results.missing.append(
            "The run has not been evaluated, so nothing is known of other lengths: "
            "scripts/evaluate.py does that."
        )
    return results


def _read_comparison(folder: Path) -> Results:
    results = Results(folder, COMPARISON)
    _add_runs(results, "*/*/*/config.json")
    rows = read_csv(folder / "scores.csv", ComparisonRow, LARGEST_TABLE)
    for place, group in groupby(rows, lambda row: Place(*row[:3])):
        own = list(group)
        results.entries.append(_entry_of_rows(place, own))
        random_scores = {row.length: row.random_bit_errors for row in own}
        results.random_scores.setdefault(place.task, random_scores)
    for task in results.tasks:
        if task in PROTOCOLS:  # a run that is there says what it was
            results.longest_trained.setdefault(task, PROTOCOLS[task].max_length)
    scored = {entry.place for entry in results.entries}
    if not results.runs:
        results.drawn = sorted([*folder.glob("*-cost.png"), *folder.glob("*-errors.png")])
        results.missing.append(
            "The runs' own folders are not here, only their scores: there are no learning curves "
            "to move over, no pictures of heads, no settings and no versions of the runs."
        )
    elif scored - set(results.runs):
        lost = ", ".join("/".join(map(str, place)) for place in sorted(scored - set(results.runs)))
        results.missing.append(f"Scores without a run's folder: {lost}.")
    if newer := sorted(set(results.runs) - scored):
        lost = ", ".join("/".join(map(str, place)) for place in newer)
        results.missing.append(f"Runs that are not among the scores yet: {lost}.")
    return results


def _read_unfinished(folder: Path) -> Results:
    """Reads a comparison that has not written its scores yet: all of its runs that have reports."""
    results = Results(folder, COMPARISON)
    _add_runs(results, "*/*/*/config.json")
    results.entries = [_entry_of_run(*found) for found in results.runs.items()]
    if not results.entries:
        raise RunError(
            "expected a run, or a folder that scripts/compare.py or scripts/benchmark.py wrote, "
            f"got {folder}"
        )
    results.missing.append(
        "There is no scores.csv: the comparison has not ended. Runs without an evaluation "
        "have no scores here."
    )
    return results


def _read_benchmark(folder: Path) -> Results:
    results = Results(folder, BENCHMARK)
    rows = read_csv(folder / "scores.csv", BenchmarkRow, LARGEST_TABLE)
    for place, group in groupby(rows, lambda row: Place(*row[:3])):
        own = list(group)
        results.entries.append(_entry_of_benchmark(place, own))
        trained = [row.length for row in own if not row.beyond]
        longest = results.longest_trained.get(place.task, 0)
        results.longest_trained[place.task] = max([longest, *trained])
        results.random_scores[place.task] = {row.length: 0.0 for row in own}
    try:
        points = read_csv(folder / "curves.csv", Point, LARGEST_TABLE)
    except (OSError, ValueError) as error:
        points = []
        results.missing.append(f"No learning curves: {error}.")
    for place, curve in groupby(points, lambda point: Place(*point[:3])):
        steps, returns = np.array([point[3:] for point in curve], float).T
        results.curves.append(Curve(place, QUANTITIES["mean_return"], (steps, returns)))
    for place, path in _places(folder, "*/*/*/result.json"):
        try:
            results.records[place] = dict(read_json(path))
        except (OSError, ValueError, TypeError) as error:
            results.missing.append(f"No settings of {'/'.join(map(str, place))}: {error}.")
    if not results.records:
        results.missing.append(
            "The jobs' own folders are not here, only their scores: there are no settings."
        )
    for place, path in _places(folder, "*/*/*/run/config.json"):
        try:
            results.runs[place] = Run.open(path.parent)
            # The job's own settings and command, with the versions that its run has recorded.
            results.records[place] = {**read_json(path), **results.records.get(place, {})}
        except RunError as error:
            results.missing.append(f"{error}.")
    return results


def _places(folder: Path, pattern: str) -> Iterator[tuple[Place, Path]]:
    """Yields the files TASK/NAME/SEED/... of that pattern and their places, in order of seeds."""
    found = []
    for path in folder.glob(pattern):
        task, name, seed = path.relative_to(folder).parts[:3]
        if seed.isdecimal() and len(seed) < 20:
            found.append((Place(task, name, int(seed)), path))
    yield from sorted(found)


def _add_runs(results: Results, pattern: str) -> None:
    for place, path in _places(results.folder, pattern):
        try:
            _add_run(results, place, Run.open(path.parent))
        except RunError as error:
            results.missing.append(f"{error}.")


def _add_run(results: Results, place: Place, run: Run) -> None:
    """Adds what a run's folder tells beside its own scores; without reports, only its settings."""
    results.records[place] = dict(read_json(run.folder / "config.json"))
    if run.config.task is not None:
        results.longest_trained[place.task] = run.config.max_length
    if (run.folder / "evaluation.json").exists():
        results.random_scores.setdefault(
            place.task,
            {each.length: each.bit_errors for each in read_scores(run) if each.agent == "random"},
        )
    if not run.metrics.path.exists():
        results.missing.append(f"No reports yet: {'/'.join(map(str, place))}.")
        return
    metrics = run.metrics.read()
    # A task's errors are no numbers in an environment that is no task's.
    points: dict[str, Sequence[tuple[float, float]]] = {
        column: [
            (row["sequences"], row[column])
            for row in metrics
            if math.isfinite(row.get(column, math.nan))
        ]
        for column in LABELS
    }
    points["mean_return"] = return_curve(metrics)
    for column, quantity in QUANTITIES.items():
        if points[column]:
            efforts, values = np.array(points[column], float).T
            results.curves.append(Curve(place, quantity, (efforts, values)))
    results.runs[place] = run


def _entry_of_run(place: Place, run: Run) -> Entry:
    solved, last = solved_at(run), run.metrics.read()[-1]
    evaluated = (run.folder / "evaluation.json").exists()
    scores = mean_scores(run, "bit_errors") if evaluated else {}
    effort = None if solved is None else solved.sequences
    flawless = frozenset(length for length, wrong in scores.items() if wrong == 0)
    numbers = last["sequences"], last["seconds"]
    return Entry(place, solved is not None, effort, *numbers, scores, flawless)


def _entry_of_rows(place: Place, rows: Sequence[ComparisonRow]) -> Entry:
    first = rows[0]
    return Entry(
        place,
        first.solved_sequences is not None,
        first.solved_sequences,
        first.sequences,
        first.total_seconds,
        {row.length: row.bit_errors for row in rows},
        frozenset(row.length for row in rows if row.bit_errors == 0),
    )


def _entry_of_benchmark(place: Place, rows: Sequence[BenchmarkRow]) -> Entry:
    flawless = frozenset(row.length for row in rows if row.perfect == 1)
    trained = {row.length for row in rows if not row.beyond}
    return Entry(
        place,
        bool(trained) and trained <= flawless,
        rows[0].env_steps,
        rows[0].env_steps,
        rows[0].seconds,
        {row.length: row.score for row in rows},
        flawless,
    )


def _check_entries(results: Results) -> None:
    """Raises ValueError unless there is something, each place once, and lengths are some."""
    places = [entry.place for entry in results.entries]
    if not places:
        raise ValueError("no rows")
    if len(set(places)) < len(places):
        raise ValueError("rows of the same task, name and seed that do not follow one another")
    for entry in results.entries:
        if not all(0 < length < 2**31 for length in entry.scores):
            raise ValueError(f"a length that no sequence has, of {entry.place}")
