"""The environment that plays many tapes side by side."""

from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
from gymnasium.vector import AutoresetMode
from gymnasium.vector.utils import batch_space
from numpy.typing import ArrayLike, NDArray

from ntm_gym.checks import as_integer, is_integer
from ntm_gym.curriculum import Curriculum
from ntm_gym.envs.episodes import Episodes, check_action, make_spaces, result
from ntm_gym.envs.single import TaskEnv
from ntm_gym.envs.tapes import Tapes
from ntm_gym.task import Task


class TaskVectorEnv(
    Episodes, gym.vector.VectorEnv[NDArray[np.float32], NDArray[np.int8], NDArray[Any]]
):
    """B tapes of a task at once, each an episode of its own, as `TaskEnv` plays one.

    Observations float32[B, D], actions [B, W], rewards float64[B] and flags bool[B] are those of
    `TaskEnv`, row by row. Infos are what Gymnasium's `SyncVectorEnv` makes of its infos: an array
    over all rows for each key, and under `_key` the bool[B] mask of the rows that have it.

    When a row's episode has ended, then by `autoreset_mode`:

    - next-step: its next action is ignored (but must be valid) and begins the next episode with
      reward 0;
    - same-step: the next episode begins at once; the ended one's last observation and info are in
      `final_obs` and `final_info`;
    - disabled: the row must be reset, by `reset(options={"reset_mask": ended})`, before any step.

    Args:
        task: a task, or the name of one in `ntm_gym.PROTOCOLS`.
        num_envs: rows, B.
        min_length: the least length to draw.
        max_length: the greatest length to draw.
        curriculum: a name in `ntm_gym.curriculum.CURRICULA`, or an object with `sample` and
            `record`, which draws lengths of its own; one for all rows, which hears of them all.
        rollouts: rows that play the same tape, K: rows 0 to K - 1 one, the next K another, and so
            on, from the reset on and after each autoreset. Actions change nothing that is shown, so
            the rows of a group differ only in answers and rewards, and end together: a network need
            be asked about one row of each, and the mean return of the other rows is a baseline for
            each. The curriculum draws once for each tape, and hears of it once, of the mean of its
            K errors.
        autoreset_mode: an `AutoresetMode` or its value, "NextStep", "SameStep" or "Disabled".
        render_mode: None, or "ansi" or "rgb_array", in which `render` returns a text or picture for
            each row, as `TaskEnv` does. For a window there is Gymnasium's `HumanRendering`.
        **task_fields: fields of the task to change, such as `width`.

    Raises:
        ValueError: if an argument is unknown or impossible; it says what was expected and came.
        ImportError: if the render mode needs a package that is missing.
    """

    metadata: dict[str, Any] = {  # noqa: RUF012 (as in VectorEnv)
        "render_modes": ["ansi", "rgb_array"],
        "render_fps": TaskEnv.metadata["render_fps"],
    }

    def __init__(
        self,
        task: Task | str,
        num_envs: int = 1,
        *,
        min_length: int,
        max_length: int,
        curriculum: Curriculum | str = "uniform",
        rollouts: int = 1,
        autoreset_mode: AutoresetMode | str = AutoresetMode.NEXT_STEP,
        render_mode: str | None = None,
        **task_fields: Any,
    ) -> None:
        num_envs = as_integer("num_envs", num_envs)
        if not is_integer(rollouts) or rollouts < 1 or num_envs % rollouts:
            raise ValueError(
                "expected rollouts as an integer of at least 1 that divides num_envs, "
                f"got {rollouts!r} for {num_envs} rows"
            )
        super().__init__(
            task,
            task_fields,
            rows=num_envs,
            min_length=min_length,
            max_length=max_length,
            curriculum=curriculum,
            render_mode=render_mode,
        )
        try:
            self._autoreset = AutoresetMode(autoreset_mode)
        except ValueError:
            modes = ", ".join(repr(mode.value) for mode in AutoresetMode)
            raise ValueError(
                f"expected autoreset_mode as one of {modes}, got {autoreset_mode!r}"
            ) from None
        self.metadata = {**self.metadata, "autoreset_mode": self._autoreset}
        self.num_envs, self.rollouts = num_envs, int(rollouts)
        self.single_observation_space, self.single_action_space = make_spaces(self.task)
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._tapes = Tapes(self.task, num_envs, keep_answers=render_mode is not None)
        self._started = False

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begins an episode in every row, or in some.

        Args:
            seed: seeds the one generator of all rows; None goes on with it.
            options: `"length"`, an integer or one for each row that is reset, or `"tape"`, a Batch
                of one tape for each row that is reset; for these episodes only. With `rollouts`,
                one for each group of rows. Or some of `"curriculum"`, `"min_length"` and
                `"max_length"`, as `set_curriculum` takes them; they last. Beside any, or alone,
                `"reset_mask"`, bool[B]: the rows to reset, whole groups of them; the others play
                on.

        Returns:
            The observations of all rows, and infos of those that were reset.

        Raises:
            ValueError: if the seed or the options are unknown or impossible; nothing is changed
                then.
            gymnasium.error.ResetNeeded: if the first reset is of some rows only.
        """
        if seed is not None and not is_integer(seed):
            raise ValueError(
                f"expected seed as an integer or None (all rows share one generator), got {seed!r}"
            )
        if options is not None and not isinstance(options, dict):
            raise ValueError(f"expected options as a dict or None, got {options!r}")
        drawing = dict(options or {})
        everyone = np.ones(self.num_envs, np.bool_)
        mask = self._check_mask(drawing.pop("reset_mask", everyone))
        if not self._started and not mask.all():
            raise gym.error.ResetNeeded("expected reset() of all rows first, got a reset_mask")
        with self._or_as_before(options):
            super().reset(seed=seed)
            self._refill(mask, drawing)
        self._started = True
        return self._present(mask)

    def step(
        self, actions: ArrayLike
    ) -> tuple[
        NDArray[np.float32],
        NDArray[np.float64],
        NDArray[np.bool_],
        NDArray[np.bool_],
        dict[str, Any],
    ]:
        """Answers every row's present observation and goes on to the next.

        Args:
            actions: [B, W], 0 or 1, as bool, integer or float.

        Returns:
            The next observations, the rewards, `terminated`, `truncated` (all False) and infos.

        Raises:
            ValueError: if the actions have another shape, kind or value; the episodes can go on.
            gymnasium.error.ResetNeeded: before the first reset, or if autoreset is disabled and a
                row has ended.
        """
        tapes = self._tapes
        over = tapes.ended
        disabled = self._autoreset is AutoresetMode.DISABLED
        if not self._started or (disabled and over.any()):
            raise gym.error.ResetNeeded(
                "expected reset() before the first step, and without autoreset "
                "reset(options={'reset_mask': ended}) after an episode's end, got step()"
            )
        answers = check_action(actions, (self.num_envs, self.task.target_width))
        if over.any():
            self._refill(over)
        rewards = tapes.answer(answers, self._targets, self._scored, playing=~over)

        ended = tapes.ended
        infos: dict[str, Any] = {}
        if ended.any():
            self._record(tapes.lengths[ended], tapes.errors[ended])
            infos = _masked(result(tapes.errors, tapes.lengths), ended)
            if self._autoreset is AutoresetMode.SAME_STEP:
                infos = self._final(infos, ended)
                self._refill(ended)
        observations, present = self._present(np.ones(self.num_envs, np.bool_))
        return observations, rewards, ended, np.zeros(self.num_envs, np.bool_), infos | present

    def render(self) -> tuple[Any, ...] | None:
        """Draws each row's episode so far; see `TaskEnv.render`.

        Returns:
            A text or picture for each row, or None without a render mode.

        Raises:
            gymnasium.error.ResetNeeded: before the first reset.
        """
        if not self._can_render():
            return None
        if not self._started:
            raise gym.error.ResetNeeded("expected reset() before render(), got render()")
        return tuple(self._frame(self._tapes.view(row)) for row in range(self.num_envs))

    def call(self, name: str, *args: Any, **kwargs: Any) -> tuple[Any, ...]:
        """Calls a method, or reads an attribute, as Gymnasium's `SyncVectorEnv.call` does.

        Args:
            name: of the method or attribute, such as "set_curriculum".
            *args: of the method.
            **kwargs: of the method.

        Returns:
            What came of it, once for each row: the rows share one curriculum and one task.
        """
        value = getattr(self, name)
        if callable(value):
            value = value(*args, **kwargs)
        return (value,) * self.num_envs

    def _refill(self, mask: NDArray[np.bool_], options: dict[str, Any] | None = None) -> None:
        """Begins the next episodes in the rows of the mask bool[B], one tape for each group."""
        rows = mask.nonzero()[0]
        batch = self._draw(self.np_random, len(rows) // self.rollouts, options)
        if self.rollouts > 1:
            batch = batch.select(np.arange(len(batch)).repeat(self.rollouts))
        self._tapes.load(rows, batch)

    def _record(self, lengths: NDArray[np.int64], errors: NDArray[np.int64]) -> None:
        """Tells the curriculum of the ended rows' lengths and errors, each tape once."""
        if self.rollouts == 1:
            self.curriculum.record(lengths, errors)
        else:
            means = errors.reshape(-1, self.rollouts).mean(axis=1)
            self.curriculum.record(lengths[:: self.rollouts], means)

    def _present(self, mask: NDArray[np.bool_]) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """All observations now, and infos of the actions due in some rows; all fresh."""
        observations, self._targets, self._scored = self._tapes.show()
        return observations, _masked({"target": self._targets, "scored": self._scored}, mask)

    def _final(self, infos: dict[str, Any], ended: NDArray[np.bool_]) -> dict[str, Any]:
        """What same-step autoreset says of the ended episodes, whose results are in infos."""
        observations, present = self._present(ended)
        final_obs = np.full(self.num_envs, None, dtype=object)
        for row in ended.nonzero()[0]:
            final_obs[row] = observations[row].copy()
        return {
            "final_obs": final_obs,
            "_final_obs": ended.copy(),
            "final_info": infos | present,
            "_final_info": ended.copy(),
        }

    def _check_mask(self, mask: Any) -> NDArray[np.bool_]:
        """The rows to reset; raises ValueError if they are no bool[B] of some whole groups."""
        shape, dtype = getattr(mask, "shape", None), getattr(mask, "dtype", type(mask).__name__)
        if shape != (self.num_envs,) or dtype != np.bool_ or not mask.any():
            raise ValueError(
                f"expected options['reset_mask'] as a bool array of shape ({self.num_envs},) "
                f"with at least one True, got shape {shape} of {dtype}: {mask!r}"
            )
        groups = mask.reshape(-1, self.rollouts)
        if np.any(groups.any(axis=1) != groups.all(axis=1)):
            raise ValueError(
                "expected options['reset_mask'] to be alike within each "
                f"{self.rollouts} rows that play one tape, got {mask!r}"
            )
        return mask


def _masked(values: dict[str, NDArray[Any]], mask: NDArray[np.bool_]) -> dict[str, Any]:
    """Infos of the rows in the mask, zero elsewhere, as SyncVectorEnv gives them; all fresh."""
    infos: dict[str, Any] = {}
    everyone = mask.all()
    for name, value in values.items():
        rows = mask.reshape(-1, *(1,) * (value.ndim - 1))
        infos[name] = value.copy() if everyone else value * rows
        infos["_" + name] = mask.copy()
    return infos
