"""The agents that the playground offers, and how each of them went through a tape."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from agents.evaluation.scores import enough_slots
from agents.inspection.tracing import STRETCH, Trace, Tracer
from agents.policies.agent import OracleAgent, RandomAgent
from agents.policies.pretrained import pretrained_runs
from agents.policies.recurrent import RecurrentAgent
from agents.storage.runs import Run
from agents.views.playground.settings import MOST_SLOTS, Settings
from agents.views.playground.tape import make_tape
from ntm_gym import PROTOCOLS, Batch

BASELINES = ("random", "oracle")
MOST_QUADRATIC_SLOTS = 256
"""Of cells whose steps cost the square of their slots."""

LOOKS = 512 * 2**20
"""Bytes of runs over tapes that are kept, for those who step through them."""
MEMORIES = 128 * 2**20
"""Bytes of memories that are kept."""
TRACERS = 12
"""Networks of some number of slots that are kept compiled."""


class Look(NamedTuple):
    """How one agent went through a tape; steps T, answer width W.

    Attributes:
        name: the agent's name.
        slots: memory slots; None without a memory.
        logits: float[T, W].
        wrong: bool[T, W], the scored bits that it answered wrong.
        trace: all that there is to see of a network; None of an agent that is none.
    """

    name: str
    slots: int | None
    logits: NDArray[np.floating]
    wrong: NDArray[np.bool_]
    trace: Trace | None


def look_at(
    name: str,
    slots: int | None,
    logits: NDArray[np.floating],
    trace: Trace | None,
    tape: Batch,
) -> Look:
    """Returns how an agent went through a tape, a batch of it alone; see `Look`."""
    wrong = ((logits > 0) != (tape.targets[0] > 0.5)) & tape.mask[0][:, None]
    return Look(name, slots, logits, wrong, trace)


class Looks(NamedTuple):
    """A tape, a batch of it alone, and how each of the agents went through it."""

    tape: Batch
    looks: tuple[Look, ...]


Value = TypeVar("Value")


class _Recent:
    """What was used last, by key, up to so many bytes; not safe to use by several threads."""

    def __init__(self, most_bytes: float) -> None:
        self._most = most_bytes
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()

    def get(self, key: Hashable, make: Callable[[], Value], size: Callable[[Value], int]) -> Value:
        if key not in self._kept:
            value = make()
            self._kept[key] = value, size(value)
            while len(self._kept) > 1 and sum(size for _, size in self._kept.values()) > self._most:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        found: Value = self._kept[key][0]
        return found


class Gallery:
    """The agents on offer, by name; it may be used by several threads.

    Args:
        runs: folders of runs to offer; the pretrained networks if there are none.

    Raises:
        RunError: a folder holds no run with a network.
        ValueError: two runs have the same name, or a run's task is not one of this package.
    """

    def __init__(self, runs: Sequence[str | Path] = ()) -> None:
        folders = [Path(run) for run in runs] or pretrained_runs()
        self._cells: dict[str, Any] = {}
        self._tasks: dict[str, str] = {}
        for folder in folders:
            name = folder.resolve().name
            if name in self._cells or name in BASELINES or "," in name:
                raise ValueError(f"expected runs of different names without a comma, got {name}")
            run = Run.open(folder)
            if run.config.name not in PROTOCOLS:
                raise ValueError(f"expected a run of {', '.join(PROTOCOLS)}, got {folder}")
            cell = RecurrentAgent.load(folder).cell
            task = PROTOCOLS[run.config.name].task
            width = cell.input_layer.kernel.shape[0], cell.output_dim
            if width != (task.input_width, task.target_width):
                raise ValueError(f"expected a run of the usual {run.config.name}, got {folder}")
            self._cells[name], self._tasks[name] = cell, run.config.name
        self._lock = threading.Lock()
        self._tracers, self._looks = _Recent(TRACERS), _Recent(LOOKS)
        self._memories = _Recent(MEMORIES)

    @property
    def tasks(self) -> list[str]:
        """The tasks on offer, those with a network first."""
        return sorted(PROTOCOLS, key=lambda task: task not in self._tasks.values())

    def agents(self, task: str) -> list[str]:
        """The names of the agents that play a task: the networks first."""
        return [*[name for name, own in self._tasks.items() if own == task], *BASELINES]

    def default(self, task: str) -> Settings:
        """The view that a task is opened with: its first agent on the longest training length."""
        return Settings(
            task=task, agents=(self.agents(task)[0],), length=PROTOCOLS[task].max_length
        )

    def look(self, settings: Settings) -> Looks:
        """Returns how the view's agents go through its tape.

        Raises:
            ValueError: an agent is not on offer for the task, a bit cannot be edited, or a
                network cannot have so many slots.
        """
        with self._lock:
            return self._looks.get(settings.run, lambda: self._run(settings), _size)

    def memory(self, settings: Settings, agent: str) -> NDArray[np.floating]:
        """Returns an agent's memory after the view's step, float[N, S].

        Raises:
            ValueError: as `look`, or the agent has no memory, or the tape no such step.
        """
        looks = self.look(settings).looks
        look = next((look for look in looks if look.name == agent), None)
        if look is None or look.trace is None or look.slots is None:
            raise ValueError(f"expected an agent with a memory, got {agent!r}")
        trace, stretch = look.trace, settings.step // STRETCH
        if settings.step >= len(trace.inputs):
            raise ValueError(f"expected a step below {len(trace.inputs)}, got {settings.step}")
        with self._lock:
            tracer = self._tracer(agent, look.slots)
            memory = self._memories.get(
                (settings.run, agent, stretch),
                lambda: tracer.memory(trace, settings.step),
                lambda memory: memory.nbytes,
            )
        return memory[settings.step % STRETCH]

    def _run(self, settings: Settings) -> Looks:
        for name in settings.agents:
            if name not in (offered := self.agents(settings.task)):
                raise ValueError(f"expected agents of {', '.join(offered)}, got {name[:40]!r}")
        tape = make_tape(settings)
        return Looks(tape, tuple(self._one(name, settings, tape) for name in settings.agents))

    def _one(self, name: str, settings: Settings, tape: Batch) -> Look:
        trace, slots = None, None
        if name in BASELINES:
            task = settings.made_task
            baseline = (
                OracleAgent(task)
                if name == "oracle"
                else RandomAgent(task.target_width, settings.seed)
            )
            logits = baseline.logits(tape)[0]
        else:
            slots = self._slots(name, settings)
            tracer = self._tracer(name, slots)
            trace = tracer.trace(tape.inputs[0], settings.interventions)
            logits = trace.logits
        return look_at(name, slots, logits, trace, tape)

    def _slots(self, name: str, settings: Settings) -> int | None:
        """The slots that a view gives to a network.

        Raises:
            ValueError: they are too many for it.
        """
        cell = self._cells[name]
        if cell.slots is None:
            return None
        if not cell.any_slots:
            if settings.slots not in (0, cell.slots):
                raise ValueError(f"{name} has learned its {cell.slots} slots and runs on no others")
            return int(cell.slots)
        most = MOST_QUADRATIC_SLOTS if cell.quadratic else MOST_SLOTS
        if settings.slots > most:
            raise ValueError(f"expected at most {most} slots for {name}, got {settings.slots}")
        slots = settings.slots or min(most, enough_slots(cell, settings.made_task, settings.length))
        return max(slots, cell.least_slots)

    def _tracer(self, name: str, slots: int | None) -> Tracer:
        cell = self._cells[name]
        return self._tracers.get(
            (name, slots),
            lambda: Tracer(cell if slots is None else cell.with_slots(slots)),
            lambda _: 1,
        )


def _size(looks: Looks) -> int:
    """Bytes of a run over a tape, less what is small."""
    return sum(
        array.nbytes
        for look in looks.looks
        if look.trace is not None
        for array in (look.trace.read_addresses, look.trace.write_addresses, look.trace.logits)
        if array is not None
    )
