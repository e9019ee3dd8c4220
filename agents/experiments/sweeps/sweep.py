"""Does many jobs, such as runs to train and to evaluate, and hears of them.

Where they are done is the executor's matter: in processes of this machine
(`local_processes.py`), or on the machines of a Ray cluster (`ray_cluster.py`).
"""

from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple, Protocol


class Job(Protocol):
    """What is done once, in a process of its own, with its results in a folder of its own.

    It must be a dataclass that can be pickled, with the folder as a field: it may be done in
    another folder, on another machine, and what is there then is brought to its own.
    """

    @property
    def folder(self) -> Path:
        """Its folder; all that it reads and writes is there."""

    @property
    def budget(self) -> int:
        """How much there is to do at most, in the units of `News.done`."""

    def is_done(self) -> bool:
        """Whether nothing is left to do; raises RunError if something else is in the folder."""

    def prepare(self) -> None:
        """Brings into its folder what it reads of elsewhere, here and not where it is done."""

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


Heard = Generator[tuple[Job, News], None, None]
"""What an executor gives: each job's news, as they come."""


class Executor(Protocol):
    """Does jobs, several at once, each on one core."""

    def do(self, jobs: Sequence[Job]) -> Heard:
        """Does the jobs, and gives what is heard of each, up to news that end it.

        Whatever ends the generator, also before its time, ends all that it has started.
        """


def run_missing(
    jobs: Sequence[Job],
    executor: Executor,
    listen: Callable[[Job, News], None] = lambda *_: None,
) -> dict[Path, str]:
    """Does the jobs that are not done yet, each in a process of its own.

    It can be stopped at any moment, by whatever signal, and called again: a run that was cut off
    goes on from its last checkpoint, one that has been trained is only evaluated. The processes end
    with this one.

    Args:
        jobs: the jobs.
        executor: does those that are not done; not asked if there are none.
        listen: called with all that is heard of a job; at once of those that are done already.

    Returns:
        The jobs that failed, by folder: why. They do not stop the others.

    Raises:
        RunError: a folder holds a run of other settings; nothing has been done then.
        RuntimeError: the executor lacks what it needs.
        OSError: the machines of the executor are not reached.
    """
    done = [job for job in jobs if job.is_done()]
    for job in done:
        listen(job, News(ended=True))
    missing = [job for job in jobs if job not in done]
    failed: dict[Path, str] = {}
    if not missing:
        return failed
    for job in missing:
        job.prepare()
    with closing(executor.do(missing)) as heard:
        for job, news in heard:
            if news.error is not None:
                failed[job.folder] = news.error
            listen(job, news)
    return failed
