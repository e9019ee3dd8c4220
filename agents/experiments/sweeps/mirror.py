"""A folder's files, taken to another place: all of them, or what has changed since.

Taken are whole states: files that are being written (`agents.storage.files`) have not their names
yet.
"""

from pathlib import Path
from typing import NamedTuple

from agents.storage.files import replacing, temporary


class Changes(NamedTuple):
    """How a folder's files differ from an earlier state.

    Attributes:
        written: for each new or changed file, in the order they were written, its path within the
            folder, with slashes, and its content.
        removed: the paths of the files that are gone.
    """

    written: dict[str, bytes]
    removed: list[str]

    def apply(self, folder: Path) -> None:
        """Makes the same changes to another folder, which is made if it does not exist.

        Each file appears whole or not at all. They appear in the order in which they were written,
        so that a folder that was left half changed is one that there could have been.
        """
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.written.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            with replacing(folder / name) as path:
                path.write_bytes(content)
        for name in self.removed:
            (folder / name).unlink(missing_ok=True)


class Watched:
    """A folder, and what of it has been taken.

    Args:
        folder: the folder; it need not exist.
        known: whether the files that are there now count as taken.
    """

    def __init__(self, folder: Path, known: bool = False) -> None:
        self._folder = folder
        self._taken = self._list() if known else {}

    def changes(self) -> Changes:
        """Takes what has changed since the last call."""
        # Without a stable list, a file could be taken, but not one that was written before it.
        found, again = None, self._list()
        while found != again:
            found, again = again, self._list()
        new = [name for name, state in again.items() if self._taken.get(name) != state]
        written = {}
        for name in sorted(new, key=lambda name: again[name]):
            try:
                written[name] = (self._folder / name).read_bytes()
            except FileNotFoundError:  # removed since; the next call says so
                continue
        removed = [name for name in self._taken if name not in again]
        self._taken = again
        return Changes(written, removed)

    def _list(self) -> dict[str, tuple[int, int, int]]:
        """For each file what changes whenever it is written; the time comes first."""
        states = {}
        prefix = temporary(self._folder / "x").name.removesuffix("x")
        for path in sorted(self._folder.rglob("*")):
            try:
                if path.is_file() and not path.name.startswith(prefix):
                    state = path.stat()
                    name = path.relative_to(self._folder).as_posix()
                    states[name] = (state.st_mtime_ns, state.st_size, state.st_ino)
            except FileNotFoundError:  # removed since it was listed
                continue
        return states
