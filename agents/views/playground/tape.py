"""The tape of a view: drawn by its seed, with bits changed by hand."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.evaluation.scores import held_out
from agents.views.playground.settings import MOST_STEPS, Settings
from ntm_gym import Batch, Task
from ntm_gym.tasks import AssociativeRecall


def make_tape(settings: Settings) -> Batch:
    """Returns a batch of the view's tape alone, whose targets are right for the edited bits.

    Raises:
        ValueError: a bit is edited that cannot be, or the tape is longer than `MOST_STEPS`.
    """
    task = settings.made_task
    tape = held_out(task, settings.length, 1, settings.seed)
    if int(tape.steps[0]) > MOST_STEPS:
        raise ValueError(f"expected at most {MOST_STEPS} steps, got {int(tape.steps[0])}")
    if not settings.flips:
        return tape
    free = editable(task, tape)
    inputs = tape.inputs.copy()
    for step, channel in settings.flips:
        if not (step < free.shape[0] and channel < free.shape[1] and free[step, channel]):
            raise ValueError(f"the bit {step}.{channel} (step.channel) cannot be edited")
        inputs[0, step, channel] = 1 - inputs[0, step, channel]
    if isinstance(task, AssociativeRecall):
        _ask_again(task, tape, inputs)
    targets = task.solve(inputs) * tape.mask[..., None]
    return Batch(inputs, targets, tape.mask, tape.steps, tape.lengths)


def editable(task: Task, tape: Batch) -> NDArray[np.bool_]:
    """Returns which input bits of a tape can be edited, bool[T, D].

    Those of the vectors that are to be stored. A task without a width has none: where what is shown
    is what was to be answered a step before, both would have to change.
    """
    inputs, width = tape.inputs[0], getattr(task, "width", 0)
    steps = np.arange(len(inputs)) < tape.mask[0].argmax()
    if isinstance(task, AssociativeRecall):
        steps &= np.arange(len(inputs)) < _query(task, tape).start
    # Delimiters are 0 or 1; a channel with a sign is a priority or a count.
    others = np.arange(inputs.shape[1]) >= width
    delimiters = others & (np.asarray(task.input_low) >= 0)
    data = steps & ~inputs[:, delimiters].any(axis=1)
    free: NDArray[np.bool_] = data[:, None] & ~others
    return free


def _query(task: AssociativeRecall, tape: Batch) -> slice:
    """The steps at which the item is shown that is asked for."""
    first = int(tape.lengths[0]) * (task.vectors_per_item + 1) + 1
    return slice(first, first + task.vectors_per_item)


def _ask_again(task: AssociativeRecall, tape: Batch, inputs: NDArray[Any]) -> None:
    """Asks for the item that was asked for before it was edited."""
    query, block = _query(task, tape), task.vectors_per_item + 1
    for item in range(int(tape.lengths[0])):
        at = slice(item * block + 1, (item + 1) * block)
        if np.array_equal(tape.inputs[0, at], tape.inputs[0, query]):
            inputs[0, query, : task.width] = inputs[0, at, : task.width]
            return
