"""Reading of HDF5 files that may be damaged, foreign or made to do harm."""

from __future__ import annotations

import json
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from math import prod
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import h5py
import numpy as np

from .disk_file import is_being_written

SIGNATURE = b"\x89HDF\r\n\x1a\n"
LARGEST_TEXT = 16 * 2**20  # bytes
LARGEST_REUSE = 8  # times that one access may read the same byte
LARGEST_PACKED = 4 * 2**30  # bytes that one access may read from compressed tables, or from holes of a sparse file
PLAIN_FILTERS = {h5py.h5z.FILTER_DEFLATE, h5py.h5z.FILTER_SHUFFLE, h5py.h5z.FILTER_FLETCHER32}
# What h5py raises on damaged structures, beside its plain OSError.
DAMAGE = (OSError, LookupError, RuntimeError, TypeError, AttributeError, ArithmeticError, MemoryError, SystemError)
ATTEMPTS = 5  # to read a file that grows

P = ParamSpec("P")
R = TypeVar("R")


class CheckedFile:
    """An open recording that checks every part before it reads it.

    Every refusal is a ValueError that names the file and the part.
    """

    def __init__(self, path: Path, file: h5py.File) -> None:
        self.path = path
        self._groups = {"": file}  # those whose links have been looked at
        found = os.stat(path)
        self._bytes = found.st_size
        self._on_disk = getattr(found, "st_blocks", -(-found.st_size // 512)) * 512  # less for a file with holes
        self._unpacked = 0
        self._plain = 0

    def refuse(self, problem: str) -> ValueError:
        return ValueError(f"{self.path}: {problem}")

    def has(self, name: str) -> bool:
        """Whether a part exists, named by its path from the root."""
        return self._part(name) is not None

    def group(self, name: str) -> h5py.Group:
        found = self._part(name)
        if not isinstance(found, h5py.Group):
            raise self.refuse(f"the group {name} is missing; the recording is damaged or was not made by engram")
        return found

    def has_text(self, group: str, name: str) -> bool:
        """Whether an attribute exists, or the scalar dataset that stands for it."""
        return h5py.h5a.exists(self.group(group).id, name.encode()) or self.has(f"{group}/{name}".lstrip("/"))

    def _part(self, name: str) -> h5py.Group | h5py.Dataset | None:
        if name in self._groups:
            return self._groups[name]
        above, _, last = name.rpartition("/")
        group = self._part(above)
        if not isinstance(group, h5py.Group) or (link := group.get(last, getlink=True)) is None:
            return None
        if type(link) is not h5py.HardLink:
            raise self.refuse(f"{name} is a link to elsewhere, expected the part itself; links are not followed")
        part = group[last]
        if isinstance(part, h5py.Group):
            self._groups[name] = part
        return part

    def text(self, group: str, name: str) -> str:
        """Text of an attribute, or of the scalar dataset that stands for it."""
        place = self.group(group)
        part = f"{group}/{name}".lstrip("/")
        if h5py.h5a.exists(place.id, name.encode()):
            attribute = h5py.h5a.open(place.id, name.encode())
            if attribute.shape != () or not _is_text(attribute.get_type()):
                raise self.refuse(f"the attribute {part} is of another kind, expected one text of fixed size")
            if attribute.get_storage_size() > LARGEST_TEXT:
                raise self.refuse(f"the attribute {part} is larger than {LARGEST_TEXT} bytes")
            value = np.zeros((), dtype=attribute.dtype)
            attribute.read(value)
        elif self.has(part):
            dataset = self._dataset(part)
            if dataset.shape != () or not _is_text(dataset.id.get_type()) or dataset.dtype.itemsize > LARGEST_TEXT:
                raise self.refuse(f"{part} is of another kind, expected one text of at most {LARGEST_TEXT} bytes")
            value = np.asarray(dataset[()])
        else:
            raise self.refuse(f"the attribute {part} is missing; the recording is damaged or was not made by engram")
        return self.decoded(part, bytes(value[()]))

    def json(self, group: str, name: str, kind: type) -> Any:
        text = self.text(group, name)
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise self.refuse(f"the attribute {group}/{name} is damaged: {error}") from None
        if not isinstance(value, kind):
            raise self.refuse(f"the attribute {group}/{name} is damaged: found a JSON {type(value).__name__}")
        return value

    def number(self, group: str, name: str) -> float | int:
        place = self.group(group)
        part = f"{group}/{name}".lstrip("/")
        if not h5py.h5a.exists(place.id, name.encode()):
            raise self.refuse(f"the attribute {part} is missing; the recording is damaged or was not made by engram")
        attribute = h5py.h5a.open(place.id, name.encode())
        kind = attribute.get_type().get_class()
        if attribute.shape != () or kind not in (h5py.h5t.INTEGER, h5py.h5t.FLOAT):
            raise self.refuse(f"the attribute {part} is of another kind, expected one number")
        value = np.zeros((), dtype=attribute.dtype)
        attribute.read(value)
        return int(value) if kind == h5py.h5t.INTEGER else float(value)

    def numbers(self, group: str, name: str) -> np.ndarray:
        """One-dimensional attribute of whole numbers."""
        place = self.group(group)
        part = f"{group}/{name}".lstrip("/")
        if not h5py.h5a.exists(place.id, name.encode()):
            raise self.refuse(f"the attribute {part} is missing; the recording is damaged or was not made by engram")
        attribute = h5py.h5a.open(place.id, name.encode())
        if (
            len(attribute.shape or ()) != 1
            or attribute.get_type().get_class() != h5py.h5t.INTEGER
            or attribute.get_storage_size() > LARGEST_TEXT
        ):
            raise self.refuse(f"the attribute {part} is of another kind, expected a list of whole numbers")
        values = np.zeros(attribute.shape, dtype=attribute.dtype)
        attribute.read(values)
        return values

    def attributes(self, group: str) -> dict[str, str | float | int | np.ndarray]:
        """All attributes of a group that are a text, a number or a list of whole numbers."""
        place = self.group(group)
        found: dict[str, str | float | int | np.ndarray] = {}
        for name in place.attrs:
            attribute = h5py.h5a.open(place.id, name.encode())
            if _is_text(attribute.get_type()):
                found[name] = self.text(group, name)
            else:
                found[name] = self.number(group, name) if attribute.shape == () else self.numbers(group, name)
        return found

    def count(self, group: str, name: str, largest: int) -> int:
        found = self.number(group, name)
        if not isinstance(found, int) or not 0 <= found <= largest:
            raise self.refuse(f"the attribute {group}/{name} is {found}, expected a whole number of at most {largest}")
        return found

    def table(self, name: str, kind: str, shape: tuple[int | None, ...]) -> h5py.Dataset:
        """A table that is safe to read.

        Parameters
        ----------
        name : str
            Path from the root.
        kind : {"i", "f", "S"}
            Integers, floats or texts of fixed size.
        shape : tuple of int or None
            Expected shape; None where any length will do.
        """
        dataset = self._dataset(name)
        words = {"i": "whole numbers", "f": "floats", "S": "texts of fixed size"}
        classes = {"i": h5py.h5t.INTEGER, "f": h5py.h5t.FLOAT, "S": h5py.h5t.STRING}
        of_type = dataset.id.get_type()
        if of_type.get_class() != classes[kind] or (kind == "S" and not _is_text(of_type)):
            raise self.refuse(f"{name} holds something else than {words[kind]}")
        fits = len(dataset.shape) == len(shape) and all(
            want in (None, have) for want, have in zip(shape, dataset.shape, strict=True)
        )
        if not fits:
            wanted = " x ".join("any" if want is None else str(want) for want in shape)
            raise self.refuse(f"{name} has the shape {dataset.shape}, expected {wanted}")
        return dataset

    def texts(self, name: str, length: int | None) -> list[str]:
        return [self.decoded(name, cell) for cell in self.table(name, "S", (length,))[...].tolist()]

    def check_fits(self, size: int) -> None:
        """Refuse tables that are larger together than the file could hold, before memory is taken for them."""
        if size > max(self._on_disk, LARGEST_PACKED):
            raise self.refuse(f"the tables declare {size} bytes together that the file does not have")

    def _count_plain(self, name: str, size: int) -> None:
        self._plain += size
        if self._plain > LARGEST_REUSE * self._bytes:
            raise self.refuse("tables share their bytes with each other; the recording is damaged")
        if self._plain > max(LARGEST_REUSE * self._on_disk, LARGEST_PACKED):
            raise self.refuse(f"{name} declares {size} bytes of which the disk holds {self._on_disk} at most")

    def decoded(self, part: str, raw: bytes) -> str:
        try:
            return raw.decode("utf-8")
        except UnicodeDecodeError:
            raise self.refuse(f"{part} is damaged: it is not UTF-8 text") from None

    def _dataset(self, name: str) -> h5py.Dataset:
        dataset = self._part(name)
        if not isinstance(dataset, h5py.Dataset) or dataset.shape is None:
            raise self.refuse(f"the table {name} is missing; the recording is damaged or was not made by engram")
        properties = dataset.id.get_create_plist()
        layout = properties.get_layout()
        if layout == h5py.h5d.VIRTUAL or (layout == h5py.h5d.CONTIGUOUS and properties.get_external_count()):
            raise self.refuse(f"{name} keeps its numbers in other files, which are not read")
        declared = prod(dataset.shape) * dataset.id.get_type().get_size()
        if layout == h5py.h5d.CONTIGUOUS:
            end = (dataset.id.get_offset() or 0) + declared
            if dataset.id.get_storage_size() < declared or end > self._bytes:
                raise self.refuse(f"{name} declares {declared} bytes that the file does not have; it is cut short")
            self._count_plain(name, declared)
        elif layout == h5py.h5d.CHUNKED:
            used = {properties.get_filter(index)[0] for index in range(properties.get_nfilters())}
            if used - PLAIN_FILTERS:
                raise self.refuse(f"{name} is compressed by filters {sorted(used)}, only gzip and shuffle are read")
            if not used and (stored := dataset.id.get_storage_size()) >= declared:  # all of it is in the file
                self._count_plain(name, stored)
                return dataset
            chunk = prod(properties.get_chunk()) * dataset.id.get_type().get_size()
            self._unpacked += max(declared, chunk)
            if self._unpacked > LARGEST_PACKED:
                raise self.refuse(
                    f"{name} would unpack to {declared} bytes, too many; store it contiguously (h5repack)"
                )
        return dataset


@contextmanager
def open_checked(path: Path) -> Iterator[CheckedFile]:
    """Open a recording for one access, also while it is being written."""
    check_is_hdf5(path)
    try:
        with _opened(path) as file:
            yield CheckedFile(path, file)
    except (*DAMAGE, ValueError) as error:
        if isinstance(error, ValueError) and str(path) in str(error):  # refused by ourselves, in better words
            raise
        words = " ".join(str(error).split()) or type(error).__name__
        if is_being_written(path):
            raise ValueError(
                f"{path} is being written by another process, and cannot be read at this moment ({words}): try again, "
                "or wait for that process"
            ) from error
        raise ValueError(f"{path}: the recording is damaged or cut short ({words})") from error


def following_growth(read: Callable[Concatenate[Path, P], R]) -> Callable[Concatenate[Path, P], R]:
    """Read again where the file grew meanwhile: HDF5 sees nothing behind the end that it found on opening."""

    @wraps(read)
    def again(path: Path, /, *arguments: P.args, **named: P.kwargs) -> R:
        for _ in range(ATTEMPTS - 1):
            before = _size(path)
            try:
                return read(path, *arguments, **named)
            except ValueError:
                if _size(path) == before:
                    raise
        return read(path, *arguments, **named)

    return again


@following_growth
def _opened(path: Path) -> h5py.File:
    try:
        return h5py.File(path, "r", locking=False)
    except OSError as error:
        raise ValueError(str(error)) from error


def _size(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def check_is_hdf5(path: Path) -> None:
    """Refuse what is no HDF5 file before HDF5 sees it."""
    try:
        found = path.stat()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path}: there is no such recording") from None
    if stat.S_ISDIR(found.st_mode):
        raise IsADirectoryError(f"{path} is a folder, expected a recording (an HDF5 file)")
    if not stat.S_ISREG(found.st_mode):
        raise ValueError(f"{path} is not a regular file, expected a recording (an HDF5 file)")
    if found.st_size == 0:
        raise ValueError(f"{path} is empty, expected a recording (an HDF5 file)")
    with path.open("rb") as file:
        start = file.read(len(SIGNATURE))
    if start != SIGNATURE:
        raise ValueError(f"{path} is not an HDF5 file, expected a recording; it begins with {start!r}")


def _is_text(of_type: h5py.h5t.TypeID) -> bool:
    return of_type.get_class() == h5py.h5t.STRING and not of_type.is_variable_str()
