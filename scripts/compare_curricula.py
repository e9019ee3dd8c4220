"""Train a task with several curricula on several seeds; print and draw when each solved it.

    python scripts/compare_curricula.py copy --workers 2
    python scripts/compare_curricula.py associative_recall --curricula uniform naive --seeds 0 1

Each run has a folder of its own, FOLDER/TASK/CURRICULUM/SEED; those that have ended are kept, so
the script can be stopped and started again.
"""

import dataclasses
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from agents.config import CONFIGS
from ntm_gym.curriculum import CURRICULA

# So that --help names them all.
Task: Any = Literal[tuple(CONFIGS)]
Curriculum: Any = Literal[tuple(CURRICULA)]


def main(
    task: Annotated[Task, tyro.conf.Positional],
    curricula: tuple[Curriculum, ...] = tuple(CURRICULA),
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4),
    max_sequences: int | None = None,
    workers: int = 1,
    folder: Path = Path("runs/curricula"),
) -> None:
    """Compare curricula: a Markdown table of sequences until solved, and a picture of errors.

    Args:
        task: the task.
        curricula: the curricula.
        seeds: the seeds that each is trained on.
        max_sequences: budget of a run; that of the task's recipe if not given.
        workers: runs trained at once, each on one core.
        folder: where the runs' folders are, and the picture: TASK/comparison.png.
    """
    from agents import console

    console.prepare_tensorflow()
    from agents.curricula import comparison_table, draw_comparison
    from agents.runs import Run
    from agents.sweep import train_missing

    recipe = CONFIGS[task]()
    if max_sequences is not None:
        recipe = dataclasses.replace(recipe, max_sequences=max_sequences)
    configs = {
        folder / task / name / str(seed): dataclasses.replace(recipe, curriculum=name, seed=seed)
        for name in curricula
        for seed in seeds
    }
    for ended in train_missing(configs, workers):
        console.console.print(f"Run: {ended}", soft_wrap=True)
    runs = {
        name: [Run.open(folder / task / name / str(seed)) for seed in seeds] for name in curricula
    }
    console.console.print(comparison_table(runs), soft_wrap=True, markup=False)
    picture = draw_comparison(runs, task, folder / task / "comparison.png")
    console.console.print(str(picture), soft_wrap=True)


if __name__ == "__main__":
    from agents.console import run_command

    run_command(lambda: tyro.cli(main))
