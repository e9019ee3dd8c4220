"""Jobs as tasks of a Ray cluster, on whatever machines it has.

A task works in a folder of its machine's own. What changes there goes to this machine with each of
the job's news, and what this machine has goes with each task. So no disk is shared, a lost
machine's jobs go on elsewhere from the last checkpoint that came, and only this process writes to
the jobs' folders.

Ray is imported when it is used: the machines' workers load this module, and have it already.
"""

import dataclasses
import os
import shutil
import signal
import socket
import sys
import tempfile
import threading
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from agents.experiments.sweeps.local_processes import JobProcess
from agents.experiments.sweeps.mirror import Changes, Watched
from agents.experiments.sweeps.sweep import Heard, Job, News
from agents.storage.checkout import COMMIT_VARIABLE, ROOT, commit
from ntm_gym.checks import expect_at_least

OBJECT_STORE = 256 << 20
"""Bytes that a Ray of this machine alone keeps for what tasks send: a few checkpoints."""


@dataclass(frozen=True)
class RayCluster:
    """Does jobs as Ray tasks of one core each; see `agents.experiments.sweeps.sweep.Executor`.

    Attributes:
        address: HOST:PORT of a cluster that this machine belongs to, or "auto" for the one that
            was started here; None starts Ray on this machine alone, reached by nobody else, until
            all is done.
        workers: how many jobs are done at once, at least 1; as many as there are cores if None.
        tries: how often a job is tried whose machine or process is lost, at least 1.

    Raises:
        ValueError: a number is less than 1, or the address is that of a Ray client.
    """

    address: str | None = None
    workers: int | None = None
    tries: int = 3

    def __post_init__(self) -> None:
        if self.workers is not None:
            expect_at_least("workers", self.workers, 1)
        expect_at_least("tries", self.tries, 1)
        if self.address is not None and "://" in self.address:
            raise ValueError(f"expected HOST:PORT or auto as Ray's address, got {self.address}")

    def do(self, jobs: Sequence[Job]) -> Heard:
        """Does the jobs, begun in their order, and gives what is heard of each.

        Raises:
            RuntimeError: Ray is not installed, or the cluster has another version of it.
            ConnectionError: there is no cluster at the address.
        """
        with _connected(self.address, self.workers) as ray:
            # What is lost is tried again here and not by Ray, which would begin anew.
            options = {"num_cpus": 1, "num_returns": "streaming", "max_retries": 0}
            task = ray.remote(**options)(_work)
            waiting, losses = deque(jobs), Counter[Path]()
            running: dict[Any, Job] = {}
            while waiting or running:
                while waiting and len(running) < (self.workers or len(jobs)):
                    job = waiting.popleft()
                    running[task.remote(job, Watched(job.folder).changes(), sys.argv)] = job
                ready, _ = ray.wait(list(running), num_returns=1)
                for stream in ready:
                    job = running[stream]
                    news, is_lost = _receive(ray, stream, job.folder)
                    if news.ended:
                        del running[stream]
                    if is_lost:
                        losses[job.folder] += 1
                        if losses[job.folder] < self.tries:
                            waiting.appendleft(job)
                            news = News(state=f"lost, and tried again: {news.error}")
                        else:
                            error = f"lost {self.tries} times, the last time: {news.error}"
                            news = news._replace(error=error)
                    yield job, news


class _Parcel(NamedTuple):
    """What a task sends: news, what has changed in its folder, and whether it was killed."""

    news: News
    changes: Changes
    was_killed: bool = False


def _work(job: Job, present: Changes, command: list[str]) -> Iterator[_Parcel]:
    """Does a job on the machine that this is called on.

    A process of its own does it, just as without Ray.

    Args:
        job: the job.
        present: what is in its folder.
        command: what was called, which a run writes down.
    """
    sys.argv = command
    with tempfile.TemporaryDirectory(prefix="ntm-gym-") as place:
        folder = Path(place) / job.folder.name
        present.apply(folder)
        watched = Watched(folder, known=True)
        anyhow: Any = job
        process = JobProcess(dataclasses.replace(anyhow, folder=folder))
        try:
            news = News(state=f"starting on {socket.gethostname()}")
            yield _Parcel(news, watched.changes())
            while not news.ended:
                news = process.hear()
                if news.error is not None:
                    news = news._replace(error=news.error.replace(str(folder), str(job.folder)))
                yield _Parcel(news, watched.changes(), process.was_killed)
        finally:
            process.terminate()
            process.join()


def _receive(ray: Any, stream: Any, folder: Path) -> tuple[News, bool]:
    """Returns a task's next news, once the folder has what came with them.

    The second value is whether the task was lost: something has ended it, but no error of its own.
    """
    errors = ray.exceptions
    lost = (
        errors.WorkerCrashedError,
        errors.NodeDiedError,
        errors.ObjectLostError,
        errors.OutOfMemoryError,
    )
    try:
        parcel: _Parcel = ray.get(next(stream))
    except StopIteration:
        return News(ended=True, error="its task ended without a word"), True
    except errors.RayError as error:
        reason = str(error).strip().splitlines()[0]
        return News(ended=True, error=f"{type(error).__name__}: {reason}"), isinstance(error, lost)
    parcel.changes.apply(folder)
    return parcel.news, parcel.was_killed and parcel.news.error is not None


@contextmanager
def _connected(address: str | None, workers: int | None) -> Iterator[Any]:
    """Gives Ray, connected to a cluster or started here, and disconnects or ends it."""
    settings = {
        "RAY_USAGE_STATS_ENABLED": "0",  # nothing is told to anybody
        "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",  # as it warns that it will be
        "RAY_worker_niceness": "0",  # runs are as important as they are without Ray
    }
    if address is None:
        settings["RAY_AUTH_MODE"] = "token"
        # What Ray does on other systems, to open no port but to the machine itself.
        settings["RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER"] = "0"
    for name, value in settings.items():
        os.environ.setdefault(name, value)
    try:
        import ray
    except ModuleNotFoundError as error:
        raise RuntimeError(
            f'expected Ray, got {error}; pip install -e ".[cluster]" installs it'
        ) from None
    handler = signal.getsignal(signal.SIGTERM)
    with _sources() as sources:
        where: dict[str, Any] = {"address": address}
        if address is None:
            where = {
                "address": "local",
                "num_cpus": workers,
                "num_gpus": 0,
                "include_dashboard": False,
                "object_store_memory": OBJECT_STORE,
                "_node_ip_address": "127.0.0.1",
            }
        environment = {"working_dir": str(sources), "env_vars": {COMMIT_VARIABLE: commit() or ""}}
        try:
            ray.init(**where, runtime_env=environment, log_to_driver=False, logging_level="warning")
            _handle_sigterm(handler)
            yield ray
        finally:
            ray.shutdown()
            _handle_sigterm(handler)


def _handle_sigterm(handler: Any) -> None:
    """Puts the script's handler of SIGTERM in the place of the one that Ray sets."""
    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, handler)


@contextmanager
def _sources() -> Iterator[Path]:
    """Gives a folder with this checkout's code alone: every machine works by it, not by its own."""
    with tempfile.TemporaryDirectory(prefix="ntm-gym-") as place:
        for package in ("agents", "ntm_gym"):
            skipped = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / package, Path(place) / package, ignore=skipped)
        yield Path(place)
