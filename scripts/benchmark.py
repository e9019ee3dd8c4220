"""Train or load agents, score all on the same held-out episodes, and write a leaderboard.

    python scripts/benchmark.py --envs NTMCopy-v0 --agents random oracle ppo recurrent_ppo ntm-rl
    python scripts/benchmark.py --envs NTMCopy-v0 --agents oracle ntm=runs/copy-0 ntm=runs/copy-1
    python scripts/benchmark.py --envs NTMCopy-v0 --agents random my_module:MyAgent

Results that are there already are kept: the script can be stopped at any moment and started again.
"""

import shlex
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # the code beside this script

from agents.cli import tyro
from agents.cli.commands import run_command
from agents.cli.console import say
from agents.cli.sweeps import RayOption, chosen_executor, do_jobs, expect_none_failed


def main(
    envs: tuple[str, ...] = ("NTMCopy-v0",),
    agents: tuple[str, ...] = ("random", "oracle", "ppo", "a2c", "recurrent_ppo", "ntm-rl"),
    seeds: tuple[int, ...] = (0, 1, 2),
    steps: int = 1_000_000,
    lengths: tuple[int, ...] = (),
    episodes: int = 640,
    min_length: int | None = None,
    max_length: int | None = None,
    fields: dict[str, int | float] | None = None,
    workers: int | None = None,
    ray: RayOption = None,
    folder: Path = Path("runs/benchmark"),
) -> None:
    """Score agents beside random answers and the oracle's: CSV files, leaderboard.md and pictures.

    Args:
        envs: ids of the environments.
        agents: random, oracle; ppo, ppo_frames, a2c, a2c_frames, recurrent_ppo, where frames are
            as many last observations as the longest tape of training has; ntm-rl, dnc-rl, lstm-rl;
            a run's folder; or an agent of your own, MODULE:NAME. NAME=AGENT gives it another name.
        seeds: seeds of the trainings. A run has its own.
        steps: environment steps of each training.
        lengths: lengths of the held-out episodes; those of each environment's protocol, which reach
            beyond training, if not given.
        episodes: held-out episodes for each length.
        min_length: shortest length in training; the environment's own if not given.
        max_length: longest length in training; likewise.
        fields: fields of the tasks to change, in training and evaluation: names and values.
        workers: how many are trained at once, each on one core; 1, or with Ray as many as it has
            cores.
        ray: train on the Ray cluster at HOST:PORT that this machine belongs to; without an address,
            on a Ray of this machine alone. Agents of your own must be installed on every machine.
        folder: where results, scores.csv, curves.csv, leaderboard.md and pictures are.
    """
    # Modules of one's own are found in the present folder, by the processes that train, too; but
    # what is called as a part of this project is this project's.
    sys.path.insert(1, str(Path.cwd()))
    from agents.evaluation.bootstrap import require_package
    from agents.experiments.benchmark.grid import make_jobs
    from agents.experiments.benchmark.leaderboard import write_leaderboard

    require_package("rliable", "compare")
    executor = chosen_executor(workers, ray)
    jobs = make_jobs(
        folder,
        envs,
        agents,
        seeds=seeds,
        steps=steps,
        lengths=lengths,
        episodes=episodes,
        min_length=min_length,
        max_length=max_length,
        fields=fields,
    )
    failed = do_jobs(jobs, executor)
    done = [(job, job.result()) for job in jobs if job.folder not in failed]
    if done:
        command = shlex.join(["python", *sys.argv])
        say(write_leaderboard(done, command, folder))
    expect_none_failed(failed, f"{len(jobs)} jobs")


if __name__ == "__main__":
    run_command(lambda: tyro.cli(main))
