"""Every script, and every process that it starts, runs the code that the script lies beside.

Neither another checkout, which this Python has installed, nor a stranger's package called `agents`
is loaded instead; and nothing that `--help` needs loads TensorFlow.
"""

import json
import os
import shutil
import subprocess
import sys

import pytest
from helpers.marks import SAVING
from helpers.project import ROOT
from helpers.tiny_plan import write_plan

USED = {
    *("train.py", "train_rl.py", "evaluate.py", "plot.py", "play.py", "summarize.py"),
    *("compare.py", "benchmark.py", "report.py", "playground.py"),
}
DEV = {
    *("faults.py", "fuzz.py", "makespan.py", "pages.py", "pictures.py", "profile_update.py"),
    *("replay.py", "soak.py", "throughput.py", "visitors.py"),
}
MARK = "code of the second checkout"
STRANGER = "raise SystemExit('a stranger was loaded')\n"


def test_the_scripts_are_these():
    assert {path.name for path in (ROOT / "scripts").glob("*.py")} == USED
    assert {path.name for path in (ROOT / "scripts" / "dev").glob("*.py")} == DEV


@pytest.fixture(scope="module")
def second(tmp_path_factory):
    """A second checkout, each of whose processes prints `MARK` once it has loaded `agents`."""
    folder = tmp_path_factory.mktemp("second")
    for name in ("scripts", "agents", "ntm_gym"):
        skipped = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / name, folder / name, ignore=skipped)
    own = folder / "agents" / "__init__.py"
    own.write_text(f"{own.read_text()}\nprint({MARK!r}, flush=True)\n")
    return folder


@pytest.fixture
def strangers(tmp_path):
    """A folder with packages of others that have the names of ours."""
    folder = tmp_path / "strangers"
    for name in ("agents", "ntm_gym"):
        (folder / name).mkdir(parents=True)
        (folder / name / "__init__.py").write_text(STRANGER)
    return folder


def called(script, *words, folder, path=""):
    """What a script prints that is called in a folder, with another on Python's path."""
    unset = "NTM_GYM_COMMIT", "TF_CPP_MIN_LOG_LEVEL"
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    command = [sys.executable, str(script), *map(str, words)]
    done = subprocess.run(
        command,
        cwd=folder,
        env={**environment, "PYTHONPATH": str(path)},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted({*USED, *(f"dev/{name}" for name in DEV)}))
def test_a_script_loads_its_own_checkout_and_no_tensorflow_for_help(name, second, strangers):
    (strangers / "tensorflow.py").write_text(STRANGER)
    said = called(second / "scripts" / name, "--help", folder=strangers, path=strangers)
    assert said.count(MARK) == 1
    assert "usage: " in said


@pytest.mark.slow
@SAVING
def test_a_run_notes_the_commit_of_its_own_checkout(second, strangers, tmp_path):
    """So do the workers of a comparison, which say nothing while they load TensorFlow."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(second)]
    (second / ".gitignore").write_text("__pycache__/\n")
    for words in (["init"], ["add", "."], ["commit", "-m", "all"]):
        subprocess.run([*git, *words], check=True, capture_output=True)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    plan = write_plan(tmp_path)
    options = "--workers", "2", "--folder", tmp_path / "runs"
    said = called(second / "scripts/compare.py", plan, *options, folder=strangers, path=strangers)
    assert said.count(MARK) == 3  # the script and the processes of two runs
    for seed in (0, 1):
        config = tmp_path / "runs" / "tiny" / "copy" / "ntm" / str(seed) / "config.json"
        assert json.loads(config.read_text())["commit"] == head.stdout.strip()


@pytest.mark.slow
def test_the_processes_of_a_benchmark_do(second, strangers, tmp_path):
    """The folder that it is called in, where modules of one's own lie, comes after it."""
    words = "--agents", "random", "ppo", "--seeds", "0", "--steps", "60", "--lengths", "2"
    folder = "--episodes", "4", "--max-length", "2", "--workers", "2", "--folder", tmp_path / "b"
    script = second / "scripts" / "benchmark.py"
    assert called(script, *words, *folder, folder=strangers, path=strangers).count(MARK) == 3
