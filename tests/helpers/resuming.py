"""What tests of trainings that are stopped and go on share."""

import signal
import subprocess
import sys
import time

import numpy as np

from agents.storage.checkpoints import Checkpoints
from agents.storage.networks import cell_of
from agents.storage.runs import Run


def stop_after(count):
    """Says that training should stop after so many reports."""
    asked = iter(range(1, 100))
    return lambda: next(asked) == count


def result(run, outcome):
    """Weights, and metrics without what the clock says; texts, since NaN is not itself."""
    rows = [{k: repr(v) for k, v in row.items() if "second" not in k} for row in run.metrics.read()]
    return cell_of(outcome.network).get_weights(), rows


def assert_equal(got, expected):
    for ours, theirs in zip(got[0], expected[0], strict=True):
        np.testing.assert_array_equal(ours, theirs)
    assert got[1] == expected[1]


def assert_saves_when_terminated(folder, *command):
    """A script that trains into the folder saves at SIGTERM and says how to go on."""
    process = subprocess.Popen(
        [sys.executable, *command], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    while not (folder / "metrics.csv").exists() and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    _, problems = process.communicate()
    assert process.returncode == 1
    assert "sequences; --resume goes on" in problems
    assert "Traceback" not in problems
    last = Checkpoints(folder / "checkpoints").newest().values["rows"][-1]
    assert last["sequences"] == Run.open(folder).metrics.read()[-1]["sequences"]
