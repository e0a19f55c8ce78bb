"""IDX files: the format in which MNIST and its relatives are handed out, plain or gzipped.

http://yann.lecun.com/exdb/mnist: two zero bytes, a type byte, the number of dimensions, big-endian sizes, the values.
"""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from .items import ImagePart

MAX_BYTES = 8 * 2**30
"""Largest file read, in bytes after decompression."""

_UNSIGNED_BYTE = 0x08
_TRAIN, _TEST = "train", "t10k"


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


def find_idx(folders: Sequence[Path]) -> Path | None:
    """First of the folders that holds a file of MNIST's names.

    Examples
    --------
    >>> find_idx([Path("no-such-folder")]) is None
    True
    """
    for folder in folders:
        if any(_file(folder, part, kind) for part in (_TRAIN, _TEST) for kind in _KINDS):
            return folder
    return None


def read_idx_parts(folder: str | PathLike[str]) -> tuple[ImagePart, ImagePart]:
    """Training and test images of a folder with MNIST's file names.

    Parameters
    ----------
    folder : path
        Holds ``train-images-idx3-ubyte``, ``train-labels-idx1-ubyte`` and the same with ``t10k``, plain or ``.gz``.

    Returns
    -------
    tuple of ImagePart
        Training and test part.

    Raises
    ------
    FileNotFoundError
        If one of the four is missing.
    ValueError
        If a file is damaged, or images and labels differ in number.
    """
    folder = Path(folder)
    return read_idx_pair(*_pair(folder, _TRAIN)), read_idx_pair(*_pair(folder, _TEST))


def read_idx_pair(images_path: Path, labels_path: Path) -> ImagePart:
    """Images and labels of an IDX pair.

    Parameters
    ----------
    images_path, labels_path : path
        Files of 3 dimensions [image, height, width] and of 1 dimension [image].

    Returns
    -------
    ImagePart

    Raises
    ------
    ValueError
        If a file is damaged or has another number of dimensions, or images and labels differ in number.
    """
    images, labels = read_idx(images_path), read_idx(labels_path)
    for path, array, wanted, what in ((images_path, images, 3, "images"), (labels_path, labels, 1, "labels")):
        if array.ndim != wanted:
            raise ValueError(
                f"{path}: {array.ndim} dimensions; {what} have {wanted}. Have images and labels changed places?"
            )
    if len(images) != len(labels):
        raise ValueError(f"{images_path} holds {len(images)} images but {labels_path} holds {len(labels)} labels")
    if images.size == 0:
        raise ValueError(f"{images_path}: no images")
    return ImagePart(images, labels.astype(np.int64))


_KINDS = {"images": "idx3-ubyte", "labels": "idx1-ubyte"}


def _file(folder: Path, part: str, kind: str) -> Path | None:
    names = [f"{part}-{kind}{joint}{_KINDS[kind]}{ending}" for joint in "-." for ending in ("", ".gz")]
    return next((folder / name for name in names if (folder / name).is_file()), None)


def _pair(folder: Path, part: str) -> tuple[Path, Path]:
    images, labels = _file(folder, part, "images"), _file(folder, part, "labels")
    if images is None or labels is None:
        missing = [f"{part}-{kind}-{ending}[.gz]" for kind, ending in _KINDS.items() if not _file(folder, part, kind)]
        raise FileNotFoundError(f"{folder}: no file {' and no file '.join(missing)}")
    return images, labels


def _read(stream: BinaryIO, path: Path) -> NDArray[np.uint8]:
    start = stream.read(4)
    if not start:
        raise ValueError(f"{path}: the file is empty; expected an IDX file")
    if len(start) < 4 or start[:2] != b"\0\0" or not 1 <= start[3] <= 4:
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
