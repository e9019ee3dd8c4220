"""Pictures: the view's figures, text and pixels by known answers, and Gymnasium's wrappers."""

import copy
import os
import re
import sys
from dataclasses import replace
from itertools import pairwise

import gymnasium as gym
import numpy as np
import pytest
from gymnasium.wrappers import HumanRendering, RecordVideo, RenderCollection
from gymnasium.wrappers import vector as vector_wrappers
from hypothesis import given, settings
from hypothesis import strategies as st

from ntm_gym import PROTOCOLS, Batch, Copy, Task, TaskEnv, TaskVectorEnv
from ntm_gym.render import View, Window, draw_picture, draw_text
from ntm_gym.render import picture as colours
from ntm_gym.render.view import MOST_CHANNELS, shown_channels

IDS = [protocol.env_id for protocol in PROTOCOLS.values()]
each_id = pytest.mark.parametrize("env_id", IDS)
CELL, LEFT, TOP, GAP = colours.CELL, colours.LEFT, colours.TOP, colours.GAP


def plain(text):
    """The text without its colours."""
    return re.sub(r"\x1b\[[0-9;]*m", "", text)


def copy_view(answered=4, **changes):
    """Copy of the vectors 10 and 11; of the answers so far one is 11, where 10 was due."""
    inputs = np.array([[1, 0, 0], [1, 1, 0], [0, 0, 1], [0, 0, 0], [0, 0, 0]], np.float32)
    targets = np.array([[0, 0], [0, 0], [0, 0], [1, 0], [1, 1]], np.float32)
    answers = np.array([[1, 1], [0, 1], [0, 0], [1, 1], [0, 1]], np.int8)[:answered]
    scored = np.array([False, False, False, True, True])
    return replace(View(Copy(width=2), 2, inputs, targets, scored, answers), **changes)


class Signed(Task):
    """One channel of -2 to 2; its bit is asked for at once."""

    input_width = target_width = 1
    input_low, input_high = np.full(1, -2, np.float32), np.full(1, 2, np.float32)

    def steps(self, lengths):
        return lengths

    def sample(self, rng, lengths, dtype=np.float32):
        batch = self.blank(lengths, dtype)
        batch.mask[:] = np.arange(batch.mask.shape[1]) < batch.lengths[:, None]
        batch.inputs[batch.mask] = rng.uniform(-2, 2, (batch.mask.sum(), 1))
        batch.targets[:] = batch.inputs > 0
        return batch

    def solve(self, inputs):
        return (inputs > 0).astype(np.float32)


def signed_view(values, **changes):
    inputs = np.array(values, np.float32)[:, None]
    scored = np.ones(len(values), np.bool_)
    view = View(Signed(), len(values), inputs, inputs > 0, scored, np.zeros((0, 1), np.int8))
    return replace(view, **changes)


def cell(pixels, view, panel, row, column):
    """The colour in the upper left part of a cell, where no cross is drawn."""
    widths = [view.task.input_width, view.task.target_width, view.task.target_width]
    top = TOP + sum(CELL * len(shown_channels(width)) + GAP for width in widths[:panel])
    return tuple(pixels[top + CELL * row + 2, LEFT + CELL * column + 2].tolist())


# --- the view


def test_figures_of_a_view():
    view = copy_view()
    assert (view.step, view.steps) == (4, 5)
    np.testing.assert_array_equal(np.argwhere(view.wrong), [[3, 1]])
    assert view.total == 0.0
    assert view.describe() == ("Copy, length 2", "step 4 of 5   1 of 2 bits wrong   return +0.000")
    ended = copy_view(5)
    assert ended.total == 0.0
    assert ended.describe()[1] == "ended   2 of 4 bits wrong   return +0.000"
    assert copy_view(0).describe()[1] == "step 0 of 5   0 of 0 bits wrong   return +0.000"


@pytest.mark.parametrize(
    ("step", "columns", "window"),
    [
        (0, 5, (0, 5)),
        (4, 9, (0, 5)),
        (0, 3, (0, 3)),
        (2, 3, (1, 4)),
        (4, 3, (2, 5)),
        (5, 2, (3, 5)),
    ],
)
def test_window_is_around_the_present_step(step, columns, window):
    found = copy_view(step).window(columns)
    assert (found.start, found.stop) == window


def test_wide_tapes_leave_out_channels_in_the_middle():
    assert shown_channels(3) == [0, 1, 2]
    assert shown_channels(MOST_CHANNELS) == list(range(MOST_CHANNELS))
    assert shown_channels(100) == [*range(11), None, 96, 97, 98, 99]


