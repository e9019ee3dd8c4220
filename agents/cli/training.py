"""What `scripts/train.py` and `scripts/train_rl.py` share: their options, and what is done."""

import argparse
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from agents import tensorflow
from agents.cli import console, tables, tyro
from agents.recipes.paper import paper_parameters
from agents.recipes.reward import RewardConfig
from agents.recipes.supervised import TrainConfig

PARSING = (tyro.conf.CascadeSubcommandArgs, tyro.conf.AvoidSubcommands)
"""How a training's command line is read: options in any order, and no subcommands for the cell."""


@dataclass(frozen=True)
class Options:
    """The options of a training that are no settings of it.

    Attributes:
        cell: the network: a Neural Turing Machine, a Differentiable Neural Computer or an LSTM.
            What --help says of --cell.* is for the chosen one.
        run: folder for the run. If not given, runs/NAME-SEED, by reward runs/NAME-rl-SEED; cells
            other than the Neural Turing Machine have their name before the seed.
        overwrite: replace an earlier run in that folder.
        resume: go on with the run in that folder where it was stopped, if there is one.
        force: also resume a run of other settings or of other versions of the libraries.
        tensorboard: also write TensorBoard events, into the folder's events/.
    """

    cell: Literal["ntm", "dnc", "lstm"] = "ntm"
    run: Path | None = None
    overwrite: bool = False
    resume: bool = False
    force: bool = False
    tensorboard: bool = False


TrainingOptions = Annotated[Options, tyro.conf.arg(name="")]
"""The options as an argument of a command."""


def chosen_cell() -> str:
    """Returns the cell that the command line asks for: it decides which options there are.

    A name that is none is left to the command line's parser to refuse.
    """
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    parser.add_argument("--cell", choices=["ntm", "dnc", "lstm"], default="ntm")
    try:
        return str(parser.parse_known_args(sys.argv[1:])[0].cell)
    except argparse.ArgumentError:
        return "ntm"


def train_and_evaluate(config: TrainConfig | RewardConfig, options: Options, episodes: int) -> None:
    """Trains a network, saves it, and prints its scores far beyond the training lengths.

    Args:
        config: the settings; those by reward are learned from rewards, others from right answers.
        options: where the run is, and how it begins.
        episodes: held-out sequences for each length of a task's evaluation; 0 leaves it out.
    """
    if options.overwrite and options.resume:
        raise ValueError("expected --overwrite or --resume, got both")
    # Loading TensorFlow takes seconds, which --help and wrong arguments need not wait for.
    tensorflow.prepare()
    from agents.evaluation.scores import evaluate_run
    from agents.storage.networks import count_parameters
    from agents.storage.runs import Run, tensorboard_events
    from agents.training import supervised
    from agents.training.reward import actor_critic

    folder = options.run or _folder(config)
    if options.resume:
        run = Run.resume(folder, config, options.force)
    else:
        run = Run.create(folder, config, options.overwrite)
    train: Any = actor_critic.train
    if not isinstance(config, RewardConfig):
        train = supervised.train
        console.print_parameters(count_parameters(config), paper_parameters(config))
    with (
        console.stop_requests() as stop_requested,
        console.training_progress(config) as show,
        tensorboard_events(run.folder if options.tensorboard else None) as write_events,
    ):

        def on_report(report: Any) -> None:
            show(report)
            write_events(report)

        outcome = train(config, run, on_report, stop_requested)
    if isinstance(config, RewardConfig) and config.task is None:
        console.print_return(config, run.folder, outcome)
        return
    console.print_outcome(config, run.folder, outcome)
    if episodes:
        tables.print_scores(evaluate_run(run, episodes=episodes))


def _folder(config: TrainConfig | RewardConfig) -> Path:
    """Returns the folder of a run that none was given for."""
    learning = "-rl" if isinstance(config, RewardConfig) else ""
    cell = "" if config.cell.name == "ntm" else f"-{config.cell.name}"
    return Path("runs") / f"{config.name}{learning}{cell}-{config.seed}"
