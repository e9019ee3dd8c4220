"""Training that is stopped, killed or damaged goes on as if nothing had been."""

import dataclasses
import importlib.metadata
import json
import logging
import shutil
import subprocess
import sys
import time
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from helpers.resuming import assert_equal, assert_saves_when_terminated, result, stop_after

from agents.recipes.cells import LSTMConfig, NTMConfig
from agents.recipes.supervised import CopyConfig
from agents.storage import checkpoints
from agents.storage.checkpoints import Checkpoint, Checkpoints
from agents.storage.files import locked
from agents.storage.runs import Run, RunError
from agents.training import loop, supervised
from agents.training.loop import TrainingStoppedError
from ntm_gym import Copy

ROOT = Path(__file__).resolve().parents[2]
CONFIG = CopyConfig(
    task=Copy(width=2),
    cell=NTMConfig(units=8, slots=6, width=4, memory_init="random"),
    max_length=2,
    batch_size=2,
    curriculum="prediction_gain",
    anneal_below=2.0,
    lost_above=2.0,
    report_sequences=40,
    max_sequences=200,
)

# The step size falls at once, and hard tapes are played again.
EASY = dataclasses.replace(
    CONFIG, cell=LSTMConfig(units=4), replay=0.25, anneal_below=100.0, lost_above=100.0
)


@pytest.fixture(autouse=True, scope="module")
def no_networks():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Run, "save_network", lambda *_: None)
        yield


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    run = Run.create(tmp_path_factory.mktemp("whole"), CONFIG)
    return result(run, supervised.train(CONFIG, run))


@pytest.fixture(scope="module")
def stopped_folder(tmp_path_factory):
    run = Run.create(tmp_path_factory.mktemp("stopped"), CONFIG)
    with pytest.raises(TrainingStoppedError, match="after 120 sequences"):
        supervised.train(CONFIG, run, should_stop=stop_after(3))
    return run.folder


@pytest.fixture
def stopped(tmp_path, stopped_folder):
    """A run of its own that was stopped after three reports."""
    shutil.copytree(stopped_folder, tmp_path, dirs_exist_ok=True)
    return Run.open(tmp_path)


@pytest.mark.slow
def test_a_stopped_training_goes_on_exactly(stopped, uninterrupted):
    run = Run.resume(stopped.folder, CONFIG)
    seconds = [row["seconds"] for row in run.metrics.read()]
    outcome = supervised.train(CONFIG, run)
    assert_equal(result(run, outcome), uninterrupted)
    after = [row["seconds"] for row in run.metrics.read()]
    assert after[:3] == seconds
    assert after == sorted(after)


@pytest.mark.slow
def test_what_was_written_after_the_checkpoint_is_done_again(stopped, uninterrupted):
    with (stopped.folder / "metrics.csv").open("a") as file:
        file.write("160,1.0,a torn li")
    outcome = supervised.train(CONFIG, stopped)
    assert_equal(result(stopped, outcome), uninterrupted)


