"""Reports of results: what stands in the page, and how folders that lack something are read."""

import json
import os
import re
import runpy
import shutil
import sys
from base64 import b64decode
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from helpers.result_folders import (
    HOSTILE,
    write_benchmark,
    write_comparison,
    write_runs,
    write_scores,
)
from matplotlib import image

from agents.experiments.benchmark.leaderboard import Row
from agents.policies.pretrained import PRETRAINED
from agents.recipes.reward import reward_recipe
from agents.storage.files import RunError, read_csv, write_csv
from agents.storage.hardware import hardware
from agents.storage.runs import Run
from agents.views.report.charts import generalisation_chart, learning_charts
from agents.views.report.page import render, write_page
from agents.views.report.sentences import task_sentences
from agents.views.report.sources import read_results
from agents.views.report.standings import standings

ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(autouse=True)
def few_resamples(monkeypatch):
    monkeypatch.setattr("agents.evaluation.bootstrap.RESAMPLES", 50)


class Page(HTMLParser):
    """A page taken apart: its tables by caption, its visible texts, and the charts' figures."""

    def __init__(self, html):
        super().__init__()
        self.tables, self.charts, self.tags, self.texts = {}, [], [], []
        self._within = "", {}
        self.feed(html)
        self.said = re.sub(r"\s+", " ", "".join(self.texts))

    def handle_starttag(self, tag, attributes):
        self._within = tag, dict(attributes)
        self.tags.append(self._within)
        if tag == "table":
            self._rows = []
        elif tag == "tr":
            self._rows.append([])
        elif tag in ("td", "th"):
            self._rows[-1].append("")

    def handle_endtag(self, _):
        self._within = "", {}

    def handle_data(self, data):
        tag, attributes = self._within
        if tag == "script":
            if attributes.get("type") == "application/json":
                self.charts.append(json.loads(data))
            return
        if tag == "style":
            return
        self.texts.append(data)
        if tag == "caption" and data.strip():
            self.tables.setdefault(data, self._rows)
        elif tag in ("td", "button") and data.strip():
            self._rows[-1][-1] += data


def page_of(folder, heads=False):
    return Page(render(read_results(folder), heads))


@pytest.mark.slow
def test_a_comparison_is_told_from_the_summary_to_the_versions(tmp_path):
    page = page_of(write_comparison(tmp_path))
    assert "copy. 1 of 2 solve it with every seed: ntm. It takes 2,000 training sequences" in (
        page.said
    )
    assert "(median; 1,000 to 3,000). No error with any seed up to length 3, the longest" in (
        page.said
    )
    assert page.tables["Who solves what, how soon, how far"] == [
        ["variant", "solved", "training sequences until solved", "no error up to length"],
        ["ntm", "3 of 3", "2,000 [1,000-3,000]", "3"],
        ["wide", "0 of 3", "not", "-"],
    ]
    board = page.tables["Leaderboard of copy"]
    assert board[0][-2:] == ["wrong at 1", "wrong at 3 (beyond)"]
    assert board[2] == ["2", "wide", "3", "0 of 3", "not", "0.5 [0.5, 0.5]", "1.5 [1.5, 1.5]"]
    seeds = page.tables["Every seed of copy"]
    assert seeds[1:3] == [
        ["ntm", "0", "yes", "2,000", "4,000", "10", "0", "0"],
        ["ntm", "1", "yes", "3,000", "5,000", "12", "0", "0"],
    ]
    assert len(seeds) == 7
    differences = {row[0]: row[1:] for row in page.tables["Where settings of copy differ"]}
    assert differences["cell.width"] == ["4", "30"]
    assert "seed" not in differences
    (versions,) = page.tables["Versions and hardware of the runs"][1:]
    assert versions[:2] == ["6", ".".join(map(str, sys.version_info[:3]))]
    assert versions[-4:] == list(hardware().values())
    assert "processor" in page.said
    assert "What is missing" not in page.said
    # Three quantities of learning, and the scores by length.
    assert len(page.charts) == 4
    returns = page.charts[2]["layout"]
    assert returns["yaxis"]["title"]["text"] == "return of training episodes"
    assert returns["xaxis"]["title"]["text"] == "environment steps"
    names = [line["name"] for line in page.charts[0]["data"]]
    assert names[:4] == ["ntm, seed 0", "ntm, seed 1", "ntm, seed 2", "ntm"]


