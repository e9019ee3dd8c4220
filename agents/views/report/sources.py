"""Reads a folder of results, which somebody else may have written."""

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

import numpy as np

from agents.evaluation.pictures import COST, ERRORS, RETURN, learning_curve
from agents.evaluation.summary import mean_scores, solved_at
from agents.experiments.benchmark.leaderboard import Point
from agents.experiments.benchmark.leaderboard import Row as BenchmarkRow
from agents.experiments.comparison.plan import Place
from agents.experiments.comparison.scores import Row as ComparisonRow
from agents.storage.files import RunError, read_csv, read_file, read_json
from agents.storage.metrics import LARGEST_TABLE
from agents.storage.runs import Run
from agents.views.report.results import BENCHMARK, COMPARISON, RUN, Curve, Entry, Results
from ntm_gym import PROTOCOLS


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
    entry = _entry_of_run(place, run)
    results.entries.append(entry)
    if run.config.task and not entry.scores:
        results.missing.append(
            "The run has not been evaluated, so nothing is known of other lengths: "
            "scripts/evaluate.py does that."
        )
    return results


def _read_comparison(folder: Path) -> Results:
    results = Results(folder, COMPARISON)
    _add_runs(results)
    rows = read_csv(folder / "scores.csv", ComparisonRow, LARGEST_TABLE)
    for place, group in groupby(rows, lambda row: Place(row.task, row.variant, row.seed)):
        own = list(group)
        results.entries.append(
            Entry(
                place,
                solved=own[0].solved_sequences is not None,
                effort=own[0].solved_sequences,
                trained=own[0].sequences,
                seconds=own[0].total_seconds,
                scores={row.length: row.bit_errors for row in own},
                flawless=frozenset(row.length for row in own if row.bit_errors == 0),
            )
        )
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
    elif lost := scored - set(results.runs):
        results.missing.append(f"Scores without a run's folder: {_listed(lost)}.")
    if newer := set(results.runs) - scored:
        results.missing.append(f"Runs that are not among the scores yet: {_listed(newer)}.")
    return results


def _read_unfinished(folder: Path) -> Results:
    """Reads a comparison that has not written its scores yet: all of its runs that have reports."""
    results = Results(folder, COMPARISON)
    _add_runs(results)
    results.entries = [_entry_of_run(place, run) for place, run in results.runs.items()]
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
    for place, group in groupby(rows, lambda row: Place(row.env_id, row.agent, row.seed)):
        own = list(group)
        trained = {row.length for row in own if not row.beyond}
        flawless = frozenset(row.length for row in own if row.perfect == 1)
        results.entries.append(
            Entry(
                place,
                solved=bool(trained) and trained <= flawless,
                effort=own[0].env_steps,
                trained=own[0].env_steps,
                seconds=own[0].seconds,
                scores={row.length: row.score for row in own},
                flawless=flawless,
            )
        )
        longest = results.longest_trained.get(place.task) or 0
        results.longest_trained[place.task] = max([longest, *trained])
        results.random_scores[place.task] = {row.length: 0.0 for row in own}
    try:
        points = read_csv(folder / "curves.csv", Point, LARGEST_TABLE)
    except (OSError, ValueError) as error:
        points = []
        results.missing.append(f"No learning curves: {error}.")
    for place, curve in groupby(points, lambda point: Place(point.env_id, point.agent, point.seed)):
        steps, returns = np.array([(each.env_steps, each.mean_return) for each in curve], float).T
        results.curves.append(Curve(place, RETURN, (steps, returns)))
    for place, path in _places(folder, "result.json"):
        try:
            results.records[place] = dict(read_json(path))
        except (OSError, ValueError, TypeError) as error:
            results.missing.append(f"No settings of {_listed([place])}: {error}.")
    if not results.records:
        results.missing.append(
            "The jobs' own folders are not here, only their scores: there are no settings."
        )
    for place, path in _places(folder, "run/config.json"):
        try:
            results.runs[place] = Run.open(path.parent)
            # The job's own settings and command, with the versions that its run has recorded.
            results.records[place] = {**read_json(path), **results.records.get(place, {})}
        except RunError as error:
            results.missing.append(f"{error}.")
    return results


def _places(folder: Path, name: str) -> Iterator[tuple[Place, Path]]:
    """Yields the files TASK/NAME/SEED/... of that name and their places, in order."""
    found = []
    for path in folder.glob(f"*/*/*/{name}"):
        task, variant, seed = path.relative_to(folder).parts[:3]
        if seed.isdecimal() and len(seed) < 20:
            found.append((Place(task, variant, int(seed)), path))
    yield from sorted(found)


def _listed(places: Iterable[Place]) -> str:
    return ", ".join("/".join(map(str, place)) for place in sorted(places))


def _add_runs(results: Results) -> None:
    for place, path in _places(results.folder, "config.json"):
        try:
            _add_run(results, place, Run.open(path.parent))
        except RunError as error:
            results.missing.append(f"{error}.")


def _add_run(results: Results, place: Place, run: Run) -> None:
    """Adds what a run's folder tells beside its own scores; without reports, only its settings."""
    results.records[place] = dict(read_json(run.folder / "config.json"))
    results.longest_trained[place.task] = run.config.max_length
    if (run.folder / "evaluation.json").exists():
        results.random_scores.setdefault(place.task, mean_scores(run, "random"))
    if not run.metrics.path.exists():
        results.missing.append(f"No reports yet: {_listed([place])}.")
        return
    rows = run.metrics.read()
    efforts = {COST: "sequences", ERRORS: "sequences", RETURN: "steps"}
    for quantity, effort in efforts.items():
        times, values = learning_curve(rows, effort, quantity)
        if len(times):
            results.curves.append(Curve(place, quantity, (times, values)))
    results.runs[place] = run


def _entry_of_run(place: Place, run: Run) -> Entry:
    solved, last = solved_at(run), run.metrics.read()[-1]
    evaluated = (run.folder / "evaluation.json").exists()
    scores = mean_scores(run, run.config.cell.name) if evaluated else {}
    return Entry(
        place,
        solved=solved is not None,
        effort=solved and solved.sequences,
        trained=last["sequences"],
        seconds=last["seconds"],
        scores=scores,
        flawless=frozenset(length for length, wrong in scores.items() if wrong == 0),
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
