"""All that is written of a plan's runs: scores.csv, summary.md and the pictures."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from agents.experiments.comparison.figures import draw_generalisation, draw_learning, draw_returns
from agents.experiments.comparison.job import TrainingJob
from agents.experiments.comparison.plan import Place
from agents.experiments.comparison.returns import return_curves, returns_table
from agents.experiments.comparison.scores import Row, collect, comparison_table, interquartile_means
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
    runs = {place: Run.open(jobs[place].folder) for place in _in_order(list(jobs))}
    rows = [row for place, run in runs.items() for row in collect(place, run, jobs[place].lengths)]
    write_csv(rows, folder / "scores.csv", Row._fields)
    parts = [f"# {name}"]
    for task in dict.fromkeys(place.task for place in runs):
        own = {place: run for place, run in runs.items() if place.task == task}
        lost = [place for place in failed if place.task == task]
        parts += _task_report(task, own, [row for row in rows if row.task == task], folder, lost)
    summary = "\n\n".join(parts) + "\n"
    with replacing(folder / "summary.md") as path:
        path.write_text(summary, encoding="utf-8")
    return summary


def _in_order(places: Sequence[Place]) -> list[Place]:
    """Those of a task, and of a variant within it, side by side."""
    tasks, variants = (list(dict.fromkeys(names)) for names in list(zip(*places, strict=True))[:2])
    return sorted(
        places, key=lambda place: (tasks.index(place.task), variants.index(place.variant))
    )


def _task_report(
    task: str,
    runs: Mapping[Place, Run],
    rows: Sequence[Row],
    folder: Path,
    failed: Sequence[Place],
) -> Iterator[str]:
    """Yields the parts of the summary about one task, whose pictures it draws."""
    estimates = interquartile_means(rows)
    yield f"## {task}"
    yield (
        "Sequences until solved: median over seeds [least-most]. Wrong bits per sequence: "
        "interquartile mean over seeds [95 % interval]."
    )
    lost = Counter(place.variant for place in failed)
    by_reward = any(isinstance(run.config, RewardConfig) for run in runs.values())
    yield comparison_table(rows, estimates, lost, by_reward)
    if failed:
        named = ", ".join(f"`{place.variant}` seed {place.seed}" for place in failed)
        yield f"Failed, counted as not solved and without wrong bits: {named}."
    lengths = {row.length for row in rows}
    groups = {
        variant: [run for place, run in runs.items() if place.variant == variant]
        for variant in estimates
    }
    # Where nobody learns by reward, steps matter to nobody.
    if by_reward and (curves := return_curves(groups)):
        yield (
            "Return of training episodes after so many environment steps: median over seeds "
            "[least, most]. A step of a sequence shown with its right answers counts as one, too."
        )
        yield returns_table(curves)
        path = draw_returns(curves, task, folder / f"{task}-return.png")
        yield f"![{path.stem}]({path.name})"
    trained = {(run.config.min_length, run.config.max_length) for run in runs.values()}
    random_errors = {(row.length, row.random_bit_errors) for row in rows}
    pictures = (
        draw_learning(groups, "held_out_loss_bits", task, folder / f"{task}-cost.png"),
        draw_learning(groups, "held_out_bit_errors", task, folder / f"{task}-errors.png"),
        draw_generalisation(
            estimates,
            # Of variants of the task, each has its own.
            dict(random_errors) if len(random_errors) == len(lengths) else {},
            trained.pop() if len(trained) == 1 else None,
            task,
            folder / f"{task}-generalisation.png",
        ),
    )
    for path in pictures:
        yield f"![{path.stem}]({path.name})"
