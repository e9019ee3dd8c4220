"""Checkpoints: all that training needs to go on exactly where it was.

A file is the SHA-256 of what follows, a newline, and a NumPy archive: numbered arrays, and the
other values as JSON. Reading executes nothing.
"""

import hashlib
import io
import json
import logging
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.storage.archives import parse_array, read_members
from agents.storage.files import RunError, parse_json, read_file, replacing

LARGEST = 1 << 32
"""Bytes; larger files are refused before they are read."""

logger = logging.getLogger(__name__)


class Checkpoint(NamedTuple):
    """The state of a training.

    Attributes:
        arrays: arrays of numbers, in an order that the training knows.
        values: all other values, such as JSON can hold.
    """

    arrays: Sequence[NDArray[Any]]
    values: dict[str, Any]


class Checkpoints:
    """The last checkpoints of a run.

    Args:
        folder: where they are; made when the first is written.
        keep: how many are kept, at least 1. A damaged one is replaced by the one before it.
        share: the greatest share of the time that `offer` may take.
    """

    def __init__(self, folder: Path, keep: int = 2, share: float = 0.02) -> None:
        self.folder = folder
        self.keep = keep
        self.share = share
        self._written, self._took = time.perf_counter(), 0.0

    def offer(self, number: int, state: Callable[[], Checkpoint]) -> None:
        """Writes a checkpoint, unless the last one is too recent for its cost."""
        if (time.perf_counter() - self._written) * self.share >= self._took:
            self.write(number, state())

    def write(self, number: int, state: Checkpoint) -> None:
        """Writes a checkpoint, and removes those that are no longer kept.

        Args:
            number: grows from one checkpoint to the next, such as the sequences so far.
            state: what is written.
        """
        began = time.perf_counter()
        arrays = {str(i): array for i, array in enumerate(state.arrays)}
        values = np.frombuffer(json.dumps(state.values).encode(), np.uint8)
        archive = io.BytesIO()
        np.savez(archive, allow_pickle=False, values=values, **arrays)
        self.folder.mkdir(exist_ok=True)
        with replacing(self.folder / f"{number:012}.checkpoint") as path, path.open("wb") as file:
            file.write(hashlib.sha256(archive.getbuffer()).hexdigest().encode() + b"\n")
            file.write(archive.getbuffer())
        for old in self.paths()[: -self.keep]:
            old.unlink()
        self._written = time.perf_counter()
        self._took = self._written - began

    def newest(self) -> Checkpoint | None:
        """Returns the newest checkpoint that is whole, or None; logs a warning for each damaged."""
        return next((checkpoint for _, checkpoint in self.whole()), None)

    def whole(self) -> Iterator[tuple[int, Checkpoint]]:
        """Yields all that are whole with their numbers, the newest first; warns of the damaged."""
        for path in reversed(self.paths()):
            try:
                yield int(path.stem), _read(path)
            except (OSError, ValueError) as error:
                logger.warning("A damaged checkpoint is passed over: %s", error)

    def paths(self) -> list[Path]:
        """Returns the files that there are, the oldest first."""
        return sorted(self.folder.glob("*.checkpoint"))


@contextmanager
def without_warnings() -> Iterator[None]:
    """Around what reads checkpoints that are known to be damaged."""
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


@contextmanager
def expect_own_checkpoint() -> Iterator[None]:
    """Around what takes over a checkpoint's state.

    Raises:
        RunError: it is not that of this training, or changed by somebody who also signed it.
    """
    try:
        yield
    except (LookupError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise RunError(f"expected a checkpoint of this training, got {error!r}") from error


def _read(path: Path) -> Checkpoint:
    """Raises ValueError if it is not what was written."""
    expected, _, content = read_file(path, LARGEST).partition(b"\n")
    if hashlib.sha256(content).hexdigest().encode() != expected:
        raise ValueError(f"expected what was written to {path}, got something else")
    # Who changes a file can also write its new hash: what follows trusts nothing.
    members = read_members(content)
    names = ["values.npy", *(f"{i}.npy" for i in range(len(members) - 1))]
    if members.keys() != set(names):
        raise ValueError(f"expected numbered arrays and values in {path}, got {sorted(members)}")
    values, *arrays = (parse_array(members[name]) for name in names)
    content_of_values = parse_json(values.tobytes())
    if not isinstance(content_of_values, dict):
        raise ValueError(f"expected values by their names in {path}, got {content_of_values!r}")
    return Checkpoint(arrays, content_of_values)
