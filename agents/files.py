"""Files that appear whole or not at all, whatever stops the program or the machine."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path, and moves what was written there to the path, which it replaces.

    What was written is on the disk before the move, and the move before this returns.
    """
    temporary = path.with_name(f".new-{path.name}")
    yield temporary
    _to_disk(temporary)
    os.replace(temporary, path)
    if os.name == "posix":  # elsewhere, folders cannot be opened
        _to_disk(path.parent)


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