@each_id
@settings(max_examples=15)
@given(seed=st.integers(0, 2**32 - 1), data=st.data())
def test_the_view_agrees_with_what_the_environment_paid(env_id, seed, data):
    env = gym.make(env_id, render_mode="ansi")
    rng = np.random.default_rng(seed)
    env.reset(seed=seed)
    total, terminated = 0.0, False
    while not terminated:
        view = env.unwrapped.view
        assert view.total == pytest.approx(total, abs=1e-9)
        _, reward, terminated, _, info = env.step(rng.integers(0, 2, env.action_space.shape))
        total += reward
        if data.draw(st.integers(0, 9)) == 0:
            break
    view = env.unwrapped.view
    assert view.total == pytest.approx(total, abs=1e-9)
    if terminated:
        assert (int(view.wrong.sum()), view.length) == (info["bit_errors"], info["length"])


# --- text


def test_text_known_answer():
    text = draw_text(copy_view(), 10)
    assert plain(text).splitlines() == [
        "Copy, length 2   step 4 of 5   1 of 2 bits wrong   return +0.000",
        "        0",
        "            ▼",
        "input   ██···",
        "        ·█···",
        "        ··█··",
        "target     ██",
        "           ·█",
        "answer     █",
        "           X",
    ]
    assert "\x1b[31;1mX\x1b[0m" in text
    assert text.count("\x1b") == 2


def test_text_of_values_hidden_future_and_missing_bits():
    view = signed_view([-2, -1, 0, 1, 2, np.nan], answers=np.array([[0], [1], [0], [0]]))
    assert plain(draw_text(view, 6)).splitlines()[3:] == [
        "input   ▁▃·▆█?",
        "target  ···██·",
        "answer  ·X·O",
    ]
    assert "\x1b[2m?\x1b[0m" in draw_text(view, 6)
    hidden = replace(view, targets=np.full((6, 1), np.nan), pending=np.array([1]))
    assert plain(draw_text(hidden, 6)).splitlines()[4] == "target  ??????"
    assert plain(draw_text(hidden, 6)).splitlines()[5].endswith("█")


def test_text_of_a_window():
    lines = plain(draw_text(signed_view([1] * 33, answers=np.ones((20, 1))), 12)).splitlines()
    assert lines[1:4] == [
        "         15   20   25"[:20].rstrip(),
        "              ▼",
        "input   ▆▆▆▆▆▆▆▆▆▆▆▆",
    ]


# --- pixels


def test_cells_have_the_colours_of_their_values():
    view = copy_view(pending=np.array([1, 0]))
    pixels = draw_picture(view, 6)
    seen = [[cell(pixels, view, 0, row, step) for step in range(4)] for row in range(3)]
    ink, paper = colours.INK, colours.PAPER
    assert seen == [
        [ink, ink, paper, paper],
        [paper, ink, paper, paper],
        [paper, paper, ink, paper],
    ]
    assert [cell(pixels, view, 1, 0, step) for step in (2, 3)] == [colours.NOTHING, ink]
    assert cell(pixels, view, 2, 0, 3) == ink
    assert cell(pixels, view, 2, 1, 3) == colours.WRONG_ONE
    assert cell(pixels, view, 2, 0, 4) == colours.NOW
    assert cell(pixels, view, 2, 1, 4) == paper
    assert cell(pixels, view, 0, 0, 5) == paper
    ended = draw_picture(copy_view(5), 6)
    assert cell(ended, view, 2, 0, 4) == colours.WRONG_ZERO
    assert (pixels == colours.NOW).all(axis=2).any()
    assert not (ended == colours.NOW).all(axis=2).any()


def test_signed_values_the_future_and_the_hidden():
    view = signed_view([-2, 2, 0, 1, np.nan], answers=np.zeros((3, 1)))
    pixels = draw_picture(view, 6)
    assert cell(pixels, view, 0, 0, 0) == colours.NEGATIVE
    assert cell(pixels, view, 0, 0, 1) == colours.POSITIVE
    assert cell(pixels, view, 0, 0, 2) == colours.PAPER
    assert cell(pixels, view, 0, 0, 4) == colours.HIDDEN
    assert cell(pixels, view, 0, 0, 3) == pytest.approx([216.5, 139.5, 149], abs=0.5)
    future = draw_picture(replace(view, answers=np.zeros((0, 1))), 6)
    assert min(cell(future, view, 0, 0, 1)) > min(cell(pixels, view, 0, 0, 1)) + 50


