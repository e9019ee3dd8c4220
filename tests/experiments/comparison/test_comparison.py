"""Comparing the runs of a plan: what is trained and when, the scores, the table, the pictures."""

import csv
import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from helpers.marks import SAVING
from helpers.tiny_plan import TINY, made_up, plan_of, write_plan
from matplotlib.image import imread

from agents.evaluation.bootstrap import Estimate
from agents.evaluation.scores import evaluate_run, read_scores
from agents.experiments.comparison.figures import draw_generalisation
from agents.experiments.comparison.plan import Place
from agents.experiments.comparison.report import write_report
from agents.experiments.comparison.scores import (
    Row,
    collect,
    comparison_table,
    interquartile_means,
)
from agents.experiments.sweeps.sweep import News, run_missing
from agents.storage.files import write_csv
from agents.storage.runs import Run, RunError
from agents.training import supervised

ROOT = Path(__file__).resolve().parents[3]
TWO = TINY.replace("[0, 1]", "[0, 1, 2]") + '\n[[variants]]\nname = "wide"\ncell.width = 30\n'


class Nothing:
    """An executor whose jobs do nothing; `begun` has their folders' names."""

    def __init__(self):
        self.begun = []

    def do(self, jobs):
        for job in jobs:
            self.begun.append(job.folder.name)
            yield job, News(ended=True)


def test_only_what_is_missing_is_done(tmp_path):
    plan = plan_of(tmp_path, TINY.replace("[0, 1]", "[0, 1, 2, 3, 4]"))
    jobs = list(plan.jobs(tmp_path).values())
    done, half, unscored, scored_less, nothing = jobs
    made_up(done, [0, 0, 0])
    made_up(half, [1])
    (half.folder / "model.keras").unlink()
    made_up(unscored, [0])
    (unscored.folder / "evaluation.json").unlink()
    made_up(dataclasses.replace(scored_less, lengths=(1,)), [0])
    executor, heard = Nothing(), []
    assert run_missing(jobs, executor, lambda job, news: heard.append((job, news.ended))) == {}
    assert executor.begun == ["1", "2", "3", "4"]
    assert [job for job, ended in heard if ended] == [done, half, unscored, scored_less, nothing]

    made_up(dataclasses.replace(nothing, episodes=4), [0])
    executor.begun.clear()
    run_missing([done, nothing], executor)
    assert executor.begun == ["4"]
    assert run_missing([done], executor=None) == {}


@pytest.mark.parametrize("ended", [True, False])
def test_runs_of_other_settings_are_refused_before_any_work(tmp_path, ended):
    missing, other = plan_of(tmp_path).jobs(tmp_path).values()
    changed = dataclasses.replace(other.config, curriculum="naive")
    made_up(dataclasses.replace(other, config=changed), [0])
    if not ended:
        (other.folder / "model.keras").unlink()
    executor = Nothing()
    with pytest.raises(RunError, match=r"copy.ntm.1 holds a run of other settings; remove it"):
        run_missing([missing, other], executor)
    assert executor.begun == []


@pytest.mark.parametrize("left", [["config.json", "metrics.csv"], [".new-config.json"], []])
def test_a_run_that_was_cut_off_anywhere_is_replaced(tmp_path, left):
    job, _ = plan_of(tmp_path).jobs(tmp_path).values()
    made_up(job, [1])
    for path in job.folder.iterdir():
        if path.name not in left:
            path.unlink()
    for name in left:
        (job.folder / name).touch()
    run = Run.create(job.folder, job.config, overwrite=True)
    assert Run.open(run.folder).config == job.config
    assert [path.name for path in job.folder.iterdir()] == ["config.json"]


def test_what_goes_first_of_a_replaced_run_is_its_network(tmp_path, monkeypatch):
    job, _ = plan_of(tmp_path).jobs(tmp_path).values()
    made_up(job, [0])

    def stop(_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Path, "iterdir", stop)
    with pytest.raises(KeyboardInterrupt):
        Run.create(job.folder, job.config, overwrite=True)
    assert not (job.folder / "model.keras").exists()
    assert Run.open(job.folder).config == job.config


def compare(plan, folder, **options):
    command = [sys.executable, ROOT / "scripts" / "compare.py", plan, "--folder", folder]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, **streams, text=True, cwd=ROOT, **options)


def wait_for(path, process):
    while not path.exists():
        assert process.poll() is None, process.communicate()[1]
        time.sleep(0.02)


