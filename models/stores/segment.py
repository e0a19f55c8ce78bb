"""One file of a store: coded items of one class and one lesson, in the order in which they would be kept."""

from __future__ import annotations

import errno
import os
import struct
import weakref
import zlib
from array import array
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

_HEAD = struct.Struct("<8s7I")
_CRC = struct.Struct("<I")
_VARYING = struct.Struct("<IH")
"""Length of a record's codes, and its items: before the codes, where their length varies."""
_MAGIC = b"engram01"
HEADER_BYTES = _HEAD.size + _CRC.size
CODER_SLACK = 16
"""Bytes that a part of a block may take beyond its even share."""


@dataclass(frozen=True)
class SegmentHead:
    """What all items of a file have in common.

    Attributes
    ----------
    label : int
        Slot of the items.
    task : int
    version : int
        Version of the codec's parameters that made them.
    offered : int
        Items of the class that the lesson had; their order of keeping derives from it.
    block : int
        Items of a record; the last may have fewer.
    record_bytes : int
        Bytes of every record's codes; 0 where they vary.
    extra : int
        Values (float32) that follow the codes of a record for each of its items, and count as codes here.
    """

    label: int
    task: int
    version: int
    offered: int
    block: int
    record_bytes: int
    extra: int = 0

    def pack(self) -> bytes:
        """The head as it stands at the beginning of a file."""
        numbers = (self.label, self.task, self.version, self.offered, self.block, self.record_bytes, self.extra)
        head = _HEAD.pack(_MAGIC, *numbers)
        return head + _CRC.pack(zlib.crc32(head))

    @classmethod
    def unpack(cls, data: bytes, path: Path) -> SegmentHead:
        """The head of a file.

        Raises
        ------
        ValueError
            It is none, or it is damaged.
        """
        if len(data) < HEADER_BYTES:
            raise DamagedStore(harm(path, "is cut off within its head"))
        magic, *numbers = _HEAD.unpack(data[: _HEAD.size])
        if magic != _MAGIC or _CRC.unpack(data[_HEAD.size :])[0] != zlib.crc32(data[: _HEAD.size]):
            raise DamagedStore(harm(path, "is damaged at its head, or is no file of an episodic store"))
        return cls(*numbers)