@pytest.mark.slow
def test_the_page_needs_nothing_from_elsewhere(tmp_path):
    html = render(read_results(write_comparison(tmp_path)), heads=False)
    page = Page(html)
    assert html.count("* plotly.js v") == 1
    assert not [tag for tag, _ in page.tags if tag in ("link", "iframe", "base", "object")]
    sources = [attributes["src"] for _, attributes in page.tags if "src" in attributes]
    assert all(source.startswith("data:") for source in sources)
    links = [attributes["href"] for _, attributes in page.tags if "href" in attributes]
    assert all(link.startswith("#") for link in links)
    assert "default-src 'none'" in html


def test_scores_without_runs_are_shown_and_what_is_missing_is_said(tmp_path):
    folder = write_scores(tmp_path / "no_such_plan", "a", "b")
    image.imsave(folder / "copy-cost.png", np.zeros((4, 4)))
    (folder / "copy-errors.png").write_bytes(b"GIF89a")
    page = page_of(folder)
    assert "None of 2 solves it with every seed; most often a, with 1 of 2 seeds." in page.said
    assert "No error with any seed up to length 10, of 40 tested: a, b." in page.said
    assert page.tables["Leaderboard of copy"][1][4:6] == ["not [1,000-not]", "0 [0, 0]"]
    assert "The runs' own folders are not here" in page.said
    assert "No picture copy-errors.png: expected a PNG file" in page.said
    assert "What the runs were made with and on is not recorded" in page.said
    assert [a["alt"] for tag, a in page.tags if tag == "img"] == ["copy-cost"]
    assert len(page.charts) == 1


@pytest.mark.slow
def test_results_of_this_repository_come_with_their_plan():
    page = page_of(ROOT / "docs" / "results" / "curricula")
    assert "4 of 6 solve it with every seed" in page.said
    assert "python scripts/compare.py plans/curricula.toml" in page.said
    assert len([tag for tag, _ in page.tags if tag == "img"]) == 4
    assert len(page.tables["Every seed of associative_recall"]) == 31


@pytest.mark.slow
def test_a_benchmark(tmp_path):
    page = page_of(write_benchmark(tmp_path / "benchmark"))
    # The oracle has nothing to learn, and is not among those who are named.
    assert "NTMCopy-v0. ppo solves it with 2 of 2 seeds. It takes 8,000 environment" in page.said
    assert "No error with any seed up to length 20, of 40 tested." in page.said
    board = page.tables["Leaderboard of NTMCopy-v0"]
    assert board[0][4:] == [
        "environment steps of training",
        "all lengths",
        "score at 20",
        "score at 40 (beyond)",
    ]
    assert board[1][1] == "oracle"
    assert board[2][4:] == ["8,000", "0.75 [0.75, 0.75]", "1 [1, 1]", "0.5 [0.5, 0.5]"]
    assert "python x.py 'a b'" in page.said
    learning, by_length = page.charts
    assert [line["name"] for line in learning["data"]] == ["ppo, seed 0", "ppo, seed 1", "ppo"]
    assert "score" in by_length["layout"]["yaxis"]["title"]["text"]
    assert not any(caption.startswith("Where settings") for caption in page.tables)
    job = tmp_path / "benchmark" / "NTMCopy-v0" / "ppo" / "0"
    Run.create(job / "run", reward_recipe("NTMCopy-v0"))
    page = page_of(tmp_path / "benchmark")
    assert page.tables["Versions and hardware of the runs"][1][0] == "1"
    assert "python x.py 'a b'" in page.said
    (tmp_path / "benchmark" / "curves.csv").unlink()
    shutil.rmtree(tmp_path / "benchmark" / "NTMCopy-v0")
    page = page_of(tmp_path / "benchmark")
    assert len(page.charts) == 1
    assert "No learning curves: " in page.said
    assert "there are no settings" in page.said


@pytest.mark.slow
def test_a_run_and_what_its_network_does(tmp_path):
    # What a user has made of it, such as scores, stays behind.
    ignored = shutil.ignore_patterns("evaluation*.json", "figures")
    folder = shutil.copytree(PRETRAINED / "copy-ntm", tmp_path / "copy-ntm", ignore=ignored)
    page = page_of(folder, heads=True)
    assert "copy. It is solved. It takes" in page.said
    assert "has not been evaluated" in page.said
    pictures = [attributes for tag, attributes in page.tags if tag == "img"]
    assert [picture["alt"] for picture in pictures] == [
        "copy, copy-ntm, seed 0: answers, length 20",
        "copy, copy-ntm, seed 0: heads, length 20",
    ]
    assert all(each["src"].startswith("data:image/png;base64,iVBOR") for each in pictures)
    assert not (folder / "figures").exists()


