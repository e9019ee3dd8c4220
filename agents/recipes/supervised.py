"""The recipes: every setting of supervised training, as the defaults of one config for each task.

The docs of the fields below are the help of ``scripts/train.py``.
"""

import dataclasses
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np

from agents.recipes.cells import CELL_CONFIGS, CellConfig, DNCConfig, NTMConfig
from agents.recipes.learning import Checks, LearningConfig, Optimizer
from agents.recipes.settings import changed
from agents.recipes.tasks import with_fields
from ntm_gym import Task
from ntm_gym.protocol import PROTOCOLS
from ntm_gym.tasks import AssociativeRecall, Copy, DynamicNGrams, PrioritySort, RepeatCopy


@dataclass(frozen=True)
class TrainConfig(LearningConfig):
    """Supervised training by teacher forcing. A subclass for each task fills in the task."""

    name: ClassVar[str]
    fields_from_start: ClassVar[bool] = True
    """Whether `training_fields` hold from the start, or from the first report on that lets the step
    size fall."""
    task: Any
    cell: CellConfig = field(default_factory=NTMConfig)
    min_length: int = 1
    """Shortest length in training."""
    max_length: int = 20
    """Longest length in training."""
    batch_size: int = 4
    """Sequences in an update. The loss is the sum of an update's cross-entropies over this."""
    max_sequences: int = 100_000
    """Budget: training ends after so many sequences, solved or not."""
    report_sequences: int = 1_000
    """Sequences between two reports. Each report tests on held-out sequences."""

    def checks(self) -> Checks:
        """Whether each setting is possible, and what it should be."""
        return {
            **super().checks(),
            "min_length": (
                self.min_length >= self.task.shortest,
                f"of at least {self.task.shortest}",
            ),
            "max_length": (
                self.max_length >= self.min_length,
                f"of at least min_length, {self.min_length}",
            ),
            "report_sequences": (
                self.report_sequences >= self.batch_size,
                f"of at least batch_size, {self.batch_size}",
            ),
            **self.at_least_one("batch_size", "max_sequences"),
        }

    @property
    def rows(self) -> int | None:
        """How many rows an update's sequences are packed in, if they are.

        Smaller batches would gain little. Sequences of one length leave nothing to gain.
        """
        packed = self.batch_size >= 16 and self.batch_size % 8 == 0
        return 8 if packed and self.min_length < self.max_length else None

    @property
    def training_task(self) -> Task:
        """The task with `training_fields`."""
        return with_fields(self.task, self.training_fields)

    @property
    def longest(self) -> int:
        """The most steps of a training sequence."""
        return int(self.training_task.steps(np.array([self.max_length]))[0])

    def __post_init__(self) -> None:
        super().__post_init__()
        # More than memory may hold is refused here and not once training has begun.
        for task in (self.task, self.training_task):
            longest = task.check_lengths([self.max_length])
            task.check_size(self.batch_size, int(task.steps(longest)[0]))


@dataclass(frozen=True, kw_only=True)
class CopyingConfig(TrainConfig):
    """What the recipes of Copy and repeat copy have in common."""

    cell: CellConfig = field(default_factory=lambda: NTMConfig(slots=32))
    # By RMSProp, trainings on sparse sequences are lost again and again.
    optimizer: Optimizer = "amsgrad"
    learning_rate: float = 5e-3
    blur_cost: float = 0.3
    replay: float = 0.25
    # Vectors of few ones look like the blank inputs after the delimiter.
    training_fields: dict[str, float] = field(default_factory=lambda: {"sparse": 0.5})
    # One wholly wrong sequence of 640 is 0.1 wrong bits on the mean, or more: not good enough yet.
    anneal_below: float = 0.05
    # A quarter of chance, or less. A training that is lost before it was ever good may not find
    # back.
    lost_above: float = 20.0
    # Beginnings that find the algorithm at all do so within 15,000, nearly all.
    restart_after: int = 20_000


@dataclass(frozen=True)
class CopyConfig(CopyingConfig):
    """Copy (section 4.1 of the paper)."""

    name: ClassVar[str] = "copy"
    task: Copy = field(default_factory=Copy)
    # Nearly all gradients are longer until the task is solved. With a wider bound, AMSGrad's last
    # steps, relative to the longest, would be too short to make heads sure of what they do.
    clip_norm: float = 0.1
    min_length: int = PROTOCOLS["copy"].min_length
    max_length: int = PROTOCOLS["copy"].max_length


@dataclass(frozen=True)
class AssociativeRecallConfig(TrainConfig):
    """Associative recall (section 4.3 of the paper)."""

    name: ClassVar[str] = "associative_recall"
    fields_from_start: ClassVar[bool] = False
    task: AssociativeRecall = field(default_factory=AssociativeRecall)
    cell: CellConfig = field(default_factory=lambda: NTMConfig(read_first=True))
    batch_size: int = 1
    # What still fails are items that share vectors.
    training_fields: dict[str, float] = field(default_factory=lambda: {"alike": 0.5})
    min_length: int = PROTOCOLS["associative_recall"].min_length
    max_length: int = PROTOCOLS["associative_recall"].max_length


