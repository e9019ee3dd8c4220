"""One entrant of a benchmark in one environment, with one seed: trained or loaded, and scored.

The folder of a job holds `result.json`, when it is done, and beside it `run`, what a learner of
`agents.training.reward` leaves or a run that was given, or `own`, an own agent's module. Of jobs
that were cut off, learners of `agents.training.reward` go on from their last checkpoint, all others
begin again.
"""

import dataclasses
import json
import shutil
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.evaluation.scores import held_out, tape_returns
from agents.experiments.benchmark.entrants import REWARD_CELLS, Entrant
from agents.experiments.benchmark.learning import Tell, learn
from agents.experiments.benchmark.sb3_settings import SB3_LEARNERS, Sb3Learner
from agents.policies.agent import OracleAgent
from agents.policies.own import copy_module, own_fingerprint
from agents.recipes.learning import BEFORE
from agents.storage.files import RunError, fingerprint, read_json, replacing
from agents.storage.metrics import Curve
from ntm_gym import Task

TAPES_SEED = 0
"""Seed of the held-out tapes, which are the same for all entrants and all their seeds."""


@dataclass(frozen=True)
class Score:
    """How an entrant did on the held-out tapes of one length.

    Attributes:
        length: the tapes' length in their task's measure.
        mean_return: its return, mean over tapes.
        oracle_return: the oracle's on the same tapes.
        perfect: fraction of tapes without a wrong bit.
    """

    length: int
    mean_return: float
    oracle_return: float
    perfect: float


@dataclass(frozen=True)
class Result:
    """What came of a job.

    Attributes:
        steps: environment steps of the training; None if not known.
        seconds: of the training; None if that is not known.
        curve: returns during training, empty if they are not known.
        scores: at each length.
    """

    steps: int | None
    seconds: float | None
    curve: Curve
    scores: tuple[Score, ...]


