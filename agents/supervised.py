"""Supervised training by teacher forcing: the loop, read from top to bottom.

Loss: the cross-entropy of the answers, summed over the scored bits of a batch and divided by the
batch's size. Update: RMSProp or Adam, with the gradient's norm bounded. What is tested and saved is
a running mean of the weights (Polyak & Juditsky 1992): single updates shake a solution that is
already exact. Once the task is nearly solved, the step size falls to 0, which ends training. It
must not fall earlier: the networks first find out how to use their memory, suddenly. What is left
then are rare tapes. To learn them, the hardest are trained on again, and blurred addresses cost.
"""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from numpy.typing import NDArray

from agents.config import TrainConfig
from agents.recurrent import build_network, make_cell
from agents.runs import Run
from agents.updates import (
    build_optimizer,
    compile_test,
    compile_updates,
    hardest,
    in_groups,
    replace,
    spread,
)
from ntm_gym.curriculum import Lessons, PredictionGain, make_curriculum

TRAINING, HELD_OUT = 1, 2
"""Streams of random numbers: tapes of one are never those of another, whatever the seed."""


class Report(NamedTuple):
    """What is known after some training; a row of `metrics.csv`.

    Attributes:
        sequences: training sequences so far.
        seconds: time since training began, compilation included.
        updates_per_second: of the stretch since the last report, held-out tests not counted.
        sequences_per_second: likewise.
        loss_bits: training cost in bits per new sequence (none that is shown again), mean since the
            last report.
        bit_errors: wrong bits per new training sequence, mean since the last report.
        held_out_bit_errors: wrong bits per held-out sequence of the longest training length.
        held_out_loss_bits: cost of these in bits per sequence.
        gradient_norm: mean norm of the gradients before clipping, since the last report.
        lesson: the number of the curriculum's present lesson, from 0.
        mean_length: of the new training sequences since the last report.
    """

    sequences: int
    seconds: float
    updates_per_second: float
    sequences_per_second: float
    loss_bits: float
    bit_errors: float
    held_out_bit_errors: float
    held_out_loss_bits: float
    gradient_norm: float
    lesson: int
    mean_length: float


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


def train(
    config: TrainConfig, run: Run, on_report: Callable[[Report], None] = lambda _: None
) -> Outcome:
    """Trains the recipe's cell until its step size has fallen to 0 or the budget ends.

    With `stop_when_solved`, it ends sooner: once the task is solved.

    Args:
        config: the recipe.
        run: the folder that reports and the network are written to.
        on_report: called after each report.

    Returns:
        How it ended. The network is that of the last update: none is picked by its scores.
    """
    began = time.perf_counter()
    keras.utils.set_random_seed(config.seed)
    rng = np.random.default_rng([config.seed, TRAINING])
    curriculum = make_curriculum(
        config.curriculum, config.min_length, config.max_length, config.task
    )
    cell = make_cell(config)
    network = build_network(cell, config.task.input_width)
    # The network holds the mean of the weights, a cell of its own the weights themselves.
    trained = type(cell).from_config(cell.get_config())
    trained.build((None, config.task.input_width))
    trained.set_weights(cell.get_weights())
    optimizer = build_optimizer(config)
    optimizer.build(trained.trainable_variables)
    longest = int(config.task.steps(np.array([config.max_length]))[0])
    wants_gains = isinstance(curriculum, PredictionGain)
    update = compile_updates(
        trained, optimizer, cell, config.averaging, wants_gains, config.blur_cost > 0
    )
    test = compile_test(cell)
    held_out = in_groups(
        config.task.sample(
            np.random.default_rng([config.seed, HELD_OUT]),
            np.full(config.solved_sequences, config.max_length),
        ),
        min(config.solved_sequences, 32),
        longest,
    )

    updates = config.report_sequences // config.batch_size
    # A curriculum that follows errors hears of them ten times between two reports.
    calls = min(10, updates) if isinstance(curriculum, Lessons) else 1
    updates //= calls
    shape = updates, config.batch_size
    again = spread(updates * config.batch_size, config.replay)
    hard_tapes: list[NDArray[Any]] = []
    sequences, reports, solved, in_a_row, falls = 0, [], None, 0, 0
    while sequences < config.max_sequences and falls < config.anneal_reports:
        if config.stop_when_solved and solved is not None:
            break
        optimizer.learning_rate = _step_size(config, sequences, falls)
        blur_cost = config.blur_cost if falls else 0.0
        stretch, update_seconds = [], 0.0
        for _ in range(calls):
            lengths = curriculum.sample(rng, updates * config.batch_size)
            tapes = in_groups(config.task.sample(rng, lengths), config.batch_size, longest)
            new = np.ones(shape, bool)
            if falls and hard_tapes:
                new = ~again.reshape(shape)
                replace(tapes, again, hard_tapes)
            update_began = time.perf_counter()
            results = update(*tapes, np.float32(blur_cost))
            losses, errors, norms, objectives, *gains = (result.numpy() for result in results)
            update_seconds += time.perf_counter() - update_began
            hard_tapes = hardest(tapes, objectives, int(again.sum()))
            lengths = lengths.reshape(shape)
            for heard in zip(new, lengths, errors, *gains, strict=True):
                if heard[0].any():
                    curriculum.record(*(values[heard[0]] for values in heard[1:]))
            stretch.append(
                (losses[new].mean(), errors[new].mean(), norms.mean(), lengths[new].mean())
            )
            sequences += lengths.size
        loss, wrong, norm, mean_length = np.mean(stretch, axis=0, dtype=float).tolist()

        held_out_losses, held_out_errors = (result.numpy() for result in test(*held_out))
        report = Report(
            sequences=sequences,
            seconds=round(time.perf_counter() - began, 3),
            updates_per_second=round(calls * updates / update_seconds, 1),
            sequences_per_second=round(calls * lengths.size / update_seconds, 1),
            loss_bits=loss,
            bit_errors=wrong,
            held_out_bit_errors=float(held_out_errors.sum() / config.solved_sequences),
            held_out_loss_bits=float(held_out_losses.sum() / config.solved_sequences),
            gradient_norm=norm,
            lesson=curriculum.lesson,
            mean_length=mean_length,
        )
        run.append_metrics(report._asdict())
        run.write_json("curriculum.json", curriculum.get_state())
        reports.append(report)
        in_a_row = in_a_row + 1 if report.held_out_bit_errors == 0 else 0
        if in_a_row == config.solved_reports and solved is None:
            solved = reports[-in_a_row]
        falls += report.held_out_bit_errors < config.anneal_below
        on_report(report)
    run.save_network(network)
    return Outcome(network, reports, solved)


def _step_size(config: TrainConfig, sequences: int, falls: int) -> float:
    """The optimiser's step size: falls with every good report, and at the end of the budget."""
    left = 1 - falls / config.anneal_reports
    if config.anneal_budget:
        left = min(left, (1 - sequences / config.max_sequences) / config.anneal_budget)
    return config.learning_rate * left