@dataclass(frozen=True)
class RepeatCopyConfig(CopyingConfig):
    """Repeat copy (section 4.2 of the paper)."""

    name: ClassVar[str] = "repeat_copy"
    task: RepeatCopy = field(default_factory=RepeatCopy)
    # Wider than Copy's: a sequence with a wrong count, one of hundreds, must weigh more than those
    # that are right, whose gradients are as long once both are clipped.
    clip_norm: float = 1.0
    # One beginning of three leads nowhere.
    max_sequences: int = 200_000
    min_length: int = PROTOCOLS["repeat_copy"].min_length
    max_length: int = PROTOCOLS["repeat_copy"].max_length


@dataclass(frozen=True)
class DynamicNGramsConfig(TrainConfig):
    """Dynamic N-grams (section 4.4 of the paper).

    Nobody can know the bits, so no run counts as solved: training lasts until its budget ends.
    Counts are kept in slots that differ from the start, one for each context.
    """

    name: ClassVar[str] = "dynamic_ngrams"
    task: DynamicNGrams = field(default_factory=DynamicNGrams)
    cell: CellConfig = field(default_factory=lambda: NTMConfig(slots=32, memory_init="learned"))
    learning_rate: float = 6e-3
    longest_gradient: float = 1e3
    anneal_budget: float = 0.5
    min_length: int = PROTOCOLS["dynamic_ngrams"].min_length
    max_length: int = PROTOCOLS["dynamic_ngrams"].max_length


@dataclass(frozen=True)
class PrioritySortConfig(TrainConfig):
    """Priority sort (section 4.5 of the paper).

    Vectors are written to a slot that their priority tells; slots that differ from the start are
    what it can be told by.
    """

    name: ClassVar[str] = "priority_sort"
    task: PrioritySort = field(default_factory=PrioritySort)
    cell: CellConfig = field(
        default_factory=lambda: NTMConfig(read_heads=5, write_heads=5, memory_init="learned")
    )
    learning_rate: float = 1e-2
    longest_gradient: float = 1e3
    max_sequences: int = 1_000_000
    report_sequences: int = 2_000
    anneal_budget: float = 1.0
    min_length: int = PROTOCOLS["priority_sort"].min_length
    max_length: int = PROTOCOLS["priority_sort"].max_length


CONFIGS: dict[str, Any] = {
    config.name: config
    for config in (
        CopyConfig,
        RepeatCopyConfig,
        AssociativeRecallConfig,
        DynamicNGramsConfig,
        PrioritySortConfig,
    )
}
"""The config of each task, by the task's short name."""


OTHER_SETTINGS: dict[tuple[str, str], dict[str, Any]] = {
    # Where two items of recall resemble each other, the address rests on both, and so does what the
    # published links lead on to: the answer.
    ("associative_recall", "dnc"): {
        "cell": DNCConfig(sharpen_links=True),
        "replay": 0.25,
        "training_fields": {},
        "anneal_reports": 100,
        "max_sequences": 150_000,
    },
    # The best of three learning rates, by Copy's other settings as they once were.
    ("copy", "lstm"): {
        "optimizer": "adam",
        "learning_rate": 3e-3,
        "clip_norm": 10.0,
        "training_fields": {},
        "lost_above": 1.0,
        "restart_after": 0,
    },
    ("associative_recall", "lstm"): {
        "optimizer": "adam",
        "learning_rate": 3e-3,
        "training_fields": {},
    },
}
"""What tasks' recipes change for another cell than the Neural Turing Machine."""


def recipe(task: str, cell: str = "ntm") -> TrainConfig:
    """Returns the config of a task with the cell of that name.

    Raises:
        ValueError: the task or the cell is unknown.
    """
    for name, table in ((task, CONFIGS), (cell, CELL_CONFIGS)):
        if not isinstance(name, str) or name not in table:
            raise ValueError(f"expected one of {', '.join(table)}, got {name!r}")
    config = CONFIGS[task]()
    if cell == "ntm":
        return config
    settings = {"cell": CELL_CONFIGS[cell](), **OTHER_SETTINGS.get((task, cell), {})}
    return dataclasses.replace(config, **settings)


def config_from_dict(name: str, settings: dict[str, Any], cell: str = "ntm") -> TrainConfig:
    """Returns the config that `dataclasses.asdict` made the settings of.

    Args:
        name: the task's short name.
        settings: settings by name, the recipe's where one is left out; the task's and the cell's
            are dicts themselves.
        cell: the cell's short name.

    Raises:
        ValueError: the task, the cell or a setting is unknown or impossible.
    """
    return changed(recipe(name, cell), settings)
