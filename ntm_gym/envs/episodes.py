"""What the single and the vector environment share: arguments, drawing tapes, actions, results."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import fields, replace
from typing import Any, TypeVar

import gymnasium as gym
import numpy as np
from gymnasium import spaces
from numpy.typing import ArrayLike, NDArray

from ntm_gym.arrays import as_array
from ntm_gym.checks import is_integer
from ntm_gym.curriculum import Curriculum, make_curriculum
from ntm_gym.curriculum.ranges import check_range
from ntm_gym.protocol import PROTOCOLS
from ntm_gym.render import View, draw_picture, draw_text
from ntm_gym.render.picture import require_pillow
from ntm_gym.render.window import require_pygame
from ntm_gym.task import Batch, Task

Count = TypeVar("Count", int, "NDArray[np.int64]")

COLUMNS = 24, 48
"""Steps in a picture, at least and at most; longer tapes are shown around the present step."""


class Episodes:
    """Which task is played and which tapes come next; the base of both environments.

    Attributes:
        task: the task whose tapes are played.
        min_length: the least length that a curriculum asked for by name draws.
        max_length: the greatest.
        columns: steps that a picture shows; always the same, since videos need one size.
    """

    task: Task
    min_length: int
    max_length: int
    columns: int
    render_mode: str | None
    metadata: dict[str, Any]

    def __init__(
        self,
        task: Task | str,
        task_fields: dict[str, Any],
        *,
        rows: int,
        min_length: int,
        max_length: int,
        curriculum: Curriculum | str,
        render_mode: str | None,
    ) -> None:
        self.render_mode = self._check_render_mode(render_mode)
        self.task = make_task(task, task_fields, type(self))
        self._rows = rows
        self._use(curriculum, min_length, max_length)
        steps = int(self.task.steps(np.array([self.max_length]))[0])
        self.columns = int(np.clip(steps, *COLUMNS))

    @property
    def curriculum(self) -> Curriculum:
        """Draws the lengths and hears of each finished episode; see `set_curriculum`.

        Another one, or its name, can be set at any time.
        """
        return self._curriculum

    @curriculum.setter
    def curriculum(self, curriculum: Curriculum | str) -> None:
        self._use(curriculum, self.min_length, self.max_length)

    def set_curriculum(
        self,
        curriculum: Curriculum | str | None = None,
        min_length: int | None = None,
        max_length: int | None = None,
    ) -> None:
        """Draws by another curriculum, or from other lengths; automatic resets keep to it.

        It serves the episodes that begin after this, and begins itself with nothing learned, an
        object aside. Wrappers reach it: `env.get_wrapper_attr("set_curriculum")`, `call` of
        Gymnasium's vector environments, `env_method` of Stable-Baselines3.

        Args:
            curriculum: a name, an object with `sample` and `record`, or None for the present one.
            min_length: the least length to draw; None keeps it.
            max_length: the greatest length to draw; likewise.

        Raises:
            ValueError: if an argument is unknown or impossible, or a length is given and the
                curriculum is an object, which draws lengths of its own; nothing is changed then.
        """
        curriculum = self._asked if curriculum is None else curriculum
        lengths = min_length, max_length
        if not isinstance(curriculum, str) and lengths != (None, None):
            raise ValueError(
                "expected min_length and max_length for a curriculum by name, "
                f"got {min_length!r} and {max_length!r} for {curriculum!r}"
            )
        self._use(
            curriculum,
            self.min_length if min_length is None else min_length,
            self.max_length if max_length is None else max_length,
        )

    def _use(self, curriculum: Curriculum | str, min_length: int, max_length: int) -> None:
        min_length, max_length = check_range(min_length, max_length)
        # Lengths that the task cannot have, or memory not hold, are refused here and not later.
        self.task.check_lengths([min_length])
        longest = self.task.check_lengths([max_length])
        self.task.check_size(self._rows, int(self.task.steps(longest)[0]) + 1)
        self._curriculum = make_curriculum(curriculum, min_length, max_length, self.task)
        self._asked = curriculum
        self.min_length, self.max_length = min_length, max_length

    def _draw(
        self, rng: np.random.Generator, rows: int, options: dict[str, Any] | None = None
    ) -> Batch:
        """The tapes of the next episodes, one for each row.

        Args:
            rng: the environment's generator.
            rows: how many.
            options: `"length"` (an integer, or one for each row) or `"tape"` (a Batch of as many
                tapes) in place of what the curriculum would draw; or arguments of `set_curriculum`,
                which is called first.

        Raises:
            ValueError: for other options, both at once, or values that the task cannot play.
        """
        if options is not None and not isinstance(options, dict):
            raise ValueError(f"expected options as a dict or None, got {options!r}")
        if options and options.keys() <= {"curriculum", "min_length", "max_length"}:
            self.set_curriculum(**options)
            options = None
        if not options:
            lengths = self.curriculum.sample(rng, rows)
            if np.shape(lengths) != (rows,):
                raise ValueError(f"expected {rows} lengths from {self.curriculum}, got {lengths!r}")
            return self.task.sample(rng, lengths, self.task.tape_dtype)
        if len(options) > 1 or not options.keys() <= {"length", "tape"}:
            raise ValueError(
                "expected options with 'length' or 'tape' alone, or some of 'curriculum', "
                f"'min_length' and 'max_length', got {sorted(map(str, options))}"
            )
        if "tape" in options:
            self.task.check_batch(options["tape"], rows)
            return options["tape"]
        length = options["length"]
        words = f"options['length'] as an integer or {rows} of them, one for each tape"
        try:
            lengths = as_array([length] * rows if is_integer(length) else length, rows)
        except ValueError as error:
            raise ValueError(f"expected {words}, got {length!r}: {error}") from None
        if lengths.shape != (rows,):
            raise ValueError(f"expected {words}, got {length!r}")
        return self.task.sample(rng, lengths, self.task.tape_dtype)

    @contextmanager
    def _or_as_before(self, options: Any) -> Iterator[None]:
        """Puts back generator, curriculum and lengths if what options ask for cannot be done.

        Without options nothing is noted: most resets have none, and it is a tenth of their time.
        """
        if options is None:
            yield
            return
        generators = "_np_random", "_np_random_seed"
        drawing = "_curriculum", "_asked", "min_length", "max_length"
        before = {name: getattr(self, name) for name in (*generators, *drawing)}
        generator = before["_np_random"]
        state = None if generator is None else generator.bit_generator.state
        try:
            yield
        except BaseException:
            vars(self).update(before)
            if state is not None:
                generator.bit_generator.state = state
            raise

    def _check_render_mode(self, render_mode: str | None) -> str | None:
        """The render mode; raises ValueError for an unknown one, ImportError if it needs more."""
        modes = self.metadata["render_modes"]
        if render_mode is not None and render_mode not in modes:
            raise ValueError(
                f"expected render_mode as None or one of {', '.join(map(repr, modes))}, "
                f"got {render_mode!r}"
            )
        if render_mode in ("rgb_array", "human"):
            require_pillow()
        if render_mode == "human":
            require_pygame()
        return render_mode

    def _frame(self, view: View) -> Any:
        """A tape in this render mode: text, or uint8[height, width, 3]."""
        if self.render_mode == "ansi":
            return draw_text(view, self.columns)
        return draw_picture(view, self.columns)

    def _can_render(self) -> bool:
        """Whether there is a render mode; warns if not, as Gymnasium's own environments do."""
        if self.render_mode is None:
            gym.logger.warn(
                "render() does nothing without a render mode; give one to gymnasium.make, "
                "such as render_mode='rgb_array'"
            )
        return self.render_mode is not None


