"""What a view of the playground shows, as settings that its address holds."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

import numpy as np

from agents.inspection.interventions import Interventions
from ntm_gym import PROTOCOLS, Task

MOST_STEPS = 2_048
MOST_SLOTS = 1_024
MOST_AGENTS = 4
MOST_FLIPS = 256
LARGEST_SEED = 10**9
COLUMNS = (40, 80, 160, 320, 960)
"""How many steps can be in view at once."""

WHAT_IF = tuple(each.name for each in dataclasses.fields(Interventions) if each.name != "seed")
"""The interventions that a view has a setting for; their noise has the tape's seed."""


@dataclass(frozen=True)
class Settings:
    """One view.

    Attributes:
        task: the task's short name.
        agents: the names of 1 to `MOST_AGENTS` agents, side by side.
        length: the tape's length in the task's measure; its steps are at most `MOST_STEPS`.
        slots: memory slots of the networks, up to `MOST_SLOTS`; 0 for as many as the tape needs.
        seed: seed of the tape.
        flips: the input bits that were changed by hand: pairs of a step and a channel.
        step: the step whose memory is shown.
        columns: steps in view, one of `COLUMNS`.
        interventions: how the networks' memories are disturbed.

    Raises:
        ValueError: a setting is out of its range.
    """

    task: str = "copy"
    agents: tuple[str, ...] = ("copy-ntm",)
    length: int = 20
    slots: int = 0
    seed: int = 0
    flips: tuple[tuple[int, int], ...] = ()
    step: int = 0
    columns: int = 80
    interventions: Interventions = field(default_factory=Interventions)

    def __post_init__(self) -> None:
        if self.task not in PROTOCOLS:
            raise ValueError(f"expected a task of {', '.join(PROTOCOLS)}, got {self.task!r}")
        task = self.made_task
        count = len(self.agents)
        checks = {
            f"1 to {MOST_AGENTS} different agents": count == len(set(self.agents))
            and 1 <= count <= MOST_AGENTS,
            f"slots from 0 to {MOST_SLOTS}": 0 <= self.slots <= MOST_SLOTS,
            f"a seed from 0 to {LARGEST_SEED}": 0 <= self.seed <= LARGEST_SEED,
            f"at most {MOST_FLIPS} edited bits": len(self.flips) <= MOST_FLIPS,
            f"columns of {', '.join(map(str, COLUMNS))}": self.columns in COLUMNS,
            f"a length from {task.shortest}, of at most {MOST_STEPS} steps": self._length_fits(),
        }
        wrong = [expected for expected, holds in checks.items() if not holds]
        if wrong:
            raise ValueError(f"expected {'; '.join(wrong)}")
        if not 0 <= self.step < MOST_STEPS:
            raise ValueError(f"expected a step from 0 to {MOST_STEPS - 1}, got {self.step}")

    def _length_fits(self) -> bool:
        task = self.made_task
        if not task.shortest <= self.length <= min(task.longest, MOST_STEPS):
            return False
        return int(task.steps(np.array([self.length]))[0]) <= MOST_STEPS

    @property
    def made_task(self) -> Task:
        """The task."""
        return PROTOCOLS[self.task].task

    @property
    def run(self) -> "Settings":
        """The same tape, agents and memory: what a view is computed from."""
        return dataclasses.replace(self, step=0, columns=COLUMNS[0])

    def window(self, steps: int) -> slice:
        """The steps in view, of a tape of so many: the page of the tape that the step is on."""
        first = self.step // self.columns * self.columns
        return slice(first, min(first + self.columns, steps))

    def query(self) -> str:
        """The settings that are not the default, as the query string of an address."""
        default = Settings()
        texts = {
            "task": self.task,
            "agents": ",".join(self.agents),
            "flips": " ".join(f"{step}.{channel}" for step, channel in self.flips),
            **{name: str(getattr(self, name)) for name in _NUMBERS},
        }
        free = {
            "task": default.task,
            "agents": ",".join(default.agents),
            "flips": "",
            **{name: str(getattr(default, name)) for name in _NUMBERS},
        }
        changed, undisturbed = self.interventions, Interventions()
        for name in WHAT_IF:
            texts[name], free[name] = str(getattr(changed, name)), str(getattr(undisturbed, name))
        return urlencode({name: text for name, text in texts.items() if text != free[name]})

    @classmethod
    def from_query(cls, query: Mapping[str, str]) -> "Settings":
        """Returns the settings that an address holds; what it does not name has its default.

        Args:
            query: names and values, as `query` writes them.

        Raises:
            ValueError: a name is unknown, or a value is none or out of its range.
        """
        known = {"task", "agents", "flips", *_NUMBERS, *WHAT_IF}
        unknown = sorted(set(query) - known)
        if unknown:
            raise ValueError(f"expected settings of {', '.join(sorted(known))}, got {unknown[0]!r}")
        values: dict[str, Any] = {}
        for name in _NUMBERS & query.keys():
            values[name] = whole_number(name, query[name])
        if "task" in query:
            values["task"] = query["task"]
        if "agents" in query:
            values["agents"] = tuple(query["agents"].split(","))
        if "flips" in query:
            values["flips"] = read_flips(query["flips"])
        what_if = {name: query[name] for name in WHAT_IF if name in query}
        seed = values.get("seed", 0)
        return cls(**values, interventions=read_interventions(what_if, seed))


_NUMBERS = {"length", "slots", "seed", "step", "columns"}


def read_interventions(texts: Mapping[str, str], seed: int) -> Interventions:
    """Returns interventions from texts such as those of an address; see `WHAT_IF`.

    Raises:
        ValueError: a text is no value of its setting, or it is out of its range.
    """
    readers: dict[str, Any] = {
        "content": _truth,
        "content_share": lambda name, text: None if text == "None" else _number(name, text),
        "noise": _number,
        "start": whole_number,
        "heads": lambda _, text: text,
        "first_step": whole_number,
    }
    values = {name: readers[name](name, text) for name, text in texts.items()}
    return Interventions(**values, seed=seed if 0 <= seed <= LARGEST_SEED else 0)


def read_flips(text: str) -> tuple[tuple[int, int], ...]:
    """Returns the edited bits of a text like ``0.3 12.7``: steps and channels, each bit once.

    Raises:
        ValueError: the text is no such list.
    """
    flips = set()
    for word in text.split()[: MOST_FLIPS + 1]:
        step, point, channel = word.partition(".")
        if not (point and _is_digits(step) and _is_digits(channel)):
            raise ValueError(f"expected edited bits like 0.3 (step.channel), got {word[:20]!r}")
        flips.add((int(step), int(channel)))
    return tuple(sorted(flips))


def whole_number(name: str, text: str) -> int:
    """Returns the integer that a text is.

    Raises:
        ValueError: it is none.
    """
    if not _is_digits(text.removeprefix("-")):
        raise ValueError(f"expected {name} as a whole number, got {text[:20]!r}")
    return int(text)


def _is_digits(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 12


def _number(name: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"expected {name} as a number, got {text[:20]!r}") from None


def _truth(name: str, text: str) -> bool:
    if text not in ("True", "False"):
        raise ValueError(f"expected {name} as True or False, got {text[:20]!r}")
    return text == "True"
