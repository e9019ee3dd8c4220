"""Learning by reward and by right answers side by side: returns against environment steps."""

import numpy as np
import pytest
from helpers.tiny_plan import TINY, made_up, plan_of
from matplotlib.image import imread

from agents.experiments.comparison.report import write_report
from agents.experiments.comparison.scores import marks, returns_table

BOTH = TINY.replace("report_sequences = 16\n", "") + (
    '\n[[variants]]\nname = "rl"\nlearning = "reward"\ntask.width = 2\nmax_length = 2\n'
)
RETURNS = {
    "ntm": [[0.1, 0.5, 1.0], [0.0, 0.75, 1.0]],
    "rl": [[-0.0001, 0.25, 0.5], [0.1, 0.35, float("nan")]],
}
STEPS = {"ntm": 100, "rl": 4_000}


@pytest.mark.slow
def test_returns_stand_beside_environment_steps(tmp_path):
    jobs = plan_of(tmp_path, BOTH).jobs(tmp_path / "runs")
    for (_, variant, seed), job in jobs.items():
        made_up(job, [2, 1, 0], returns=RETURNS[variant][seed], steps=STEPS[variant])
    summary = write_report("runs", jobs, tmp_path / "runs")
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


@pytest.mark.slow
def test_a_comparison_of_right_answers_alone_has_none(tmp_path):
    jobs = plan_of(tmp_path).jobs(tmp_path / "runs")
    for job in jobs.values():
        made_up(job, [1, 0])
    summary = write_report("runs", jobs, tmp_path / "runs")
    assert "Return of" not in summary
    assert "environment steps" not in summary


def test_a_variant_counts_once_all_of_its_runs_have_begun():
    times = [np.array([first, 400.0]) for first in (90, 110, 310)]
    curves = {"ntm": [(time, np.array([0.0, 1.0])) for time in times]}
    assert marks(curves) == [100, 300, 1_000]
    assert returns_table(curves).splitlines()[-1] == "| `ntm` |  |  | 1.000 [1.000, 1.000] |"
