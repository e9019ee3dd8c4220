"""Playing: a person by posted key events without a screen, agents, and the script."""

import runpy
import sys
from dataclasses import asdict
from pathlib import Path

import numpy as np
import pytest
from helpers.marks import SAVING
from PIL import Image

from agents.policies.agent import OracleAgent
from agents.recipes.cells import NTMConfig
from agents.recipes.supervised import CopyConfig
from agents.storage.networks import build_network
from agents.storage.runs import Run
from agents.views import live, play
from agents.views.play import (
    KEYS,
    PersonGame,
    agent_frames,
    hide,
    make_env,
    play_agent,
    play_person,
)
from ntm_gym import AssociativeRecall, Copy, TaskEnv
from ntm_gym.cells import DNCCell, NTMCell
from ntm_gym.render import Window, draw_picture
from ntm_gym.render import picture as colours

SCRIPT = Path(__file__).resolve().parents[2] / "scripts" / "play.py"


@pytest.fixture
def window():
    """A window that does not wait, without a screen, and pygame."""
    pygame = pytest.importorskip("pygame")
    pygame.display.init()
    yield Window("test", 100_000), pygame
    pygame.quit()


def post(pygame, *keys):
    for key in keys:
        if key == "close":
            pygame.event.post(pygame.event.Event(pygame.QUIT))
            continue
        typed = key if len(key) == 1 else ""
        event = {"key": pygame.key.key_code(key), "unicode": typed, "mod": 0}
        pygame.event.post(pygame.event.Event(pygame.KEYDOWN, event))


def solve_by_keys(env):
    """The keys that answer the tape without an error."""
    for target, scored in zip(env.view.targets, env.view.scored, strict=True):
        if scored:
            yield from (KEYS[bit] for bit in np.flatnonzero(target))
        yield "space"


def small_cell(width=8, input_width=9, slots=16, kind=NTMCell):
    cell = kind(width, units=5, slots=slots, width=3)
    cell.build((None, input_width))
    return cell


def small_run(folder):
    config = CopyConfig(task=Copy(width=3), cell=NTMConfig(units=5, slots=16, width=3))
    run = Run.create(folder, config)
    run.save_network(build_network(NTMCell(3, **asdict(config.cell)), 4))
    return run


# --- a person


def test_a_person_solves_a_tape_by_keys(window):
    window, pygame = window
    env = make_env("NTMCopy-v0")
    game = PersonGame(env, seed=0, length=3)
    post(pygame, *solve_by_keys(env), "escape")
    play_person(game, window)
    assert env.view.step == env.view.steps == 7
    assert env.view.total == pytest.approx(1)
    assert not pygame.display.get_init()


def test_keys_toggle_clear_and_answer():
    env = make_env("NTMCopy-v0", width=4)
    game = PersonGame(env, seed=0, length=2)
    for key in ("1", "space", "2", "backspace", "return", "4", "enter"):
        assert game.press(key)
    assert env.view.step == 3
    for key in ("1", "2", "3", "2", "5", "x", "right", "4", "backspace", "3", "space"):
        assert game.press(key)
    np.testing.assert_array_equal(env.view.answers[3:], [[1, 0, 1, 0], [0, 0, 1, 0]])
    assert not env.view.answers[:3].any()
    assert env.view.step == env.view.steps
    assert game.press("1")
    assert game.press("space")
    assert (env.view.step, env.view.length) == (0, 2)
    assert not game.press("escape")


def test_more_bits_than_keys():
    env = make_env("NTMCopy-v0", width=20)
    PersonGame(env)
    with pytest.raises(ValueError, match="expected at most 20 bits to play by keyboard, got 21"):
        PersonGame(make_env("NTMCopy-v0", width=21))


