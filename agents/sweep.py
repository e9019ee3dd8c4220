"""Does many jobs, such as runs to train and to evaluate, each in a process of its own.

TensorFlow is loaded where it is needed only: a new process reads this module before it says how.
"""

import os
import signal
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from multiprocessing import connection, get_context, parent_process
from pathlib import Path
from typing import Any, NamedTuple, Protocol


class Job(Protocol):
    """What is done once, in a process of its own, with its results in a folder of its own.

    It must be picklable.
    """

    @property
    def folder(self) -> Path:
        """Its folder."""

    @property
    def budget(self) -> int:
        """How much there is to do at most, in the units of `News.done`."""

    def is_done(self) -> bool:
        """Whether nothing is left to do; raises RunError if something else is in the folder."""

    def work(self, tell: Callable[[int, str], None]) -> None:
        """Does what is left to do, from where an earlier call was cut off.

        Args:
            tell: called with how much is done so far, and with what is going on, in words.
        """


class News(NamedTuple):
    """What is heard of a job.

    Attributes:
        done: how much is done so far, of the job's budget.
        state: what it is at, in words.
        ended: whether this is the last that is heard of it.
        error: why it failed, or None.
    """

    done: int = 0
    state: str = ""
    ended: bool = False
    error: str | None = None


def run_missing(
    jobs: Sequence[Job],
    workers: int = 1,
    listen: Callable[[Job, News], None] = lambda *_: None,
) -> dict[Path, str]:
    """Does the jobs that are not done yet, each in a process of its own.

    It can be stopped at any moment, by whatever signal, and called again: a run that was cut off
    goes on from its last checkpoint, one that has been trained is only evaluated. The processes end
    with this one.

    Args:
        jobs: the jobs.
        workers: how many are done at once.
        listen: called with all that is heard of a job; at once of those that are done already.

    Returns:
        The jobs that failed, by folder: why. They do not stop the others.

    Raises:
        RunError: a folder holds a run of other settings; nothing has been done then.
        ValueError: there is not one worker.
    """
    if workers < 1:
        raise ValueError(f"expected workers of at least 1, got {workers}")
    done = [job for job in jobs if job.is_done()]
    for job in done:
        listen(job, News(ended=True))
    waiting = deque(job for job in jobs if job not in done)
    running: dict[Any, tuple[Job, Any]] = {}
    failed: dict[Path, str] = {}
    try:
        while waiting or running:
            while waiting and len(running) < workers:
                job = waiting.popleft()
                receiver, process = _start(job)
                running[receiver] = job, process
                listen(job, News(state="starting"))
            ready: list[Any] = list(connection.wait(list(running)))
            for receiver in ready:
                job, process = running[receiver]
                try:
                    news: News = receiver.recv()
                except (EOFError, OSError):
                    process.join()
                    error = f"its process ended with exit code {process.exitcode}"
                    news = News(ended=True, error=error)
                if news.ended:
                    process.join()
                    del running[receiver]
                    if news.error is not None:
                        failed[job.folder] = news.error
                listen(job, news)
    finally:
        for _, process in running.values():
            process.terminate()
        for _, process in running.values():
            process.join()
    return failed


def _start(job: Job) -> tuple[Any, Any]:
    """Starts a job; returns where it is heard from and its process."""
    # What TensorFlow compiles for a run is freed only with its process.
    context = get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(job, sender), daemon=True)
    process.start()
    sender.close()  # so that the pipe ends with the process
    return receiver, process


def _work(job: Job, sender: Any) -> None:
    # Ctrl-C goes to all processes of a terminal; the first of them decides what is to be done.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        job.work(lambda *news: sender.send(News(*news)))
    except Exception as error:  # whatever it is, the other runs go on
        if os.environ.get("NTM_GYM_DEBUG"):
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