def test_only_the_cell_that_changed_changes():
    before, after = copy_view(5), copy_view(5)
    after.answers[3, 0] = 0
    changed = (draw_picture(before, 6) != draw_picture(after, 6)).any(axis=2)
    changed[:TOP] = False  # the figures above the tape
    rows, columns = np.nonzero(changed)
    top = TOP + 5 * CELL + 2 * GAP
    assert top <= rows.min() <= rows.max() < top + CELL
    assert LEFT + 3 * CELL <= columns.min() <= columns.max() < LEFT + 4 * CELL


@pytest.mark.parametrize("width", [1, 8, 300])
def test_size_is_fixed_and_bounded(width):
    env = TaskEnv("copy", min_length=1, max_length=20, width=width, render_mode="rgb_array")
    sizes = set()
    for length in (1, 20, 300):
        env.reset(seed=0, options={"length": length})
        for _ in range(3):
            env.step(env.action_space.sample())
        frame = env.render()
        assert frame.dtype == np.uint8
        sizes.add(frame.shape)
    ((height, wide, depth),) = sizes
    assert depth == 3
    assert height % 2 == wide % 2 == 0
    assert height < 1000 > wide


def test_captions_and_names_are_written():
    view = copy_view()
    bare = draw_picture(view, 10)
    assert (draw_picture(view, 10, caption="press space") != bare).any()
    assert (draw_picture(view, 10, names="12") != bare).any()


# --- environments


def test_unknown_modes_are_refused():
    single = r"expected render_mode as None or one of 'ansi', 'rgb_array', 'human', got 'vga'"
    with pytest.raises(ValueError, match=single):
        TaskEnv("copy", min_length=1, max_length=3, render_mode="vga")
    many = r"expected render_mode as None or one of 'ansi', 'rgb_array', got 'human'"
    with pytest.raises(ValueError, match=many):
        TaskVectorEnv("copy", 2, min_length=1, max_length=3, render_mode="human")


@pytest.mark.parametrize("make", [gym.make, gym.make_vec])
def test_render_needs_a_reset_and_a_mode(make):
    env = make("NTMCopy-v0", render_mode="ansi").unwrapped
    with pytest.raises(gym.error.ResetNeeded, match="expected reset"):
        env.render()
    env = make("NTMCopy-v0").unwrapped
    env.reset(seed=0)
    with pytest.warns(UserWarning, match="render mode"):
        assert env.render() is None


@pytest.mark.parametrize(
    ("mode", "package", "name"), [("rgb_array", "PIL", "Pillow"), ("human", "pygame", "pygame")]
)
def test_missing_packages_are_named(mode, package, name, monkeypatch):
    monkeypatch.setitem(sys.modules, package, None)
    with pytest.raises(ImportError, match=rf"{name}.*ntm-gym\[render\]"):
        TaskEnv("copy", min_length=1, max_length=3, render_mode=mode)
    TaskEnv("copy", min_length=1, max_length=3, render_mode="ansi")


@pytest.mark.slow
@each_id
@pytest.mark.parametrize("mode", ["ansi", "rgb_array"])
@pytest.mark.parametrize("autoreset", list(gym.vector.AutoresetMode))
def test_vector_rows_are_drawn_as_single_environments(env_id, mode, autoreset):
    """Through several episodes of unequal length in each row, whatever the autoreset."""
    task = next(protocol.task for protocol in PROTOCOLS.values() if protocol.env_id == env_id)
    lengths = {"min_length": task.shortest, "max_length": task.shortest + 2}
    many = TaskVectorEnv(task, 3, autoreset_mode=autoreset, render_mode=mode, **lengths)
    single = TaskEnv(task, render_mode=mode, **lengths)
    rng = np.random.default_rng(0)
    many.reset(seed=0)
    ended = np.zeros(3, np.bool_)
    for _ in range(40):
        if ended.any() and autoreset is gym.vector.AutoresetMode.DISABLED:
            many.reset(options={"reset_mask": ended})
        _, _, ended, _, _ = many.step(rng.integers(0, 2, many.action_space.shape))
    frames = many.render()
    assert len(frames) == 3
    for row, frame in enumerate(frames):
        view = many._tapes.view(row)
        tape = Batch(
            np.asarray(view.inputs, np.float32)[None],
            np.asarray(view.targets, np.float32)[None],
            view.scored[None],
            np.array([view.steps]),
            np.array([view.length]),
        )
        single.reset(options={"tape": tape})
        for answer in view.answers:
            single.step(answer)
        np.testing.assert_array_equal(frame, single.render())


