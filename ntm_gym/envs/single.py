"""The environment that plays one tape."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from numpy.typing import NDArray

from ntm_gym.curriculum import Curriculum
from ntm_gym.envs.episodes import Episodes, check_action, make_spaces, result
from ntm_gym.metrics import step_reward
from ntm_gym.render import View, Window
from ntm_gym.task import Batch, Task


class TaskEnv(Episodes, gym.Env[NDArray[np.float32], NDArray[np.int8]]):
    """An episode is one tape of a task: each step shows its next input and takes an answer.

    The tasks are open-loop: actions earn reward, but never change what is shown.

    Observation:
        float32[D], the tape's input; bounds and channels are the task's. The observation after the
        last step is zeros: nothing is left to show.

    Action:
        W bits, 0 or 1, as bool, integer or float.

    Reward:
        (right - wrong bits) / (W x scored steps) at a scored step, 0 elsewhere. A perfect episode
        returns 1, coin flips 0 on average.

    End:
        `terminated` after the tape's last step; never `truncated`.

    Info:
        `target` (int8[W]) and `scored` (bool) belong to the action that is now due; after the last
        step none is, and they are zeros and False. The last step adds `is_success` (bool),
        `bit_errors` (int) and `length` (int).

    Args:
        task: a task, or the name of one in `ntm_gym.PROTOCOLS`.
        min_length: the least length to draw.
        max_length: the greatest length to draw.
        curriculum: a name in `ntm_gym.curriculum.CURRICULA`, or an object with `sample` and
            `record`, which draws lengths of its own. Each environment has its own of a name.
        render_mode: None; "ansi" or "rgb_array", in which `render` returns the tape so far as text
            or as uint8[height, width, 3], always of the same size; "human", which shows it in a
            window. Pictures need the extra `render`.
        **task_fields: fields of the task to change, such as `width`.

    Raises:
        ValueError: if an argument is unknown or impossible; it says what was expected and came.
        ImportError: if the render mode needs a package that is missing.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 (as in gym.Env)
        "render_modes": ["ansi", "rgb_array", "human"],
        "render_fps": 4,
    }

    def __init__(
        self,
        task: Task | str,
        *,
        min_length: int,
        max_length: int,
        curriculum: Curriculum | str = "uniform",
        render_mode: str | None = None,
        **task_fields: Any,
    ) -> None:
        super().__init__(
            task,
            task_fields,
            rows=1,
            min_length=min_length,
            max_length=max_length,
            curriculum=curriculum,
            render_mode=render_mode,
        )
        self.observation_space, self.action_space = make_spaces(self.task)
        self._action_shape = (self.task.target_width,)
        self._step = self._steps = 0
        self._window: Window | None = None

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begins an episode.

        Args:
            seed: seeds the environment's generator; None goes on with it.
            options: `{"length": n}` plays a tape of that length, `{"tape": batch}` the one tape of
                that Batch; this episode only. Without them the curriculum draws the length.
                `{"curriculum": ..., "min_length": ..., "max_length": ...}`, or some of these, are
                what `set_curriculum` takes, and last.

        Returns:
            The first observation and its info.

        Raises:
            ValueError: if the options are unknown or impossible; nothing is changed then.
        """
        with self._or_as_before(options):
            super().reset(seed=seed)
            tape = self._draw(self.np_random, 1, options)
        self._load(tape)
        if self.render_mode == "human":
            self.render()
        return self._present()

    def step(self, action: Any) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Answers the present observation and goes on to the next.

        Args:
            action: W bits, 0 or 1, as bool, integer or float.

        Returns:
            The next observation, the reward, `terminated`, `truncated` (False) and the info.

        Raises:
            ValueError: if the action has another shape, kind or value; the episode can go on.
            gymnasium.error.ResetNeeded: if no episode runs.
        """
        if self._step == self._steps:
            raise gym.error.ResetNeeded(
                "expected reset() before the first step and after an episode's end, got step()"
            )
        answer = check_action(action, self._action_shape)
        reward = 0.0
        if self._scored[self._step]:
            wrong = int(np.count_nonzero(answer != self._targets[self._step]))
            self._errors += wrong
            reward = step_reward(wrong, self.task.target_width, self._scored_steps)
        if self.render_mode is not None:
            self._answers[self._step] = answer
        self._step += 1
        if self.render_mode == "human":
            self.render()
        observation, info = self._present()
        terminated = self._step == self._steps
        if terminated:
            info.update(result(self._errors, self._length))
            self.curriculum.record(np.array([self._length]), np.array([self._errors]))
        return observation, reward, terminated, False, info

    @property
    def view(self) -> View:
        """What there is to see of the episode so far.

        Raises:
            ValueError: without a render mode, since then no answers are kept.
            gymnasium.error.ResetNeeded: before the first reset.
        """
        if self.render_mode is None:
            raise ValueError("expected an environment with a render mode, got none")
        if not self._steps:
            raise gym.error.ResetNeeded("expected reset() before render(), got render()")
        return View(
            task=self.task,
            length=self._length,
            inputs=self._inputs[:-1],
            targets=self._targets[:-1],
            scored=np.array(self._scored[:-1]),
            answers=self._answers[: self._step],
        )

    def render(self) -> Any:
        """Draws the episode so far: input, target, answer, wrong bits, present step and return.

        Returns:
            Text in mode "ansi", uint8[height, width, 3] in "rgb_array". None in "human", where each
            reset and step draws of itself, and without a render mode.

        Raises:
            gymnasium.error.ResetNeeded: before the first reset.
        """
        if not self._can_render():
            return None
        frame = self._frame(self.view)
        if self.render_mode != "human":
            return frame
        if self._window is None:
            name = type(self.task).__name__ if self.spec is None else self.spec.id
            self._window = Window(name, self.metadata["render_fps"])
        self._window.show(frame)
        return None

    def close(self) -> None:
        """Closes the window, if there is one."""
        if self._window is not None:
            self._window.close()
            self._window = None

    def _load(self, batch: Batch) -> None:
        """Makes the only tape of the batch the present one."""
        self._step, self._steps = 0, int(batch.steps[0])
        # After the last step comes one more row, of zeros, where no answer is due.
        shown = self._steps + 1
        self._inputs = np.zeros((shown, self.task.input_width), np.float32)
        self._inputs[:-1] = batch.inputs[0, : self._steps]
        self._targets = np.zeros((shown, self.task.target_width), np.int8)
        self._targets[:-1] = batch.targets[0, : self._steps]
        self._scored = [*batch.mask[0, : self._steps].tolist(), False]
        self._scored_steps = sum(self._scored)
        self._length = int(batch.lengths[0])
        self._errors = 0
        if self.render_mode is not None:
            self._answers = np.zeros((self._steps, self.task.target_width), np.int8)

    def _present(self) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """The observation now, and the info of the action due; both fresh."""
        step = self._step
        info = {"target": self._targets[step].copy(), "scored": self._scored[step]}
        return self._inputs[step].copy(), info
