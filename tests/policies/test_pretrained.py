"""The trained networks that come with the repository are what they are said to be."""

import subprocess
import sys
from pathlib import Path

import pytest

from agents.evaluation.scores import held_out, score
from agents.policies.pretrained import PRETRAINED, pretrained_run
from agents.policies.recurrent import RecurrentAgent
from agents.recipes.supervised import CONFIGS, recipe
from agents.storage.runs import Run

ROOT = Path(__file__).resolve().parents[2]
NETWORKS = [tuple(path.name.rsplit("-", 1)) for path in sorted(PRETRAINED.iterdir())]
SEED = 11


@pytest.mark.slow
@pytest.mark.parametrize(("task", "cell"), NETWORKS)
def test_each_is_seed_0_of_its_recipe(task, cell):
    folder = pretrained_run(task, cell)
    run = Run.open(folder)
    assert run.config == recipe(task, cell)
    assert (folder / "model.keras").stat().st_size < 1_000_000
    last = run.metrics.read()[-1]
    batch = held_out(run.config.task, run.config.max_length, 128, SEED)
    own = score("", RecurrentAgent.pretrained(task, cell), batch)
    # What the last report said of it, on other tapes.
    assert own.bit_errors == pytest.approx(last["held_out_bit_errors"], rel=0.2, abs=0.5)
    assert own.bit_errors < 0.5 * own.scored_bits


@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "cell", "length"),
    [
        ("copy", "ntm", 120),
        ("copy", "dnc", 40),
        ("repeat_copy", "ntm", 20),
        ("associative_recall", "ntm", 12),
    ],
)
def test_beyond_training(task, cell, length):
    batch = held_out(recipe(task, cell).task, length, 64, SEED)
    agent = RecurrentAgent.pretrained(task, cell, slots=128)
    assert score("", agent, batch).bit_errors == 0


def test_others_are_refused():
    assert {task for task, _ in NETWORKS} <= CONFIGS.keys()
    with pytest.raises(ValueError, match=r"expected a task and cell of .*copy-ntm.*, got copy-x"):
        RecurrentAgent.pretrained("copy", "x")


@pytest.mark.slow
def test_scripts_take_them(tmp_path):
    """The picture of a network that was trained by somebody else."""
    command = ["scripts/play.py", "--run", "pretrained/copy-ntm", "--length", "4", "--seed", "0"]
    done = subprocess.run(
        [sys.executable, *command, "--record", str(tmp_path / "copy.gif")],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "copy.gif").stat().st_size > 1000
