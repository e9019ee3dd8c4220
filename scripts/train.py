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
from typing import Annotated, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.training import PARSING, TrainingOptions, chosen_cell, train_and_evaluate
from agents.recipes.supervised import CONFIGS, recipe
from ntm_gym.checks import expect_at_least


def main() -> None:
    """Reads the command line, whose options are the recipe of the task and cell, and trains."""
    recipes = {task: recipe(task, chosen_cell()) for task in CONFIGS}
    task_config: Any = tyro.extras.subcommand_type_from_defaults(recipes, prefix_names=False)

    def train(
        options: TrainingOptions,
        config: Annotated[task_config, tyro.conf.arg(name="")],
        episodes: int = 640,
    ) -> None:
        """Train a network, save it, and evaluate it far beyond its training lengths.

        Args:
            options: where the run is, and how it begins.
            config: the task and its recipe.
            episodes: held-out sequences for each length of the evaluation at the end; 0 leaves it
                out.
        """
        expect_at_least("episodes", episodes, 0)
        train_and_evaluate(config, options, episodes)

    tyro.cli(train, config=PARSING)


if __name__ == "__main__":
    run_command(main)