def result(errors: Count, lengths: Count) -> dict[str, Any]:
    """What info says at the end of an episode, or of several; ints or int64[n]."""
    return {"is_success": errors == 0, "bit_errors": errors, "length": lengths}


def make_task(task: Task | str, task_fields: dict[str, Any], caller: type | None = None) -> Task:
    """The task, or the one of that name in `PROTOCOLS`, with some of its fields changed.

    Args:
        task: a task or a name.
        task_fields: fields by name.
        caller: the class whose arguments the fields stand among, for what an error says.

    Raises:
        ValueError: if the name or a field is unknown, or a field's value impossible.
    """
    if isinstance(task, str) and task in PROTOCOLS:
        task = PROTOCOLS[task].task
    if not isinstance(task, Task):
        names = ", ".join(repr(name) for name in PROTOCOLS)
        raise ValueError(f"expected task as a Task or one of {names}, got {task!r}")
    known = [field.name for field in fields(task)]
    unknown = [name for name in task_fields if name not in known]
    if unknown:
        arguments = inspect.signature(caller).parameters.values() if caller else ()
        own = [each.name for each in arguments if each.kind is each.KEYWORD_ONLY]
        expected = f"{', '.join(own)} or of" if own else "of"
        raise ValueError(
            f"expected keyword arguments {expected} {type(task).__name__} ({', '.join(known)}), "
            f"got {', '.join(unknown)}"
        )
    return replace(task, **task_fields)


def make_spaces(
    task: Task,
) -> tuple[spaces.Space[NDArray[np.float32]], spaces.Space[NDArray[np.int8]]]:
    """The observation and the action space of one environment."""
    observation_space = spaces.Box(task.input_low, task.input_high, dtype=np.float32)
    return observation_space, spaces.MultiBinary(task.target_width)


def check_action(action: ArrayLike, shape: tuple[int, ...]) -> NDArray[np.int8]:
    """The action as int8 0 or 1, given as bool, integer or float.

    Args:
        action: array-like of the shape, all 0 or 1.
        shape: (W,) for one environment, (B, W) for many.

    Raises:
        ValueError: if its shape, kind or a value is another.
    """
    try:
        bits = as_array(action, max(shape))
    except ValueError as error:
        raise ValueError(f"expected an action of shape {shape} of 0 and 1: {error}") from error
    if bits.shape != shape or bits.dtype.kind not in "biuf":
        raise ValueError(
            f"expected an action of shape {shape} of bool, integer or float 0 and 1, "
            f"got shape {bits.shape} of {bits.dtype}"
        )
    if bits.dtype.itemsize == 1:
        # The common case, so the fast one: of the bytes nothing is left without those 0 and 1.
        if not bits.tobytes().translate(None, b"\0\1"):
            return bits.view(np.int8)
    elif np.all((bits == 0) | (bits == 1)):
        return bits.astype(np.int8)
    wrong = bits[(bits != 0) & (bits != 1)]
    raise ValueError(f"expected an action of 0 and 1 only, got {wrong.flat[0]!r}")
