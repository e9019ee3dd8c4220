"""Long work: does it take more memory as it goes on, or grow slower, and is it the same twice?

Each kind of work is done by two processes at once, from the same seed. Linux only, since it says
how much memory a process holds.
"""

import hashlib
import math
import statistics
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import gymnasium as gym

from agents.lab.reliability.faults import differences, finish, kinds
from agents.storage.hardware import resident_mebibytes
from ntm_gym import PROTOCOLS, Copy

PARTS = 20
"""Parts of equal size that work is measured in."""

ROWS = 4096


class Part(NamedTuple):
    """A part of some work.

    Attributes:
        done: steps or updates until its end.
        per_second: its steps or updates a second.
        mebibytes: memory that the process holds at its end.
    """

    done: int
    per_second: float
    mebibytes: float


class Soaked(NamedTuple):
    """Long work of one process.

    Attributes:
        what: what was done.
        parts: as it was measured.
        digest: SHA-256 of what came out.
    """

    what: str
    parts: list[Part]
    digest: str

    @property
    def growth(self) -> float:
        """How much more memory is held at the end than after a tenth, as a fraction of that."""
        return self.parts[-1].mebibytes / self.parts[PARTS // 10 - 1].mebibytes - 1

    @property
    def row(self) -> dict[str, str]:
        """The work as a row of a table, by its columns."""
        speeds = [part.per_second for part in self.parts]
        return {
            "a second: first part": f"{speeds[0]:,.0f}",
            "median": f"{statistics.median(speeds):,.0f}",
            "last": f"{speeds[-1]:,.0f}",
            "MiB after a tenth": f"{self.parts[PARTS // 10 - 1].mebibytes:,.1f}",
            "end": f"{self.parts[-1].mebibytes:,.1f} ({self.growth:+.2%})",
            "SHA-256": self.digest[:12],
        }


def twice(work: Callable[..., Soaked], amount: int, *rest: Path) -> list[Soaked]:
    """Does some work in two processes at once; each gets a number, the amount and the rest."""
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        both = [pool.submit(work, number, amount, *rest) for number in range(2)]
        return [each.result() for each in both]


def play(_: int, steps: int, seed: int = 0) -> Soaked:
    """Plays all tasks in turn by random answers, the lengths chosen by a curriculum.

    Args:
        steps: environment steps of all tasks and rows together, at least.
        seed: of tapes and answers.
    """
    digest = hashlib.sha256()
    parts: list[Part] = []
    played = [_player(protocol.env_id, seed, digest) for protocol in PROTOCOLS.values()]
    calls = math.ceil(steps / PARTS / ROWS / len(played))
    for _part in range(PARTS):
        began = time.perf_counter()
        for player in played:
            for _call in range(calls):
                next(player)
        made = calls * len(played) * ROWS
        done = made + (parts[-1].done if parts else 0)
        parts.append(Part(done, made / (time.perf_counter() - began), resident_mebibytes()))
    return Soaked("environment steps", parts, digest.hexdigest())


def learn(number: int, updates: int, folder: Path) -> Soaked:
    """Trains a small Neural Turing Machine by updates of single tapes.

    Args:
        number: of the process.
        updates: how many.
        folder: for the run, which is saved as any.
    """
    from agents import tensorflow

    tensorflow.prepare()
    from agents.recipes.cells import NTMConfig
    from agents.recipes.supervised import CopyConfig
    from agents.storage.runs import Run
    from agents.training import supervised

    config = CopyConfig(
        task=Copy(width=4),
        cell=NTMConfig(units=16, slots=8, width=6),
        max_length=3,
        batch_size=1,
        report_sequences=updates // PARTS // 5,
        max_sequences=updates,
        anneal_reports=10 * PARTS,  # so that it does not end before
        blur_cost=0.1,
        replay=0.25,
        curriculum="prediction_gain",
    )
    began = time.perf_counter()
    parts: list[Part] = []

    def on_report(report: Any) -> None:
        nonlocal began
        if report.sequences * PARTS % updates == 0:
            now = time.perf_counter()
            parts.append(
                Part(report.sequences, updates / PARTS / (now - began), resident_mebibytes())
            )
            began = now

    run = Run.create(folder / str(number), config)
    outcome = supervised.train(config, run, on_report)
    digest = hashlib.sha256()
    for weight in outcome.network.get_weights():
        digest.update(weight.tobytes())
    return Soaked("training updates", parts, digest.hexdigest())


def compare_workers(folder: Path) -> list[str]:
    """Returns what differs between a plan's runs by one worker process and by two."""
    one, two = (
        finish(kinds(workers=workers)["compare"], folder / f"workers-{workers}")
        for workers in (1, 2)
    )
    return list(differences(one, two))


def _player(env_id: str, seed: int, digest: Any) -> Iterator[None]:
    """Takes a step of all rows each time that it is asked, and tells the digest what came."""
    envs = gym.make_vec(
        env_id, ROWS, vectorization_mode="vector_entry_point", curriculum="look_back_and_forward"
    )
    envs.action_space.seed(seed)
    actions = [envs.action_space.sample() for _ in range(8)]
    envs.reset(seed=seed)
    while True:
        for action in actions:
            observations, rewards, terminated, *_ = envs.step(action)
            digest.update(rewards.tobytes())
            digest.update(terminated.tobytes())
            yield
        digest.update(observations.tobytes())
