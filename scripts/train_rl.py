"""Train a network on an environment from nothing, by its rewards alone.

    python scripts/train_rl.py NTMCopy-v0
    python scripts/train_rl.py NTMAssociativeRecall-v0 --seed 3 --run runs/recall-by-reward-3
    python scripts/train_rl.py NTMCopy-v0 --credit action --policy-weight 4 --entropy-bonus 0.4
    python scripts/train_rl.py CartPole-v1 --cell lstm
    python scripts/train_rl.py NTMCopy-v0 --resume

The run's folder is that of a supervised run: settings, reports, network and, of a task, scores.
"""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.training import PARSING, TrainingOptions, chosen_cell, train_and_evaluate
from agents.recipes.reward import RewardConfig, reward_recipe
from agents.training.reward.spaces import expect_learnable
from ntm_gym.checks import expect_at_least


@dataclass(frozen=True)
class Settings(RewardConfig):
    """The settings, with the environment's id as a word of its own: no option's name before it."""

    env_id: tyro.conf.Positional[str] = "NTMCopy-v0"
    """Id of the environment; that of a task has a recipe of its own."""


def main() -> None:
    """Reads the command line, whose defaults are the recipe of the environment, and trains."""
    words = sys.argv[1:]
    first = words[0] if words and not words[0].startswith("-") else Settings.env_id
    recipe = Settings(**vars(reward_recipe(first, chosen_cell())))

    def train(
        options: TrainingOptions,
        config: Annotated[Settings, tyro.conf.arg(name="")] = recipe,
        episodes_at_end: int = 640,
    ) -> None:
        """Train a network by reward, save it, and evaluate it far beyond its training lengths.

        The environment's id comes first: it decides the defaults of all settings.

        Args:
            options: where the run is, and how it begins.
            config: the recipe.
            episodes_at_end: held-out sequences for each length of a task's evaluation at the end;
                0 leaves it out.
        """
        if config.env_id != first:
            raise ValueError(
                f"expected the environment's id before all options, got {config.env_id} after some"
            )
        expect_at_least("episodes_at_end", episodes_at_end, 0)
        expect_learnable(config.env_id)
        train_and_evaluate(RewardConfig(**vars(config)), options, episodes_at_end)

    tyro.cli(train, config=PARSING)


if __name__ == "__main__":
    run_command(main)