@pytest.fixture(scope="module")
def stopped_twice(tmp_path_factory):
    """The folder of a plan that was terminated in its first run and killed in its second."""
    folder = tmp_path_factory.mktemp("compare")
    plan = write_plan(folder)
    runs = folder / "tiny" / "copy" / "ntm"
    for seed, number in ((0, signal.SIGTERM), (1, signal.SIGKILL)):
        process = compare(plan, folder)
        wait_for(runs / str(seed) / "config.json", process)
        assert not (runs / str(seed) / "model.keras").exists()
        os.kill(process.pid, number)
        # The pipes end with the last process that has them: the one that trains, too.
        process.communicate(timeout=120)
        assert process.returncode == (1 if number == signal.SIGTERM else -number)
    first = {path: path.stat().st_mtime_ns for path in (runs / "0").iterdir()}
    process = compare(plan, folder)
    output, problems = process.communicate(timeout=600)
    assert process.returncode == 0, problems
    assert {path: path.stat().st_mtime_ns for path in (runs / "0").iterdir()} == first
    return folder / "tiny", output


def read_csv(path):
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.mark.slow
@SAVING
def test_stopped_and_started_again_it_says_what_it_would_have_said(stopped_twice, tmp_path):
    folder, output = stopped_twice
    plan = plan_of(tmp_path)
    expected = []
    for place, job in plan.jobs(tmp_path).items():
        run = Run.create(job.folder, job.config)
        supervised.train(job.config, run)
        list(evaluate_run(run, job.lengths, episodes=job.episodes))
        expected += collect(place, run, job.lengths)
    write_csv(expected, tmp_path / "scores.csv", Row._fields)
    rows, others = read_csv(folder / "scores.csv"), read_csv(tmp_path / "scores.csv")
    assert len(rows) == 4
    for row, other in zip(rows, others, strict=True):
        for name in row:
            if name == "cost_bits":
                assert float(row[name]) == pytest.approx(float(other[name]), rel=1e-4)
            elif not name.endswith("seconds"):
                assert row[name] == other[name], name
    summary = (folder / "summary.md").read_text()
    assert summary in output
    assert "| `ntm` | 0 of 2 | not [not-not] |" in summary


@pytest.mark.slow
@SAVING
def test_variants_that_learn_by_reward_are_trained_and_scored(tmp_path, monkeypatch):
    monkeypatch.setattr("agents.tensorflow.prepare", lambda: None)  # it runs here already
    text = TINY.replace("report_sequences = 16", 'learning = "reward"\nreport_updates = 8')
    job, _ = plan_of(tmp_path, text).jobs(tmp_path).values()
    heard = []
    job.work(lambda sequences, _: heard.append(sequences))
    assert job.is_done()
    assert heard == [32, 64, 64, 64, 64]  # two reports, and an evaluation of two lengths
    assert [
        row.length for row in collect(Place("copy", "ntm", 0), Run.open(job.folder), (1, 3))
    ] == [1, 3]
    drawn = []

    def keep(_, axis, __, path):
        drawn.append(axis)
        return path

    monkeypatch.setattr("agents.experiments.comparison.figures.save_picture", keep)
    write_report("tiny", {Place("copy", "ntm", 0): job}, tmp_path)
    returns, cost, errors, _ = drawn
    assert "return" in returns.get_ylabel()
    assert returns.get_yscale() == "linear"
    for axis in (cost, errors):
        assert (axis.get_xlabel(), axis.get_xscale()) == ("environment steps", "log")
        assert axis.get_yscale() == "symlog"
    steps = [row["steps"] for row in Run.open(job.folder).metrics.read()]
    assert errors.lines[0].get_xdata().tolist() == steps


@pytest.mark.slow
def test_csv_holds_what_the_runs_own_files_hold(stopped_twice):
    folder, _ = stopped_twice
    for row in read_csv(folder / "scores.csv"):
        run = Run.open(folder / row["task"] / row["variant"] / row["seed"])
        last = run.metrics.read()[-1]
        assert (float(row["sequences"]), float(row["total_seconds"])) == (64, last["seconds"])
        scores = {(score.agent, score.length): score for score in read_scores(run)}
        own = scores["ntm", int(row["length"])]
        assert (float(row["bit_errors"]), int(row["slots"])) == (own.bit_errors, 128)
        assert (float(row["perfect"]), float(row["cost_bits"])) == (own.perfect, own.cost_bits)
        chance = scores["random", int(row["length"])]
        assert float(row["random_bit_errors"]) == chance.bit_errors > 0
        assert float(row["oracle_bit_errors"]) == 0
    assert not list(folder.rglob(".new-*"))


