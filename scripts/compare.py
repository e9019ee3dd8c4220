"""Train, evaluate and compare variants of the recipes, as a plan says.

    python scripts/compare.py plans/curricula.toml --workers 2
    python scripts/compare.py plans/curricula.toml --ray 10.0.0.1:6379

Each run has a folder of its own, FOLDER/PLAN/TASK/VARIANT/SEED. Those that are done are kept: the
script can be stopped at any moment and started again. docs/scaling.md has more about several
machines.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.console import say
from agents.cli.sweeps import RayOption, chosen_executor, do_jobs, expect_none_failed


def main(
    plan: tyro.conf.Positional[Path],
    workers: int | None = None,
    ray: RayOption = None,
    folder: Path = Path("runs"),
) -> None:
    """Compare variants of the recipes: all scores as a CSV file, a table and pictures.

    Args:
        plan: a TOML file; those of this project are in plans/.
        workers: runs trained at once, each on one core; 1, or with Ray as many as it has cores.
        ray: do the runs on the Ray cluster at HOST:PORT that this machine belongs to; without an
            address, by a Ray that is started on this machine alone.
        folder: where the plan's folder is, with the runs, scores.csv, summary.md and pictures.
    """
    from agents import tensorflow

    tensorflow.prepare()
    from agents.evaluation.bootstrap import require_package
    from agents.experiments.comparison.plan import load_plan
    from agents.experiments.comparison.report import write_report

    require_package("rliable", "compare")
    executor = chosen_executor(workers, ray)
    loaded = load_plan(plan)
    place = folder / loaded.name
    jobs = loaded.jobs(place)
    failed = do_jobs(list(jobs.values()), executor)
    done = {key: job for key, job in jobs.items() if job.folder not in failed}
    if done:
        lost = [key for key in jobs if key not in done]
        say(write_report(loaded.name, done, place, lost))
    expect_none_failed(failed, f"{len(jobs)} runs")


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