def test_the_past_and_what_is_due_are_hidden_until_the_end():
    env = make_env("NTMCopy-v0")
    game = PersonGame(env, seed=0, length=2)
    for _ in range(3):
        game.press("space")
    hidden = hide(env.view)
    np.testing.assert_array_equal(np.isnan(hidden.inputs).all(axis=1), [1, 1, 1, 0, 1])
    np.testing.assert_array_equal(np.isnan(hidden.targets).all(axis=1), [0, 0, 0, 1, 1])
    assert not np.isnan(env.view.inputs).any()

    def shows_hidden():
        return bool((game.picture() == colours.HIDDEN).all(axis=2).any())

    assert shows_hidden()
    game.press("tab")
    assert not shows_hidden()
    game.press("tab")
    game.press("space")
    assert shows_hidden()
    game.press("space")
    assert not shows_hidden()
    assert env.view.step == env.view.steps


def test_the_pending_answer_is_seen():
    game = PersonGame(make_env("NTMCopy-v0"), seed=0, length=1)
    game.press("space")
    game.press("space")
    before = game.picture()
    game.press("3")
    after = game.picture()
    row = colours.TOP + (9 + 8 + 2) * colours.CELL + 2 * colours.GAP + 5
    column = colours.LEFT + 2 * colours.CELL + 5
    assert tuple(after[row, column]) == colours.NOW
    assert tuple(before[row, column]) == colours.PAPER


def test_closing_the_window_leaves(window):
    window, pygame = window
    game = PersonGame(make_env("NTMCopy-v0"), seed=0)
    post(pygame, "space", "close", "space")
    play_person(game, window)
    assert not pygame.display.get_init()


# --- agents


@pytest.mark.slow
@pytest.mark.parametrize("env_id", ["NTMCopy-v0", "NTMAssociativeRecall-v0"])
def test_frames_of_an_agent(env_id):
    env = make_env(env_id)
    frames = list(agent_frames(env, OracleAgent(env.task), seed=0, length=3))
    assert len(frames) == env.view.steps + 1
    assert env.view.total == pytest.approx(1)
    assert {frame.shape for frame in frames} == {frames[0].shape}
    np.testing.assert_array_equal(frames[-1], draw_picture(env.view, env.columns))


def test_an_agent_plays_tape_after_tape_until_the_watcher_leaves(window):
    window, pygame = window
    env = make_env("NTMCopy-v0")
    acted = []

    class Watched(OracleAgent):
        def act(self, observation, state=None, episode_start=None):
            acted.append(state is None)
            if len(acted) == 5:
                post(pygame, "space", "x", "space")
            if len(acted) == 12:
                post(pygame, "escape")
            return super().act(observation, state, episode_start)

    play_agent(env, Watched(env.task), window, seed=0, length=2)
    assert acted == [True, False, False, False, False] * 2 + [True, False]
    assert not pygame.display.get_init()


@pytest.mark.slow
@pytest.mark.parametrize("kind", [NTMCell, DNCCell])
def test_memory_stands_beside_the_tape(kind):
    env = make_env("NTMCopy-v0")
    cell = small_cell(kind=kind)

    class Eager(OracleAgent):
        """Answers as the oracle does, and takes the network along without compiling it."""

        def act(self, observation, state=None, episode_start=None):
            answers, self.seen = super().act(observation, self.seen if state else None)
            del episode_start
            _, state = cell.call(observation, state or cell.get_initial_state(1))
            return answers, state

    agent = Eager(env.task)

    def beside(state, view, height):
        return live.draw_memory(cell, state, view, height)

    frames = list(agent_frames(env, agent, seed=0, length=2, beside=beside))
    alone = draw_picture(env.view, env.columns)
    assert len(frames) == 6
    assert {frame.shape for frame in frames} == {frames[0].shape}
    assert frames[0].shape[1] > alone.shape[1]
    np.testing.assert_array_equal(frames[-1][:, : alone.shape[1]], alone)
    assert (frames[0][:, alone.shape[1] :] != frames[3][:, alone.shape[1] :]).any()