class OpenFiles:
    """Files open for reading, at most a stated number at a time: a thousand classes are a thousand files.

    They are closed at the latest when nothing refers to this object any more.

    Parameters
    ----------
    most : int
    """

    def __init__(self, most: int = 256) -> None:
        self._most = most
        self._open: OrderedDict[Path, int] = OrderedDict()
        weakref.finalize(self, _close_all, self._open)

    def read(self, path: Path, offset: int, length: int) -> bytes:
        """Bytes of a file, fewer where it ends."""
        handle = self._open.get(path)
        if handle is None:
            if len(self._open) >= self._most:
                self._close_oldest()
            handle = self._open[path] = self._opened(path)
        else:
            self._open.move_to_end(path)
        return os.pread(handle, length, offset)

    def _opened(self, path: Path) -> int:
        try:
            return os.open(path, os.O_RDONLY)
        except OSError as error:
            if error.errno not in (errno.EMFILE, errno.ENFILE) or not self._open:
                raise
        self._most = max(1, len(self._open) // 2)  # what else this process opens needs some, too
        while len(self._open) >= self._most:
            self._close_oldest()
        return os.open(path, os.O_RDONLY)

    def _close_oldest(self) -> None:
        os.close(self._open.popitem(last=False)[1])

    def forget(self, path: Path) -> None:
        """Close a file that is to be moved or removed."""
        if (handle := self._open.pop(path, None)) is not None:
            os.close(handle)

    def close(self) -> None:
        """Close all files."""
        _close_all(self._open)


def _close_all(handles: OrderedDict[Path, int]) -> None:
    while handles:
        os.close(handles.popitem()[1])


class Segment:
    """Items of one class and one lesson, in one file.

    A fixed head, then records: the codes of a block of items and a CRC-32 over codes and number of the record; where
    the length of codes varies, a record begins with it and the number of items. Records lie in the order of keeping, so
    that to keep fewer items is to cut the file.

    Parameters
    ----------
    path : path
    head : SegmentHead
    """

    def __init__(self, path: Path, head: SegmentHead) -> None:
        self.path = path
        self.head = head
        self.items = 0
        self._ends = array("q")
        self._crcs = array("I")
        self._before = 0 if head.record_bytes else _VARYING.size

    @classmethod
    def create(cls, path: Path, head: SegmentHead) -> Segment:
        """A new file without records."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(head.pack())
        return cls(path, head)

    @classmethod
    def load(cls, path: Path, nbytes: int, items: int, checksum: int) -> Segment:
        """A file as it was at a checkpoint; what has been added since is cut off.

        Parameters
        ----------
        path : path
        nbytes, items, checksum : int
            What the segment's attributes were then.

        Raises
        ------
        ValueError
            The file is missing, cut or damaged.
        """
        if not path.exists():
            raise DamagedStore(harm(path, "is missing"))
        if path.stat().st_size > nbytes:
            os.truncate(path, nbytes)
        with path.open("rb") as file:
            segment = cls(path, SegmentHead.unpack(file.read(HEADER_BYTES), path))
            while segment.items < items:
                segment._load_record(file, items)
        if segment.nbytes != nbytes or segment.items != items or segment.checksum != checksum:
            raise DamagedStore(harm(path, f"does not hold the {items} items that the checkpoint names"))
        return segment

    def _load_record(self, file: BinaryIO, items: int) -> None:
        front = file.read(self._before)
        if len(front) < self._before:
            raise DamagedStore(harm(self.path, f"is cut off at item {self.items}"))
        codes, count = self.head.record_bytes, min(self.head.block, items - self.items)
        if self._before:
            codes, count = _VARYING.unpack(front)
        data = front + file.read(codes + _CRC.size)
        self._checked(data, len(self._crcs), len(front) + codes + _CRC.size)
        self._add(codes, count, _CRC.unpack(data[-_CRC.size :])[0])

    @property
    def nbytes(self) -> int:
        """Length of the file."""
        return self._ends[-1] if self._ends else HEADER_BYTES

    @property
    def codes_bytes(self) -> int:
        """Bytes of codes alone."""
        return self.nbytes - HEADER_BYTES - len(self._ends) * (self._before + _CRC.size)

    @property
    def checksum(self) -> int:
        """CRC-32 over the checksums of the records."""
        return zlib.crc32(self._crcs.tobytes())

    def append(self, blocks: Sequence[bytes], count: int) -> None:
        """Add records; all but the last of a file hold a whole block of items.

        Parameters
        ----------
        blocks : sequence of bytes
        count : int
            Items in all of them.

        Raises
        ------
        OSError
            Nothing of them could be written; the file is as it was.
        """
        parts, added, left = [], [], count
        for number, codes in enumerate(blocks, start=len(self._crcs)):
            inside = min(self.head.block, left)
            left -= inside
            front = _VARYING.pack(len(codes), inside) if self._before else b""
            crc = zlib.crc32(codes, zlib.crc32(front, number))
            parts += [front, codes, _CRC.pack(crc)]
            added.append((len(codes), inside, crc))
        try:
            with self.path.open("ab") as file:
                file.writelines(parts)
        except OSError:
            os.truncate(self.path, self.nbytes)
            raise
        for record in added:
            self._add(*record)

    def bytes_for(self, items: int) -> int:
        """Length of the file if it held its first items only; an upper estimate within a block, 0 for none."""
        if items <= 0:
            return 0
        if items >= self.items:
            return self.nbytes
        record, inside = divmod(items, self.head.block)
        start = self.start(record)
        if not inside:
            return start
        whole = self._ends[record] - start
        return start + min(whole, -(-whole * inside // self.count(record)) + CODER_SLACK)

    def bytes_of_items(self) -> NDArray[np.int64]:
        """What `bytes_for` grows by with every item, int64 [item]."""
        if self.head.block == 1:
            ends = np.array(self._ends, np.int64)
            ends[1:] -= ends[:-1].copy()
            return ends
        return np.diff([self.bytes_for(items) for items in range(self.items + 1)])

    def codes(self, record: int, files: OpenFiles) -> memoryview:
        """Codes of one record.

        Raises
        ------
        ValueError
            The file was changed by something else.
        """
        start = self.start(record)
        length = self._ends[record] - start
        return self._checked(files.read(self.path, start, length), record, length)

    def count(self, record: int) -> int:
        """Items of one record."""
        return min(self.head.block, self.items - record * self.head.block)

    def start(self, record: int) -> int:
        """Where a record begins in the file."""
        return self._ends[record - 1] if record else HEADER_BYTES

    def cut(self, record: int) -> None:
        """Cut the file before a record."""
        os.truncate(self.path, self.start(record))
        del self._ends[record:], self._crcs[record:]
        self.items = min(self.items, record * self.head.block)

    def _checked(self, data: bytes, record: int, length: int) -> memoryview:
        """Codes of a record, as long as they should be and unharmed."""
        if len(data) != length:
            raise DamagedStore(harm(self.path, f"is cut off at item {record * self.head.block}"))
        body, crc = memoryview(data)[: -_CRC.size], _CRC.unpack(data[-_CRC.size :])[0]
        if zlib.crc32(body, record) != crc:
            raise DamagedStore(harm(self.path, f"is damaged at item {record * self.head.block}"))
        return body[self._before :]

    def _add(self, codes: int, count: int, crc: int) -> None:
        self._ends.append(self.nbytes + self._before + codes + _CRC.size)
        self._crcs.append(crc)
        self.items += count


class DamagedStore(ValueError):
    """A file of a store is missing, cut, damaged, or another than a checkpoint names."""


def harm(path: Path, what: str) -> str:
    """Message about a file of a store that cannot be used."""
    return f"store {path} {what}; delete its folder and start anew, or resume from a checkpoint that fits it"
