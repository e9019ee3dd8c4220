"""Files that appear whole or not at all, whatever stops the program or the machine."""

import csv
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any


class RunError(RuntimeError):
    """A run's folder is missing, incomplete or in the way."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path, and moves what was written there to the path, which it replaces.

    What was written is on the disk before the move, and the move before this returns.
    """
    yield temporary(path)
    _to_disk(temporary(path))
    os.replace(temporary(path), path)
    if os.name == "posix":  # elsewhere, folders cannot be opened
        _to_disk(path.parent)


def write_csv(rows: Iterable[tuple[Any, ...]], path: Path, names: Sequence[str]) -> None:
    """Writes rows as a CSV file below their names; None is an empty field."""
    with replacing(path) as new, new.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)


def temporary(path: Path) -> Path:
    """Where a file is written before it gets its name."""
    return path.with_name(f".new-{path.name}")


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fingerprint(path: Path) -> str:
    """Returns what differs between files of different content: SHA-256, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
