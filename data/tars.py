"""Images in a tar archive, plain or packed by gzip, xz or bzip2. Nothing is ever written to disk."""

from __future__ import annotations

import bz2
import gzip
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from os import PathLike
from pathlib import Path, PurePosixPath
from typing import IO, Self

from .class_folders import MAX_FILE_BYTES, MAX_FILES, ImageCollection, is_hidden
from .image_files import IMAGE_SUFFIXES

MAX_UNPACKED_BYTES = 32 * 2**30
"""Largest archive read, in bytes after decompression."""

LABEL_SUFFIX = ".cls"
"""Ending of files that hold the class of the image of the same name beside them (WebDataset)."""

_LABEL_BYTES = 256
_HEADER_BYTES = 16 * 2**20

_DAMAGED = (tarfile.TarError, lzma.LZMAError, zlib.error, EOFError, OSError, UnicodeError, OverflowError)


def read_image_tar(path: str | PathLike[str], size: int | None = None) -> ImageCollection:
    """Read every image of a tar archive, in the order of their paths.

    Parameters
    ----------
    path : path
        Archive that holds ``class/image.png`` or ``train/class/image.png``, ``test/class/image.png``.
    size : int, optional
        Height and width to bring every image to.

    Returns
    -------
    ImageCollection
        With unusable files, paths that leave the archive, links and devices as faults.

    Raises
    ------
    ValueError
        If it is no tar archive, is damaged or cut short, or exceeds a limit.
    """
    collection = ImageCollection(str(path), size)
    for name, data in tar_images(Path(path), collection):
        collection.add(name, data)
    _sort(collection)
    return collection


def tar_images(path: Path, collection: ImageCollection) -> Iterator[tuple[str, bytes]]:
    """Path and content of each image of an archive, in its order; what is no image or cannot be one is noted."""
    with unpacked(path) as file:
        stream = _Bounded(file)
        try:
            with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as archive:  # type: ignore[call-overload]
                yield from _gather(archive, stream, collection)
            stream.read_to_end()  # what packs the archive has its checksum at the very end
        except _DAMAGED as error:
            raise ValueError(f"{path}: the archive is damaged or cut short ({error})") from None


def unpacked(path: Path) -> IO[bytes]:
    """Content of a file, decompressed if its first bytes say that it is packed by gzip, xz or bzip2."""
    with path.open("rb") as file:
        start = file.read(6)
    if start.startswith(b"\x1f\x8b"):
        return gzip.open(path)  # type: ignore[return-value]
    if start.startswith(b"\xfd7zXZ\0"):
        return lzma.open(path)
    if start.startswith(b"BZh"):
        return bz2.open(path)
    return path.open("rb")


class _Member(tarfile.TarInfo):
    """A member whose header is sound: tarfile itself takes a damaged or missing header for the end of the archive."""

    @classmethod
    def fromtarfile(cls, archive: tarfile.TarFile) -> Self:
        try:
            return super().fromtarfile(archive)
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            raise
        except (tarfile.HeaderError, ValueError) as error:
            raise tarfile.ReadError(str(error)) from None


class _Bounded:
    """A stream that hands out no more than members were said to hold, so that no header inflates without end."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._total, self._granted = file, 0, _HEADER_BYTES

    def grant(self, count: int) -> None:
        self._granted = self._total + count + _HEADER_BYTES

    def read(self, count: int) -> bytes:
        data = self._file.read(count)
        self._total += len(data)
        if self._total > MAX_UNPACKED_BYTES:
            raise tarfile.ReadError(f"more than {MAX_UNPACKED_BYTES:,} bytes when unpacked")
        if self._total > self._granted:
            raise tarfile.ReadError(f"a header of more than {_HEADER_BYTES:,} bytes")
        return data

    def read_to_end(self) -> None:
        self._granted = MAX_UNPACKED_BYTES
        while self.read(2**20):
            pass


def _gather(archive: tarfile.TarFile, stream: _Bounded, collection: ImageCollection) -> Iterator[tuple[str, bytes]]:
    seen: set[str] = set()
    for number, member in enumerate(archive):
        if number >= MAX_FILES:
            raise ValueError(f"{collection.where}: more than {MAX_FILES:,} files")
        stream.grant(member.size)
        if member.isdir():
            continue
        path = member.name.removeprefix("./")
        if fault := _fault_of_member(member, path):
            collection.faults.append(f"{path}: {fault}" if path.isprintable() else f"{path!a}: {fault}")
        elif is_hidden(path):
            continue
        elif PurePosixPath(path).suffix.lower() == LABEL_SUFFIX and (label := archive.extractfile(member)) is not None:
            collection.labels_beside[path[: -len(LABEL_SUFFIX)]] = label.read(_LABEL_BYTES).decode().strip()
        elif PurePosixPath(path).suffix.lower() not in IMAGE_SUFFIXES:
            collection.left_out.append(path)
        elif path in seen:
            collection.faults.append(f"{path}: is in the archive twice")
        elif (content := archive.extractfile(member)) is not None:
            seen.add(path)
            yield path, content.read()


def _fault_of_member(member: tarfile.TarInfo, path: str) -> str:
    if not path.isprintable():
        return "the name is not valid text"
    if path.startswith("/") or "\\" in path or ".." in path.split("/"):
        return "a path that leads out of the archive"
    if member.issym() or member.islnk():
        return "a link"
    if not member.isreg() or member.issparse():
        return "not a plain file"
    if member.size > MAX_FILE_BYTES:
        return f"{member.size:,} bytes; at most {MAX_FILE_BYTES:,} are read"
    return ""


def _sort(collection: ImageCollection) -> None:
    order = sorted(range(len(collection.paths)), key=collection.paths.__getitem__)
    collection.paths[:] = [collection.paths[number] for number in order]
    collection.images[:] = [collection.images[number] for number in order]
