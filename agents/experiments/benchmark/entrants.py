"""Who takes part in a benchmark: a class for each kind, found by what the command line names.

An entrant is named by SOURCE, or by NAME=SOURCE, which is called NAME in the leaderboard. Several
runs of one name are the seeds and environments of one entrant:

    random, oracle              what bounds all others
    ppo, recurrent_ppo, ...     learners of `agents.experiments.benchmark.sb3_settings`
    ntm-rl, dnc-rl, lstm-rl     learners of `agents.training.reward`, by the cell that learns
    runs/copy-0                 the folder of a run of this project
    my_module:MyAgent           an agent of one's own, see `agents.policies.own`

What an entrant needs is loaded where it is needed only: a benchmark of own agents has no
TensorFlow.
"""

import dataclasses
import importlib.util
import shutil
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from agents import tensorflow
from agents.evaluation.scores import AnyLength
from agents.experiments.benchmark.sb3_settings import SB3_LEARNERS
from agents.experiments.benchmark.trial import (
    Entrant,
    Learned,
    Place,
    ProgressCallback,
    Trial,
)
from agents.policies.agent import OracleAgent, RandomAgent
from agents.policies.own import copy_module, find_own, make_own, own_fingerprint, own_learns
from agents.recipes.cells import CELL_CONFIGS
from agents.storage.files import RunError, fingerprint, replacing
from ntm_gym import PROTOCOLS, Task

REWARD_CELLS = {f"{cell}-rl": cell for cell in CELL_CONFIGS}
"""The cell of each learner by reward."""

BASELINES = ("random", "oracle")

BUILT_IN = (*BASELINES, *SB3_LEARNERS, *REWARD_CELLS)
"""Sources that need no more than their name."""


class Baseline(Entrant):
    """Random answers or the oracle's."""

    def learn(self, trial: Trial, folder: Path, on_progress: ProgressCallback) -> Learned:
        """Makes it; see `Entrant.learn`."""
        del folder, on_progress
        agent: Any = OracleAgent(trial.task)
        if self.source == "random":
            agent = RandomAgent(trial.task.target_width, trial.seed)
        return Learned(lambda _: agent, 0, 0.0)


class Sb3Entrant(Entrant):
    """A learner of Stable-Baselines3 or sb3-contrib."""

    learns = True

    def settings(self, trial: Trial, folder: Path) -> dict[str, Any]:
        """Returns the learner's; see `Entrant.settings`."""
        del trial, folder
        learner = SB3_LEARNERS[self.source]
        return {"learner": {**vars(learner), "settings": dict(learner.settings)}}

    def learn(self, trial: Trial, folder: Path, on_progress: ProgressCallback) -> Learned:
        """Trains it from nothing; see `Entrant.learn`."""
        del folder
        # Stable-Baselines3 loads TensorFlow, if it is there, to write its logs.
        tensorflow.prepare()
        import torch

        from agents.experiments.benchmark.sb3_learners import train_sb3

        torch.set_num_threads(1)  # networks this small are slower on more
        return train_sb3(SB3_LEARNERS[self.source], trial, on_progress)


class RewardEntrant(Entrant):
    """A learner of `agents.training.reward`; one that was cut off goes on."""

    learns = True

    def _config(self, trial: Trial) -> Any:
        from agents.recipes.reward import budgeted, reward_recipe

        recipe = reward_recipe(trial.env_id, REWARD_CELLS[self.source])
        return budgeted(
            recipe, trial.task, lengths=trial.trained, steps=trial.steps, seed=trial.seed
        )

    def settings(self, trial: Trial, folder: Path) -> dict[str, Any]:
        """Returns its recipe's; see `Entrant.settings`."""
        del folder
        return {"learner": dataclasses.asdict(self._config(trial))}

    def learn(self, trial: Trial, folder: Path, on_progress: ProgressCallback) -> Learned:
        """Trains it, or goes on with what is in the folder; see `Entrant.learn`."""
        tensorflow.prepare()
        from agents.storage.runs import Run
        from agents.training.reward import actor_critic

        config = self._config(trial)
        try:
            run = Run.resume(folder / "run", config)
        except RunError:  # one that was cut off, of other settings or versions
            run = Run.create(folder / "run", config, overwrite=True)
        actor_critic.train(
            config,
            run,
            lambda report: on_progress(report.steps, f"return {report.mean_return:.3f}"),
        )
        return _load_run(run.folder, trial.task)


