"""What `--workers` and `--ray` of the scripts mean: where a sweep's jobs are done."""

from typing import Annotated

from tyro.constructors import PrimitiveConstructorSpec

from agents.cli.console import load_tensorflow_silently
from agents.experiments.sweeps.sweep import Executor


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

        return LocalProcesses(1 if workers is None else workers, load_tensorflow_silently)
    from agents.experiments.sweeps.ray_cluster import RayCluster

    return RayCluster(None if ray == "local" else ray, workers)