def test_a_run_in_an_environment_that_is_no_task(tmp_path):
    run = Run.create(tmp_path / "pole", reward_recipe("CartPole-v1", "lstm"))
    for i in (1, 2):
        nothing = dict.fromkeys(("held_out_bit_errors", "held_out_loss_bits"), float("nan"))
        told = {"sequences": i, "steps": 99 * i, "seconds": 1.0, "mean_return": 9.0 * i}
        run.metrics.append(told | nothing)
    page = page_of(tmp_path / "pole")
    assert "CartPole-v1. It is not solved." in page.said
    (chart,) = page.charts
    assert chart["layout"]["yaxis"]["title"]["text"] == "return of training episodes"
    assert chart["layout"]["xaxis"]["title"]["text"] == "environment steps"


@pytest.mark.slow
def test_a_comparison_that_has_not_ended(tmp_path):
    folder, jobs = write_runs(tmp_path)
    jobs = list(jobs.values())
    (jobs[0].folder / "metrics.csv").unlink()
    (jobs[1].folder / "evaluation.json").unlink()
    (jobs[2].folder / "config.json").write_text("{}")
    (jobs[3].folder / "evaluation.json").write_text("{}")
    page = page_of(folder, heads=True)
    assert len(page.tables["Every seed of copy"]) == 1 + len(jobs) - 3
    assert "No reports yet: copy/ntm/0" in page.said
    assert f"expected a run of format 1 in {jobs[2].folder}" in page.said
    assert f"expected scores in {jobs[3].folder / 'evaluation.json'}" in page.said
    assert "There is no scores.csv" in page.said
    # The networks of made-up runs are empty files.
    assert "No pictures of copy/ntm/2: expected a Keras model" in page.said


@pytest.mark.slow
def test_runs_and_scores_that_are_not_both_there(tmp_path):
    folder = write_comparison(tmp_path)
    shutil.rmtree(folder / "copy" / "ntm" / "1")
    lines = (folder / "scores.csv").read_text().splitlines(keepends=True)
    (folder / "scores.csv").write_text("".join(line for line in lines if ",wide,2" not in line))
    page = page_of(folder)
    assert "Scores without a run's folder: copy/ntm/1." in page.said
    assert "Runs that are not among the scores yet: copy/wide/2." in page.said


def test_names_stay_text(tmp_path):
    folder = write_scores(tmp_path / "hostile", HOSTILE, "b", task=HOSTILE)
    page = page_of(folder)
    assert page.said.count(HOSTILE) > 5
    assert page.tables[f"Every seed of {HOSTILE}"][1][0] == HOSTILE
    assert "img" not in {tag for tag, _ in page.tags}
    (chart,) = page.charts
    for line in chart["data"]:
        assert "<" not in line.get("name", "")
        assert "a.b" not in line.get("hovertemplate", "")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected rows of task, variant, .*, got the columns None"),
        ("task,variant\ncopy,ntm\n", r"got the columns \['task', 'variant'\]"),
        ("\0", "expected rows of task, variant"),
        ("{head}\ncopy,a,0,,,,1,1,0,,0,0,0,0,0\n", "a length that no sequence has"),
        ("{head}\ncopy,a,0,,,,1,1,9999999999,,0,0,0,0,0\n", "a length that no sequence has"),
        ("{head}\ncopy,a,0,99999999999999999999,,,1,1,9,,0,0,0,0,0\n", "an integer of 20 digits"),
        ("{head}\n", "no rows"),
        ("{head}\ncopy,a,0,,,,1,1,10,,0,0,0,0\n", "expected rows of task"),
        ("{head}\ncopy,a,0,,,,1,1,10,,0,0,0,0,0,0\n", "expected rows of task"),
        ("{head}\ncopy,a,zero,,,,1,1,10,,0,0,0,0,0\n", "expected rows of task"),
        ("{head}\n{row}copy,b,0,,,,1,1,10,,0,0,0,0,0\n{row}", "that do not follow one another"),
        ("env_id,agent\n", "expected rows of env_id, agent"),
    ],
)
def test_damaged_scores_are_refused(tmp_path, text, message):
    write_scores(tmp_path, "a")
    head = (tmp_path / "scores.csv").read_text().partition("\n")[0]
    row = "copy,a,0,,,,1,1,10,,0,0,0,0,0\n"
    (tmp_path / "scores.csv").write_text(text.format(head=head, row=row))
    with pytest.raises(RunError, match=message):
        read_results(tmp_path)


