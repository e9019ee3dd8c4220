"""How long and how much memory it takes to score a network far beyond its training lengths."""

import subprocess
import sys
from collections.abc import Iterator

import numpy as np

from agents.lab.speed.measurement import MEMORY_PASSES, Speed, rate
from agents.recipes.cells import NTMConfig
from agents.storage.checkout import ROOT

EVALUATION = """
import resource, sys, time
from pathlib import Path
from agents import tensorflow
tensorflow.prepare()
from agents.evaluation.scores import held_out, score
from agents.policies.recurrent import RecurrentAgent
from ntm_gym import Copy
length, slots, episodes = map(int, sys.argv[1:])
began = time.perf_counter()
agent = RecurrentAgent.pretrained("copy", slots=slots)
score("ntm", agent, held_out(Copy(), length, episodes, seed=0), slots)
status = Path("/proc/self/status")
if status.exists():  # what resource tells on Linux also counts the process that started this one
    (most,) = (line.split()[1] for line in status.open() if line.startswith("VmHWM"))
    gibibytes = int(most) / 2**20
else:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    gibibytes = most / (2**30 if sys.platform == "darwin" else 2**20)
print(time.perf_counter() - began, gibibytes)
"""


def evaluation_times(
    seconds: float, length: int = 10_000, slots: int = 16_384, episodes: int = 2
) -> Iterator[Speed]:
    """Yields what an evaluation of Copy takes in a process of its own, compilation included.

    Its seconds stand beside those of NumPy's passes over such a memory, its memory beside nothing.

    Args:
        seconds: time for measuring the passes.
        length: vectors to copy.
        slots: memory slots, at least as many as vectors.
        episodes: tapes, answered together.
    """
    sizes = [str(size) for size in (length, slots, episodes)]
    command = [sys.executable, "-c", EVALUATION, *sizes]
    told = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, cwd=ROOT).stdout
    took, gibibytes = map(float, told.split())
    what = f"evaluation, Copy, {length:,} vectors, {slots:,} slots"
    memory = np.ones((episodes, NTMConfig.width, slots), np.float32)
    result = np.empty_like(memory)

    def passes() -> int:
        for _ in range(MEMORY_PASSES):
            np.multiply(memory, memory, out=result)
        return 1

    floor = (2 * length + 1) / rate(passes, seconds)
    name = f"NumPy, {MEMORY_PASSES} passes over such a memory at each step"
    yield Speed(what, took, "s", name, baseline_value=floor)
    yield Speed(f"{what}: most memory in use", gibibytes, "GiB")
