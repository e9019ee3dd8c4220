"""All that is written of a plan's runs: scores.csv, summary.md and the pictures."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from agents.evaluation.pictures import COST, ERRORS, RETURN, Quantity, learning_curve
from agents.evaluation.summary import grouped
from agents.experiments.comparison.figures import Curves, draw_generalisation, draw_learning
from agents.experiments.comparison.job import TrainingJob
from agents.experiments.comparison.plan import Place
from agents.experiments.comparison.scores import (
    Row,
    collect,
    comparison_table,
    interquartile_means,
    returns_table,
)
from agents.recipes.reward import RewardConfig
from agents.storage.files import replacing, write_csv
from agents.storage.runs import Run


def write_report(
    name: str, jobs: Mapping[Place, TrainingJob], folder: Path, failed: Sequence[Place] = ()
) -> str:
    """Writes scores, tables and pictures of runs into a folder; returns `summary.md`.

    Args:
        name: the plan's name.
        jobs: the runs, all of them trained and evaluated.
        folder: the plan's folder.
        failed: the plan's other runs, which failed.

    Raises:
        RunError: a run is not done.
    """
    tasks = grouped(jobs, lambda place: place.task)
    # Those of a task, and of a variant within it, side by side.
    variants = list(dict.fromkeys(place.variant for place in jobs))
    for places in tasks.values():
        places.sort(key=lambda place: variants.index(place.variant))
    runs = {place: Run.open(jobs[place].folder) for places in tasks.values() for place in places}
    rows = [row for place, run in runs.items() for row in collect(place, run, jobs[place].lengths)]
    write_csv(rows, folder / "scores.csv", Row._fields)
    parts = [f"# {name}"]
    for task, places in tasks.items():
        own = [row for row in rows if row.task == task]
        lost = [place for place in failed if place.task == task]
        groups = grouped(places, lambda place: place.variant)
        group_runs = {name: [runs[place] for place in group] for name, group in groups.items()}
        parts += _task_report(folder / task, group_runs, own, lost)
    summary = "\n\n".join(parts) + "\n"
    with replacing(folder / "summary.md") as path:
        path.write_text(summary, encoding="utf-8")
    return summary


def _task_report(
    start: Path, groups: Mapping[str, Sequence[Run]], rows: Sequence[Row], failed: Sequence[Place]
) -> Iterator[str]:
    """Yields the parts of the summary about one task, whose pictures it draws.

    Args:
        start: what the pictures' paths begin with: the folder and the task.
        groups: the runs of each variant.
        rows: their scores.
        failed: the runs that failed.
    """
    estimates = interquartile_means(rows)
    yield f"## {start.name}"
    yield (
        "Sequences until solved: median over seeds [least-most]. Wrong bits per sequence: "
        "interquartile mean over seeds [95 % interval]."
    )
    configs = [run.config for group in groups.values() for run in group]
    by_reward = [isinstance(config, RewardConfig) for config in configs]
    lost = Counter(place.variant for place in failed)
    yield comparison_table(rows, estimates, lost, any(by_reward))
    if failed:
        named = ", ".join(f"`{place.variant}` seed {place.seed}" for place in failed)
        yield f"Failed, counted as not solved and without wrong bits: {named}."

    def learning(quantity: Quantity, effort: str, kind: str) -> str:
        path = start.with_name(f"{start.name}-{kind}.png")
        return _image(draw_learning(_curves(groups, effort, quantity), quantity, effort, path))

    # Where nobody learns by reward, steps matter to nobody.
    if any(by_reward):
        yield (
            "Return of training episodes after so many environment steps: median over seeds "
            "[least, most]. A step of a sequence shown with its right answers counts as one, too."
        )
        yield returns_table(_curves(groups, "steps", RETURN))
        yield learning(RETURN, "steps", "return")
    effort = "steps" if all(by_reward) else "sequences"
    yield learning(COST, effort, "cost")
    yield learning(ERRORS, effort, "errors")
    trained = {(config.min_length, config.max_length) for config in configs}
    random_errors = {(row.length, row.random_bit_errors) for row in rows}
    # Of variants of the task, each has its own.
    shared = len(random_errors) == len({row.length for row in rows})
    drawn = draw_generalisation(
        estimates,
        dict(random_errors) if shared else {},
        trained.pop() if len(trained) == 1 else None,
        start.with_name(f"{start.name}-generalisation.png"),
    )
    yield _image(drawn)


def _curves(groups: Mapping[str, Sequence[Run]], effort: str, quantity: Quantity) -> Curves:
    return {
        name: [learning_curve(run.metrics.read(), effort, quantity) for run in group]
        for name, group in groups.items()
    }


def _image(path: Path) -> str:
    return f"![{path.stem}]({path.name})"
