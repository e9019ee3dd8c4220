"""One entrant of a benchmark in one environment, with one seed: trained or loaded, and scored.

The folder of a job holds `result.json`, when it is done, and beside it `run`, what a learner of
`agents.training.reward` leaves or a run that was given, or `own`, an own agent's module. Of jobs
that were cut off, learners of `agents.training.reward` go on from their last checkpoint, all others
begin again.
"""

import dataclasses
import json
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from agents.evaluation.scores import held_out, tape_returns
from agents.experiments.benchmark.trial import Entrant, ProgressCallback, Trial
from agents.policies.agent import OracleAgent
from agents.storage.files import RunError, read_json, replacing
from agents.storage.metrics import Curve

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
        steps: environment steps of the training; None if an own agent does not say.
        seconds: of the training; None for an own agent that does not learn.
        curve: returns during training; empty without training.
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
        trial: in which environment, with which seed.
        lengths: lengths of the evaluation.
        episodes: held-out tapes for each of them.
    """

    folder: Path
    entrant: Entrant
    trial: Trial
    lengths: tuple[int, ...]
    episodes: int

    @property
    def budget(self) -> int:
        """The environment steps at most; 1 if there is nothing to train."""
        return self.trial.steps if self.entrant.learns else 1

    def settings(self) -> dict[str, Any]:
        """Returns all that decides the result, as it is written to `result.json`."""
        trial, task = self.trial, self.trial.task
        settings: dict[str, Any] = {
            "source": self.entrant.source,
            "env_id": trial.env_id,
            "task": {"name": type(task).__name__, **dataclasses.asdict(task)},
            "seed": trial.seed,
            "lengths": self.lengths,
            "episodes": self.episodes,
        }
        if self.entrant.learns:
            settings |= {"steps": trial.steps, "trained": trial.trained}
        settings |= self.entrant.settings(trial, self.folder)
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
            theirs, own = content["settings"], self.settings()
            result = Result(
                content["steps"],
                content["seconds"],
                [(steps, mean) for steps, mean in content["curve"]],
                tuple(Score(**score) for score in content["scores"]),
            )
            names = [name for name in {**own, **theirs} if theirs.get(name) != own.get(name)]
        except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise RunError(f"expected a result in {self._path}, got {error}") from error
        if names:
            raise RunError(
                f"{self.folder} holds a result of other settings ({', '.join(names)}); remove it "
                "or choose another folder"
            )
        return result

    def prepare(self) -> None:
        """Brings into its folder what its entrant needs, for machines without it."""
        self.entrant.prepare(self.folder)

    def work(self, on_progress: ProgressCallback) -> None:
        """Trains or loads the entrant and scores it; see `sweep.Job`."""
        self.entrant.unpack(self.folder)
        settings = self.settings()  # those of now: a module may be changed in the meantime
        self.folder.mkdir(parents=True, exist_ok=True)
        env_id, task = self.trial.env_id, self.trial.task
        learned = self.entrant.learn(self.trial, self.folder, on_progress)
        scores = []
        oracle = OracleAgent(task)
        for length in self.lengths:
            on_progress(self.budget, f"evaluation at {length:,}")
            tapes = held_out(task, length, self.episodes, TAPES_SEED)
            best = float(tape_returns(oracle, env_id, task, tapes).mean())
            returns = tape_returns(learned.agent_at(length), env_id, task, tapes)
            perfect = float((returns > 1 - 1e-9).mean())  # a sum of rewards is rounded
            scores.append(Score(length, float(returns.mean()), best, perfect))
        content: Mapping[str, Any] = {
            "settings": settings,
            "command": sys.argv,
            "steps": learned.steps,
            "seconds": learned.seconds,
            "curve": learned.curve,
            "scores": [dataclasses.asdict(score) for score in scores],
        }
        with replacing(self._path) as path:
            path.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")

    @property
    def _path(self) -> Path:
        return self.folder / "result.json"
