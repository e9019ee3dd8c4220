"""Supervised training: answers of the network against the targets of whole tapes.

Loss: the cross-entropy of the answers, summed over the scored bits of a batch and divided by the
batch's size. Update: AMSGrad, Adam or RMSProp, with the gradient's norm bounded. The networks first
find out how to use their memory, suddenly. What is left then are rare tapes: to learn them, the
hardest are trained on again, and blurred addresses cost. When training ends is in
`agents/training/progress.py`, what is rolled back in `agents/training/base.py`.
"""

import math
import time
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.recipes.supervised import TrainConfig
from agents.storage.networks import build_network, make_cell
from agents.storage.runs import Run
from agents.training.base import Training
from agents.training.goals import TaskGoal
from agents.training.loop import Outcome, train_to_the_end
from agents.training.reports import Report
from agents.training.streams import Stream
from agents.training.tapes import Tapes, spread
from agents.training.updates import Updates, compile_updates
from ntm_gym.curriculum import Lessons, PredictionGain
from ntm_gym.metrics import tape_return


def train(
    config: TrainConfig,
    run: Run,
    on_report: Callable[[Report], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Trains the recipe's cell until its step size has fallen to 0 or the budget ends.

    With `stop_when_solved`, it ends sooner: once the task is solved. See `train_to_the_end` for the
    rest.
    """
    return train_to_the_end(SupervisedTraining(config), run, on_report, should_stop)


class Means(NamedTuple):
    """Means over the new tapes of updates that were not left out; fields of a `Report`."""

    loss_bits: float
    mean_return: float
    bit_errors: float
    gradient_norm: float
    mean_length: float


NOTHING_NEW = Means(*[math.nan] * 5)


class Stretch(NamedTuple):
    """What came of some updates in a row.

    Attributes:
        means: None if all were left out, or their new tapes were in those.
        steps: of all tapes.
        seconds: that they took.
        norms: all gradients' norms, float32[updates].
    """

    means: Means | None
    steps: int
    seconds: float
    norms: NDArray[np.floating]


class SupervisedTraining(Training):
    """A training by right answers: its cell, its updates and how it advances."""

    report = Report
    config: TrainConfig
    goal: TaskGoal

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config, Stream.TRAINING)
        cell = make_cell(config)
        network = build_network(cell, config.task.input_width)
        # The network holds the mean of the weights, a cell of its own the weights themselves.
        trained = cell.changed()
        self.set_network(trained, cell, network)
        with_gains = isinstance(self.curriculum, PredictionGain)
        self._update = compile_updates(trained, cell, self.optimizer, config, with_gains=with_gains)

    def learn(self) -> Report:
        """Trains up to the next report and returns it."""
        config = self.config
        left = min(config.report_sequences, config.max_sequences - self.sequences)
        updates = max(1, left // config.batch_size)
        # A curriculum that follows errors hears of them ten times between two reports.
        calls = min(10, updates) if isinstance(self.curriculum, Lessons) else 1
        stretches = [self._call(updates // calls) for _ in range(calls)]
        updates = calls * (updates // calls)
        used = self.guard.used(np.concatenate([stretch.norms for stretch in stretches]))
        known = [stretch.means for stretch in stretches if stretch.means]
        means = Means(*np.mean(known or [NOTHING_NEW], axis=0).tolist())
        seconds = sum(stretch.seconds for stretch in stretches)
        held_out = self.test()
        return Report(
            sequences=self.sequences + updates * config.batch_size,
            steps=self.steps + sum(stretch.steps for stretch in stretches),
            seconds=round(time.perf_counter() - self.began, 3),
            updates_per_second=round(updates / seconds, 1),
            sequences_per_second=round(updates * config.batch_size / seconds, 1),
            held_out_bit_errors=held_out.bit_errors,
            held_out_loss_bits=held_out.loss_bits,
            updates_left_out=int(np.sum(~used)),
            lesson=self.curriculum.lesson,
            **means._asdict(),
        )

    def _call(self, updates: int) -> Stretch:
        """Makes updates, with the tapes of one call of the curriculum.

        Raises:
            LeftOutError: too many in a row were left out.
        """
        config = self.config
        shape = updates, config.batch_size
        tapes = self.goal.draw(self.curriculum, self.rng, shape, self.falls)
        again = spread(updates * config.batch_size, config.replay)
        new, lengths = np.ones(shape, bool), tapes.lengths.copy()
        if self.falls and self.hard_tapes:
            new = ~again.reshape(shape)
            # The last stretch may be shorter than the one that they are from.
            tapes.replace(again, self.hard_tapes.group(slice(int(again.sum()))))
        began = time.perf_counter()
        made = self._make_updates(tapes)
        seconds = time.perf_counter() - began
        self.hard_tapes = tapes.hardest(made.objectives, int(again.sum()))
        used = made.norms <= config.longest_gradient
        new &= used[:, np.newaxis]
        gains = [] if made.gains is None else [made.gains]
        for heard in zip(new, lengths, made.errors, *gains, strict=True):
            if heard[0].any():
                self.curriculum.record(*(values[heard[0]] for values in heard[1:]))
        means = None
        if new.any():
            earned = tape_return(made.errors, config.task.target_width, tapes.mask.sum(axis=2))
            means = Means(
                loss_bits=made.losses[new].mean(),
                mean_return=earned[new].mean(),
                bit_errors=made.errors[new].mean(),
                gradient_norm=made.norms[used].mean(),
                mean_length=lengths[new].mean(),
            )
        return Stretch(means, int(tapes.steps.sum()), seconds, made.norms)

    def _make_updates(self, tapes: Tapes) -> Updates:
        """Makes an update of each group of tapes; one that is left out ends a compiled call.

        Raises:
            LeftOutError: too many in a row were left out.
        """
        updates = len(tapes.steps)
        whole: Updates | None = None
        first = 0
        while first < updates:
            called = self._update(tapes, self.blur_cost, np.int32(first))
            made = called.map(np.array)
            used = made.norms <= self.config.longest_gradient
            after = next((k + 1 for k in range(first, updates) if not used[k]), updates)
            if whole is None:
                whole = made
            else:
                whole.fill(made, slice(first, after))
            self.guard.judge(made.norms[first:after], [*tapes.group(after - 1), self.blur_cost])
            first = after
        assert whole is not None
        return whole
