"""From the first report, or the newest checkpoint, to the saved network."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras

from agents.storage.checkpoints import Checkpoints, expect_own_checkpoint
from agents.storage.files import locked
from agents.storage.runs import Run, RunError
from agents.training.base import Training
from agents.training.guards import FOLDER


class TrainingStoppedError(RunError):
    """Training was asked to stop before its end, and can go on from its last report."""


class Outcome(NamedTuple):
    """How training ended.

    Attributes:
        network: the trained network: that of the last update, none is picked by its scores.
        reports: all reports, the last one last.
        solved: the first report of the first row of them that solved the task, or None.
    """

    network: keras.Model
    reports: list[Any]
    solved: Any


def train_to_the_end(
    training: Training,
    run: Run,
    on_report: Callable[[Any], None],
    should_stop: Callable[[], bool],
) -> Outcome:
    """Trains until the step size has fallen to 0 or the budget ends, and saves the network.

    If the run has checkpoints, training goes on from the newest that is whole. On the same
    machine, the weights are then those of a training that was never stopped; by reward, if episodes
    of the environment follow from the seeds of its resets.

    Args:
        training: a training at its beginning.
        run: the folder that reports, checkpoints and the network are written to.
        on_report: called after each report.
        should_stop: asked after each report.

    Raises:
        TrainingStoppedError: training was asked to stop; all until then is in a checkpoint.
        RunError: the run's checkpoints are of another network, or it has a network but none of
            them; too many updates in a row were left out; or another process trains in the folder.
    """
    with locked(run.folder):
        training.guard.folder = run.folder / FOLDER
        checkpoints = Checkpoints(run.folder / "checkpoints")
        if checkpoint := checkpoints.newest():
            with expect_own_checkpoint():
                training.restore(checkpoint)
            run.adopt()
        elif run.ended:
            raise RunError(
                f"expected a whole checkpoint in {checkpoints.folder} to go on from, got none; "
                "--overwrite trains a new network in place of the one that is there"
            )
        run.metrics.write(training.rows)
        while not training.ended:
            report = training.advance()
            run.metrics.append(training.rows[-1])
            run.write_json("curriculum.json", training.curriculum.get_state())
            on_report(report)
            if training.ended:
                break
            if should_stop():
                checkpoints.write(report.sequences, training.checkpoint())
                raise TrainingStoppedError(
                    f"stopped after {report.sequences:,} sequences; --resume goes on"
                )
            checkpoints.offer(report.sequences, training.checkpoint)
        return end(training, run)


def end(training: Training, run: Run) -> Outcome:
    """Ends a training where it is: writes its last checkpoint and saves its network."""
    Checkpoints(run.folder / "checkpoints").write(training.sequences, training.checkpoint())
    training.refresh()
    training.close()
    run.save_network(training.network)
    solved = training.as_report(training.solved) if training.solved else None
    return Outcome(training.network, training.reports, solved)
