"""What the scripts share: progress bars, signals and how they say what came out.

Every process that imports this loads TensorFlow silently: that of a script, and those that it
starts, since they import it too.
"""

import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from agents import tensorflow
from agents.experiments.sweeps.sweep import Job, News
from agents.recipes.learning import HELD_OUT_SEQUENCES, SOLVED_REPORTS
from agents.recipes.reward import RewardConfig
from agents.recipes.supervised import TrainConfig

if TYPE_CHECKING:  # loads TensorFlow
    from agents.storage.runs import Run
    from agents.training.loop import Outcome

console = Console()
problems = Console(stderr=True)


@contextmanager
def _silent_stderr() -> Iterator[None]:
    """Drops what native code writes to standard error; TensorFlow's log level leaves some of it."""
    sys.stderr.flush()
    kept = os.dup(2)
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


tensorflow.around_loading = _silent_stderr


def say(text: object) -> None:
    """Prints a text as it is, whatever stands in it."""
    console.print(str(text), soft_wrap=True, markup=False)


def open_run(folder: Path) -> "Run":
    """Prepares TensorFlow and opens a run; see `Run.open` for the errors."""
    tensorflow.prepare()
    from agents.storage.runs import Run

    return Run.open(folder)


@contextmanager
def stop_requests() -> Iterator[Callable[[], bool]]:
    """Gives a function that says whether SIGINT (Ctrl-C) or SIGTERM has come.

    A second SIGINT raises KeyboardInterrupt at once.
    """
    requested = False

    def request(signum: int, _: Any) -> None:
        nonlocal requested
        if requested and signum == signal.SIGINT:
            raise KeyboardInterrupt
        requested = True
        problems.print("Stopping after the next report.")

    signals = (signal.SIGINT, signal.SIGTERM)
    earlier = [signal.signal(each, request) for each in signals]
    try:
        yield lambda: requested
    finally:
        for each, handler in zip(signals, earlier, strict=True):
            signal.signal(each, handler)


@contextmanager
def training_progress(config: TrainConfig | RewardConfig) -> Iterator[Callable[[Any], None]]:
    """Shows a bar over the budget, and gives the function that moves it by a report.

    It shows each report's line, and the time left to the end of the budget; a run that solves its
    task ends sooner. Where no bar is seen, such as in a file, the lines stand one below the other.
    """
    columns = (
        BarColumn(bar_width=10),
        TextColumn("{task.fields[report]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console) as progress:
        bar = progress.add_task(config.name, total=config.max_sequences, report="compiling")

        def on_report(report: Any) -> None:
            progress.update(bar, completed=report.sequences, report=report.line)
            if not console.is_terminal:
                say(report.line)

        yield on_report


@contextmanager
def counting(what: str, total: int) -> Iterator[Callable[[int], None]]:
    """Shows a bar, and gives the function that says how many of the total are done."""
    with Progress(console=console) as progress:
        bar = progress.add_task(what, total=total)
        yield lambda done: progress.update(bar, completed=done)


@contextmanager
def sweep_progress(jobs: int) -> Iterator[Callable[[Job, News], None]]:
    """Shows a bar over all jobs and one for each that runs, and gives the function that moves them.

    It is the listener of `run_missing` in `agents.experiments.sweeps.sweep`. The end of each job
    is printed.
    """
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=10),
        TextColumn("{task.completed:,.0f} of {task.total:,.0f} {task.fields[state]}"),
    )
    with Progress(*columns, console=console) as progress:
        total = progress.add_task("runs", total=jobs, state="")
        bars: dict[Path, Any] = {}

        def listen(job: Job, news: News) -> None:
            if not news.ended:
                if job.folder not in bars:
                    name = "/".join(job.folder.parts[-3:])
                    bars[job.folder] = progress.add_task(name, total=job.budget, state="")
                progress.update(bars[job.folder], completed=news.done, state=news.state)
                return
            if job.folder in bars:
                progress.remove_task(bars.pop(job.folder))
            progress.advance(total)
            outcome = "Run" if news.error is None else "Failed"
            say(f"{outcome}: {job.folder}")

        yield listen


def stop_when_terminated() -> None:
    """From now on, SIGTERM stops this process as Ctrl-C does: what it started is ended first."""

    def stop(*_: Any) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)


def print_return(config: RewardConfig, folder: Path, outcome: "Outcome") -> None:
    """Says how learning by reward ended in an environment that is no task's."""
    last, solved = outcome.reports[-1], outcome.solved
    if solved is not None:
        console.print(
            f"Solved after {solved.sequences:,} episodes, {solved.steps:,} steps,"
            f" {solved.seconds:.0f} s: a mean return of at least {config.reward_threshold:g},"
            f" {SOLVED_REPORTS} reports in a row."
        )
    console.print(
        f"Mean return {last.mean_return:.2f} after {last.sequences:,} episodes, {last.steps:,}"
        f" steps, {last.seconds:.0f} s."
    )
    say(f"Run: {folder}")


def print_parameters(count: int, paper: int | None) -> None:
    """Says how many parameters are trained, and how many the paper's network of the kind has."""
    beside = "" if paper is None else f" (in the paper: {paper:,})"
    console.print(f"Parameters: {count:,}{beside}")


def print_outcome(config: TrainConfig | RewardConfig, folder: Path, outcome: "Outcome") -> None:
    """Says how training ended."""
    last = outcome.reports[-1]
    if outcome.solved is None:
        console.print(
            f"Not solved within {last.sequences:,} sequences ({last.seconds:.0f} s): "
            f"{last.held_out_bit_errors:.2f} wrong bits per held-out sequence of length "
            f"{config.max_length}."
        )
    else:
        console.print(
            f"Solved after {outcome.solved.sequences:,} sequences, {outcome.solved.seconds:.0f} s:"
            f" no wrong bit in {HELD_OUT_SEQUENCES} held-out sequences of length"
            f" {config.max_length}, {SOLVED_REPORTS} reports in a row. Ended after"
            f" {last.sequences:,} sequences, {last.seconds:.0f} s, with"
            f" {last.held_out_bit_errors:.2f} wrong bits per held-out sequence."
        )
    if left_out := sum(report.updates_left_out for report in outcome.reports):
        console.print(f"{left_out:,} updates left out; scripts/dev/replay.py shows why.")
    say(f"Run: {folder}")


def use_one_core() -> None:
    """Keeps this process, and all it starts, on one core, where the system allows it (Linux)."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {max(os.sched_getaffinity(0))})
