"""What a report is made of, whether it came from a comparison, a benchmark or a run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from agents.evaluation.pictures import LearningCurve
from agents.experiments.comparison.plan import Place
from agents.storage.runs import Run


@dataclass(frozen=True)
class Kind:
    """A kind of folder, and the words and measures of its results.

    Attributes:
        name: what the folder holds.
        who: what is compared in it.
        effort: what `Entry.effort` counts.
        without: what stands in a table where there is no effort.
        score: what `Entry.scores` are.
        best: the best score; where it is 0, less is better.
        explanation: how the numbers came about.
    """

    name: str
    who: str
    effort: str
    without: str
    score: str
    best: float
    explanation: str


_BY_SEQUENCES = (
    "training sequences until solved",
    "not",
    "wrong bits per sequence",
    0.0,
    "A task counts as solved at the first of several reports in a row without a wrong bit in all "
    "held-out sequences of the longest training length (another environment: with a mean return of "
    "at least Gymnasium's reward threshold). Of several seeds, the median and the range "
    "are given; a run that did not solve its task counts as slower than all others.",
)
COMPARISON = Kind("comparison", "variant", *_BY_SEQUENCES)
RUN = Kind("run", "run", *_BY_SEQUENCES)
BENCHMARK = Kind(
    "benchmark",
    "agent",
    "environment steps of training",
    "-",
    "score",
    1.0,
    "A score is an agent's mean return divided by the oracle's on the same held-out episodes: 0 "
    "for random answers, 1 for the oracle. A seed counts as having solved an environment without a "
    "wrong bit in all held-out episodes of the lengths of training. Steps are those of the whole "
    "training, - where they are not known, median and range over seeds.",
)


class Entry(NamedTuple):
    """One variant or agent on one task, with one seed.

    Attributes:
        place: the task or environment, the name of the variant or agent, and the seed.
        solved: whether it solved the task.
        effort: what that took, see `Kind.effort`; None if not solved, or not known.
        trained: sequences or environment steps of the whole training; None if not known.
        seconds: seconds of the whole training; None if not known.
        scores: the mean score at each length of its evaluation.
        flawless: lengths at which none of the evaluation's answers was wrong.
    """

    place: Place
    solved: bool
    effort: float | None
    trained: float | None
    seconds: float | None
    scores: Mapping[int, float]
    flawless: frozenset[int]


class Curve(NamedTuple):
    """What one training told of one quantity.

    Attributes:
        place: whose training.
        quantity: what the values are.
        points: sequences or environment steps, and the values.
    """

    place: Place
    quantity: str
    points: LearningCurve


@dataclass
class Results:
    """All that was found in a folder.

    Attributes:
        folder: the folder.
        kind: what it holds.
        entries: each run or job that has scores or reports.
        curves: how they learned.
        random_scores: for each task the score of random answers at each length.
        longest_trained: for each task the longest length of training, where it is known.
        runs: the runs' folders that there are.
        records: what was written when each began: settings, command, versions.
        drawn: pictures of learning in the folder, for lack of the curves themselves.
        missing: what could not be found or read, in sentences.
    """

    folder: Path
    kind: Kind
    entries: list[Entry] = field(default_factory=list)
    curves: list[Curve] = field(default_factory=list)
    random_scores: dict[str, dict[int, float]] = field(default_factory=dict)
    longest_trained: dict[str, int] = field(default_factory=dict)
    runs: dict[Place, Run] = field(default_factory=dict)
    records: dict[Place, Mapping[str, Any]] = field(default_factory=dict)
    drawn: list[Path] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)

    @property
    def tasks(self) -> list[str]:
        """Tasks or environments, in their order in the folder."""
        return list(dict.fromkeys(entry.place.task for entry in self.entries))

    @property
    def names(self) -> list[str]:
        """Variants or agents of all tasks, in their order in the folder."""
        return list(dict.fromkeys(entry.place.variant for entry in self.entries))

    def in_order(self, places: Iterable[Place]) -> list[Place]:
        """Returns places in the order of tasks and names, those of neither at the end."""
        tasks, names = self.tasks, self.names

        def number(key: str, keys: Sequence[str]) -> int:
            return keys.index(key) if key in keys else len(keys)

        return sorted(
            places,
            key=lambda place: (number(place.task, tasks), number(place.variant, names), place),
        )

    def of_task(self, task: str) -> list[Entry]:
        """Returns the entries of a task."""
        return [entry for entry in self.entries if entry.place.task == task]
