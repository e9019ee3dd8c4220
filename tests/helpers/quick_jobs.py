"""Jobs of a sweep that train nothing; workers import them from here, by PYTHONPATH."""

import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fails:
    """Writes a file, says so, and raises an error that names its folder."""

    folder: Path
    budget: int = 2

    def is_done(self):
        return False

    def prepare(self):
        pass

    def work(self, tell):
        (self.folder / "half.txt").write_text("half")
        tell(1, "half done")
        raise RuntimeError(f"{self.folder} is no good")


@dataclass(frozen=True)
class LosesItsWorker(Fails):
    """Counts in its folder how often it is begun, and kills the process that started its own."""

    def work(self, tell):
        counted = self.folder / "counted.txt"
        times = int(counted.read_text()) + 1 if counted.exists() else 1
        counted.write_text(str(times))
        tell(times, "counted")
        time.sleep(1)  # until that has been heard
        os.kill(os.getppid(), signal.SIGKILL)
        time.sleep(600)
