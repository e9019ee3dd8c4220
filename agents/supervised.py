"""Supervised training: answers of the network against the targets of whole tapes.

Loss: the cross-entropy of the answers, summed over the scored bits of a batch and divided by the
batch's size. Update: RMSProp or Adam, with the gradient's norm bounded. What is tested and saved is
a running mean of the weights (Polyak & Juditsky 1992): single updates shake a solution that is
already exact. Once the task is nearly solved, the step size falls to 0, which ends training. It
must not fall earlier: the networks first find out how to use their memory, suddenly. What is left
then are rare tapes. To learn them, the hardest are trained on again, and blurred addresses cost. An
update that destroys what was learned, as one rare tape can, is taken back.
"""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from agents.checkpoints import Checkpoint, Checkpoints
from agents.config import TrainConfig
from agents.recurrent import build_network, make_cell
from agents.reports import Report, as_report, first_solved, lesson_columns
from agents.runs import Run, RunError
from agents.updates import (
    build_optimizer,
    compile_test,
    compile_updates,
    hardest,
    held_out_groups,
    in_groups,
    replace,
    spread,
)
from ntm_gym.curriculum import Lessons, PredictionGain, make_curriculum

TRAINING = 1
"""Random stream of a seed that training tapes are drawn from."""


class Outcome(NamedTuple):
    """How training ended.

    Attributes:
        network: the trained network.
        reports: all reports, the last one last.
        solved: the first report of the first row of them that solved the task, or None.
    """

    network: keras.Model
    reports: list[Report]
    solved: Report | None


class TrainingStoppedError(RunError):
    """Training was asked to stop before its end, and can go on from its last report."""


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
    training = Training(config)
    checkpoints = Checkpoints(run.folder / "checkpoints")
    if checkpoint := checkpoints.newest():
        training.go_on_from(checkpoint)
    run.rewrite_metrics(training.rows)
    while not training.ended:
        report = training.advance()
        run.append_metrics(training.rows[-1])
        run.write_json("curriculum.json", training.curriculum.get_state())
        on_report(report)
        stopping = not training.ended and should_stop()
        if not (stopping or training.ended):
            checkpoints.offer(report.sequences, training.checkpoint)
            continue
        checkpoints.write(report.sequences, training.checkpoint())
        if stopping:
            raise TrainingStoppedError(
                f"stopped after {report.sequences:,} sequences; --resume goes on"
            )
    run.save_network(training.network)
    reports = [as_report(row) for row in training.rows]
    solved = as_report(training.solved) if training.solved else None
    return Outcome(training.network, reports, solved)


