"""Comparing curricula: what is trained, the table and the picture, from reports made up here."""

import dataclasses
import math

import numpy as np
import pytest
from matplotlib.image import imread

from agents import sweep
from agents.config import CopyConfig
from agents.curricula import comparison_table, draw_comparison, solved_after
from agents.runs import Run, RunError

CONFIG = CopyConfig(solved_reports=2)


def made_up(folder, errors, seed=0):
    """A run with such wrong bits per held-out sequence at each report."""
    run = Run.create(folder, dataclasses.replace(CONFIG, seed=seed))
    for i, wrong in enumerate(errors, 1):
        run.append_metrics({"sequences": 1000 * i, "held_out_bit_errors": wrong})
    return run


@pytest.mark.parametrize(
    ("errors", "sequences"),
    [
        ([3, 0, 0], 2000),
        ([0, 0, 1, 0, 0], 1000),
        ([0, 1, 0, 0, 0], 3000),
        ([3, 0, 1, 0], math.inf),
        ([1], math.inf),
    ],
)
def test_solved_after_the_first_of_enough_reports(tmp_path, errors, sequences):
    assert solved_after(made_up(tmp_path, errors)) == sequences


@pytest.fixture
def runs(tmp_path):
    errors = {
        "naive": [[9, 0, 0], [9, 5, 3], [9, 3, 0, 0]],
        "fixed": [[9, 8], [9, 9], [0, 0]],
    }
    return {
        name: [made_up(tmp_path / f"{name}-{seed}", e, seed) for seed, e in enumerate(curves)]
        for name, curves in errors.items()
    }


def test_table(runs):
    assert comparison_table(runs).splitlines() == [
        "| curriculum | seed 0 | seed 1 | seed 2 | median | solved |",
        "|---|---|---|---|---|---|",
        "| `naive` | 2,000 | not | 3,000 | 3,000 | 2 of 3 |",
        "| `fixed` | not | not | 1,000 | not | 1 of 3 |",
    ]


def test_picture(runs, tmp_path):
    path = draw_comparison(runs, "copy", tmp_path / "comparison.png")
    assert imread(path).shape[:2] == (540, 900)
    assert np.ptp(imread(path)) > 0.5


def test_only_missing_runs_are_trained(tmp_path, monkeypatch):
    configs = {tmp_path / str(seed): dataclasses.replace(CONFIG, seed=seed) for seed in range(4)}
    ended, cut_off, *_ = configs
    made_up(ended, [0, 0], seed=0)
    (ended / "model.keras").touch()
    made_up(cut_off, [1], seed=1)
    trained = []
    monkeypatch.setattr(sweep, "_train_apart", lambda *run: trained.append(run[1].seed))
    assert len(list(sweep.train_missing(configs, workers=2))) == 4
    assert sorted(trained) == [1, 2, 3]

    other = {ended: dataclasses.replace(CONFIG, curriculum="naive")}
    with pytest.raises(RunError, match="run of other settings"):
        list(sweep.train_missing(other))
    with pytest.raises(ValueError, match="expected workers of at least 1, got 0"):
        list(sweep.train_missing(configs, workers=0))


def test_a_failed_run_is_said(tmp_path):
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(RuntimeError, match="exit code 1"):
        list(sweep.train_missing({tmp_path: CONFIG}))
    assert (tmp_path / "thesis.txt").exists()