@pytest.mark.slow
def test_after_damage_the_checkpoint_before_is_taken(stopped, uninterrupted, caplog):
    before, newest = sorted((stopped.folder / "checkpoints").iterdir())
    content = bytearray(newest.read_bytes())
    content[len(content) // 2] ^= 1
    for damage in (b"", b"short", content):
        newest.write_bytes(damage)
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            taken = Checkpoints(stopped.folder / "checkpoints").newest()
        assert taken.values["rows"][-1]["sequences"] == int(before.stem)
        assert f"expected what was written to {newest}" in caplog.text
        assert before.name not in caplog.text
    outcome = supervised.train(CONFIG, stopped)
    assert_equal(result(stopped, outcome), uninterrupted)


@pytest.mark.slow
def test_without_a_whole_checkpoint_training_begins_anew(stopped, uninterrupted):
    empty, short = sorted((stopped.folder / "checkpoints").iterdir())
    empty.write_bytes(b"")
    short.write_bytes(b"short")
    outcome = supervised.train(CONFIG, stopped)
    assert_equal(result(stopped, outcome), uninterrupted)


def test_other_settings_are_refused_by_name(tmp_path):
    Run.create(tmp_path, CONFIG)
    other = dataclasses.replace(CONFIG, seed=3, cell=dataclasses.replace(CONFIG.cell, units=9))
    with pytest.raises(RunError, match=r"cell\.units 8, not 9; seed 0, not 3; --force") as error:
        Run.resume(tmp_path, other)
    assert "slots" not in str(error.value)
    assert Run.resume(tmp_path, other, force=True).config == other


def test_other_versions_are_refused_by_name(tmp_path):
    Run.create(tmp_path, CONFIG)
    path = tmp_path / "config.json"
    written = json.loads(path.read_text())
    written["versions"]["keras"] = "3.0.0"
    path.write_text(json.dumps(written))
    with pytest.raises(RunError, match=r"has version\.keras '3\.0\.0', not '"):
        Run.resume(tmp_path, CONFIG)
    Run.resume(tmp_path, CONFIG, force=True)


def test_tensorflow_is_known_by_other_names_of_its_distribution_too(tmp_path, monkeypatch):
    found = importlib.metadata.Distribution.from_name

    def with_tensorflow_cpu(name):
        if name == "tensorflow":
            raise PackageNotFoundError(name)
        return found(name)

    monkeypatch.setattr(importlib.metadata.Distribution, "from_name", with_tensorflow_cpu)
    Run.create(tmp_path, CONFIG)
    versions = json.loads((tmp_path / "config.json").read_text())["versions"]
    assert versions["tensorflow"] == tf.__version__


def test_a_network_without_a_checkpoint_is_not_trained_anew(tmp_path):
    run = Run.create(tmp_path, CONFIG)
    for name in ("metrics.csv", "model.keras"):
        (tmp_path / name).write_text("as it was")
    with pytest.raises(RunError, match=r"expected a whole checkpoint .*--overwrite trains a new"):
        supervised.train(CONFIG, run)
    assert (tmp_path / "metrics.csv").read_text() == "as it was"


def test_going_on_by_other_settings_makes_the_run_one_of_these(tmp_path):
    Run.create(tmp_path, CONFIG)
    for name in ("model.keras", "evaluation.json"):
        (tmp_path / name).touch()
    earlier = json.loads((tmp_path / "config.json").read_text())
    longer = dataclasses.replace(CONFIG, max_sequences=240, learning_rate=1e-4)
    run = Run.resume(tmp_path, longer, force=True)
    assert (tmp_path / "evaluation.json").exists()  # nothing has been taken over yet
    for _ in range(2):
        run.adopt()
        assert not (tmp_path / "evaluation.json").exists()
        assert not (tmp_path / "model.keras").exists()
        assert Run.open(tmp_path).config == longer
        assert json.loads((tmp_path / "config.json").read_text())["earlier"] == [earlier]


@pytest.mark.slow
@pytest.mark.parametrize("change", [{"replay": 0.5, "report_sequences": 80}, {"max_length": 3}])
def test_hard_tapes_of_other_settings_are_found_anew(tmp_path, change):
    config = dataclasses.replace(EASY, curriculum="uniform")
    run = Run.create(tmp_path, config)
    with pytest.raises(TrainingStoppedError):
        supervised.train(config, run, should_stop=stop_after(2))
    other = dataclasses.replace(config, **change)
    supervised.train(other, Run.resume(tmp_path, other, force=True))
    assert Run.open(tmp_path).config == other


@pytest.mark.slow
def test_a_checkpoint_of_another_optimizer_is_refused(stopped):
    other = dataclasses.replace(CONFIG, optimizer="rmsprop")
    with pytest.raises(RunError, match="expected a checkpoint of weights and optimizer"):
        supervised.train(other, Run.resume(stopped.folder, other, force=True))


def test_two_processes_do_not_train_in_one_folder(tmp_path, monkeypatch):
    code = (
        "import sys, pathlib; from agents.storage.files import locked\n"
        "with locked(pathlib.Path(sys.argv[1])): print('locked', flush=True); sys.stdin.read()"
    )
    run = Run.create(tmp_path, CONFIG)
    with subprocess.Popen(
        [sys.executable, "-c", code, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"locked\n"
        monkeypatch.setattr(loop, "locked", lambda folder: locked(folder, seconds=0.2))
        with pytest.raises(RunError, match="another process is at work in"):
            supervised.train(CONFIG, run)
        other.kill()  # the lock ends with its process
    with locked(tmp_path, seconds=5):
        pass


@pytest.mark.slow
def test_the_budget_is_kept_to(tmp_path):
    config = dataclasses.replace(EASY, max_sequences=50)
    run = Run.create(tmp_path, config)
    supervised.train(config, run)
    assert [row["sequences"] for row in run.metrics.read()] == [40, 50]


@pytest.mark.slow
def test_a_checkpoint_of_another_network_is_refused(stopped):
    other = dataclasses.replace(CONFIG, cell=dataclasses.replace(CONFIG.cell, units=9))
    with pytest.raises(RunError, match="expected a checkpoint of weights"):
        supervised.train(other, Run.resume(stopped.folder, other, force=True))


def test_resuming_nothing_begins_a_run(tmp_path):
    Run.resume(tmp_path / "new", CONFIG)
    assert Run.open(tmp_path / "new").config == CONFIG


STATE = Checkpoint([np.arange(6.0).reshape(2, 3), np.array(2, np.int64)], {"a": [1, 2**70]})


def test_a_checkpoint_comes_back(tmp_path):
    kept = Checkpoints(tmp_path / "checkpoints")
    assert kept.newest() is None
    for number in (5, 40, 300):
        kept.write(number, STATE._replace(values={"number": number}))
    assert [int(path.stem) for path in sorted(kept.folder.iterdir())] == [40, 300]
    arrays, values = kept.newest()
    for ours, theirs in zip(arrays, STATE.arrays, strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs)
    assert values == {"number": 300}


def test_every_damage_is_seen(tmp_path):
    kept = Checkpoints(tmp_path, keep=1)
    kept.write(1, STATE)
    (path,) = tmp_path.iterdir()
    whole = path.read_bytes()
    rng = np.random.default_rng(0)
    for position in range(0, len(whole), 7):
        bad = bytearray(whole)
        bad[position] ^= 1 << int(rng.integers(8))
        path.write_bytes(bad)
        assert kept.newest() is None
        path.write_bytes(whole[:position])
        assert kept.newest() is None
    path.write_bytes(whole)
    assert kept.newest().values == STATE.values


def test_links_and_giants_are_not_read(tmp_path, monkeypatch):
    kept = Checkpoints(tmp_path / "checkpoints")
    kept.write(1, STATE)
    (path,) = kept.folder.iterdir()
    monkeypatch.setattr(checkpoints, "LARGEST", 10)
    assert kept.newest() is None
    monkeypatch.undo()
    path.rename(tmp_path / "elsewhere")
    path.symlink_to(tmp_path / "elsewhere")
    assert kept.newest() is None


@pytest.mark.slow
def test_checkpoints_take_no_more_than_their_share(tmp_path, monkeypatch):
    now = [0.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])

    def state():
        now[0] += 1.0
        return STATE

    kept = Checkpoints(tmp_path, keep=1000, share=0.1)
    for number in range(200):
        now[0] += 1.0
        # What takes the time here is the state; writing takes none of this clock's.
        kept.offer(number, state)
    assert len(list(tmp_path.iterdir())) == 200  # only writing is counted

    monkeypatch.setattr(np, "savez", lambda *_, **__: now.__setitem__(0, now[0] + 1.0))
    before = now[0]
    for number in range(200, 400):
        now[0] += 1.0
        kept.offer(number, lambda: STATE)
    written = len(list(tmp_path.iterdir())) - 200
    assert 10 <= written <= 0.1 * (now[0] - before) + 1


@pytest.mark.slow
def test_a_terminated_command_saves_and_says_how_to_go_on(tmp_path):
    command = [ROOT / "scripts" / "train.py", "copy", "--run", tmp_path / "run"]
    command += ["--cell", "lstm", "--cell.units", "4", "--max-length", "2", "--episodes", "0"]
    command += ["--report-sequences", "40", "--max-sequences", "1000000"]
    assert_saves_when_terminated(tmp_path / "run", *command)
