"""The machine that something was done on, and what a process takes of it."""

import os
import platform
from pathlib import Path


def hardware() -> dict[str, str]:
    """Returns system, processor, cores and memory of this machine; "-" for what it does not say."""
    return {
        "system": platform.platform(),
        "processor": _processor(),
        "cores": str(os.cpu_count() or "-"),
        "memory": _memory(),
    }


def resident_mebibytes(process: int | None = None) -> float:
    """Returns the memory that a process, this one if None, holds now, in MiB; on Linux alone."""
    statm = Path(f"/proc/{process or 'self'}/statm").read_text(encoding="utf-8")
    return int(statm.split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine() or "-"


def _memory() -> str:
    try:
        size = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):  # not there on every system
        return "-"
    return f"{size / 2**30:.1f} GiB"