def test_a_vector_row_forgets_the_answers_of_the_episode_before():
    env = TaskVectorEnv("copy", 2, min_length=1, max_length=1, render_mode="ansi")
    env.reset(seed=0)
    for _ in range(4):
        env.step(np.ones((2, 8), np.int8))
    assert [frame.splitlines()[0].split("   ")[1] for frame in env.render()] == ["step 0 of 3"] * 2
    env.reset(options={"length": [1, 7]})
    assert [env._tapes.view(row).steps for row in range(2)] == [3, 15]


# --- Gymnasium's wrappers, without a screen


def short(env):
    """A short length that the environment's task has."""
    return env.unwrapped.task.shortest + 1


def needs(package):
    return pytest.importorskip(package)


def play_episode(env, seed=0, length=None):
    length = length or short(env)
    env.reset(seed=seed, options={"length": length})
    terminated = False
    frames = 1
    while not np.any(terminated):
        _, _, terminated, _, _ = env.step(env.action_space.sample())
        frames += 1
    return frames


@pytest.mark.slow
@each_id
def test_render_collection(env_id):
    env = RenderCollection(gym.make(env_id, render_mode="rgb_array"))
    count = play_episode(env)
    frames = env.render()
    assert len(frames) == count
    assert {frame.shape for frame in frames} == {frames[0].shape}
    assert all((first != second).any() for first, second in pairwise(frames))
    env = gym.make(env_id, render_mode="ansi_list")
    assert play_episode(env) == len(env.render())


@each_id
def test_human_mode_and_human_rendering_show_the_same(env_id):
    pygame = needs("pygame")
    shown = []
    native = gym.make(env_id, render_mode="human")
    wrapped = HumanRendering(gym.make(env_id, render_mode="rgb_array"))
    for env in (native, wrapped):
        env.metadata["render_fps"] = 10_000
        env.reset(seed=0, options={"length": short(env)})
        env.step(np.ones(env.action_space.shape, np.int8))
        assert env.render() is None
        shown.append(pygame.surfarray.array3d(pygame.display.get_surface()))
        env.close()
        env.close()
    np.testing.assert_array_equal(*shown)


def test_a_window_scales_its_picture():
    pygame = needs("pygame")
    window = Window("test", 10_000)
    picture = np.zeros((60, 100, 3), np.uint8)
    picture[:, 50:] = 200
    window.show(picture)
    assert pygame.display.get_surface().get_size() == (100, 60)
    pygame.display.set_mode((200, 300))
    window.show(picture)
    shown = pygame.surfarray.array3d(pygame.display.get_surface()).swapaxes(0, 1)
    assert shown.shape == (300, 200, 3)
    assert not shown[:89].any()
    assert (shown[100:200, 105:] == 200).all()
    window.close()
    window.close()
    assert not pygame.display.get_init()


def test_another_environments_close_does_not_break_a_window():
    pygame = needs("pygame")
    first, second = (gym.make("NTMCopy-v0", render_mode="human").unwrapped for _ in range(2))
    for env in (first, second):
        env.reset(seed=0)
    again = copy.deepcopy(second)  # a clock of pygame could not be copied
    first.close()
    for env in (second, again):
        env.step(np.zeros(8, int))
        assert pygame.display.get_init()
    second.close()
    again.close()


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["single", "vector"])
def test_record_video(kind, tmp_path):
    needs("moviepy")
    folder = tmp_path / "videos"
    if kind == "single":
        env = RecordVideo(gym.make("NTMCopy-v0", render_mode="rgb_array"), str(folder))
    else:
        many = gym.make_vec("NTMCopy-v0", 2, render_mode="rgb_array")
        env = vector_wrappers.RecordVideo(many, str(folder))
    play_episode(env)
    env.close()
    (video,) = folder.iterdir()
    assert video.suffix == ".mp4"
    assert os.path.getsize(video) > 1000


def test_vector_human_rendering():
    pygame = needs("pygame")
    needs("cv2")
    env = vector_wrappers.HumanRendering(gym.make_vec("NTMCopy-v0", 4, render_mode="rgb_array"))
    env.metadata["render_fps"] = 10_000
    play_episode(env, length=1)
    shown = pygame.surfarray.array3d(pygame.display.get_surface())
    assert shown.std() > 10
    env.close()
