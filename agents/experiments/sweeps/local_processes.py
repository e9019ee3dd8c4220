"""Jobs in processes of this machine.

TensorFlow is loaded where it is needed only: a new process reads this module before it says how.
"""

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from multiprocessing import connection, get_context, parent_process
from typing import Any

from agents.experiments.sweeps.sweep import Heard, Job, News
from ntm_gym.checks import expect_at_least

DEBUG = "NTM_GYM_DEBUG"
"""Variable of the environment by which `--debug` reaches the processes that a script starts."""


@dataclass(frozen=True)
class LocalProcesses:
    """Does jobs on this machine, each in a process of its own; see `sweep.Executor`.

    Attributes:
        workers: how many are done at once, at least 1; ValueError if it is less.
    """

    workers: int = 1

    def __post_init__(self) -> None:
        expect_at_least("workers", self.workers, 1)

    def do(self, jobs: Sequence[Job]) -> Heard:
        """Does the jobs in their order, and gives what is heard of each."""
        waiting = deque(jobs)
        running: dict[Any, tuple[Job, JobProcess]] = {}
        try:
            while waiting or running:
                while waiting and len(running) < self.workers:
                    job = waiting.popleft()
                    process = JobProcess(job)
                    running[process.receiver] = job, process
                    yield job, News(state="starting")
                ready: list[Any] = list(connection.wait(list(running)))
                for receiver in ready:
                    job, process = running[receiver]
                    news = process.hear()
                    if news.ended:
                        del running[receiver]
                    yield job, news
        finally:
            for _, process in running.values():
                process.terminate()
            for _, process in running.values():
                process.join()


class JobProcess:
    """A process that does one job.

    Args:
        job: the job; the process starts at once.

    Attributes:
        receiver: what can be waited for: it is ready when there are news, or the process has ended.
    """

    def __init__(self, job: Job) -> None:
        # What TensorFlow compiles for a run is freed only with its process.
        context = get_context("spawn")
        self.receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_work, args=(job, sender), daemon=True)
        self._process.start()
        sender.close()  # so that the pipe ends with the process

    def hear(self) -> News:
        """Waits for the next news; the last are there when the process has ended."""
        try:
            news: News = self.receiver.recv()
        except (EOFError, OSError):
            self.join()
            error = f"its process ended with exit code {self._process.exitcode}"
            return News(ended=True, error=error)
        if news.ended:
            self.join()
        return news

    @property
    def was_killed(self) -> bool:
        """Whether a signal has ended it."""
        return (self._process.exitcode or 0) < 0

    def terminate(self) -> None:
        """Asks it to end."""
        self._process.terminate()

    def join(self) -> None:
        """Waits until it has ended."""
        self._process.join()


def _work(job: Job, sender: connection.Connection) -> None:
    # Ctrl-C goes to all processes of a terminal; the first of them decides what is to be done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        job.work(lambda *news: sender.send(News(*news)))
    except Exception as error:  # whatever it is, the other runs go on
        if os.environ.get(DEBUG):
            raise
        sender.send(News(ended=True, error=f"{type(error).__name__}: {error}"))
        sys.exit(1)
    sender.send(News(ended=True))


def _end_with_parent() -> None:
    """Ends this process with the one that started it, even if that was killed."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)
