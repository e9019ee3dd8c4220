"""How the entrant of a job comes to be: made, trained or loaded.

What it needs is loaded where it is needed only: a benchmark of own agents has no TensorFlow.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from agents.evaluation.scores import AnyLength
from agents.experiments.benchmark.learned import Learned
from agents.policies.agent import OracleAgent, RandomAgent
from agents.policies.own import make_own
from agents.storage.files import RunError

if TYPE_CHECKING:
    from agents.experiments.benchmark.job import BenchmarkJob

Tell = Callable[[int, str], None]
"""Takes the environment steps so far and what there is to say."""


def learn(job: "BenchmarkJob", tell: Tell) -> Learned:
    """Makes, trains or loads a job's entrant.

    Args:
        job: the job.
        tell: hears how far training is.
    """
    match job.entrant.kind:
        case "random":
            coin = RandomAgent(job.task.target_width, job.seed)
            return Learned(lambda _: coin, 0, 0.0)
        case "oracle":
            oracle = OracleAgent(job.task)
            return Learned(lambda _: oracle, 0, 0.0)
        case "own":
            return _make_own(job)
        case "sb3":
            return _train_sb3(job, tell)
        case "reward":
            return _train_by_reward(job, tell)
        case "run":
            return _load_run(job, job.network_folder)


def _make_own(job: "BenchmarkJob") -> Learned:
    began = time.perf_counter()
    place = job.env_id, job.task, job.seed
    own = make_own(job.entrant.source, *place, job.steps, job.trained)
    if not job.entrant.learns:
        return Learned(lambda _: own)
    seconds, curve = round(time.perf_counter() - began, 3), own.curve()
    # How many of its steps it has taken, only a curve tells.
    return Learned(lambda _: own, curve[-1][0] if curve else None, seconds, curve)


def _train_sb3(job: "BenchmarkJob", tell: Tell) -> Learned:
    from agents import tensorflow

    # Stable-Baselines3 loads TensorFlow, if it is there, to write its logs.
    tensorflow.prepare()
    import torch

    from agents.experiments.benchmark.sb3_learners import train_sb3

    torch.set_num_threads(1)  # networks this small are slower on more
    place = job.env_id, job.task, job.trained
    return train_sb3(job.sb3_learner, *place, job.steps, job.seed, tell)


def _train_by_reward(job: "BenchmarkJob", tell: Tell) -> Learned:
    from agents import tensorflow

    tensorflow.prepare()
    from agents.storage.runs import Run
    from agents.training.reward import actor_critic

    config = job.reward_config
    try:
        run = Run.resume(job.run_folder, config)
    except RunError:  # one that was cut off, of other settings or versions
        run = Run.create(job.run_folder, config, overwrite=True)
    actor_critic.train(
        run.config, run, lambda report: tell(report.steps, f"return {report.mean_return:.3f}")
    )
    return _load_run(job, run.folder)


def _load_run(job: "BenchmarkJob", folder: Path) -> Learned:
    from agents import tensorflow

    tensorflow.prepare()
    from agents.policies.recurrent import RecurrentAgent
    from agents.storage.runs import Run
    from agents.training.reports import return_curve

    run = Run.open(folder)
    network = AnyLength(RecurrentAgent.load(folder).cell, job.task)
    rows = run.metrics.read()
    steps = int(rows[-1]["steps"])
    return Learned(network.agent, steps, rows[-1]["seconds"], return_curve(rows))
