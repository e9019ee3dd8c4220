"""The scripts that break trainings and that go on for long find what they look for."""

import signal
import sys

import numpy as np
import pytest
from helpers.marks import SAVING

from agents.cli import tables
from agents.lab.reliability import faults, soak
from agents.storage.checkpoints import Checkpoint, Checkpoints

posix = pytest.mark.skipif(sys.platform == "win32", reason="processes are stopped by signals")


def small(folder):
    settings = "--task.width", "2", "--max-length", "2"
    budget = "--max-sequences", "6000", "--report-sequences", "40", "--cell.units", "4"
    script = "scripts/train.py", "copy", "--cell", "lstm", *settings, *budget
    return [*script, "--episodes", "4", "--run", str(folder / "run"), "--resume"]


@pytest.mark.slow
@posix
def test_stopped_trainings_leave_what_others_leave(tmp_path, capsys):
    kind = faults.Kind("small", small, ("run",))
    seen = []
    found = faults.inject(kind, tmp_path, 2, seen.append)
    assert seen == [1, 2]
    assert found.problems == []
    assert sum(found.stops.values()) == len(found.lost) == 2
    assert found.finished > 0
    tables.print_table("stopped", [found.row("small")])
    assert "small" in capsys.readouterr().out


def test_what_differs_is_said():
    left = {"weights": np.ones(3), "report": ["1", "nan"]}
    assert list(faults.differences(left, {**left, "report": ["1", "nan"]})) == []
    assert list(faults.differences(left, {**left, "report": ["1", "2"]})) == ["report differs"]
    assert list(faults.differences(left, {**left, "weights": np.ones(2)})) == ["weights differs"]
    assert "got ['weights']" in next(faults.differences(left, {"weights": np.ones(3)}))


class Fake:
    """A process that ends as told: by itself, or only when it is stopped."""

    def __init__(self, returncode, by_itself):
        self.returncode, self.by_itself, self.sent, self.pid = returncode, by_itself, [], -1

    def wait(self, seconds):
        if not self.by_itself:
            raise faults.subprocess.TimeoutExpired("", seconds)

    def send_signal(self, sent):
        self.sent.append(sent)

    def communicate(self):
        return "said", None


@pytest.mark.parametrize(
    ("returncode", "by_itself", "stopped", "problems"),
    [(0, True, False, 0), (0, False, False, 0), (1, False, True, 0), (1, True, False, 1)],
)
@posix
def test_only_what_was_stopped_counts(
    tmp_path, monkeypatch, returncode, by_itself, stopped, problems
):
    process = Fake(returncode, by_itself)
    monkeypatch.setattr(faults, "_start", lambda *_: process)
    monkeypatch.setattr(faults.os, "killpg", lambda _, sent: process.sent.append(sent))
    found = faults.Faults()
    kind = faults.Kind("fake", small, ("run",))
    assert faults._stop(kind, tmp_path, 1.0, np.random.default_rng(0), found) == stopped
    assert len(found.problems) == problems
    assert sum(found.stops.values()) == stopped
    assert len(process.sent) == (not by_itself)


@posix
def test_another_exit_code_is_a_problem(tmp_path, monkeypatch):
    monkeypatch.setattr(faults, "_start", lambda *_: Fake(-signal.SIGSEGV, False))
    monkeypatch.setattr(faults.os, "killpg", lambda *_: None)
    found = faults.Faults()
    kind = faults.Kind("fake", small, ("run",))
    assert faults._stop(kind, tmp_path, 1.0, np.random.default_rng(0), found)
    assert "exit code -11\nsaid" in found.problems[0]


def test_damage_shows(tmp_path):
    rng = np.random.default_rng(0)
    for number in range(12):
        kept = Checkpoints(tmp_path / str(number))
        kept.folder.mkdir()
        kept.write(1, Checkpoint([np.ones(3)], {}))
        faults._damage(kept.folder / "000000000001.checkpoint", rng)
        assert kept.newest() is None


@pytest.mark.slow
def test_long_play_is_measured_and_the_same_twice():
    steps = soak.PARTS * soak.ROWS * 5
    one, two, other = (soak.play(0, steps, seed) for seed in (0, 0, 1))
    assert [part.done for part in one.parts] == [steps // 20 * k for k in range(1, 21)]
    assert one.digest == two.digest != other.digest
    assert one.parts[-1].mebibytes > 10
    tables.print_table("soaked", [one.row, two.row])


@pytest.mark.slow
@SAVING
def test_long_learning_is_measured(tmp_path, monkeypatch):
    monkeypatch.setattr("agents.tensorflow.prepare", lambda: None)  # it runs here already
    learned = soak.learn(0, 400, tmp_path)
    assert [part.done for part in learned.parts] == [20 * k for k in range(1, 21)]
    assert all(part.per_second > 0 for part in learned.parts)


def test_growth_is_that_after_a_tenth():
    parts = [soak.Part(k, 1.0, 100.0 if k < 2 else 103.0) for k in range(soak.PARTS)]
    assert soak.Soaked("work", parts, "").growth == pytest.approx(0.03)
