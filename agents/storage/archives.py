"""Zip archives and arrays from files that nobody vouches for: bounded, and nothing is executed."""

import io
import math
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

KINDS = "biuf"
"""Kinds of NumPy's types that arrays may have: bool, integers and floats."""


def read_members(content: bytes) -> dict[str, bytes]:
    """Returns the files of a zip archive by name.

    Only archives as this project writes them: nothing is compressed, so that they hold no more than
    they have bytes, and nothing is encrypted. Names are no paths here: nothing is unpacked.

    Raises:
        ValueError: it is no such archive, or damaged.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            infos = archive.infolist()
            stored = all(info.compress_type == zipfile.ZIP_STORED for info in infos)
            # Members that lie over each other could together be far larger than the file.
            if not stored or sum(info.file_size for info in infos) > len(content):
                raise ValueError("expected a zip archive without compression")
            if len({info.filename for info in infos}) < len(infos):
                raise ValueError("expected a zip archive with each name once")
            return {info.filename: archive.read(info) for info in infos}
    # zipfile says RuntimeError of encryption, and NotImplementedError of later versions.
    except (zipfile.BadZipFile, RuntimeError, EOFError, OSError, zlib.error) as error:
        raise ValueError(f"expected a zip archive, got {error}") from error


def parse_array(content: bytes) -> NDArray[Any]:
    """Returns the array of a .npy file of numbers.

    Raises:
        ValueError: it is none, or holds another number of bytes than its header says.
    """
    file = io.BytesIO(content)
    version = np.lib.format.read_magic(file)
    if version != (1, 0):
        raise ValueError(f"expected a .npy file of version 1.0, got {version}")
    try:
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
    except Exception as error:  # whatever Python's tokenizer says of a header that is none
        raise ValueError(f"expected a header of a .npy file, got {error}") from error
    if dtype.kind not in KINDS:
        raise ValueError(f"expected an array of numbers, got {dtype}")
    numbers = content[file.tell() :]
    if min(shape, default=1) < 0 or math.prod(shape) * dtype.itemsize != len(numbers):
        raise ValueError(f"expected {shape} of {dtype}, got {len(numbers):,} bytes")
    array = np.frombuffer(numbers, dtype).reshape(shape, order="F" if fortran else "C")
    return array.copy(order="K")  # one that can be written to