@pytest.mark.slow
def test_a_failed_run_is_said_and_the_others_go_on(tmp_path):
    plan = write_plan(tmp_path)
    failing, done = plan_of(tmp_path).jobs(tmp_path / "tiny").values()
    made_up(done, [0, 0, 0])
    failing.folder.mkdir(parents=True)
    (failing.folder / "thesis.txt").write_text("years of work")
    process = compare(plan, tmp_path)
    output, problems = process.communicate(timeout=300)
    assert process.returncode == 1
    assert f"Failed: {failing.folder}" in output
    assert f"Run: {done.folder}" in output
    assert "1 of 2 | not [1,000-not]" in output
    assert "Error: 1 of 2 runs failed" in problems
    assert f"{failing.folder}: RunError: expected an empty folder or an earlier run" in problems
    assert "Traceback" not in problems
    assert (failing.folder / "thesis.txt").exists()


ERRORS = {"ntm": [[9, 0, 0, 0], [9, 5, 3], [9, 3, 0, 0, 0]], "wide": [[9, 8], [9, 9], [0, 0, 0]]}


@pytest.fixture
def jobs(tmp_path):
    """Two variants on three seeds, with errors made up."""
    jobs = plan_of(tmp_path, TWO).jobs(tmp_path / "made-up")
    for (_, variant, seed), job in jobs.items():
        made_up(job, ERRORS[variant][seed], wrong=seed if variant == "ntm" else 5 * seed)
    return jobs


@pytest.mark.slow
def test_report(jobs, tmp_path):
    folder = tmp_path / "made-up"
    summary = write_report("made-up", jobs, folder)
    assert (folder / "summary.md").read_text() == summary
    rows = read_csv(folder / "scores.csv")
    assert list(rows[0]) == list(Row._fields)
    assert [(row["variant"], row["seed"], row["length"]) for row in rows] == [
        (variant, str(seed), length)
        for variant in ERRORS
        for seed in range(3)
        for length in ("1", "3")
    ]
    solved = [(row["solved_sequences"], row["solved_seconds"]) for row in rows[::2]]
    no = ("", "")
    assert solved == [("2000", "5.0"), no, ("3000", "7.5"), no, no, ("1000", "2.5")]
    assert "| variant | solved | sequences until solved | wrong at 1 | wrong at 3 |" in summary
    assert "| `ntm` | 2 of 3 | 3,000 [2,000-not] | 1 [0, 2] | 3 [0, 6] |" in summary
    assert "| `wide` | 1 of 3 | not [1,000-not] | 5 [0, 10] | 15 [0, 30] |" in summary
    for kind in ("cost", "errors", "generalisation"):
        assert f"(copy-{kind}.png)" in summary
        picture = imread(folder / f"copy-{kind}.png")
        assert picture.shape[:2] == (560, 1000)
        assert np.ptp(picture[..., :3]) > 0.5


def row(variant, seed, length, wrong, solved=None, steps=None):
    times = (solved, steps, None if solved is None else 1.0, 2.0, 9_000)
    return Row("copy", variant, seed, *times, length, 128, wrong, 0.0, 1.0, 4.0 * length, 0.0)


@pytest.mark.slow
def test_interquartile_means_leave_out_a_quarter_at_either_end():
    rows = [row("ntm", seed, 5, wrong) for seed, wrong in enumerate([0, 1, 2, 3, 4, 5, 6, 1000])]
    state = np.random.get_state()[1].copy()  # noqa: NPY002
    estimate = interquartile_means(rows)["ntm"][5]
    assert np.array_equal(np.random.get_state()[1], state)  # noqa: NPY002
    assert estimate.mean == 3.5  # of 2, 3, 4, 5
    assert 0 < estimate.low < 3.5 < estimate.high < 1000
    assert interquartile_means(rows)["ntm"][5] == estimate
    same = [row("ntm", seed, 5, 0.25) for seed in range(5)]
    assert interquartile_means(same)["ntm"][5] == Estimate(0.25, 0.25, 0.25)


