"""Learning by reward and by right answers side by side: returns against environment steps."""

import numpy as np
import pytest
from helpers.tiny_plan import TINY, made_up, plan_of
from matplotlib.image import imread

from agents.experiments.comparison.report import write_report
from agents.experiments.comparison.returns import marks, returns_table
from agents.training.reports import Report, check_row, environment_steps, return_curve

BOTH = TINY.replace("report_sequences = 16\n", "") + (
    '\n[[variants]]\nname = "rl"\nlearning = "reward"\ntask.width = 2\nmax_length = 2\n'
)
RETURNS = {
    "ntm": [[0.1, 0.5, 1.0], [0.0, 0.75, 1.0]],
    "rl": [[-0.0001, 0.25, 0.5], [0.1, 0.35, float("nan")]],
}
STEPS = {"ntm": 100, "rl": 4_000}


def write(folder, told):
    jobs = plan_of(folder, BOTH).jobs(folder / "runs")
    for place, job in jobs.items():
        columns = [
            {"steps": STEPS[place.variant] * number, "mean_return": mean_return}
            for number, mean_return in enumerate(RETURNS[place.variant][place.seed], 1)
        ]
        made_up(job, [2, 1, 0], told=columns if place.variant in told else ())
    return write_report("runs", jobs, folder / "runs")


def test_returns_stand_beside_environment_steps(tmp_path):
    summary = write(tmp_path, told=("ntm", "rl"))
    lines = summary[summary.index("Return of training episodes") :].splitlines()
    assert lines[2:6] == [
        "| return after steps | 100 | 300 | 1,000 | 3,000 | 10,000 | 30,000 |",
        "|---|---|---|---|---|---|---|",
        "| `ntm` | 0.050 [0.000, 0.100] | 1.000 [1.000, 1.000] | 1.000 [1.000, 1.000] |"
        " 1.000 [1.000, 1.000] | 1.000 [1.000, 1.000] | 1.000 [1.000, 1.000] |",
        # A run whose last report has no return keeps the one before.
        "| `rl` |  |  |  |  | 0.300 [0.250, 0.350] | 0.425 [0.350, 0.500] |",
    ]
    assert "(copy-return.png)" in summary
    picture = imread(tmp_path / "runs" / "copy-return.png")
    assert picture.shape[:2] == (560, 1000)
    assert np.ptp(picture[..., :3]) > 0.5


@pytest.mark.parametrize("told", [("ntm",), ("rl",), ()])
def test_runs_that_tell_no_returns_have_no_table_of_them(tmp_path, told):
    assert "Return of" not in write(tmp_path, told)
    assert not (tmp_path / "runs" / "copy-return.png").exists()


def test_a_comparison_of_right_answers_alone_has_none(tmp_path):
    jobs = plan_of(tmp_path).jobs(tmp_path / "runs")
    for job in jobs.values():
        made_up(job, [1, 0], told=[{"steps": 9, "mean_return": 1.0}] * 2)
    summary = write_report("runs", jobs, tmp_path / "runs")
    assert "Return of" not in summary
    assert "environment steps" not in summary


def test_reports_that_are_older_than_steps_and_returns():
    old = dict.fromkeys(set(Report._fields) - {"steps", "mean_return"}, 1.0)
    row = check_row(old, Report._fields)
    assert np.isnan([row["steps"], row["mean_return"]]).all()
    assert list(row) == list(Report._fields)
    whole = dict.fromkeys([*Report._fields, "lesson_0_probability"], 1.0)
    assert list(check_row(whole, Report._fields).items()) == list(whole.items())
    assert environment_steps(old) is environment_steps(row) is None
    # What comes after them has a return, but nobody knows after how many steps.
    rows = [old, row, {**row, "mean_return": 0.5}, {**old, "steps": 8.0, "mean_return": 0.25}]
    assert return_curve(rows) == [(8, 0.25)]
    with pytest.raises(ValueError, match="expected a row of numbers, sequences, steps, "):
        check_row({"sequences": 1}, Report._fields)


def test_a_variant_counts_once_all_of_its_runs_have_begun():
    times = [np.array([first, 400.0]) for first in (90, 110, 310)]
    curves = {"ntm": [(time, np.array([0.0, 1.0])) for time in times]}
    assert marks(curves) == [100, 300, 1_000]
    assert returns_table(curves).splitlines()[-1] == "| `ntm` |  |  | 1.000 [1.000, 1.000] |"