class RunEntrant(Entrant):
    """The network of a run of this project, which has its own environment and seed."""

    shares_name = True

    def own_place(self, tasks: Mapping[str, Task]) -> Place:
        """Returns where it was trained; see `Entrant.own_place`."""
        tensorflow.prepare()
        from agents.storage.runs import Run

        run = Run.open(self.source)
        if not run.ended:
            raise RunError(
                f"expected a trained network in {run.folder}, got none: has training ended?"
            )
        protocol = PROTOCOLS.get(run.config.name)
        if protocol is None or protocol.env_id not in tasks:
            name = run.config.name if protocol is None else protocol.env_id
            raise ValueError(f"expected a run of {', '.join(tasks)}, got {self.source}, of {name}")
        own, task = run.config.task, tasks[protocol.env_id]
        if (own.input_width, own.target_width) != (task.input_width, task.target_width):
            raise ValueError(f"expected a run of {task}, got {self.source}, of {own}")
        return Place(run.config.seed, protocol.env_id)

    def _folder(self, folder: Path) -> Path:
        """Returns the run's folder, or that of its copy where there is no other."""
        source = Path(self.source)
        return source if source.exists() else folder / "run"

    def settings(self, trial: Trial, folder: Path) -> dict[str, Any]:
        """Returns a hash of its network; see `Entrant.settings`."""
        del trial
        return {"network": fingerprint(self._folder(folder) / "model.keras")}

    def prepare(self, folder: Path) -> None:
        """Copies what is read of the run; see `Entrant.prepare`."""
        (folder / "run").mkdir(parents=True, exist_ok=True)
        for name in ("config.json", "metrics.csv", "model.keras"):
            with replacing(folder / "run" / name) as path:
                shutil.copyfile(Path(self.source) / name, path)

    def learn(self, trial: Trial, folder: Path, on_progress: ProgressCallback) -> Learned:
        """Loads it; see `Entrant.learn`."""
        del on_progress
        tensorflow.prepare()
        return _load_run(self._folder(folder), trial.task)


class OwnEntrant(Entrant):
    """An agent of one's own, MODULE:NAME."""

    @property
    def learns(self) -> bool:
        """Whether it asks for environment steps to learn from."""
        return own_learns(self.source)

    def settings(self, trial: Trial, folder: Path) -> dict[str, Any]:
        """Returns a hash of its module; see `Entrant.settings`."""
        del trial, folder
        return {"module": own_fingerprint(self.source)}

    def prepare(self, folder: Path) -> None:
        """Copies its module; see `Entrant.prepare`."""
        copy_module(self.source, folder / "own")

    def unpack(self, folder: Path) -> None:
        """Lets its module be imported; see `Entrant.unpack`."""
        sys.path.append(str(folder / "own"))

    def learn(self, trial: Trial, folder: Path, on_progress: ProgressCallback) -> Learned:
        """Makes it, which is when it learns; see `Entrant.learn`."""
        del folder, on_progress
        began = time.perf_counter()
        own = make_own(
            self.source,
            trial.env_id,
            task=trial.task,
            seed=trial.seed,
            steps=trial.steps,
            lengths=trial.trained,
        )
        if not self.learns:
            return Learned(lambda _: own)
        seconds, curve = round(time.perf_counter() - began, 3), own.curve()
        # How many of its steps it has taken, only a curve says.
        return Learned(lambda _: own, curve[-1][0] if curve else None, seconds, curve)


def parse_entrants(texts: Sequence[str]) -> list[Entrant]:
    """Returns the entrants that a command line names.

    Raises:
        ValueError: there is none, or one of them does not exist or is named twice.
        RuntimeError: the packages of one of them are missing.
    """
    if not texts:
        raise ValueError("expected at least one agent, got none")
    entrants = [_parse(text) for text in texts]
    for number, entrant in enumerate(entrants):
        earlier = [other for other in entrants[:number] if other.name == entrant.name]
        if any(not (entrant.shares_name and other.shares_name) for other in earlier):
            raise ValueError(f"expected each name once, except of runs, got {entrant.name!r} again")
        if any(other.source == entrant.source for other in earlier):
            raise ValueError(f"expected each run once, got {entrant.source!r} again")
    return entrants


def _parse(text: str) -> Entrant:
    name, separator, source = text.partition("=")
    if not separator or (Path(text) / "config.json").exists():
        name = source = text
    if not name or not source:
        raise ValueError(f"expected agents as SOURCE or NAME=SOURCE, got {text!r}")
    return _kind(source)(name, source)


def _kind(source: str) -> type[Entrant]:
    if source in BASELINES:
        return Baseline
    if source in SB3_LEARNERS:
        if importlib.util.find_spec("sb3_contrib") is None:
            raise RuntimeError(
                f"expected Stable-Baselines3 and sb3-contrib for {source}, got none: "
                'pip install -e ".[sb3]" -c constraints.txt'
            )
        return Sb3Entrant
    if source in REWARD_CELLS:
        return RewardEntrant
    if (Path(source) / "config.json").exists():
        return RunEntrant
    if ":" in source:
        find_own(source)
        return OwnEntrant
    raise ValueError(
        f"expected agents as some of {', '.join(BUILT_IN)}, MODULE:NAME or a run's folder with "
        f"config.json, got {source!r}"
    )


def _load_run(folder: Path, task: Task) -> Learned:
    from agents.policies.recurrent import RecurrentAgent
    from agents.storage.runs import Run
    from agents.training.reports import return_curve

    network = AnyLength(RecurrentAgent.load(folder).cell, task)
    rows = Run.open(folder).metrics.read()
    last = rows[-1]
    return Learned(network.agent, int(last["steps"]), last["seconds"], return_curve(rows))
