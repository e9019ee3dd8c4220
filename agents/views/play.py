"""Tapes played on the screen: by a person at the keyboard, or by an agent in front of them."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from agents.policies.agent import Agent
from ntm_gym import TaskEnv
from ntm_gym.render import View, Window, draw_picture

Pixels = NDArray[np.uint8]
"""[height, width, 3]."""

Beside = Callable[[Any, View, int], Pixels]
"""Draws what goes beside a tape: from an agent's state, the view and the height in pixels."""

KEYS = "1234567890qwertyuiop"
"""The key of each bit, from the first on."""

ON = ("space", "return", "enter", "right")
"""The keys that give the answer and go on."""

PAUSE = 8
"""Frames that an ended tape stays on the screen before an agent plays the next."""


def make_env(env_id: str, **arguments: Any) -> TaskEnv:
    """Makes an environment of this package that can be drawn.

    Raises:
        ValueError: if the id is unknown or belongs to another package.
    """
    try:
        env = gym.make(env_id, render_mode="rgb_array", **arguments).unwrapped
    except gym.error.Error as error:
        raise ValueError(str(error)) from error
    if not isinstance(env, TaskEnv):
        raise ValueError(f"expected an environment of ntm_gym, got {env_id}")
    return env


def reset(env: TaskEnv, seed: int | None, length: int | None) -> NDArray[np.float32]:
    """Begins an episode, of this length or one that the environment draws; its first input."""
    observation, _ = env.reset(seed=seed, options=None if length is None else {"length": length})
    return observation


class PersonGame:
    """A person plays by keys. The past inputs are hidden, as they are for an agent.

    Keys `1`, `2`, ... set and clear the bits of the answer, backspace clears all; space or enter
    gives the answer and goes on. Tab shows and hides the whole tape, escape leaves. The game waits
    for the player. When a tape has ended, all of it is shown, and the next begins with space.

    Args:
        env: from `make_env`.
        seed: seed of the tapes.
        length: the tapes' length, or None for lengths that the environment draws.

    Raises:
        ValueError: if an answer has more bits than there are keys.
    """

    def __init__(self, env: TaskEnv, seed: int | None = None, length: int | None = None) -> None:
        width = env.task.target_width
        if width > len(KEYS):
            raise ValueError(f"expected at most {len(KEYS)} bits to play by keyboard, got {width}")
        self._env, self._length = env, length
        self._peek = False
        reset(env, seed, length)
        self._answer = np.zeros(width, np.int8)

    def press(self, key: str) -> bool:
        """Does what a key says; other keys do nothing.

        Args:
            key: the name of the key, as pygame calls it.

        Returns:
            Whether the game goes on.
        """
        view = self._env.view
        due = view.step < view.steps and bool(view.scored[view.step])
        if key == "escape":
            return False
        if key == "tab":
            self._peek = not self._peek
        elif key in ON:
            if view.step == view.steps:
                reset(self._env, None, self._length)
            else:
                self._env.step(self._answer)
            self._answer[:] = 0
        elif due and key == "backspace":
            self._answer[:] = 0
        elif due and key in KEYS[: len(self._answer)]:
            self._answer[KEYS.index(key)] ^= 1
        return True

    def picture(self) -> Pixels:
        """What the player sees."""
        view = self._env.view
        width, ended = len(self._answer), view.step == view.steps
        if ended:
            caption = "space: next tape    esc: leave"
        elif not view.scored[view.step]:
            caption = "remember    space: on    tab: peek    esc: leave"
        else:
            keys = f"{KEYS[0]}-{KEYS[width - 1]}" if width > 1 else KEYS[0]
            caption = f"{keys}: set bits    space: answer    tab: peek    esc: leave"
            view = replace(view, pending=self._answer)
        if not self._peek and not ended:
            view = hide(view)
        return draw_picture(view, self._env.columns, caption=caption, names=KEYS[:width])


def hide(view: View) -> View:
    """The view without what must be remembered or found out: other inputs, targets still due."""
    inputs, targets = view.inputs.astype(np.float32), view.targets.astype(np.float32)
    now = inputs[view.step].copy()
    inputs[:] = np.nan
    inputs[view.step] = now
    targets[view.step :] = np.nan
    return replace(view, inputs=inputs, targets=targets)


def play_person(game: PersonGame, window: Window) -> None:
    """Lets a person play until they leave."""
    window.show(game.picture())
    while all(game.press(key) for key in _keys(window)):
        window.show(game.picture())
    window.close()


def play_agent(
    env: TaskEnv,
    agent: Agent,
    window: Window,
    seed: int | None = None,
    length: int | None = None,
    beside: Beside | None = None,
) -> None:
    """Lets an agent play tape after tape until the person who watches leaves; space pauses."""
    paused = False
    while True:
        for frame in agent_frames(env, agent, seed, length, beside):
            left = PAUSE if env.view.step == env.view.steps else 1
            while paused or left > 0:
                window.show(frame)
                left -= 1
                for key in _keys(window):
                    if key == "escape":
                        window.close()
                        return
                    paused ^= key in ON
        seed = None


def agent_frames(
    env: TaskEnv,
    agent: Agent,
    seed: int | None = None,
    length: int | None = None,
    beside: Beside | None = None,
) -> Iterator[Pixels]:
    """Plays one tape and yields a picture for each step, with the answer to it, and of the end.

    Args:
        env: from `make_env`.
        agent: acts step by step.
        seed: seed of the tape; None goes on with the environment's generator.
        length: the tape's length, or None for one that the environment draws.
        beside: draws what goes at the right of the tape.
    """
    observation = reset(env, seed, length)
    state: Any = None
    terminated = False
    while not terminated:
        action, state = agent.act(observation[None], state)
        view = env.view
        shown = replace(view, pending=action[0]) if view.scored[view.step] else view
        yield _frame(env, shown, state, beside)
        observation, _, terminated, _, _ = env.step(action[0])
    yield _frame(env, env.view, state, beside)


def _frame(env: TaskEnv, view: View, state: Any, beside: Beside | None) -> Pixels:
    picture = draw_picture(view, env.columns)
    if beside is None:
        return picture
    return np.concatenate([picture, beside(state, view, len(picture))], axis=1)


def save_gif(frames: Iterable[Pixels], path: Path, fps: float) -> None:
    """Writes pictures as an animated GIF that repeats; the last one stays a little."""
    from PIL import Image

    first, *others = [Image.fromarray(frame).quantize(64) for frame in frames]
    durations = [1000 / fps] * len(others) + [PAUSE * 1000 / fps]
    first.save(path, save_all=True, append_images=others, duration=durations, loop=0)


def save_frames(frames: Iterable[Pixels], folder: Path) -> None:
    """Writes pictures as PNG files 0000.png, 0001.png, ... into a folder."""
    from PIL import Image

    folder.mkdir(parents=True, exist_ok=True)
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"{number:04}.png")


def _keys(window: Window) -> Iterator[str]:
    """The names of the keys pressed since the last call; closing the window is escape."""
    import pygame

    for event in window.events():
        if event.type == pygame.QUIT:
            yield "escape"
        elif event.type == pygame.KEYDOWN:
            # What a key types says more than where it is: digits need shift on some keyboards.
            typed = event.unicode
            yield typed if typed and typed in KEYS else pygame.key.name(event.key)