@pytest.mark.slow
@pytest.mark.parametrize("slots", [16, 5000])
def test_memory_known_answer(slots):
    """One head writes at slot 2, or near the end; the slot's vector is 1, -1, 0."""
    at = 2 if slots == 16 else 4000
    cell = small_cell(slots=slots)
    view = make_env("NTMCopy-v0")
    view.reset(seed=0, options={"length": 5})
    view = view.view
    state = [np.array(part) for part in cell.get_initial_state(1)]
    state[2] = np.zeros((1, 3 * slots), np.float32)
    state[2].reshape(3, slots)[:, at] = 1, -1, 0
    for part in (3, 4):
        state[part] = np.eye(slots, dtype=np.float32)[None, at]
    picture = live.draw_memory(cell, state, view, 552)
    assert picture.dtype == np.uint8
    assert picture.shape[0] == 552
    assert picture.shape[1] % 2 == 0

    def colour_rows(colour):
        rows, _ = np.nonzero((picture == colour).all(axis=2))
        return set(rows.tolist())

    now, positive, negative = map(colour_rows, (colours.NOW, colours.POSITIVE, colours.NEGATIVE))
    assert now == positive == negative
    assert now
    if slots == 16:
        first = colours.TOP + 2 * 16
        assert now == set(range(first, first + 15))  # and a line


@SAVING
def test_a_network_is_given_enough_memory(tmp_path):
    run = small_run(tmp_path / "run")
    assert live.load(run).cell.slots == 16
    assert live.load(run, length=20).cell.slots == 16
    assert live.load(run, length=21).cell.slots == 128
    assert live.load(run, length=200).cell.slots == 256
    assert live.load(run, length=200, slots=40).cell.slots == 40


# --- the script


def run_script(monkeypatch, *arguments):
    monkeypatch.setattr(sys, "argv", [str(SCRIPT), *map(str, arguments)])
    # TensorFlow runs in this process already and lets its threads be set no more.
    monkeypatch.setattr("agents.tensorflow.prepare", lambda: None)
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(SCRIPT), run_name="__main__")
    return stopped.value.code


@pytest.mark.slow
@SAVING
def test_the_script_records_a_run(monkeypatch, tmp_path):
    small_run(tmp_path / "run")
    gif, frames = tmp_path / "copy.gif", tmp_path / "frames"
    arguments = ["--length", 3, "--seed", 0, "--record", gif, "--frames", frames]
    assert run_script(monkeypatch, "--run", tmp_path / "run", *arguments) == 0
    names = sorted(path.name for path in frames.iterdir())
    assert names == [f"{number:04}.png" for number in range(8)]
    with Image.open(gif) as film, Image.open(frames / "0000.png") as first:
        assert film.size == first.size
        assert film.n_frames == 8


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--record", "x.gif"], "expected --run or --agent beside --record and --frames"),
        (["--slots", 5], "expected --run beside --slots"),
        (["--fps", 0, "--agent", "oracle"], "expected fps above 0, got 0.0"),
        (["NTMFoo-v0"], "doesn't exist"),
        (["CartPole-v1"], "expected an environment of ntm_gym, got CartPole-v1"),
        (["NTMCopy-v0", "--agent", "random", "--length", 0, "--frames", "x"], "expected lengths"),
        (["--run", "nowhere"], "expected a run's folder with config.json"),
        (["--run", "x", "--agent", "oracle"], "expected --run or --agent, got both"),
    ],
)
def test_the_script_says_what_is_wrong(arguments, message, monkeypatch, tmp_path, capsys):
    pytest.importorskip("pygame")
    monkeypatch.chdir(tmp_path)
    assert run_script(monkeypatch, *arguments) == (1 if "nowhere" in arguments else 2)
    assert message in capsys.readouterr().err.replace("\n", " ")
    assert not list(tmp_path.iterdir())


@SAVING
def test_a_run_of_another_task_is_refused(monkeypatch, tmp_path, capsys):
    small_run(tmp_path / "run")
    assert run_script(monkeypatch, "NTMAssociativeRecall-v0", "--run", tmp_path / "run") == 2
    assert "expected a run of NTMAssociativeRecall-v0, got one of NTMCopy-v0" in (
        capsys.readouterr().err.replace("\n", " ")
    )


def test_make_env():
    env = make_env("NTMAssociativeRecall-v0", width=4)
    assert isinstance(env, TaskEnv)
    assert env.task == AssociativeRecall(width=4)
    assert play.reset(env, 0, 5).shape == (6,)
    assert env.view.length == 5
