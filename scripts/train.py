"""Train a Neural Turing Machine on a task, from nothing, by showing it the right answers.

    python scripts/train.py copy
    python scripts/train.py associative_recall --seed 3 --run runs/recall-3

The run's folder holds settings, reports, network and scores; scripts/plot.py draws it.
"""

from pathlib import Path
from typing import Annotated, Any

import tyro

from agents.config import CONFIGS

Config: Any = tyro.extras.subcommand_type_from_defaults(
    {name: config() for name, config in CONFIGS.items()}, prefix_names=False
)


def main(
    config: Annotated[Config, tyro.conf.arg(name="")],
    run: Path | None = None,
    overwrite: bool = False,
    tensorboard: bool = False,
    episodes: int = 640,
) -> None:
    """Train a Neural Turing Machine, save it, and evaluate it far beyond its training lengths.

    Args:
        config: the task and its recipe.
        run: folder for the run; runs/TASK-SEED if not given.
        overwrite: replace an earlier run in that folder.
        tensorboard: also write TensorBoard events, into the folder's events/.
        episodes: held-out sequences for each length of the evaluation at the end; 0 leaves it out.
    """
    # Loading TensorFlow takes seconds, which --help and wrong arguments need not wait for.
    from agents import console

    console.prepare_tensorflow()
    from agents import supervised
    from agents.evaluation import evaluate_run
    from agents.runs import Run, tensorboard_events

    opened = Run.create(run or Path("runs") / f"{config.name}-{config.seed}", config, overwrite)
    with (
        console.training_progress(config) as show,
        tensorboard_events(opened.folder if tensorboard else None) as write_events,
    ):

        def on_report(report: supervised.Report) -> None:
            show(report)
            write_events(report)

        outcome = supervised.train(config, opened, on_report)
    console.print_outcome(config, opened.folder, outcome)
    if episodes:
        console.print_scores(evaluate_run(opened, episodes=episodes))


if __name__ == "__main__":
    from agents.console import run_command

    run_command(lambda: tyro.cli(main, config=(tyro.conf.CascadeSubcommandArgs,)))
