"""What a report is made of, whether it came from a comparison, a benchmark or a run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from agents.evaluation.pictures import LearningCurve, Quantity
from agents.experiments.comparison.plan import Place
from agents.storage.runs import Run


@dataclass(frozen=True)
class Kind:
    """A kind of folder, and the words and measures of its results.

    Attributes:
        name: what the folder holds.
        who: what is compared in it.
        unit: what is counted of a training.
        effort: what `Entry.effort` counts.
        without: what stands in a table where there is no effort.
        score: what `Entry.scores` are.
        at: the same, of one length.
        counted: whether they are counts of errors, from 0 on; else fractions, 1 at best.
        explanation: how the numbers came about.
    """

    name: str
    who: str
    unit: str
    effort: str
    without: str
    score: str
    at: str
    counted: bool
    explanation: str


COMPARISON = Kind(
    name="comparison",
    who="variant",
    unit="training sequences",
    effort="training sequences until solved",
    without="not",
    score="wrong bits per sequence",
    at="wrong",
    counted=True,
    explanation="A task counts as solved at the first of several reports in a row without a wrong "
    "bit in all held-out sequences of the longest training length (another environment: with a "
    "mean return of at least Gymnasium's reward threshold). Of several seeds, the median and the "
    "range are given; a run that did not solve its task counts as slower than all others.",
)
RUN = replace(COMPARISON, name="run", who="run")
BENCHMARK = Kind(
    name="benchmark",
    who="agent",
    unit="environment steps",
    effort="environment steps of training",
    without="-",
    score="score",
    at="score",
    counted=False,
    explanation="A score is an agent's mean return divided by the oracle's on the same held-out "
    "episodes: 0 for random answers, 1 for the oracle. A seed counts as having solved an "
    "environment without a wrong bit in all held-out episodes of the lengths of training. Steps "
    "are those of the whole training, - where they are not known, median and range over seeds.",
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
    """How one quantity went in one training, over sequences or environment steps."""

    place: Place
    quantity: Quantity
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
        longest_trained: for each task the longest length of training; None where it has none.
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
    longest_trained: dict[str, int | None] = field(default_factory=dict)
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

    def first_of_each(self, places: Iterable[Place]) -> list[Place]:
        """Returns the first place of each task and name, in the order of these.

        Those of tasks or names without entries stand at the end.
        """
        tasks, names = self.tasks, self.names
        first: dict[tuple[str, str], Place] = {}
        for place in places:
            first.setdefault((place.task, place.variant), place)

        def number(key: str, keys: Sequence[str]) -> int:
            return keys.index(key) if key in keys else len(keys)

        return sorted(
            first.values(),
            key=lambda place: (number(place.task, tasks), number(place.variant, names), place),
        )

    def of_task(self, task: str) -> list[Entry]:
        """Returns the entries of a task."""
        return [entry for entry in self.entries if entry.place.task == task]
