"""Learning by reward that is stopped goes on as if nothing had been."""

import dataclasses
from pathlib import Path

import pytest
import tensorflow as tf
from helpers.resuming import assert_equal, assert_saves_when_terminated, result, stop_after

from agents.recipes import reward
from agents.recipes.cells import LSTMConfig
from agents.recipes.reward import RewardConfig, reward_recipe
from agents.recipes.supervised import CopyConfig
from agents.storage.runs import Run, RunError
from agents.training.loop import TrainingStoppedError
from agents.training.reward import actor_critic
from ntm_gym import Copy

ROOT = Path(__file__).resolve().parents[3]
TAPES = RewardConfig(
    *("NTMCopy-v0", Copy(width=2), LSTMConfig(units=4), 1, 2),
    episodes=2,
    rollouts=4,
    gamma=0.0,
    credit="bit",
    exploration=0.1,
    curriculum="prediction_gain",
    anneal_below=2.0,
    lost_above=2.0,
    blur_cost=0.3,
    replay=0.5,
    max_updates=10,
    report_updates=2,
)
CONFIGS = {
    "tapes": TAPES,
    "tapes, values": dataclasses.replace(TAPES, rollouts=1, epochs=2, replay=0),
    "another environment": dataclasses.replace(
        reward_recipe("CartPole-v1", "lstm"),
        cell=LSTMConfig(units=4),
        episodes=2,
        max_updates=10,
        report_updates=2,
    ),
}


@pytest.fixture(autouse=True)
def short_episodes(monkeypatch):
    monkeypatch.setattr(reward, "LONGEST_EPISODE", 8)


@pytest.fixture(autouse=True)
def no_networks(monkeypatch):
    monkeypatch.setattr(Run, "save_network", lambda *_: None)


@pytest.fixture
def uncompiled():
    """Compiling would take most of the time of these few updates."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


@pytest.mark.slow
@pytest.mark.usefixtures("uncompiled")
@pytest.mark.parametrize("name", CONFIGS)
def test_a_stopped_training_goes_on_exactly(tmp_path, name):
    config = CONFIGS[name]
    whole = Run.create(tmp_path / "whole", config)
    expected = result(whole, actor_critic.train(config, whole))
    run = Run.create(tmp_path / "stopped", config)
    count = 3 * config.report_updates * config.episodes
    with pytest.raises(TrainingStoppedError, match=f"after {count} sequences; --resume goes on"):
        actor_critic.train(config, run, should_stop=stop_after(3))
    run = Run.resume(run.folder, config)
    assert len(run.metrics.read()) == 3
    got = result(run, actor_critic.train(config, run))
    assert_equal(got, expected)
    assert len(got[1]) == 5


def test_a_supervised_run_is_refused_by_name(tmp_path):
    Run.create(tmp_path, CopyConfig())
    with pytest.raises(RunError, match="learning 'supervised', not 'reward'"):
        Run.resume(tmp_path, TAPES)


@pytest.mark.slow
def test_a_terminated_command_saves_and_says_how_to_go_on(tmp_path):
    command = [ROOT / "scripts" / "train_rl.py", "NTMCopy-v0"]
    command += ["--run", tmp_path / "run", "--episodes-at-end", "0", "--max-length", "2"]
    command += ["--cell", "lstm", "--cell.units", "4"]
    command += ["--report-updates", "2", "--max-updates", "1000000"]
    assert_saves_when_terminated(tmp_path / "run", *command)
