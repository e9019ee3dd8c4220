"""Made-up folders of results, as the scripts write them, for the tests of reports."""

import json

from agents.experiments.benchmark.leaderboard import Point
from agents.experiments.benchmark.leaderboard import Row as BenchmarkRow
from agents.experiments.comparison.scores import Row as ComparisonRow
from agents.experiments.comparison.scores import collect
from agents.storage.files import write_csv
from helpers.tiny_plan import TINY, made_up, plan_of

TWO_VARIANTS = TINY.replace("[0, 1]", "[0, 1, 2]") + (
    '\n[[variants]]\nname = "wide"\nmax_length = 2\ncell.width = 30\n'
)
COPY = "NTMCopy-v0"
HOSTILE = '</script><img src=x onerror="document.title=1">%{x}<a href="http://a.b">&amp;'
"""A name that must stay text wherever it stands."""


def write_runs(folder):
    """The runs of a plan, which `tiny_plan.made_up` makes up: folders in tiny/, and their jobs.

    "ntm" solves its task after 2,000, 3,000 and 1,000 sequences and makes no error at length 1 and
    3; "wide" never solves it, and has 0.5 wrong bits at length 1, 1.5 at length 3.
    """
    jobs = plan_of(folder, TWO_VARIANTS).jobs(folder / "tiny")
    for place, job in jobs.items():
        if place.variant == "ntm":
            before = [2] * ((place.seed + 1) % 3)
            made_up(job, [*before, 0, 0, 0])
        else:
            made_up(job, [3, 2, 1], wrong=0.5)
    return folder / "tiny", jobs


def write_comparison(folder):
    """A comparison that has ended: the runs of `write_runs` and their scores.csv."""
    from agents.storage.runs import Run

    place, jobs = write_runs(folder)
    rows = [
        row
        for key in sorted(jobs, key=lambda key: key.variant)
        for row in collect(key, Run.open(jobs[key].folder), jobs[key].lengths)
    ]
    write_csv(rows, place / "scores.csv", ComparisonRow._fields)
    return place


def write_scores(folder, *names, task="copy"):
    """The scores of a comparison without its runs: 2 seeds of each name, lengths 10 and 40."""
    folder.mkdir(exist_ok=True)
    rows = [
        ComparisonRow(
            *(task, name, seed, 1000 if seed else None, None, 2.0 if seed else None, 9.0, 4000),
            *(length, 128, wrong, 0.5, 0.1, 4.0 * length, 0.0),
        )
        for name in names
        for seed in range(2)
        for length, wrong in ((10, 0.0), (40, 0.25 * seed))
    ]
    write_csv(rows, folder / "scores.csv", ComparisonRow._fields)
    return folder


def write_benchmark(folder):
    """A benchmark of the oracle and of ppo, with scores of 1 at length 20 and 0.5 at length 40."""
    folder.mkdir(exist_ok=True)
    rows, points = [], []
    for agent, scores, steps in (("oracle", (1.0, 1.0), 0), ("ppo", (1.0, 0.5), 8000)):
        for seed in range(2):
            for length, score in zip((20, 40), scores, strict=True):
                numbers = (8, score / 2, 0.5, score, float(score == 1), steps, 20.0)
                rows.append(BenchmarkRow(COPY, agent, seed, length, length > 20, *numbers))
            if steps:
                curve = [(4000, 0.25 * seed), (8000, 0.5)]
                points += [Point(COPY, agent, seed, *point) for point in curve]
            place = folder / COPY / agent / str(seed)
            place.mkdir(parents=True)
            record = {"settings": {"source": agent, "seed": seed}, "command": ["x.py", "a b"]}
            (place / "result.json").write_text(json.dumps(record))
    write_csv(rows, folder / "scores.csv", BenchmarkRow._fields)
    write_csv(points, folder / "curves.csv", Point._fields)
    return folder
