"""What an entrant of a benchmark is, what it is given, and what comes back."""

import abc
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from ntm_gym import Task

ProgressCallback = Callable[[int, str], None]
"""Takes the environment steps so far and what is going on, in words."""


@dataclass(frozen=True)
class Trial:
    """An environment and a seed in which an entrant takes part.

    Attributes:
        env_id: id of the environment.
        task: its task.
        trained: the least and the greatest length of training.
        seed: seed of all that is drawn, the held-out tapes aside; a run's own.
        steps: environment steps of training. Learners of Stable-Baselines3 finish what they have
            begun; of those of this project, episodes come out at so many in the mean; own agents
            hear how many they may take.
    """

    env_id: str
    task: Task
    trained: tuple[int, int]
    seed: int
    steps: int


class Learned(NamedTuple):
    """An agent that has been trained or loaded, and what that took.

    Attributes:
        agent_at: gives the agent that answers tapes of a length: an `agents.policies.agent.Agent`,
            or an object with its `act` alone.
        steps: environment steps of its training, of all rows; None if an own agent does not say.
        seconds: of its training; None for an own agent that does not learn.
        curve: returns during training; empty without training.
    """

    agent_at: Callable[[int], Any]
    steps: int | None = None
    seconds: float | None = None
    curve: Sequence[tuple[int, float]] = ()


class Place(NamedTuple):
    """Where a run was trained."""

    seed: int
    env_id: str


@dataclass(frozen=True)
class Entrant(abc.ABC):
    """Who takes part. A subclass says how it comes to be.

    Attributes:
        name: what it is called in the leaderboard.
        source: what it is, as on the command line.
    """

    name: str
    source: str

    shares_name: ClassVar[bool] = False
    """Whether several of one name are one entrant, told apart by seeds and environments."""

    @property
    def learns(self) -> bool:
        """Whether the benchmark trains it."""
        return False

    def own_place(self, tasks: Mapping[str, Task]) -> Place | None:
        """Returns the only place that it takes part in; None if it does so everywhere.

        Args:
            tasks: the benchmark's tasks, by the environments' ids.

        Raises:
            ValueError: that is none of the benchmark's.
            RunError: it cannot be read.
        """
        del tasks
        return None

    def settings(self, trial: Trial, folder: Path) -> dict[str, Any]:
        """Returns what decides its result beside its name and the trial.

        Args:
            trial: the trial.
            folder: the job's folder, which holds what `prepare` has brought.
        """
        del trial, folder
        return {}

    def prepare(self, folder: Path) -> None:
        """Copies into a job's folder what machines lack that have only that folder."""
        del folder

    def unpack(self, folder: Path) -> None:
        """Makes known to this process what `prepare` has brought."""
        del folder

    @abc.abstractmethod
    def learn(self, trial: Trial, folder: Path, on_progress: ProgressCallback) -> Learned:
        """Makes, trains or loads it.

        Args:
            trial: the trial.
            folder: the job's folder.
            on_progress: called as training goes on.
        """
