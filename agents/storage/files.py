"""Files: written, they appear whole or not at all; read, they are bounded and no links."""

import csv
import hashlib
import io
import json
import os
import stat
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import NoneType
from typing import Any, TypeVar, get_args, get_type_hints

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

LARGEST_TEXT = 2**22
"""Bytes of a JSON or TOML file; larger ones are refused before they are read."""

Row = TypeVar("Row")


class RunError(RuntimeError):
    """A run's folder is missing, incomplete or in the way."""


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Gives a temporary path, and moves what was written there to the path, which it replaces.

    What was written is on the disk before the move, and the move before this returns.
    """
    # What an earlier program left here; a link would lead elsewhere.
    temporary(path).unlink(missing_ok=True)
    yield temporary(path)
    _to_disk(temporary(path))
    os.replace(temporary(path), path)
    if os.name == "posix":  # elsewhere, folders cannot be opened
        _to_disk(path.parent)


@contextmanager
def locked(folder: Path, seconds: float = 10.0) -> Iterator[None]:
    """Keeps a folder for this process alone, among those that ask for it.

    The lock ends with the process, however that ends. Where files cannot be locked, as on Windows
    and some network drives, there is none.

    Args:
        folder: the folder.
        seconds: how long to wait for another process, which may be about to end.

    Raises:
        RunError: another process has it.
    """
    if fcntl is None:
        yield
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        began = time.monotonic()
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() - began > seconds:
                    raise RunError(f"another process is at work in {folder}") from None
                time.sleep(0.1)
                continue
            except OSError:
                pass
            break
        yield
    finally:
        os.close(descriptor)


def write_csv(rows: Iterable[tuple[Any, ...]], path: Path, names: Sequence[str]) -> None:
    """Writes rows as a CSV file below their names; None is an empty field."""
    with replacing(path) as new, new.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        writer.writerows(rows)


def read_csv(path: Path, kind: Callable[..., Row], largest: int = LARGEST_TEXT) -> list[Row]:
    """Reads what `write_csv` wrote.

    Args:
        path: the file.
        kind: a `NamedTuple` whose names are the columns, of numbers, texts, booleans and None.
        largest: the file's bytes at most.

    Raises:
        FileNotFoundError: there is nothing of that name.
        ValueError: it is no plain file, too large, or has other columns or values.
    """
    kinds = get_type_hints(kind)
    reader = csv.DictReader(io.StringIO(read_file(path, largest).decode(), newline=""))
    try:
        if set(reader.fieldnames or ()) != set(kinds):
            raise ValueError(f"the columns {reader.fieldnames}")
        return [
            kind(**{name: _from_text(kinds[name], value) for name, value in row.items()})
            for row in reader
        ]
    # A row with too few or too many values holds None or a list.
    except (ValueError, TypeError, KeyError, csv.Error) as error:
        raise ValueError(f"expected rows of {', '.join(kinds)} in {path}, got {error}") from error


def _from_text(kind: Any, text: str) -> Any:
    if NoneType in get_args(kind):
        (kind,) = (option for option in get_args(kind) if option is not NoneType)
        if not text:
            return None
    value = {"True": True, "False": False}[text] if kind is bool else kind(text)
    if kind is int and abs(value) >= 2**63:  # beyond what arrays and floats hold
        raise ValueError(f"an integer of {len(text)} digits")
    return value


def temporary(path: Path) -> Path:
    """Where a file is written before it gets its name."""
    return path.with_name(f".new-{path.name}")


def read_file(path: Path, largest: int = LARGEST_TEXT) -> bytes:
    """Returns the content of a file that somebody else may have written.

    Args:
        path: the file; no link, pipe or device, which could lead elsewhere or never end.
        largest: its bytes at most.

    Raises:
        FileNotFoundError: there is nothing of that name.
        ValueError: it is no plain file, or larger.
    """
    status = path.lstat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError(f"expected a file and no link, folder or pipe, got {path}")
    if status.st_size > largest:
        raise ValueError(f"expected a file of at most {largest:,} bytes, got {path}")
    with path.open("rb") as file:
        content = file.read(largest + 1)  # it may have grown since
    if len(content) > largest:
        raise ValueError(f"expected a file of at most {largest:,} bytes, got {path}")
    return content


def read_json(path: Path) -> Any:
    """Returns what a JSON file says.

    Raises:
        FileNotFoundError: there is nothing of that name.
        ValueError: it is no plain file, too large or no JSON.
    """
    return parse_json(read_file(path))


def parse_json(content: bytes) -> Any:
    """Returns what JSON says; raises ValueError if it is none, or nested too deep."""
    try:
        return json.loads(content)
    except RecursionError:
        raise ValueError("expected JSON, got one that is nested too deep") from None


def find_link(folder: Path) -> Path | None:
    """Returns a symbolic link within a folder, at any depth, or None.

    The folder may itself be one: who names it knows where it leads.
    """
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            if os.path.islink(path := os.path.join(place, name)):
                return Path(path)
    return None


def _to_disk(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def fingerprint(path: Path) -> str:
    """Returns what differs between files of different content: SHA-256, in hexadecimal digits."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
