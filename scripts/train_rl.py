"""Train a network on an environment from nothing, by its rewards alone.

    python scripts/train_rl.py NTMCopy-v0
    python scripts/train_rl.py NTMAssociativeRecall-v0 --seed 3 --run runs/recall-by-reward-3
    python scripts/train_rl.py NTMCopy-v0 --credit action --policy-weight 4 --entropy-bonus 0.4
    python scripts/train_rl.py CartPole-v1 --cell lstm
    python scripts/train_rl.py NTMCopy-v0 --resume

The run's folder is that of a supervised run: settings, reports, network and, of a task, scores.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the code beside this script

from typing import Annotated, Literal

from agents.cli import tyro
from agents.cli.commands import chosen_cell
from agents.recipes.reward import RewardConfig, reward_recipe
from agents.recipes.settings import expect_at_least
from agents.training.reward.spaces import expect_learnable

WORDS = [word for word in sys.argv[1:] if word != "--debug"]
FIRST = WORDS[0] if WORDS and not WORDS[0].startswith("-") else "NTMCopy-v0"
DEFAULT = reward_recipe(FIRST, chosen_cell(sys.argv[1:]))
"""The environment decides the settings' defaults."""


def main(
    config: Annotated[RewardConfig, tyro.conf.arg(name="")] = DEFAULT,
    cell: Literal["ntm", "dnc", "lstm"] = "ntm",  # noqa: ARG001 (chosen_cell has read it)
    run: Path | None = None,
    overwrite: bool = False,
    resume: bool = False,
    force: bool = False,
    tensorboard: bool = False,
    episodes_at_end: int = 640,
) -> None:
    """Train a network by reward, save it, and evaluate it far beyond its training lengths.

    The environment's id comes first: it decides the defaults of all settings.

    Args:
        config: the recipe.
        cell: the network: a Neural Turing Machine, a Differentiable Neural Computer or an LSTM.
            What --help says of --cell.* is for the chosen one.
        run: folder for the run. If not given, runs/NAME-rl-SEED, for cells other than the Neural
            Turing Machine runs/NAME-rl-CELL-SEED.
        overwrite: replace an earlier run in that folder.
        resume: go on with the run in that folder where it was stopped, if there is one.
        force: also resume a run of other settings or of other versions of the libraries.
        tensorboard: also write TensorBoard events, into the folder's events/.
        episodes_at_end: held-out sequences for each length of a task's evaluation at the end; 0
            leaves it out.
    """
    if overwrite and resume:
        raise ValueError("expected --overwrite or --resume, got both")
    if config.env_id != FIRST:
        raise ValueError(
            f"expected the environment's id before all options, got {config.env_id} after some"
        )
    expect_at_least("episodes_at_end", episodes_at_end, 0)
    expect_learnable(config.env_id)
    # Loading TensorFlow takes seconds, which --help and wrong arguments need not wait for.
    from agents import tensorflow
    from agents.cli import console, tables

    tensorflow.prepare()
    from agents.evaluation.scores import evaluate_run
    from agents.storage.runs import Run, tensorboard_events
    from agents.training.reports import RewardReport
    from agents.training.reward import actor_critic

    kind = "" if config.cell.name == "ntm" else f"-{config.cell.name}"
    folder = run or Path("runs") / f"{config.name}-rl{kind}-{config.seed}"
    opened = Run.resume(folder, config, force) if resume else Run.create(folder, config, overwrite)
    with (
        console.stop_requests() as stop_requested,
        console.training_progress(config) as show,
        tensorboard_events(opened.folder if tensorboard else None) as write_events,
    ):

        def on_report(report: RewardReport) -> None:
            show(report)
            write_events(report)

        outcome = actor_critic.train(config, opened, on_report, stop_requested)
    if config.task is None:
        console.print_return(config, opened.folder, outcome)
        return
    console.print_outcome(config, opened.folder, outcome)
    if episodes_at_end:
        tables.print_scores(evaluate_run(opened, episodes=episodes_at_end))


if __name__ == "__main__":
    from agents.cli.commands import run_command

    settings = (tyro.conf.CascadeSubcommandArgs, tyro.conf.AvoidSubcommands)
    run_command(lambda: tyro.cli(main, config=settings))
