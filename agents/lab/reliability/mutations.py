"""Damage to files, as chance or somebody with bad intent might do it; all of it from a generator.

A mutation takes the bytes of a whole file and gives others. Those that know what a file is change
it so that checksums still hold: what they break is not found by a checksum.
"""

import copy
import hashlib
import io
import json
import os
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Mutation = Callable[[bytes, np.random.Generator], bytes]

PICKLE = b"cposix\nsystem\n(S'touch executed'\ntR."
"""A pickle that runs a command when it is loaded."""

LAMBDA = {
    "module": "keras.layers",
    "class_name": "Lambda",
    "config": {"name": "recurrent", "function": {"class_name": "__lambda__", "config": "4wEA"}},
    "registered_name": None,
}
"""A layer that holds code."""

VALUES: tuple[Any, ...] = (
    *(None, True, False, 0, -1, 1, 0.5, 10**6, 10**9, 10**12, -(10**12), 2**63, 10**400),
    *(float("nan"), float("inf"), -float("inf"), 1e308, "", "a", "\0"),
    *("../../outside", "/dev/zero", "os:system", "__import__('os')", "NTMCopy-v0", "dnc"),
    *("float16", "\ud800", "9" * 5000),
    *([], [[]], {}, {"a": 1}, [1, 2, 3], [None] * 1000, LAMBDA),
)  # fmt: skip
"""What may stand where something else was expected."""


def truncate(content: bytes, rng: np.random.Generator) -> bytes:
    """Cuts the end off."""
    return content[: int(rng.integers(len(content) + 1))]


def flip(content: bytes, rng: np.random.Generator) -> bytes:
    """Flips one to eight bits."""
    changed = bytearray(content or b"\0")
    for place in rng.integers(8 * len(changed), size=rng.integers(1, 9)):
        changed[place // 8] ^= 1 << int(place % 8)
    return bytes(changed)


def overwrite(content: bytes, rng: np.random.Generator) -> bytes:
    """Writes zeros, ones or random bytes over a part."""
    start, size = (int(n) for n in rng.integers(0, [len(content) + 1, 64]))
    filling = (bytes(size), b"\xff" * size, rng.bytes(size))[int(rng.integers(3))]
    return content[:start] + filling + content[start + size :]


def rearrange(content: bytes, rng: np.random.Generator) -> bytes:
    """Removes a part, repeats it or moves it to another place."""
    start, end, place = sorted(int(n) for n in rng.integers(len(content) + 1, size=3))
    part = content[start:end]
    without = content[:start] + content[end:]
    moved = content[:start] + content[end:place] + part + content[place:]
    return (without, content[:end] + 3 * part + content[end:], moved)[int(rng.integers(3))]


def replace_word(content: bytes, rng: np.random.Generator) -> bytes:
    """Puts another value in the place of a number or a word of a text."""
    words = list(re.finditer(rb'"[^"\n]*"|[\w.+-]+', content))
    if not words:
        return rng.bytes(64)
    word = words[int(rng.integers(len(words)))]
    return content[: word.start()] + _json(_value(rng)) + content[word.end() :]


def replace_all(_: bytes, rng: np.random.Generator) -> bytes:
    """Another file altogether: empty, random, a pickle, or nested without end."""
    nested = b"[" * 200_000, b'{"a":' * 50_000, b"a = " + b"[" * 100_000, b"1,\n" * 100_000
    whole = (b"", rng.bytes(2000), PICKLE, *nested, b"\xff\xfe" * 100, _json(_value(rng)))
    return whole[int(rng.integers(len(whole)))]


def change_json(content: bytes, rng: np.random.Generator) -> bytes:
    """Changes, removes or adds one to three values at any depth of a JSON file."""
    tree = {"": json.loads(content)}
    for _ in range(int(rng.integers(1, 4))):
        places = list(_places(tree))
        parent, key = places[int(rng.integers(len(places)))]
        kind = rng.integers(4)
        if kind == 0 and parent is not tree:
            del parent[key]
        elif kind == 1 and isinstance(parent, dict) and parent is not tree:
            parent[f"{key}_"] = _value(rng)
        else:
            parent[key] = _value(rng)
    return _json(tree[""])


def change_archive(content: bytes, rng: np.random.Generator) -> bytes:
    """Changes what a zip archive holds, its names or its compression, and writes it anew."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(name, archive.read(name)) for name in archive.namelist()]
    chosen = int(rng.integers(len(members)))
    name, inner = members[chosen]
    compression = zipfile.ZIP_STORED
    kind = rng.integers(10)
    if kind == 0:
        members[chosen] = f"../../{name}", inner
    elif kind == 1:
        members.append(("../outside", PICKLE))
    elif kind == 2:
        del members[chosen]
    elif kind == 3:  # a bomb
        compression = zipfile.ZIP_DEFLATED
        members[chosen] = name, inner + bytes(10_000_000)
    elif kind == 4:
        members[chosen] = name, _array_file(rng)
    else:
        members[chosen] = name, _damage_within(name, inner, rng)
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, inner in members:
            archive.writestr(name, inner)
    return file.getvalue()


def change_checkpoint(content: bytes, rng: np.random.Generator) -> bytes:
    """Changes the archive of a checkpoint and signs it again."""
    archive = content.partition(b"\n")[2]
    changed = (change_archive if rng.random() < 0.8 else flip)(archive, rng)
    return hashlib.sha256(changed).hexdigest().encode() + b"\n" + changed


def place_trap(path: Path, rng: np.random.Generator) -> None:
    """Puts something in a file's place that is none: a link, a folder, a pipe, a giant."""
    kind = rng.integers(5)
    if kind == 0:
        path.symlink_to("/dev/zero")
    elif kind == 1:
        path.symlink_to(path)
    elif kind == 2:
        path.mkdir()
    elif kind == 3:
        os.mkfifo(path)
    else:
        with path.open("wb") as file:  # takes no room on the disk
            file.truncate(2**36)


ANY_FILE: tuple[Mutation, ...] = (truncate, flip, overwrite, rearrange, replace_all)
TEXT = (*ANY_FILE, replace_word, replace_word)


def _damage_within(name: str, inner: bytes, rng: np.random.Generator) -> bytes:
    """Damages a member of an archive by what suits it."""
    kinds = (change_json, *TEXT) if name.endswith(".json") else ANY_FILE
    return kinds[int(rng.integers(len(kinds)))](inner, rng)


def _array_file(rng: np.random.Generator) -> bytes:
    """A .npy file whose header does not fit what follows, or asks for objects."""
    shape = ((10**12,), (-1,), (2**40, 2**40), (3,), "x", (10**400,))[int(rng.integers(6))]
    dtype = ("<f8", "|O", "|V9", "<U1000", "<f4")[int(rng.integers(5))]
    header = f"{{'descr': {dtype!r}, 'fortran_order': False, 'shape': {shape!r}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + PICKLE


def _places(tree: Any) -> Any:
    """Yields all (parent, key) of a tree of dicts and lists."""
    keys = tree.keys() if isinstance(tree, dict) else range(len(tree))
    for key in list(keys):
        yield tree, key
        if isinstance(tree[key], dict | list):
            yield from _places(tree[key])


def _value(rng: np.random.Generator) -> Any:
    return copy.deepcopy(VALUES[int(rng.integers(len(VALUES)))])  # it may be changed afterwards


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()
