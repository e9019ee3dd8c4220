"""The jobs of a sweep: where they are done (`--workers`, `--ray`), progress, and how it ends."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

from tyro.constructors import PrimitiveConstructorSpec

from agents.cli.console import stop_when_terminated, sweep_progress
from agents.experiments.sweeps.sweep import Executor, Job, run_missing


def _address(words: list[str]) -> str:
    if len(words) > 1:
        raise ValueError(f"expected one address at most, got {' '.join(words)}")
    return words[0] if words else "local"


RayOption = Annotated[
    str | None,
    PrimitiveConstructorSpec(
        nargs="*",
        metavar="[ADDRESS]",
        instance_from_str=_address,
        is_instance=lambda value: value is None or isinstance(value, str),
        str_from_instance=lambda value: [] if value is None else [value],
    ),
]
"""The type of an option `--ray [ADDRESS]`: None if it is not given, "local" without an address."""


def chosen_executor(workers: int | None, ray: str | None) -> Executor:
    """Returns what does a sweep's jobs.

    Args:
        workers: how many at once, at least 1. If None, one without Ray, and with it one on each
            core.
        ray: None for processes of this machine without Ray, "local" for a Ray of this machine
            alone, else HOST:PORT of a cluster or "auto".

    Raises:
        ValueError: the number is less than 1, or the address of another kind.
    """
    if ray is None:
        from agents.experiments.sweeps.local_processes import LocalProcesses

        return LocalProcesses(1 if workers is None else workers)
    from agents.experiments.sweeps.ray_cluster import RayCluster

    return RayCluster(None if ray == "local" else ray, workers)


def do_jobs(jobs: Sequence[Job], executor: Executor) -> dict[Path, str]:
    """Does the jobs that are not done yet, under bars that show how far they are.

    Returns:
        The jobs that failed, by folder: why.
    """
    stop_when_terminated()
    with sweep_progress(len(jobs)) as listen:
        return run_missing(jobs, executor, listen)


def expect_none_failed(failed: Mapping[Path, str], of_all: str) -> None:
    """Raises RuntimeError, which names them, if some failed of all, such as "8 runs"."""
    if failed:
        reasons = "\n".join(f"{job}: {reason}" for job, reason in failed.items())
        raise RuntimeError(f"{len(failed)} of {of_all} failed\n{reasons}")
