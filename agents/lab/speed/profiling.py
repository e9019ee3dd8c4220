"""Where the time of an update goes: the kernels that XLA made of it, counted and timed.

XLA compiles an update into kernels, each a loop over arrays, which a thread runs one after another.
"""

import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from agents.lab.speed.throughput import copy_update, per_batch_ms
from agents.recipes.cells import NTMConfig

KINDS = ("matrix products", "over the memory", "keeping states and copies", "small")


class Kernels(NamedTuple):
    """All kernels of a kind in one update.

    Attributes:
        kind: one of `KINDS`: products; those that read or write an array of the memory's size or a
            larger one, such as a layer's weights; those that keep a step's states for the
            gradients, fetch them or copy; all others.
        calls: how often one is run.
        milliseconds: what they take together. Each is recorded, which makes it longer.
    """

    kind: str
    calls: float
    milliseconds: float

    def row(self, of_all: "Kernels") -> dict[str, str]:
        """Returns them as a row of a table, by its columns, beside all kernels of the update."""
        return {
            "kernels": self.kind,
            "calls": f"{self.calls:,.0f}",
            "of all calls": f"{self.calls / of_all.calls:.0%}",
            "ms, recorded": f"{self.milliseconds:.2f}",
            "of all ms": f"{self.milliseconds / of_all.milliseconds:.0%}",
        }


class _Instruction(NamedTuple):
    """A line of a compiled program: its largest result, what it does, and what it is given."""

    size: int
    operation: str
    operands: list[str]


class Profile(NamedTuple):
    """One update.

    Attributes:
        milliseconds: what it takes when nothing is recorded.
        kernels: those of each of `KINDS`.
    """

    milliseconds: float
    kernels: list[Kernels]

    @property
    def whole(self) -> Kernels:
        """All kernels together."""
        calls = sum(each.calls for each in self.kernels)
        return Kernels("all", calls, sum(each.milliseconds for each in self.kernels))


def profile_update(batch: int, length: int, slots: int, seconds: float) -> Profile:
    """Measures one update of Copy's recipe.

    Args:
        batch: sequences of an update.
        length: their vectors.
        slots: memory slots.
        seconds: how long to repeat the update, when nothing is recorded.
    """
    update, data = copy_update(batch, length, slots)
    milliseconds = per_batch_ms(update, data, seconds)
    # The last two are the call's defaults, which are not filled in here.
    program = update.experimental_get_compiler_ir(data, tf.constant(0.0), tf.constant(0))
    instructions = read_program(program(stage="optimized_hlo"))
    memory = batch * NTMConfig().width * slots
    updates = len(data[0])
    calls, durations = dict.fromkeys(KINDS, 0), dict.fromkeys(KINDS, 0.0)
    for name, duration in _recorded(lambda: update(data).losses.numpy()):
        if kind := kind_of(name, instructions, memory):
            calls[kind] += 1
            durations[kind] += duration
    kernels = [
        Kernels(kind, calls[kind] / updates, durations[kind] * 1e3 / updates) for kind in KINDS
    ]
    return Profile(milliseconds, kernels)


def read_program(text: str) -> dict[str, _Instruction]:
    """Returns the instructions of a compiled program, XLA's "optimized HLO", by name."""
    lines = re.finditer(r"^\s*(?:ROOT )?%(\S+) = (.+?) ([a-z\-]+)\((.*?)\)", text, re.MULTILINE)
    return {
        name: _Instruction(_largest(shape), operation, re.findall(r"%([^\s,]+)", operands))
        for name, shape, operation, operands in (line.groups() for line in lines)
    }


def kind_of(name: str, instructions: Mapping[str, _Instruction], memory: int) -> str | None:
    """Returns a kernel's kind; None if it is no kernel of the program, or a loop of others.

    Args:
        name: its name.
        instructions: the program's.
        memory: numbers in the memories of a batch.
    """
    found = instructions.get(name)
    if found is None or found.operation in ("while", "conditional", "call"):
        return None
    if found.operation == "dot":
        return "matrix products"
    if found.operation == "copy" or re.search(r"dynamic-(update-)?slice", name):
        return "keeping states and copies"
    given = (instructions[operand] for operand in found.operands if operand in instructions)
    # What comes out of a loop's tuple is one of its parts, not all of it.
    sizes = (each.size for each in given if each.operation != "get-tuple-element")
    return "over the memory" if max(found.size, *sizes, 0) >= memory else "small"


def _largest(shape: str) -> int:
    """Numbers in the largest array of a shape, such as ``f32[4,20]{1,0}``, or a tuple of them."""
    return max(
        (
            int(np.prod([int(size) for size in sizes.split(",") if size]))
            for sizes in re.findall(r"\[([\d,]*)\]", shape)
        ),
        default=0,
    )


def _recorded(work: Callable[[], Any]) -> Iterator[tuple[str, float]]:
    """Does some work and yields the name and the seconds of all that TensorFlow's threads ran."""
    # Nothing public reads what the public profiler writes.
    from tensorflow.tsl.profiler.protobuf import xplane_pb2

    with tempfile.TemporaryDirectory() as folder:
        with tf.profiler.experimental.Profile(folder):
            work()
        (file,) = Path(folder).rglob("*.xplane.pb")
        space = xplane_pb2.XSpace.FromString(file.read_bytes())
    for plane in space.planes:
        for line in plane.lines:
            for event in line.events:
                yield plane.event_metadata[event.metadata_id].name, event.duration_ps / 1e12
