"""Which lengths to draw next: a fixed range of them, or lessons that follow the learner.

A curriculum serves the environments (fed with each finished episode's bit errors) and supervised
training alike.
"""

from __future__ import annotations

from typing import overload

from ntm_gym.curriculum.lessons import Lessons, LookBack, LookBackAndForward, Naive
from ntm_gym.curriculum.prediction_gain import PredictionGain
from ntm_gym.curriculum.ranges import Curriculum, Fixed, LengthRange, Uniform, check_range
from ntm_gym.task import Task

__all__ = [
    "CURRICULA",
    "Curriculum",
    "Fixed",
    "LengthRange",
    "Lessons",
    "LookBack",
    "LookBackAndForward",
    "Naive",
    "PredictionGain",
    "Uniform",
    "make_curriculum",
]

CURRICULA: dict[str, type[LengthRange]] = {
    "fixed": Fixed,
    "uniform": Uniform,
    "naive": Naive,
    "look_back": LookBack,
    "look_back_and_forward": LookBackAndForward,
    "prediction_gain": PredictionGain,
}
"""The curricula that can be asked for by name."""


@overload
def make_curriculum(
    curriculum: str, min_length: int, max_length: int, task: Task | None = None
) -> LengthRange: ...


@overload
def make_curriculum(
    curriculum: str | Curriculum, min_length: int, max_length: int, task: Task | None = None
) -> Curriculum: ...


def make_curriculum(
    curriculum: str | Curriculum, min_length: int, max_length: int, task: Task | None = None
) -> Curriculum:
    """The curriculum of that name over the range, or the object itself.

    Args:
        curriculum: a name in `CURRICULA`, or an object with `sample` and `record`, which keeps the
            lengths it draws.
        min_length: the least length.
        max_length: the greatest length.
        task: says by `Task.lessons` how the range is divided into lessons; they double if None.

    Raises:
        ValueError: if the name is unknown, the object is no curriculum or the range is none.
    """
    min_length, max_length = check_range(min_length, max_length)
    if isinstance(curriculum, str) and curriculum in CURRICULA:
        kind = CURRICULA[curriculum]
        if issubclass(kind, Lessons) and task is not None:
            return kind(min_length, max_length, task.lessons(min_length, max_length))
        return kind(min_length, max_length)
    if not isinstance(curriculum, Curriculum) or isinstance(curriculum, type):
        names = ", ".join(repr(name) for name in CURRICULA)
        raise ValueError(
            f"expected curriculum as one of {names} or an object with sample and record, "
            f"got {curriculum!r}"
        )
    return curriculum
