"""How commands end: exit code 0, 1 or 2, one line that says what to do, no traceback."""

import os
import re
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf

from agents.cli import console
from agents.cli.commands import DEBUG, describe, run_command
from agents.recipes.reward import reward_recipe
from agents.recipes.supervised import CopyConfig
from agents.storage.runs import Run, RunError
from agents.training.reports import Report, RewardReport

ROOT = Path(__file__).resolve().parents[2]
TRAIN = ["train.py", "copy", "--cell.units", "4", "--cell.slots", "4", "--max-length", "2"]
TRAIN += ["--report-sequences", "16", "--max-sequences", "32"]


def ends(command, monkeypatch, capsys, *words):
    """The exit code and what stands in standard error of a command in this process."""
    monkeypatch.setattr(sys, "argv", ["script.py", *words])
    with pytest.raises(SystemExit) as ended:
        run_command(command)
    return ended.value.code, capsys.readouterr().err


def script(*words, **options):
    command = [sys.executable, ROOT / "scripts" / words[0], *words[1:]]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **options}
    return subprocess.run(command, **streams, text=True)


def failing(error):
    def fail():
        raise error

    return fail


def write_to_a_full_disk():
    Path("/dev/full").write_bytes(bytes(100_000))


def import_what_is_missing():
    import nothing_of_this_name  # noqa: F401


ENDINGS = {
    "success": (lambda: None, 0, ""),
    "wrong use": (failing(ValueError("expected 1, got 2")), 2, "Error: expected 1, got 2\n"),
    "failure": (failing(RunError("expected a run")), 1, "Error: expected a run\n"),
    "interruption": (failing(KeyboardInterrupt), 1, "Stopped.\n"),
    "a bug": (failing(KeyError("x")), 1, "Error: KeyError: 'x'; --debug shows where\n"),
    "little memory": (lambda: np.zeros(2**50), 1, "Error: not enough memory: .*fewer slots"),
    "little memory for TensorFlow": (
        lambda: tf.zeros(2**44),
        1,
        "Error: not enough memory: .*fewer slots",
    ),
    "full disk": (write_to_a_full_disk, 1, "Error: .*No space left on device: free some space"),
    "missing extra": (import_what_is_missing, 1, r'Error: No module .*pip install -e "\.\[agents'),
}


@pytest.mark.parametrize("name", ENDINGS)
def test_endings(name, monkeypatch, capsys):
    command, code, message = ENDINGS[name]
    got, said = ends(command, monkeypatch, capsys)
    assert got == code
    assert len(said.splitlines()) == bool(message)
    assert "Traceback" not in said
    assert re.match(message, said), said


def test_debug_shows_the_traceback_and_is_no_option_of_the_script(monkeypatch):
    monkeypatch.setenv(DEBUG, "")
    monkeypatch.setattr(sys, "argv", ["script.py", "a", "--debug", "b"])
    seen = []

    def command():
        seen.extend(sys.argv)
        raise RunError("shown")

    with pytest.raises(RunError, match="shown"):
        run_command(command)
    assert seen == ["script.py", "a", "b"]
    assert os.environ[DEBUG] == "1"  # for processes that it starts


def test_errors_hold_no_control_characters():
    assert describe(RunError("a\x1b[31mb\r\x00é\nc")) == "a\\x1b[31mb\\r\\x00é\nc"


def test_a_read_only_folder(monkeypatch, capsys):
    # Root may write anywhere; and this folder must be reachable by who is not.
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o555)
    user = os.geteuid()
    try:
        if user == 0:
            os.seteuid(65534)
        code, said = ends(lambda: Run.create(folder / "run", CopyConfig()), monkeypatch, capsys)
        inside = ends(lambda: Run.create(folder, CopyConfig()), monkeypatch, capsys)
    finally:
        os.seteuid(user)
        empty = not list(folder.iterdir())
        folder.rmdir()
    for ended, error in ((code, said), inside):
        assert ended == 1
        assert "Permission denied" in error
        assert "or a folder that can be written to" in error
    assert empty