def test_table():
    rows = [row("ntm", seed, 5, 0.0, solved) for seed, solved in enumerate([1000, None, 12_000])]
    estimates = {"ntm": {5: Estimate(0.125, 0, 345.67)}}
    assert comparison_table(rows, estimates).splitlines() == [
        "| variant | solved | sequences until solved | wrong at 5 |",
        "|---|---|---|---|",
        "| `ntm` | 2 of 3 | 12,000 [1,000-not] | 0.125 [0, 345.7] |",
    ]


def test_a_failed_run_counts_as_not_solved_and_one_run_has_no_interval():
    estimates = {"ntm": {5: Estimate(0.125, 0, 345.67)}}
    table = comparison_table([row("ntm", 0, 5, 0.0, 1000)], estimates, {"ntm": 2})
    assert table.splitlines()[-1] == "| `ntm` | 1 of 3 | not [1,000-not] | 0.125 |"


@pytest.mark.slow
def test_failed_runs_are_named_in_the_report(jobs, tmp_path):
    failed = [place for place in jobs if place.seed == 2 and place.variant == "ntm"]
    done = {place: job for place, job in jobs.items() if place not in failed}
    summary = write_report("made-up", done, tmp_path / "made-up", failed)
    assert "| `ntm` | 1 of 3 | not [2,000-not] |" in summary
    assert "Failed, counted as not solved and without wrong bits: `ntm` seed 2." in summary


def test_pictures_say_nothing_of_training_that_variants_do_not_share(tmp_path, monkeypatch):
    drawn = []
    monkeypatch.setattr(
        "agents.experiments.comparison.figures.save_picture",
        lambda figure, *_: drawn.append(figure),
    )
    estimates = {"ntm": {8: Estimate(1, 0, 2), 2: Estimate(0, 0, 0)}}
    for random_errors, trained in (({2: 8.0, 8: 32.0}, (1, 2)), ({}, None)):
        draw_generalisation(estimates, random_errors, trained, tmp_path / "copy-picture.png")
    both, neither = (figure.axes[0] for figure in drawn)
    assert [line.get_xdata().tolist() for line in both.lines] == [[2, 8], [2, 8]]
    assert "grey" in both.get_xlabel()
    assert [line.get_xdata().tolist() for line in neither.lines] == [[2, 8]]
    assert "grey" not in neither.get_xlabel()


@pytest.mark.parametrize("asked", [{"seed": 9}, {"slots": 4}])
def test_scores_of_other_tapes_or_slots_are_made_anew(tmp_path, asked):
    (job, _) = plan_of(tmp_path).jobs(tmp_path).values()
    run = made_up(job, [0])
    assert job.is_done()
    path = run.folder / "evaluation.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **asked}))
    assert not job.is_done()


def test_table_of_learning_by_reward_has_environment_steps():
    rows = [
        row("ntm", 0, 5, 0.0, 1000, 22_000),
        row("rl", 0, 5, 0.0, 2000, 64_000),
        row("rl", 1, 5, 0.0),
        row("worse", 0, 5, 1.0),
    ]
    estimates = {name: {5: Estimate(0, 0, 0)} for name in ("ntm", "rl", "worse")}
    table = comparison_table(rows, estimates, by_reward=True)
    columns = [line.split(" | ")[2:4] for line in table.splitlines()]
    assert columns[0] == ["sequences until solved", "environment steps until then"]
    assert columns[2:] == [
        ["1,000 [1,000-1,000]", "22,000 [22,000-22,000]"],
        ["not [2,000-not]", "not [64,000-not]"],
        ["not [not-not]", "not [not-not]"],
    ]
    assert "environment steps" not in comparison_table(rows, estimates)


def test_csv_appears_whole_or_not_at_all(tmp_path):
    path = tmp_path / "scores.csv"
    write_csv([row("ntm", 0, 5, 0.1)], path, Row._fields)
    before = path.read_text()

    def broken():
        yield row("ntm", 1, 5, 0.2)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_csv(broken(), path, Row._fields)
    assert path.read_text() == before
    assert before.splitlines()[1] == "copy,ntm,0,,,,2.0,9000,5,128,0.1,0.0,1.0,20.0,0.0"


def test_a_run_without_scores_is_no_row(tmp_path):
    job, _ = plan_of(tmp_path).jobs(tmp_path).values()
    run = made_up(job, [0])
    (job.folder / "evaluation.json").write_text(json.dumps({"scores": [{"length": 1}]}))
    with pytest.raises(RunError, match="expected scores in"):
        list(collect(Place("copy", "ntm", 0), run, (1,)))
