"""How long a sweep takes on a number of cores."""

import numpy as np
import pytest

from agents.lab.makespan import makespan, makespan_table, training_seconds


def test_runs_start_as_soon_as_a_core_is_free():
    # One core does 3, from 3 to 4 the fourth, to 9 the fifth; the other 2, to 6 the third.
    result = makespan([3, 2, 4, 1, 5], 2)
    assert result.seconds == 9
    assert result.least == 7.5


@pytest.mark.parametrize("cores", [1, 2, 3, 8, 64])
def test_bounds(cores):
    runs = list(np.random.default_rng(0).exponential(10, size=50))
    result = makespan(runs, cores)
    longest, total = max(runs), sum(runs)
    assert result.least <= result.seconds <= total / cores + longest
    assert result.speedup == pytest.approx(total / result.seconds)
    assert 0 < result.busy <= 1 + 1e-12


def test_one_core_does_all_and_many_wait_for_the_longest():
    assert makespan([1, 2, 3], 1).seconds == 6
    assert makespan([1, 2, 3], 100) == (100, 3, 3, 2, 0.02)
    assert makespan([5] * 10, 4).seconds == 15


def test_wrong_numbers_are_refused():
    for runs in ([], [1.0, 0.0]):
        with pytest.raises(ValueError, match="expected runs of some seconds each"):
            makespan(runs, 1)
    with pytest.raises(ValueError, match="expected at least 1 core, got 0"):
        makespan([1], 0)


SCORES = """task,variant,seed,total_seconds,length
copy,ntm,0,1800.0,20
copy,ntm,0,1800.0,40
copy,ntm,1,3600.0,20
copy,dnc,0,1800.0,20
"""


def test_a_comparison_on_other_numbers_of_cores(tmp_path):
    path = tmp_path / "scores.csv"
    path.write_text(SCORES)
    assert training_seconds(path) == [1800, 1800, 3600]  # both of seed 0 first
    assert training_seconds(path, 5, more=10) == [1810, 1810, 3610, 1810, 1810]
    assert makespan_table(training_seconds(path), [1, 2]).splitlines() == [
        "| cores | hours | at least | speedup | busy |",
        "|---|---|---|---|---|",
        "| 1 | 2.00 | 2.00 | 1.0 | 100% |",
        "| 2 | 1.50 | 1.00 | 1.3 | 67% |",
    ]
    for runs, more, wrong in ((0, 0, "1 run, got 0"), (1, -1, "0 seconds more, got -1")):
        with pytest.raises(ValueError, match=f"expected at least {wrong}"):
            training_seconds(path, runs, more)
    for text, got in (("a,b\n1,2\n", "got no 'task'"), (SCORES.partition("copy")[0], "got none")):
        path.write_text(text)
        with pytest.raises(ValueError, match=f"expected a comparison's scores in .*, {got}"):
            training_seconds(path)