def test_a_missing_extra_is_said_before_anything_is_imported(tmp_path):
    (tmp_path / "tyro.py").write_text("raise ImportError(\"No module named 'tyro'\")")
    path = os.pathsep.join([str(tmp_path), str(ROOT)])
    for name in ("train.py", "evaluate.py"):
        done = script(name, "--help", env={**os.environ, "PYTHONPATH": path})
        assert done.returncode == 1
        expected = "Error: No module named 'tyro'. The scripts need an extra: pip install -e"
        assert done.stderr.startswith(expected)
        assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_output_that_cannot_be_written():
    with Path("/dev/full").open("w") as full:
        done = script("evaluate.py", "--help", stdout=full)
    assert done.returncode == 1
    assert done.stderr.startswith("Error: [Errno 28] No space left on device: free some space")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.slow
def test_wrong_use():
    for words in (["evaluate.py"], ["train.py", "copy", "--max-length", "0"]):
        done = script(*words)
        assert done.returncode == 2
        assert "Traceback" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["train.py", "copy", "--episodes", "-1"], "expected episodes of at least 0, got -1"),
        (["train.py", "copy", "--seed", "5000000000"], "expected seed from 0 to 2**32 - 1, got"),
        (
            ["train_rl.py", "--seed", "1", "NTMAssociativeRecall-v0"],
            "id before all options, got NTMA",
        ),
        (["train_rl.py", "NTMCpoy-v0"], "expected the id of an environment, got 'NTMCpoy-v0'"),
        (["train_rl.py", "FrozenLake-v1"], "expected observations of a Box, got Discrete(16)"),
        (["train_rl.py", "MountainCarContinuous-v0"], "expected actions of MultiBinary(n), Mul"),
        (["train_rl.py", "CartPole-v1", "--episodes-at-end", "-1"], "expected episodes_at_end"),
        (
            ["dev/throughput.py", "--json", "none/t.json"],
            "expected a file in a folder",
        ),
        (
            ["report.py", "runs", "--output", "none/x.html"],
            "expected a file in a folder",
        ),
        (["play.py", "--agent", "oracle", "--record", "none/x.gif"], "expected a file in a folder"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused_before_any_work(words, message, tmp_path):
    done = script(*words, cwd=tmp_path)
    assert done.returncode == 2
    assert message in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_full_disk_leaves_nothing_half_written_and_a_pipe_gets_plain_text(tmp_path):
    run = tmp_path / "run"
    words = [*TRAIN, "--run", run, "--episodes", "0"]
    limit = (500, resource.RLIM_INFINITY)
    done = script(*words, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, limit))
    assert done.returncode == 1
    assert "free some space, then start again" in done.stderr
    assert "Traceback" not in done.stderr
    assert not (run / "config.json").exists()
    # What it left does not stand in the way once there is space.
    done = script(*words)
    assert (done.returncode, done.stderr) == (0, "")
    assert not [c for c in done.stdout if not c.isprintable() and c != "\n"]
    assert Run.open(run).load_network().output_shape[-1] == 8


def test_each_report_is_a_line_where_no_bar_is_seen(capsys):
    numbers = {"loss_bits": 2.5, "bit_errors": 1.25, "held_out_bit_errors": 0.5}
    numbers |= {"sequences": 1000, "sequences_per_second": 99.4}
    numbers |= {"steps": 7000, "mean_return": 0.25}
    for kind, config, changes in (
        (Report, CopyConfig(), {}),
        (RewardReport, reward_recipe("NTMCopy-v0"), {}),
        (RewardReport, reward_recipe("CartPole-v1"), {"held_out_bit_errors": float("nan")}),
    ):
        told = dict.fromkeys(kind._fields, 0) | numbers | changes
        report = kind(*(told[name] for name in kind._fields))
        with console.training_progress(config) as on_report:
            on_report(report)
    lines = capsys.readouterr().out.splitlines()
    assert "1,000 sequences: 2.50 bits, 1.25 wrong, held out 0.50, 99/s" in lines
    assert "1,000 episodes, 7,000 steps: return 0.250, held out 0.50 wrong" in lines
    assert "1,000 episodes, 7,000 steps: return 0.250" in lines
