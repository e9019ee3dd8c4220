"""Visitors of the playground: what their pages ask a server for, and how long they wait for it.

A visitor opens views of new tapes and plays through the first steps of each, as `page.js` does.
"""

import os
import random
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlencode

import numpy as np

from agents.storage.checkout import ROOT
from agents.storage.hardware import resident_mebibytes

AGENT = "copy-ntm"
LENGTHS = (20, 50, 100)
"""Vectors of the tapes; each length has its own number of slots."""
PLAYED = 40
"""Steps that are played of each view."""
INTERVAL = 0.12
"""Seconds from one step to the next, as `page.js` plays; a slow server is waited for."""
LONGEST_START = 120
SCRIPT = ROOT / "scripts" / "playground.py"


class Load(NamedTuple):
    """What visitors met, and what it cost.

    Attributes:
        visitors: how many there were at once.
        views: seconds that each new view took, all its pictures together.
        steps: seconds that each further step took.
        mebibytes: memory of the server at the end.
        cores: processor time of the server divided by the time that passed.
    """

    visitors: int
    views: list[float]
    steps: list[float]
    mebibytes: float
    cores: float

    @property
    def row(self) -> dict[str, str]:
        """The load as a row of a table, by its columns."""
        return {
            "visitors": f"{self.visitors}",
            "views": f"{len(self.views)}",
            "view, s": f"{np.median(self.views):.3f}",
            "95 % of views": f"{np.quantile(self.views, 0.95):.3f}",
            "step, s": f"{np.median(self.steps):.3f}",
            "95 % of steps": f"{np.quantile(self.steps, 0.95):.3f}",
            "cores": f"{self.cores:.2f}",
            "MiB": f"{self.mebibytes:,.0f}",
        }


@contextmanager
def served(port: int) -> Iterator[tuple[str, int]]:
    """Serves the playground in a process of its own; gives its address and process number.

    Raises:
        ValueError: something else answers at the port.
        RuntimeError: it has not begun after `LONGEST_START` seconds, or has ended.
    """
    address = f"http://127.0.0.1:{port}/"
    if _answers(address):
        raise ValueError(f"expected a free port, got {port}, where something answers")
    command = [sys.executable, str(SCRIPT), "--port", str(port), "--no-save"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(LONGEST_START):
            if _answers(address):
                yield address, process.pid
                return
            if process.poll() is not None:
                raise RuntimeError(f"the page ended with exit code {process.returncode}")
            time.sleep(1)
        raise RuntimeError(f"expected a page at {address}, got none in {LONGEST_START} s")
    finally:
        process.terminate()
        process.wait()


def load(address: str, process: int, visitors: int, seconds: float) -> Load:
    """Lets visitors look at new views for some time; each has a number, which its tapes come from.

    Args:
        address: the page's.
        process: the server's number.
        visitors: how many at once.
        seconds: how long.
    """
    made: list[tuple[list[float], list[float]]] = [([], []) for _ in range(visitors)]
    end = time.perf_counter() + seconds
    threads = [
        threading.Thread(target=_visit, args=(address, number, end, *made[number]))
        for number in range(visitors)
    ]
    before, began = _processor_seconds(process), time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    cores = (_processor_seconds(process) - before) / (time.perf_counter() - began)
    views, steps = (list(chain.from_iterable(parts)) for parts in zip(*made, strict=True))
    return Load(visitors, views, steps, resident_mebibytes(process), cores)


def _visit(address: str, number: int, end: float, views: list[float], steps: list[float]) -> None:
    draw = random.Random(number)
    while time.perf_counter() < end:
        view = {"agents": AGENT, "length": draw.choice(LENGTHS), "seed": draw.randrange(10**6)}
        views.append(
            _get(address, "over.png", {**view, "part": "tape"})
            + _get(address, "over.png", {**view, "part": AGENT})
            + _get(address, "memory.png", {**view, "part": AGENT})
        )
        for step in range(1, PLAYED):
            steps.append(_get(address, "memory.png", {**view, "part": AGENT, "step": step}))
            time.sleep(max(0.0, INTERVAL - steps[-1]))


def _get(address: str, path: str, query: dict[str, object]) -> float:
    """Asks for a picture and returns the seconds that it took."""
    began = time.perf_counter()
    with urllib.request.urlopen(f"{address}{path}?{urlencode(query)}") as answer:
        answer.read()
    return time.perf_counter() - began


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address):
            return True
    except urllib.error.URLError:
        return False


def _processor_seconds(process: int) -> float:
    # After the name, which may hold spaces: user and system time are fields 14 and 15 of all.
    fields = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