@dataclass(frozen=True)
class BenchmarkJob:
    """An entrant to train or to load, and to score; see `agents.experiments.sweeps.sweep.Job`.

    Attributes:
        folder: the job's folder.
        entrant: who.
        env_id: id of the environment.
        task: its task.
        trained: the least and the greatest length of training.
        seed: seed of all that is drawn, the held-out tapes aside; a run's own.
        steps: environment steps of training. Learners of Stable-Baselines3 finish what they have
            begun; of those of this project, episodes come out at so many in the mean; own agents
            are told how many they may take.
        lengths: lengths of the evaluation.
        episodes: held-out tapes for each of them.
    """

    folder: Path
    entrant: Entrant
    env_id: str
    task: Task
    trained: tuple[int, int]
    seed: int
    steps: int
    lengths: tuple[int, ...]
    episodes: int

    @property
    def budget(self) -> int:
        """The environment steps at most; 1 if there is nothing to train."""
        return self.steps if self.entrant.learns else 1

    @property
    def sb3_learner(self) -> Sb3Learner:
        """The learner of Stable-Baselines3 that it trains."""
        return SB3_LEARNERS[self.entrant.source]

    @property
    def reward_config(self) -> Any:
        """The settings of the learner of `agents.training.reward.actor_critic` that it trains."""
        from agents.recipes.reward import budgeted, reward_recipe

        recipe = reward_recipe(self.env_id, REWARD_CELLS[self.entrant.source])
        return budgeted(recipe, self.task, self.trained, self.steps, self.seed)

    @property
    def run_folder(self) -> Path:
        """The folder of the run that it trains, or has brought along."""
        return self.folder / "run"

    @property
    def network_folder(self) -> Path:
        """The folder of an entrant's run, or of what `prepare` has brought of it."""
        source = Path(self.entrant.source)
        return source if source.exists() else self.run_folder

    def settings(self) -> dict[str, Any]:
        """Returns all that decides the result, as it is written to `result.json`."""
        settings: dict[str, Any] = {
            "source": self.entrant.source,
            "env_id": self.env_id,
            "task": {"name": type(self.task).__name__, **dataclasses.asdict(self.task)},
            "seed": self.seed,
            "lengths": self.lengths,
            "episodes": self.episodes,
        }
        if self.entrant.learns:
            settings |= {"steps": self.steps, "trained": self.trained}
        match self.entrant.kind:
            case "sb3":
                learner = self.sb3_learner
                settings["learner"] = {**vars(learner), "settings": dict(learner.settings)}
            case "reward":
                settings["learner"] = dataclasses.asdict(self.reward_config)
            case "run":
                settings["network"] = fingerprint(self.network_folder / "model.keras")
            case "own":
                settings["module"] = own_fingerprint(self.entrant.source)
        return json.loads(json.dumps(settings))

    def is_done(self) -> bool:
        """Whether the result is there; raises RunError if it is one of other settings."""
        if not self._path.exists():
            return False
        self.result()
        return True

    def result(self) -> Result:
        """Returns what came of the job.

        Raises:
            RunError: it is not done, or the folder holds the result of another.
        """
        try:
            content = read_json(self._path)
            theirs, own = self._completed(content["settings"]), self.settings()
            result = Result(
                content["steps"],
                content["seconds"],
                [(steps, mean) for steps, mean in content["curve"]],
                tuple(Score(**score) for score in content["scores"]),
            )
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise RunError(f"expected a result in {self._path}, got {error}") from error
        if theirs != own:
            names = [name for name in {**own, **theirs} if theirs.get(name) != own.get(name)]
            raise RunError(
                f"{self.folder} holds a result of other settings ({', '.join(names)}); remove it "
                "or choose another folder"
            )
        return result

    def prepare(self) -> None:
        """Copies a run, or an own agent's module, into its folder, for machines without them."""
        if self.entrant.kind == "run":
            self.run_folder.mkdir(parents=True, exist_ok=True)
            for name in ("config.json", "metrics.csv", "model.keras"):
                with replacing(self.run_folder / name) as path:
                    shutil.copyfile(Path(self.entrant.source) / name, path)
        if self.entrant.kind == "own":
            copy_module(self.entrant.source, self._own)

    def work(self, tell: Tell) -> None:
        """Trains or loads the entrant and scores it; see `sweep.Job`."""
        if self.entrant.kind == "own":
            sys.path.append(str(self._own))
        settings = self.settings()  # those of now: a module may be changed in the meantime
        self.folder.mkdir(parents=True, exist_ok=True)
        learned = learn(self, tell)
        scores = []
        oracle = OracleAgent(self.task)
        for length in self.lengths:
            tell(self.budget, f"evaluation at {length:,}")
            tapes = held_out(self.task, length, self.episodes, TAPES_SEED)
            best = float(tape_returns(oracle, self.env_id, self.task, tapes).mean())
            returns = tape_returns(learned.agent_at(length), self.env_id, self.task, tapes)
            perfect = float((returns > 1 - 1e-9).mean())  # a sum of rewards is rounded
            scores.append(Score(length, float(returns.mean()), best, perfect))
        content: Mapping[str, Any] = {
            "settings": settings,
            "command": sys.argv,
            "steps": learned.steps,
            "seconds": learned.seconds,
            "curve": learned.curve or [],
            "scores": [dataclasses.asdict(score) for score in scores],
        }
        with replacing(self._path) as path:
            path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    def _completed(self, settings: dict[str, Any]) -> dict[str, Any]:
        """Returns settings of a result with what they lack since they are older than it is."""
        fields = {field.name: field.default for field in dataclasses.fields(self.task)}
        settings = {**settings, "task": fields | settings["task"]}
        if self.entrant.kind == "reward":
            learner = {**BEFORE, **settings["learner"]}
            settings["learner"] = {**learner, "task": fields | learner["task"]}
        return settings

    @property
    def _path(self) -> Path:
        return self.folder / "result.json"

    @property
    def _own(self) -> Path:
        return self.folder / "own"
