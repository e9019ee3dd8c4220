"""Damaged files for every loader: each must be read or refused, and nothing else may happen."""

import faulthandler
import os
import sys
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from agents.evaluation.scores import Score, read_scores
from agents.experiments.comparison.plan import PlanError, load_plan
from agents.lab.reliability import mutations
from agents.recipes.cells import LSTMConfig, NTMConfig
from agents.recipes.reward import reward_recipe
from agents.recipes.supervised import CopyConfig
from agents.storage.checkpoints import Checkpoint, Checkpoints, without_warnings
from agents.storage.networks import build_network, make_cell
from agents.storage.runs import Run, RunError
from ntm_gym import Copy

HANGS_AFTER = 60.0
"""Seconds; a file that takes longer ends the process, with a traceback of where it is."""

FORBIDDEN = (
    *("os.system", "os.exec", "os.posix_spawn", "os.fork", "subprocess.Popen", "socket.connect"),
    *("os.remove", "os.rename", "os.rmdir", "os.mkdir", "os.symlink", "os.truncate", "shutil."),
    *("pickle.find_class", "marshal.loads", "ctypes.dlopen", "import"),
)
"""Python's audit events that reading a file must not cause, beside writing to one."""

PLAN = """
tasks = ["copy"]
seeds = [0, 1]
max_sequences = 64
episodes = 8
lengths.copy = [1, 3]

[[variants]]
name = "ntm"
task.width = 2
max_length = 2
cell.units = 6
cell.slots = 8
"""


class ForbiddenError(BaseException):
    """Reading a file did something else."""


class Loader(NamedTuple):
    """One way to read a file.

    Attributes:
        path: the file.
        load: reads it; returns None if it was refused.
        mutations: what is done to the file.
    """

    path: Path
    load: Callable[[], Any]
    mutations: tuple[mutations.Mutation, ...]


class Tally(NamedTuple):
    """What became of the files.

    Attributes:
        outcomes: how many, by loader and "read", "refused" or the error's name.
        failures: for each file that was neither read nor refused its number, loader and error.
        seconds: time in the loaders, by loader.
        peak_growth: MiB by which the process's peak of memory grew.
    """

    outcomes: Counter[tuple[str, str]]
    failures: list[str]
    seconds: Mapping[str, float]
    peak_growth: float

    @property
    def rows(self) -> Iterator[dict[str, str]]:
        """The rows of a table, one for each loader, by its columns."""
        outcomes = sorted({outcome for _, outcome in self.outcomes})
        for name, seconds in self.seconds.items():
            counts = {outcome: self.outcomes[name, outcome] for outcome in outcomes}
            speed = {"files a second": f"{sum(counts.values()) / seconds:.0f}"}
            yield {"loader": name, **{key: str(count) for key, count in counts.items()}, **speed}


def make_loaders(folder: Path) -> dict[str, Loader]:
    """Writes a whole file of each kind into a folder; returns its loader, by the kind's name."""
    config = CopyConfig(
        task=Copy(width=2), cell=NTMConfig(units=4, slots=5, width=3, memory_init="learned")
    )
    run = Run.create(folder / "run", config, overwrite=True)
    run.save_network(build_network(make_cell(config), config.task.input_width))
    run.metrics.write([{"sequences": i, "seconds": i / 3, "loss_bits": 1 / i} for i in (1, 2)])
    scores = [Score("ntm", 3, 8, 10, 0.5, 0.1, 6.0, 0.9, 0.25), Score("random", 3, None, *[1] * 6)]
    run.write_json("evaluation.json", {"seed": 0, "scores": [row._asdict() for row in scores]})
    kept = Checkpoints(run.folder / "checkpoints", keep=1)
    state = Checkpoint([np.arange(6.0).reshape(2, 3), np.ones(3, np.int8)], {"rows": [{"a": 1}]})
    kept.write(1, state)
    by_reward = Run.create(
        folder / "reward", reward_recipe("CartPole-v1", LSTMConfig.name), overwrite=True
    )
    plan = folder / "plan.toml"
    plan.write_text(PLAN, encoding="utf-8")
    json_file = (*mutations.TEXT, *[mutations.change_json] * 7)
    archive = (*mutations.ANY_FILE, *[mutations.change_archive] * 7)
    signed = (*mutations.ANY_FILE, *[mutations.change_checkpoint] * 7)
    settings = run.folder / "config.json", by_reward.folder / "config.json"
    return {
        "settings": Loader(settings[0], lambda: Run.open(run.folder), json_file),
        "settings by reward": Loader(settings[1], lambda: Run.open(by_reward.folder), json_file),
        "reports": Loader(run.metrics.path, run.metrics.read, mutations.TEXT),
        "scores": Loader(run.folder / "evaluation.json", lambda: read_scores(run), json_file),
        "network": Loader(run.folder / "model.keras", run.load_network, archive),
        "checkpoint": Loader(next(kept.folder.iterdir()), kept.newest, signed),
        "plan": Loader(plan, lambda: load_plan(plan), mutations.TEXT),
    }


