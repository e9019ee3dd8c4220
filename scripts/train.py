"""Train a network on a task, from nothing, by showing it the right answers.

    python scripts/train.py copy
    python scripts/train.py associative_recall --seed 3 --run runs/recall-3
    python scripts/train.py copy --cell dnc
    python scripts/train.py copy --cell lstm --cell.units 256 --cell.layers 3
    python scripts/train.py copy --resume

The run's folder holds settings, reports, network and scores; scripts/plot.py draws it.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the code beside this script

from typing import Annotated, Any, Literal

from agents.cli import tyro
from agents.cli.commands import chosen_cell
from agents.recipes.settings import expect_at_least
from agents.recipes.supervised import CONFIGS, recipe

Config: Any = tyro.extras.subcommand_type_from_defaults(
    {task: recipe(task, chosen_cell(sys.argv[1:])) for task in CONFIGS}, prefix_names=False
)


def main(
    config: Annotated[Config, tyro.conf.arg(name="")],
    cell: Literal["ntm", "dnc", "lstm"] = "ntm",  # noqa: ARG001 (chosen_cell has read it)
    run: Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
    force: bool = False,
    tensorboard: bool = False,
    episodes: int = 640,
) -> None:
    """Train a network, save it, and evaluate it far beyond its training lengths.

    Args:
        config: the task and its recipe.
        cell: the network: a Neural Turing Machine, a Differentiable Neural Computer or an LSTM.
            What --help says of --cell.* is for the chosen one.
        run: folder for the run. If not given, runs/TASK-SEED, for cells other than the Neural
            Turing Machine runs/TASK-CELL-SEED.
        overwrite: replace an earlier run in that folder.
        resume: go on with the run in that folder where it was stopped, if there is one.
        force: also resume a run of other settings or of other versions of the libraries.
        tensorboard: also write TensorBoard events, into the folder's events/.
        episodes: held-out sequences for each length of the evaluation at the end; 0 leaves it out.
    """
    if overwrite and resume:
        raise ValueError("expected --overwrite or --resume, got both")
    expect_at_least("episodes", episodes, 0)
    # Loading TensorFlow takes seconds, which --help and wrong arguments need not wait for.
    from agents import tensorflow
    from agents.cli import console, tables

    tensorflow.prepare()
    from agents.evaluation.scores import evaluate_run
    from agents.policies.recurrent import count_parameters
    from agents.recipes.paper import paper_parameters
    from agents.storage.runs import Run, tensorboard_events
    from agents.training import supervised
    from agents.training.reports import Report

    kind = "" if config.cell.name == "ntm" else f"-{config.cell.name}"
    folder = run or Path("runs") / f"{config.name}{kind}-{config.seed}"
    opened = Run.resume(folder, config, force) if resume else Run.create(folder, config, overwrite)
    console.print_parameters(count_parameters(config), paper_parameters(config))
    with (
        console.stop_requests() as stop_requested,
        console.training_progress(config) as show,
        tensorboard_events(opened.folder if tensorboard else None) as write_events,
    ):

        def on_report(report: Report) -> None:
            show(report)
            write_events(report)

        outcome = supervised.train(config, opened, on_report, stop_requested)
    console.print_outcome(config, opened.folder, outcome)
    if episodes:
        tables.print_scores(evaluate_run(opened, episodes=episodes))


if __name__ == "__main__":
    from agents.cli.commands import run_command

    # A task's cell is chosen by --cell: no subcommands for it.
    settings = (tyro.conf.CascadeSubcommandArgs, tyro.conf.AvoidSubcommands)
    run_command(lambda: tyro.cli(main, config=settings))