class Training:
    """Everything that changes in a training, and how it advances to its next report."""

    def __init__(self, config: TrainConfig) -> None:
        self._config = config
        self._began = time.perf_counter()
        self.rows: list[dict[str, float]] = []
        self._hard_tapes: list[NDArray[Any]] = []
        self._good: list[NDArray[Any]] = []
        keras.utils.set_random_seed(config.seed)
        self._rng = np.random.default_rng([config.seed, TRAINING])
        self.curriculum = make_curriculum(
            config.curriculum, config.min_length, config.max_length, config.task
        )
        cell = make_cell(config)
        self.network = build_network(cell, config.task.input_width)
        # The network holds the mean of the weights, a cell of its own the weights themselves.
        trained = type(cell).from_config(cell.get_config())
        trained.build((None, config.task.input_width))
        trained.set_weights(cell.get_weights())
        self._optimizer = build_optimizer(
            config.optimizer, config.learning_rate, config.clip_norm, config.clip
        )
        self._optimizer.build(trained.trainable_variables)
        self._variables = [*trained.variables, *cell.variables, *self._optimizer.variables]
        self._longest = int(config.task.steps(np.array([config.max_length]))[0])
        self._update = compile_updates(
            trained,
            self._optimizer,
            cell,
            config.averaging,
            isinstance(self.curriculum, PredictionGain),
            config.blur_cost > 0,
            config.longest_gradient,
        )
        self._test = compile_test(cell)
        self._held_out = held_out_groups(
            config.task, config.max_length, config.solved_sequences, config.seed
        )

    @property
    def sequences(self) -> int:
        """The training sequences so far."""
        return int(self.rows[-1]["sequences"]) if self.rows else 0

    @property
    def falls(self) -> int:
        """How many reports have let the step size fall."""
        return sum(row["held_out_bit_errors"] < self._config.anneal_below for row in self.rows)

    @property
    def ended(self) -> bool:
        """Whether the step size has fallen to 0, the budget has ended or solving was enough."""
        config = self._config
        return (
            self.sequences >= config.max_sequences
            or self.falls >= config.anneal_reports
            or (config.stop_when_solved and self.solved is not None)
        )

    @property
    def solved(self) -> Mapping[str, Any] | None:
        """The row of the first report that solved the task, or None."""
        return first_solved(self.rows, self._config.solved_reports)

    def advance(self) -> Report:
        """Trains up to the next report."""
        config, sequences = self._config, self.sequences
        updates = config.report_sequences // config.batch_size
        # A curriculum that follows errors hears of them ten times between two reports.
        calls = min(10, updates) if isinstance(self.curriculum, Lessons) else 1
        self._optimizer.learning_rate = _step_size(config, sequences, self.falls)
        stretch = [self._call(updates // calls) for _ in range(calls)]
        sequences += calls * (updates // calls) * config.batch_size
        loss, wrong, norm, mean_length = np.mean(np.array(stretch)[:, :4], axis=0).tolist()
        left_out, seconds = np.sum(np.array(stretch)[:, 4:], axis=0).tolist()
        held_out_losses, held_out_errors = (
            result.numpy() for result in self._test(*self._held_out)
        )
        report = Report(
            sequences=sequences,
            seconds=round(time.perf_counter() - self._began, 3),
            updates_per_second=round(calls * (updates // calls) / seconds, 1),
            sequences_per_second=round((sequences - self.sequences) / seconds, 1),
            loss_bits=loss,
            bit_errors=wrong,
            held_out_bit_errors=float(held_out_errors.sum() / config.solved_sequences),
            held_out_loss_bits=float(held_out_losses.sum() / config.solved_sequences),
            gradient_norm=norm,
            updates_left_out=int(left_out),
            lesson=self.curriculum.lesson,
            mean_length=mean_length,
        )
        self.rows.append(report._asdict() | lesson_columns(self.curriculum))
        if report.held_out_bit_errors < config.anneal_below:
            self._good = self._values()
        elif report.held_out_bit_errors > config.lost_above and self._good:
            self._assign(self._good)
        return report

    def _call(self, updates: int) -> tuple[float, ...]:
        """Makes updates in one compiled call.

        Returns:
            Means over the new tapes of updates that were not left out: loss, wrong bits, gradient
            norm and length; how many were left out; the seconds that it took.

        Raises:
            RunError: all were left out.
        """
        config, late = self._config, self.falls > 0
        shape = updates, config.batch_size
        lengths = self.curriculum.sample(self._rng, updates * config.batch_size)
        batch = config.task.sample(self._rng, lengths)
        tapes = in_groups(batch, config.batch_size, self._longest)
        again = spread(updates * config.batch_size, config.replay)
        new = np.ones(shape, bool)
        if late and self._hard_tapes:
            new = ~again.reshape(shape)
            replace(tapes, again, self._hard_tapes)
        began = time.perf_counter()
        results = self._update(*tapes, np.float32(config.blur_cost if late else 0))
        losses, errors, norms, objectives, *gains = (result.numpy() for result in results)
        seconds = time.perf_counter() - began
        self._hard_tapes = hardest(tapes, objectives, int(again.sum()))
        lengths = lengths.reshape(shape)
        for heard in zip(new, lengths, errors, *gains, strict=True):
            if heard[0].any():
                self.curriculum.record(*(values[heard[0]] for values in heard[1:]))
        used = norms <= config.longest_gradient
        if not used.any():
            raise RunError(
                f"expected gradients of a length up to {config.longest_gradient:g}, "
                f"got {norms.min():g} and more in {updates:,} updates in a row; "
                "a smaller learning_rate may help"
            )
        new &= used[:, np.newaxis]
        loss, wrong, length = (values[new].mean() for values in (losses, errors, lengths))
        return loss, wrong, norms[used].mean(), length, np.sum(~used), seconds

    def checkpoint(self) -> Checkpoint:
        """Returns all that changes."""
        values = {
            "rows": self.rows,
            "good": bool(self._good),
            "rng": self._rng.bit_generator.state,
            "curriculum": self.curriculum.get_state(),
        }
        return Checkpoint([*self._values(), *self._good, *self._hard_tapes], values)

    def go_on_from(self, checkpoint: Checkpoint) -> None:
        """Takes over the state of a checkpoint.

        Raises:
            RunError: if it is that of another training.
        """
        arrays, values = list(checkpoint.arrays), checkpoint.values
        shapes = [tuple(variable.shape) for variable in self._variables]
        got = [array.shape for array in arrays[: len(shapes)]]
        if got != shapes:
            raise RunError(f"expected a checkpoint of weights {shapes}, got {got}")
        self._assign(arrays[: len(shapes)])
        del arrays[: len(shapes)]
        if values["good"]:
            self._good = arrays[: len(shapes)]
            del arrays[: len(shapes)]
        self._hard_tapes = arrays
        self._rng.bit_generator.state = values["rng"]
        self.curriculum.set_state(values["curriculum"])
        self.rows = values["rows"]
        self._began = time.perf_counter() - self.rows[-1]["seconds"]

    def _values(self) -> list[NDArray[Any]]:
        return [variable.numpy() for variable in self._variables]

    def _assign(self, values: list[NDArray[Any]]) -> None:
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)


def _step_size(config: TrainConfig, sequences: int, falls: int) -> float:
    """The optimiser's step size: falls with every good report, and at the end of the budget."""
    left = 1 - falls / config.anneal_reports
    if config.anneal_budget:
        left = min(left, (1 - sequences / config.max_sequences) / config.anneal_budget)
    return config.learning_rate * left