def fuzz(
    folder: Path,
    files: int,
    seed: int = 0,
    first: int = 0,
    listen: Callable[[int], None] = lambda _: None,
) -> Tally:
    """Damages whole files and gives them to their loaders, one after the other.

    Args:
        folder: where the files are written; the present one stays there if the process dies.
        files: how many.
        seed: all damage follows from it, of each file from it and the file's number.
        first: number of the first file.
        listen: called with the number of each file before it is read.
    """
    import resource

    loaders = make_loaders(folder)
    whole = {name: loader.path.read_bytes() for name, loader in loaders.items()}
    outcomes: Counter[tuple[str, str]] = Counter()
    seconds: defaultdict[str, float] = defaultdict(float)
    failures = []
    for name, loader in loaders.items():  # loads what is loaded once
        if loader.load() is None:
            raise RuntimeError(f"expected a whole {name} to be read")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for number in range(first, first + files):
        rng = np.random.default_rng([seed, number])
        name = list(loaders)[number % len(loaders)]
        loader = loaders[name]
        _remove(loader.path)
        if rng.random() < 0.03:
            mutations.place_trap(loader.path, rng)
        else:
            mutation = loader.mutations[int(rng.integers(len(loader.mutations)))]
            loader.path.write_bytes(mutation(whole[name], rng))
        listen(number)
        began = time.perf_counter()
        try:
            with _nothing_else():
                outcome = "refused" if loader.load() is None else "read"
        except (RunError, PlanError) as error:
            outcome = type(error).__name__
        except (Exception, ForbiddenError) as error:
            outcome = f"failed: {type(error).__name__}"
            failures.append(f"file {number}, {name}: {error!r}")
        seconds[name] += time.perf_counter() - began
        outcomes[name, outcome] += 1
        _remove(loader.path)
        loader.path.write_bytes(whole[name])
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    return Tally(outcomes, failures, seconds, grown / 1024)


_watching = False


def _watch(event: str, arguments: tuple[Any, ...]) -> None:
    """Python's audit hook: refuses what reading must not do."""
    if not _watching:
        return
    written = event == "open" and (
        set(str(arguments[1] or "")) & set("wax+")
        or (isinstance(arguments[2], int) and arguments[2] & (os.O_WRONLY | os.O_RDWR))
    )
    if written or event.startswith(FORBIDDEN):
        raise ForbiddenError(f"{event} {arguments!r}"[:300])


@cache
def _add_hook() -> None:
    """Has `_watch` called from now on, for good: hooks cannot be taken away."""
    sys.addaudithook(_watch)


@contextmanager
def _nothing_else() -> Iterator[None]:
    """Refuses whatever reading must not do, and ends the process if it does not end."""
    global _watching
    _add_hook()
    faulthandler.dump_traceback_later(HANGS_AFTER, exit=True)
    _watching = True
    try:
        with without_warnings():
            yield
    finally:
        _watching = False
        faulthandler.cancel_dump_traceback_later()


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)
