"""Trainings that are stopped at random moments, damaged and started again, which none must show.

A trial starts a command in a folder of its own, stops it at a random moment, and starts the same
command again until one reaches the end. What it leaves must then be equal, to the bit, to what the
command left that nobody stopped.
"""

import csv
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agents.storage.checkout import ROOT
from agents.storage.checkpoints import Checkpoints, without_warnings
from agents.storage.networks import cell_of
from agents.storage.runs import Run, RunError

PLAN = """
tasks = ["copy"]
seeds = [0, 1]
max_sequences = {sequences}
episodes = 32
lengths.copy = [2, 5]

[[variants]]
name = "small"
task.width = 4
max_length = 3
report_sequences = 200
cell.units = 16
cell.slots = 8
cell.width = 6
"""
SMALL = (
    *("--task.width", "4", "--max-length", "3"),
    *("--cell.units", "16", "--cell.slots", "8", "--cell.width", "6"),
)
SIGNALS = signal.SIGKILL, signal.SIGTERM, signal.SIGINT
DAMAGES = "cut", "bits", "empty"


class Kind(NamedTuple):
    """A command that trains.

    Attributes:
        name: what it is called.
        command: gives its words, of the folder that it is to fill.
        runs: the folders of its runs, within that folder.
    """

    name: str
    command: Callable[[Path], list[str]]
    runs: tuple[str, ...]


