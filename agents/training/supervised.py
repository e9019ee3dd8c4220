"""Supervised training: answers of the network against the targets of whole tapes.

Loss: the cross-entropy of the answers, summed over the scored bits of a batch and divided by the
batch's size. Update: AMSGrad, Adam or RMSProp, with the gradient's norm bounded. The networks first
find out how to use their memory, suddenly. What is left then are rare tapes: to learn them, the
hardest are trained on again, and blurred addresses cost. When training ends is in
`agents/training/progress.py`, what is taken back in `agents/training/base.py`.
"""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.policies.recurrent import make_cell
from agents.recipes.supervised import TrainConfig
from agents.storage.networks import build_network
from agents.storage.runs import Run
from agents.training.base import Training
from agents.training.loop import Outcome, train_to_the_end
from agents.training.reports import Report
from agents.training.updates import compile_updates, hardest, in_groups, replace, spread
from ntm_gym.curriculum import Lessons, PredictionGain
from ntm_gym.metrics import tape_return

TRAINING = 1
"""Random stream of a seed that training tapes are drawn from."""


def train(
    config: TrainConfig,
    run: Run,
    on_report: Callable[[Report], None] = lambda _: None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Outcome:
    """Trains the recipe's cell until its step size has fallen to 0 or the budget ends.

    With `stop_when_solved`, it ends sooner: once the task is solved.

    If the run has checkpoints, training goes on from the newest that is whole. On the same
    machine, the weights are then those of a training that was never stopped.

    Args:
        config: the recipe.
        run: the folder that reports, checkpoints and the network are written to.
        on_report: called after each report.
        should_stop: asked after each report.

    Returns:
        How it ended. The network is that of the last update: none is picked by its scores.

    Raises:
        TrainingStoppedError: training was asked to stop; all until then is in a checkpoint.
        RunError: the run's checkpoints are of another network.
    """
    return train_to_the_end(SupervisedTraining(config), run, on_report, should_stop)


class SupervisedTraining(Training):
    """A training by right answers: its cell, its updates and how it advances."""

    report = Report

    def __init__(self, config: TrainConfig) -> None:
        super().__init__(config, TRAINING)
        cell = make_cell(config)
        network = build_network(cell, config.task.input_width)
        # The network holds the mean of the weights, a cell of its own the weights themselves.
        trained = cell.changed()
        self.learn_with(trained, cell, network)
        self._longest = int(config.task.steps(np.array([config.max_length]))[0])
        self._update = compile_updates(
            trained,
            self.optimizer,
            cell,
            config.averaging,
            isinstance(self.curriculum, PredictionGain),
            config.blur_cost > 0,
            config.longest_gradient,
            config.rows,
        )

    def learn(self) -> Report:
        """Trains up to the next report and returns it."""
        config, sequences = self.config, self.sequences
        left = min(config.report_sequences, config.max_sequences - sequences)
        updates = max(1, left // config.batch_size)
        # A curriculum that follows errors hears of them ten times between two reports.
        calls = min(10, updates) if isinstance(self.curriculum, Lessons) else 1
        stretch = [self._call(updates // calls) for _ in range(calls)]
        sequences += calls * (updates // calls) * config.batch_size
        self.guard.used(np.array([norm for *_, norms in stretch for norm in norms]))
        # A call whose updates were all left out has no means, or whose new tapes were in those.
        means = [each[0] for each in stretch if each[0]] or [[math.nan] * 5]
        loss, earned, wrong, norm, mean_length = np.mean(means, axis=0).tolist()
        left_out, steps, seconds = np.sum([each[1:4] for each in stretch], axis=0).tolist()
        held_out_loss, held_out_errors = self.test()
        return Report(
            sequences=sequences,
            steps=int(steps) + (self.rows[-1]["steps"] if self.rows else 0),
            seconds=round(time.perf_counter() - self.began, 3),
            updates_per_second=round(calls * (updates // calls) / seconds, 1),
            sequences_per_second=round((sequences - self.sequences) / seconds, 1),
            loss_bits=loss,
            mean_return=earned,
            bit_errors=wrong,
            held_out_bit_errors=held_out_errors,
            held_out_loss_bits=held_out_loss,
            gradient_norm=norm,
            updates_left_out=int(left_out),
            lesson=self.curriculum.lesson,
            mean_length=mean_length,
        )

    def _call(self, updates: int) -> tuple[list[float], int, int, float, NDArray[np.floating]]:
        """Makes updates, with the tapes of one call of the curriculum.

        Returns:
            Means over the new tapes of updates that were not left out: loss, return, wrong bits,
            gradient norm and length, or nothing if all were; how many were left out; the steps of
            all tapes; the seconds that it took; all gradient norms.

        Raises:
            LeftOutError: too many in a row were left out.
        """
        config = self.config
        shape = updates, config.batch_size
        lengths = self.curriculum.sample(self.rng, updates * config.batch_size)
        batch = self.task.sample(self.rng, lengths)
        tapes = in_groups(batch, config.batch_size, self._longest)
        again = spread(updates * config.batch_size, config.replay)
        new = np.ones(shape, bool)
        if self.falls and self.hard_tapes:
            new = ~again.reshape(shape)
            # The last stretch may be shorter than the one that they are from.
            replace(tapes, again, [array[: int(again.sum())] for array in self.hard_tapes])
        began = time.perf_counter()
        losses, errors, norms, objectives, *gains = self._make_updates(tapes)
        seconds = time.perf_counter() - began
        self.hard_tapes = hardest(tapes, objectives, int(again.sum()))
        lengths = lengths.reshape(shape)
        used = norms <= config.longest_gradient
        new &= used[:, np.newaxis]
        for heard in zip(new, lengths, errors, *gains, strict=True):
            if heard[0].any():
                self.curriculum.record(*(values[heard[0]] for values in heard[1:]))
        means = []
        if new.any():
            earned = tape_return(errors, config.task.target_width, tapes[2].sum(axis=2))
            told = losses, earned, errors, lengths
            loss, mean_return, wrong, length = (values[new].mean() for values in told)
            means = [loss, mean_return, wrong, norms[used].mean(), length]
        return means, int(np.sum(~used)), int(tapes[3].sum()), seconds, norms

    def _make_updates(self, tapes: list[NDArray[Any]]) -> list[NDArray[Any]]:
        """Returns what the compiled updates of K batches return; each that is left out ends a call.

        Raises:
            LeftOutError: too many in a row were left out.
        """
        updates = len(tapes[0])
        whole: list[NDArray[Any]] = []
        first = 0
        while first < updates:
            called = self._update(*tapes, self.blur_cost, np.int32(first))
            results = [np.array(result) for result in called]
            made = results[2] <= self.config.longest_gradient
            after = next((k + 1 for k in range(first, updates) if not made[k]), updates)
            for kept, new in zip(whole, results, strict=bool(whole)):
                kept[first:after] = new[first:after]
            whole = whole or results
            told = [*(group[after - 1] for group in tapes), self.blur_cost]
            self.guard.judge(whole[2][first:after], told)
            first = after
        return whole
