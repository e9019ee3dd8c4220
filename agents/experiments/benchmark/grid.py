"""A benchmark's jobs: entrants, environments and seeds, checked before any work is done."""

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from agents.experiments.benchmark.entrants import parse_entrants
from agents.experiments.benchmark.job import BenchmarkJob
from agents.experiments.benchmark.trial import Entrant, Place, Trial
from ntm_gym import PROTOCOLS, Protocol, Task, TaskVectorEnv
from ntm_gym.checks import expect_at_least
from ntm_gym.envs.episodes import make_task


def make_jobs(
    folder: Path,
    envs: Sequence[str],
    agents: Sequence[str],
    seeds: Sequence[int] = (0,),
    steps: int = 1_000_000,
    lengths: Sequence[int] = (),
    episodes: int = 640,
    min_length: int | None = None,
    max_length: int | None = None,
    fields: Mapping[str, Any] | None = None,
) -> list[BenchmarkJob]:
    """Returns the jobs of a benchmark, each in FOLDER/ENV/AGENT/SEED.

    The first seed comes first, of all environments and entrants. A run has one job, in its own
    environment and with its own seed.

    Args:
        folder: the benchmark's folder.
        envs: ids of `ntm_gym.PROTOCOLS`.
        agents: who takes part, as `agents.experiments.benchmark.entrants` says.
        seeds: seeds of all that is drawn, the held-out tapes aside.
        steps: environment steps of each training.
        lengths: lengths of the evaluation; those of each environment's protocol if empty.
        episodes: held-out tapes for each length.
        min_length: shortest length in training; the protocol's if None.
        max_length: longest length in training; likewise.
        fields: fields of the task to change, in training and evaluation.

    Raises:
        ValueError: one of them is unknown or impossible.
        RunError: a run cannot be read.
    """
    protocols = {protocol.env_id: protocol for protocol in PROTOCOLS.values()}
    _expect_several("envs", envs)
    for env_id in envs:
        if env_id not in protocols:
            raise ValueError(f"expected envs of {', '.join(protocols)}, got {env_id!r}")
    for name, number in (("steps", steps), ("episodes", episodes)):
        expect_at_least(name, number, 1)
    _expect_several("seeds", seeds)
    expect_at_least("seeds", min(seeds), 0)
    if lengths:
        _expect_several("lengths", lengths)
    entrants = parse_entrants(agents)
    tasks: dict[str, Task] = {}
    trained: dict[str, tuple[int, int]] = {}
    for env_id in envs:
        protocol = protocols[env_id]
        tasks[env_id], trained[env_id] = _setting(protocol, min_length, max_length, fields)
        for length in lengths or protocol.evaluation_lengths:
            tasks[env_id].check_lengths(np.full(episodes, length))
    jobs = [
        BenchmarkJob(
            folder / place.env_id / _folder_name(entrant.name) / str(place.seed),
            entrant,
            Trial(
                env_id=place.env_id,
                task=tasks[place.env_id],
                trained=trained[place.env_id],
                seed=place.seed,
                steps=steps,
            ),
            lengths=tuple(lengths or protocols[place.env_id].evaluation_lengths),
            episodes=episodes,
        )
        for entrant, place in _places(entrants, tasks, seeds)
    ]
    for number, job in enumerate(jobs):
        for other in jobs[:number]:
            if job.folder == other.folder:
                raise ValueError(
                    "expected agents with different names or runs of different seeds, "
                    f"got {other.entrant.source!r} and {job.entrant.source!r} for {job.folder}"
                )
    return jobs


def _setting(
    protocol: Protocol,
    min_length: int | None,
    max_length: int | None,
    fields: Mapping[str, Any] | None,
) -> tuple[Task, tuple[int, int]]:
    """Returns an environment's task and training lengths."""
    lengths = (
        protocol.min_length if min_length is None else min_length,
        protocol.max_length if max_length is None else max_length,
    )
    task = make_task(protocol.task, dict(fields or {}))
    # Raises ValueError if the lengths are impossible.
    TaskVectorEnv(task, 1, min_length=lengths[0], max_length=lengths[1])
    return task, lengths


def _places(
    entrants: Sequence[Entrant], tasks: Mapping[str, Task], seeds: Sequence[int]
) -> Iterator[tuple[Entrant, Place]]:
    """Yields where each entrant takes part: first those that have one place alone."""
    own = {entrant: entrant.own_place(tasks) for entrant in entrants}
    yield from ((entrant, place) for entrant, place in own.items() if place is not None)
    for seed in seeds:
        for env_id in tasks:
            for entrant in entrants:
                if own[entrant] is None:
                    yield entrant, Place(seed, env_id)


def _folder_name(name: str) -> str:
    """Returns a name without what folders cannot have in theirs."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip(".-") or "agent"


def _expect_several(name: str, values: Sequence[Any]) -> None:
    """Raises ValueError unless there is something, and nothing twice."""
    if not values or len(set(values)) < len(values):
        raise ValueError(f"expected {name} as a list of different values, got {list(values)}")