def kinds(sequences: int = 12_000, workers: int = 2) -> dict[str, Kind]:
    """Returns the kinds of training by name.

    Args:
        sequences: how long the supervised one trains; the others about as long.
        workers: processes of the comparison.
    """

    def supervised(folder: Path) -> list[str]:
        settings = "--max-sequences", str(sequences), "--report-sequences", "200"
        script = "scripts/train.py", "copy", *SMALL, *settings, "--episodes", "32"
        return [*script, "--run", str(folder / "run"), "--resume"]

    def reward(folder: Path) -> list[str]:
        settings = "--max-updates", str(sequences // 12), "--report-updates", "10"
        script = "scripts/train_rl.py", "NTMCopy-v0", *SMALL, *settings, "--rollouts", "8"
        end = "--episodes-at-end", "32"
        return [*script, *end, "--run", str(folder / "run"), "--resume"]

    def compare(folder: Path) -> list[str]:
        plan = folder / "plan.toml"
        plan.write_text(PLAN.format(sequences=sequences // 2), encoding="utf-8")
        return ["scripts/compare.py", str(plan), "--folder", str(folder), "--workers", str(workers)]

    compared = tuple(f"plan/copy/small/{seed}" for seed in (0, 1))
    return {
        "supervised": Kind("supervised", supervised, ("run",)),
        "reward": Kind("reward", reward, ("run",)),
        "compare": Kind("compare", compare, compared),
    }


@dataclass
class Faults:
    """What was done to trainings of a kind, and what came of it.

    Attributes:
        stops: how often, by signal.
        damaged: how many newest checkpoints were damaged after a stop.
        finished: trainings that reached their end after being stopped.
        lost: training sequences that were reported and had to be trained again, of each stop.
        problems: what was not as it should be.
    """

    stops: Counter[str] = field(default_factory=Counter)
    damaged: int = 0
    finished: int = 0
    lost: list[int] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    def row(self, kind: str) -> dict[str, str]:
        """Returns them as a row of a table, by its columns."""
        return {
            "kind": kind,
            "stops": f"{self.stops.total():,}",
            "of these": ", ".join(f"{count} {name}" for name, count in sorted(self.stops.items())),
            "damaged": f"{self.damaged:,}",
            "finished": f"{self.finished:,}",
            "sequences lost": f"{np.mean(self.lost):,.0f}, at most {max(self.lost):,}",
            "problems": f"{len(self.problems):,}",
        }


def inject(
    kind: Kind, folder: Path, stops: int, on_stop: Callable[[int], None] = lambda _: None
) -> Faults:
    """Stops trainings of a kind so many times in all, and starts them again.

    Args:
        kind: of these.
        folder: an empty folder for them.
        stops: how often; the last training then goes on to its end.
        on_stop: called after each stop, with how many there were.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # As shells have it for what they start in the background; what is started here inherits it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    rng = np.random.default_rng(0)  # what a moment hits also depends on the machine
    began = time.perf_counter()
    expected = finish(kind, folder / "whole")
    duration = time.perf_counter() - began
    faults = Faults()
    trial = 0
    while (before := faults.stops.total()) < stops:
        trial += 1
        place = folder / str(trial)
        while faults.stops.total() < stops and _stop(kind, place, duration, rng, faults):
            on_stop(faults.stops.total())
        if faults.stops.total() > before:
            faults.finished += 1
            got = finish(kind, place)
            faults.problems += [f"{place}: {problem}" for problem in differences(expected, got)]
    return faults


def _stop(
    kind: Kind, place: Path, duration: float, rng: np.random.Generator, faults: Faults
) -> bool:
    """Starts a training and stops it, unless it ends before; says whether it did not."""
    process = _start(kind, place)
    chosen = SIGNALS[rng.integers(len(SIGNALS))]
    try:
        process.wait(rng.uniform(0, duration))
        stopped = False
    except subprocess.TimeoutExpired:
        # All its processes lose power at once; a request goes to the command, which tells them.
        if chosen == signal.SIGKILL:
            os.killpg(process.pid, chosen)
        else:
            process.send_signal(chosen)
        stopped = True
    said, _ = process.communicate()
    if process.returncode not in ({0, 1, -chosen} if stopped else {0}):
        faults.problems.append(f"{place}: exit code {process.returncode}\n{said}")
    if not stopped or process.returncode == 0:  # it may just have ended
        return False
    faults.stops[chosen.name] += 1
    for name in kind.runs:
        reported = _reported(place / name)
        checkpoints = Checkpoints(place / name / "checkpoints")
        found = checkpoints.paths()
        if chosen == signal.SIGKILL and len(found) > 1 and rng.random() < 0.5:
            _damage(found[-1], rng)
            faults.damaged += 1
        with without_warnings():
            saved = next((number for number, _ in checkpoints.whole()), 0)
        faults.lost.append(max(0, reported - saved))
    return True


def _damage(path: Path, rng: np.random.Generator) -> None:
    """Does to a file what a power cut may."""
    content = bytearray(path.read_bytes())
    damage = DAMAGES[rng.integers(len(DAMAGES))]
    if damage == "cut":
        del content[rng.integers(len(content)) :]
    elif damage == "bits":
        content[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
    else:
        content.clear()
    path.write_bytes(content)


def _start(kind: Kind, place: Path) -> subprocess.Popen[str]:
    place.mkdir(parents=True, exist_ok=True)
    return subprocess.Popen(
        [sys.executable, *kind.command(place)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def finish(kind: Kind, place: Path) -> dict[str, Any]:
    """Runs a training in a folder to its end; returns what it left, without what clocks said.

    Raises:
        RunError: it failed.
    """
    process = _start(kind, place)
    said, _ = process.communicate()
    if process.returncode:
        raise RunError(f"{kind.name} ended with exit code {process.returncode}:\n{said}")
    left: dict[str, Any] = {}
    for name in kind.runs:
        run = Run.open(place / name)
        weights = cell_of(run.load_network()).get_weights()
        left |= {f"{name}: weights {i}": weight for i, weight in enumerate(weights)}
        for row in run.metrics.read():
            left[f"{name}: report after {row['sequences']:.0f}"] = _without_clocks(row)
        left[f"{name}: scores"] = (run.folder / "evaluation.json").read_text(encoding="utf-8")
    for path in place.glob("*/scores.csv"):
        rows = csv.DictReader(path.read_text(encoding="utf-8").splitlines())
        left[path.name] = [_without_clocks(row) for row in rows]
    return left


def _without_clocks(row: dict[str, Any]) -> list[str]:
    # Texts, since NaN is not itself.
    return [repr(value) for name, value in row.items() if "second" not in name]


def differences(expected: dict[str, Any], got: dict[str, Any]) -> Iterator[str]:
    """Says what differs between what two trainings left."""
    if expected.keys() != got.keys():
        yield f"expected {sorted(expected)}, got {sorted(got)}"
        return
    for name, value in expected.items():
        if not np.array_equal(value, got[name]):
            yield f"{name} differs"


def _reported(folder: Path) -> int:
    """The training sequences of a run's last report."""
    try:
        return int(Run.open(folder).metrics.read()[-1]["sequences"])
    except RunError:  # stopped before it was one, or in the middle of a row
        return 0