def test_scores_that_lead_elsewhere_are_refused(tmp_path):
    real = write_scores(tmp_path / "real", "a")
    (tmp_path / "scores.csv").symlink_to(real / "scores.csv")
    with pytest.raises(RunError, match="expected a file and no link"):
        read_results(tmp_path)


def test_a_pipe_is_refused_and_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "scores.csv")
    with pytest.raises(RunError, match="expected a file and no link"):
        read_results(tmp_path)


def test_runs_of_others_than_those_with_scores_are_left_out(tmp_path):
    folder, _ = write_runs(tmp_path)
    write_scores(folder, "another")
    page = page_of(folder)
    assert len(page.charts) == 1
    assert "Runs that are not among the scores yet: copy/ntm/0" in page.said


def test_numbers_that_are_none_are_drawn_as_nothing(tmp_path):
    folder = write_scores(tmp_path / "odd", "a")
    path = folder / "scores.csv"
    path.write_text(path.read_text().replace(",0.25,", ",nan,").replace(",0.1,", ",inf,"))
    assert len(page_of(folder).charts) == 1


def test_rows_are_read_as_they_were_written(tmp_path):
    rows = [Row("e", "a,\n", 3, 20, True, 8, -0.5, 0.5, -1.0, 0.0, None, 2.5)]
    write_csv(rows, tmp_path / "x.csv", Row._fields)
    assert read_csv(tmp_path / "x.csv", Row) == rows


def test_the_axis_of_errors_shows_0_and_powers_of_ten(tmp_path):
    results = read_results(write_comparison(tmp_path))
    _, errors, _ = learning_charts(results, "copy")
    figure = Page(f"<script type='application/json'>{errors.figure}</script>").charts[0]
    (wide,) = (line for line in figure["data"] if line["name"] == "wide")
    told = np.frombuffer(b64decode(wide["y"]["bdata"]))
    np.testing.assert_allclose(told, 3 + np.log10([3, 2, 1]))
    assert figure["layout"]["yaxis"]["ticktext"] == ["0", "0.01", "0.1", "1"]


def test_who_reaches_far_has_no_error_before(tmp_path):
    folder = write_scores(tmp_path / "gap", "a")
    path = folder / "scores.csv"
    # Wrong at 10 with one seed, right at 40 with both.
    path.write_text(path.read_text().replace("10,128,0.0", "10,128,1.0", 1).replace("0.25", "0.0"))
    results = read_results(folder)
    found = standings(results, "copy")
    assert found[0].reach is None
    assert "At the shortest length that was tested, each has errors" in " ".join(
        task_sentences(results, "copy", found)
    )
    assert generalisation_chart(results, "copy", found) is not None


def test_a_report_appears_whole_or_not_at_all(tmp_path, monkeypatch):
    folder = write_scores(tmp_path / "results", "a")
    assert write_page(folder, heads=False) == folder / "report.html"
    before = (folder / "report.html").read_text()

    write_scores(folder, "another")

    def fail(*_):
        raise OSError("no space")

    monkeypatch.setattr("agents.storage.files.os.replace", fail)
    with pytest.raises(OSError, match="no space"):
        write_page(folder, heads=False)
    assert (folder / "report.html").read_text() == before


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["results", "--no-heads"], 0, "results/report.html"),
        (["results", "--no-heads", "--output", "other.html"], 0, "other.html"),
        (["nothing"], 1, "Error: expected a run, or a folder that scripts/compare.py"),
        (["file"], 1, "Error: expected a run, or a folder that scripts/compare.py"),
        (["results", "--no-heads", "--output", "no/such.html"], 2, "Error: expected a file in"),
        (["results", "--width", "3"], 2, "--width"),
        ([], 2, "Required options"),
    ],
)
def test_exit_codes(tmp_path, monkeypatch, capsys, words, code, said):
    monkeypatch.chdir(tmp_path)
    write_scores(tmp_path / "results", "a")
    (tmp_path / "file").touch()
    # It is loaded already, for more threads.
    monkeypatch.setattr("agents.tensorflow.prepare", lambda: None)
    monkeypatch.setattr(sys, "argv", ["report.py", *words])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "scripts" / "report.py"), run_name="__main__")
    assert ended.value.code == code
    output = "".join(capsys.readouterr())
    assert said in output
    assert "Traceback" not in output


def test_a_missing_package_is_said(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr(sys, "argv", ["report.py", str(tmp_path)])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / "scripts" / "report.py"), run_name="__main__")
    assert ended.value.code == 1
    assert 'got none: pip install -e ".[report]" -c constraints.txt' in capsys.readouterr().err
