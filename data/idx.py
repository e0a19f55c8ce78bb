"""IDX files: the format in which MNIST and its relatives are handed out, plain or gzipped.

http://yann.lecun.com/exdb/mnist: two zero bytes, a type byte, the number of dimensions, big-endian sizes, the values.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

MAX_BYTES = 8 * 2**30
"""Largest file read, in bytes after decompression."""

_UNSIGNED_BYTE = 0x08


def read_idx(path: str | PathLike[str]) -> NDArray[np.uint8]:
    """Read one IDX file of unsigned bytes, plain or gzipped.

    Parameters
    ----------
    path : path
        File; whether it is gzipped is seen from its content.

    Returns
    -------
    uint8 array
        In the shape that the header states.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is no IDX file of unsigned bytes, is cut short, goes on after its last value, or exceeds `MAX_BYTES`.

    Examples
    --------
    >>> import tempfile
    >>> file = Path(tempfile.mkdtemp()) / "labels-idx1-ubyte"
    >>> _ = file.write_bytes(bytes([0, 0, 8, 1, 0, 0, 0, 3, 7, 8, 9]))
    >>> read_idx(file)
    array([7, 8, 9], dtype=uint8)
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"{path}: {'a folder' if path.is_dir() else 'no such file'}; expected an IDX file")
    with path.open("rb") as raw:
        gzipped = raw.read(2) == b"\x1f\x8b"
        raw.seek(0)
        if not gzipped:
            return _read(raw, path)
        try:
            with gzip.GzipFile(fileobj=raw) as unzipped:
                return _read(unzipped, path)  # type: ignore[arg-type]
        except (gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise ValueError(f"{path}: the gzip stream is damaged or cut short ({error})") from None


def looks_like_idx(start: bytes) -> bool:
    """Whether the first bytes of a file (unpacked) are those of an IDX file.

    Examples
    --------
    >>> looks_like_idx(bytes([0, 0, 8, 3])), looks_like_idx(b"PK12")
    (True, False)
    """
    return len(start) >= 4 and start[:2] == b"\0\0" and 0x08 <= start[2] <= 0x0E and 1 <= start[3] <= 4


def _read(stream: BinaryIO, path: Path) -> NDArray[np.uint8]:
    start = stream.read(4)
    if not start:
        raise ValueError(f"{path}: the file is empty; expected an IDX file")
    if not looks_like_idx(start):
        raise ValueError(f"{path}: not an IDX file (it starts with {start!r})")
    if start[2] != _UNSIGNED_BYTE:
        raise ValueError(f"{path}: IDX values of type 0x{start[2]:02x}; expected unsigned bytes (0x08)")
    header = stream.read(4 * start[3])
    if len(header) < 4 * start[3]:
        raise ValueError(f"{path}: cut short within the header")
    shape = struct.unpack(f">{start[3]}I", header)
    size = math.prod(shape)
    if size > MAX_BYTES:
        raise ValueError(f"{path}: the header claims {list(shape)} = {size:,} bytes; at most {MAX_BYTES:,} are read")
    # In steps, so that a header that claims far more than there is takes no memory.
    chunks, left = [], size
    while left and (chunk := stream.read(min(left, 2**24))):
        chunks.append(chunk)
        left -= len(chunk)
    if left:
        raise ValueError(f"{path}: cut short: the header claims {size:,} values, the file holds {size - left:,}")
    if stream.read(1):
        raise ValueError(f"{path}: goes on after the {size:,} values that its header claims")
    return np.frombuffer(b"".join(chunks), np.uint8).reshape(shape)
