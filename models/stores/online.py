"""Items of an online stream: each stays or goes when it is met, and what stays can be replaced later."""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from bisect import bisect_left, insort
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .segment import DamagedStore, harm

if TYPE_CHECKING:
    from .codec import Codec
    from .journal import UndoJournal
    from .spec import Random, Store

_MAGIC = b"engramON"
_RECORD = struct.Struct("<IHHH")
"""Bytes of codes, label, version, number of extra values; codes, values and a CRC-32 follow."""
_CRC = struct.Struct("<I")
ABOUT = ("label", "task", "source", "version")
"""What is known of every item beside its codes."""
FIRST_PLACES = 1024
RECORD_BYTES = _RECORD.size + _CRC.size
FILE_NAME = "online.codes"


class OnlineItems:
    """A reservoir in working memory, written to one file whenever its bytes are asked for.

    With ``keep="reservoir"``, every item met so far is stored with the same probability (Vitter 1985, algorithm R;
    where items differ in size, as many as fit). With ``keep="random"``, classes stay equal and the same holds within a
    class (Chrysakis & Moens 2020, class-balancing reservoir sampling).

    Parameters
    ----------
    spec : Store
    codec : Codec
    folder : path
    rng : callable
    journal : UndoJournal
    writes : bool
        False: another process writes the file.
    """

    def __init__(
        self, spec: Store, codec: Codec, folder: Path, rng: Random, journal: UndoJournal, writes: bool = True
    ) -> None:
        self._writes = writes
        self._spec, self._codec, self._rng, self._journal = spec, codec, rng, journal
        self._path = folder / FILE_NAME
        self._clear()

    def _clear(self) -> None:
        self._codes: list[bytes] = []
        self._extra: list[NDArray[np.float32]] = []
        self._about = np.empty((FIRST_PLACES, len(ABOUT)), np.int64)
        self._of_class: dict[int, list[int]] = {}
        self._of_size: dict[int, list[int]] = {}  # labels, ascending, by number of their items
        self._most = 0
        self._place: list[int] = []  # of an item among those of its class
        self._met: dict[int, int] = {}
        self._been_largest: set[int] = set()
        self._full = False
        self._bytes = 0
        self._changed, self._checksum = False, 0

    def __len__(self) -> int:
        return len(self._codes)

    @property
    def nbytes(self) -> int:
        """Bytes of the file."""
        return len(_MAGIC) + self._bytes if self._codes else 0

    def bytes_by_part(self) -> dict[str, int]:
        """The same by what they are for."""
        codes, extra, labels = sum(map(len, self._codes)), sum(e.nbytes for e in self._extra), 2 * len(self)
        return {"codes": codes, "index": self.nbytes - codes - extra - labels, "labels": labels, "extra": extra}

    def column(self, name: str) -> NDArray[np.int64]:
        """``label``, ``task``, ``source`` or ``version`` of every item, int64 [item]."""
        column = self._about[: len(self), ABOUT.index(name)]
        column.flags.writeable = False
        return column

    def extra(self, items: NDArray[np.int64]) -> list[NDArray[np.float32]]:
        """Extra values of items."""
        return [self._extra[item] for item in items.tolist()]

    def codes(self, items: NDArray[np.int64]) -> list[tuple[int, int, bytes]]:
        """Item, version and codes of each."""
        return [(item, int(self._about[item, 3]), self._codes[item]) for item in items.tolist()]

    def add(
        self,
        codes: list[bytes],
        labels: NDArray[np.int64],
        task: int,
        sources: NDArray[np.int64],
        extra: list[NDArray[np.float32]],
        room: int | None,
    ) -> set[int]:
        """Let a batch pass by.

        Parameters
        ----------
        codes : list of bytes
        labels, sources : int64 array, [item]
        task : int
        extra : list of float32 array
        room : int or None
            Bytes that the file may take.

        Returns
        -------
        set of int
            Places whose item is another now, or gone.

        Raises
        ------
        ValueError
            An item is larger than the room; nothing has changed.
        """
        largest = max((self._size(c, e) for c, e in zip(codes, extra, strict=True)), default=0) + len(_MAGIC)
        if room is not None and largest > room:
            budget = self._spec.budget or 0
            own = budget - room
            raise ValueError(
                f"a budget of {budget:,} bytes is too small: the codec's own parameters take {own:,} bytes and one "
                f"item {largest:,}, so at least {own + largest:,} are needed. Give a larger budget or another kind of "
                "store"
            )
        rng = self._rng("store", "online", sum(self._met.values()))
        changed: set[int] = set()
        for item, label in enumerate(labels.tolist()):
            about = (label, task, int(sources[item]), self._codec.version)
            self._meet(codes[item], extra[item], about, room, rng, changed)
        return changed

    def _meet(
        self,
        codes: bytes,
        extra: NDArray[np.float32],
        about: tuple[int, int, int, int],
        room: int | None,
        rng: np.random.Generator,
        changed: set[int],
    ) -> None:
        label = about[0]
        self._met[label] = self._met.get(label, 0) + 1
        size = self._size(codes, extra)
        own = self._of_class.setdefault(label, [])
        fits = room is None or len(_MAGIC) + self._bytes + size <= room
        if self._spec.per_class is not None and len(own) >= self._spec.per_class:
            if rng.random() * self._met[label] >= len(own):
                return
            self._remove(own[rng.integers(len(own))], changed)
        elif self._spec.keep == "random":
            if not fits and label not in self._been_largest:
                self._note_largest()
            if not fits and label in self._been_largest:
                if rng.random() * self._met[label] >= len(own):
                    return
                self._remove(own[rng.integers(len(own))], changed)
        elif (self._full or not fits) and rng.random() * sum(self._met.values()) >= len(self):
            self._full = True
            return
        while room is not None and len(_MAGIC) + self._bytes + size > room:
            self._full = True
            self._remove(self._victim(rng), changed)
        changed.add(len(self))
        own.append(len(self))
        self._resized(label, len(own) - 1, len(own))
        self._place.append(len(own) - 1)
        self._codes.append(codes)
        self._extra.append(extra)
        if len(self) > len(self._about):
            self._about = np.concatenate([self._about, np.empty_like(self._about)])
        self._about[len(self) - 1] = about
        self._bytes += size
        self._changed = True

    def _note_largest(self) -> None:
        """A class that is or was the largest when there was no room is "full", in the words of the paper."""
        self._been_largest.update(self._of_size.get(self._most, ()))

    def _victim(self, rng: np.random.Generator) -> int:
        if self._spec.keep == "reservoir":
            return int(rng.integers(len(self)))
        self._note_largest()
        largest = self._of_size[self._most]
        items = self._of_class[largest[rng.integers(len(largest))]]
        return items[rng.integers(len(items))]

    def _remove(self, item: int, changed: set[int]) -> None:
        """Take an item out; the last one moves to its place."""
        last = len(self) - 1
        changed |= {item, last}
        self._bytes -= self._size(self._codes[item], self._extra[item])
        self._changed = True
        label = int(self._about[item, 0])
        own = self._of_class[label]
        own[self._place[item]] = own[-1]
        self._place[own[-1]] = self._place[item]
        own.pop()
        self._resized(label, len(own) + 1, len(own))
        for column in (self._codes, self._extra, self._place):
            column[item] = column[last]  # type: ignore[assignment, call-overload]
            column.pop()
        self._about[item] = self._about[last]
        if item != last:
            self._of_class[int(self._about[item, 0])][self._place[item]] = item

    def _resized(self, label: int, before: int, after: int) -> None:
        if before:
            labels = self._of_size[before]
            labels.pop(bisect_left(labels, label))
        if after:
            insort(self._of_size.setdefault(after, []), label)
        self._most = max(self._most, after)
        while self._most and not self._of_size.get(self._most):
            self._most -= 1

    def _size(self, codes: bytes, extra: NDArray[np.float32]) -> int:
        return RECORD_BYTES + len(codes) + extra.nbytes

    def flush(self) -> None:
        """Write the file, if anything has changed since it was last written.

        Raises
        ------
        OSError
            It could not be written; the old one is as it was.
        """
        if not self._changed or not self._writes:
            return
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._journal.before_change(self._path, 0)
        new = self._path.with_suffix(".new")
        try:
            with new.open("wb") as file:
                file.write(_MAGIC)
                content = hashlib.blake2b(_MAGIC)
                for record in self._records():
                    file.write(record)
                    content.update(record)
        except OSError:
            new.unlink(missing_ok=True)
            raise
        os.replace(new, self._path)
        if not self._codes:
            self._path.unlink()
        self._changed, self._checksum = False, _number(content)

    def _records(self) -> list[bytes]:
        records = []
        labels, versions = self.column("label").tolist(), self.column("version").tolist()
        for number, (codes, extra) in enumerate(zip(self._codes, self._extra, strict=True)):
            body = _RECORD.pack(len(codes), labels[number], versions[number], len(extra)) + codes + extra.tobytes()
            records.append(body + _CRC.pack(zlib.crc32(body, number)))
        return records

    def named(self, state: dict[str, NDArray]) -> list[Path]:
        """Files that a state names."""
        return [self._path] if int(state["online"][0]) else []

    def paths(self) -> list[Path]:
        """Files in use."""
        return [self._path] if self._codes else []

    def state(self) -> dict[str, NDArray]:
        """What the file does not hold; it has to be flushed before."""
        return {
            "online": np.array([len(self), self._bytes, self._full, self._checksum], np.int64),
            "online_met": np.array(list(self._met.items()), np.int64).reshape(-1, 2),
            "online_tasks": self.column("task").copy(),
            "online_sources": self.column("source").copy(),
            "online_been_largest": np.array(sorted(self._been_largest), np.int64),
            "online_members": np.array([i for items in self._of_class.values() for i in items], np.int64),
        }

    def load_state(self, state: dict[str, NDArray]) -> None:
        """Read the file as it was at a checkpoint.

        Raises
        ------
        ValueError
            It is missing, cut or damaged.
        """
        self._clear()
        count, nbytes, full, checksum = state["online"].tolist()
        self._full, self._checksum = bool(full), checksum
        self._met = dict(state["online_met"].tolist())
        self._been_largest = set(state["online_been_largest"].tolist())
        if count and not self._path.exists():
            raise DamagedStore(harm(self._path, "is missing"))
        data = self._path.read_bytes() if count else _MAGIC
        if data[: len(_MAGIC)] != _MAGIC:
            raise DamagedStore(harm(self._path, "is damaged at its head, or is no file of an episodic store"))
        about: list[tuple[int, ...]] = []
        offset, tasks, sources = len(_MAGIC), state["online_tasks"].tolist(), state["online_sources"].tolist()
        for item in range(count):
            start, offset = offset, self._end_of_record(data, offset, item)
            length, label, version, values = _RECORD.unpack_from(data, start)
            codes = start + _RECORD.size
            self._codes.append(data[codes : codes + length])
            self._extra.append(np.frombuffer(data, np.float32, values, codes + length))
            about.append((label, tasks[item], sources[item], version))
        self._about = np.array(about or [(0,) * len(ABOUT)] * FIRST_PLACES, np.int64)
        self._bytes = offset - len(_MAGIC)
        if self._bytes != nbytes or offset != len(data) or (count and _number(hashlib.blake2b(data)) != checksum):
            raise DamagedStore(harm(self._path, f"does not hold the {count} items that the checkpoint names"))
        # Who is drawn depends on the order within a class, so that order is part of the state.
        self._place = [0] * count
        self._of_class = {label: [] for label in self._met}
        for item in state["online_members"].tolist():
            own = self._of_class[int(self._about[item, 0])]
            self._place[item] = len(own)
            own.append(item)
        for label, own in self._of_class.items():
            if own:
                self._resized(label, 0, len(own))

    def _end_of_record(self, data: bytes, start: int, item: int) -> int:
        if start + _RECORD.size > len(data):
            raise DamagedStore(harm(self._path, f"is cut off at item {item}"))
        length, _, _, values = _RECORD.unpack_from(data, start)
        end: int = start + _RECORD.size + length + 4 * values
        if end + _CRC.size > len(data):
            raise DamagedStore(harm(self._path, f"is cut off or damaged at item {item}"))
        if zlib.crc32(data[start:end], item) != _CRC.unpack_from(data, end)[0]:
            raise DamagedStore(harm(self._path, f"is damaged at item {item}"))
        return end + _CRC.size


def _number(content: hashlib.blake2b) -> int:
    """A checksum of a whole file. No CRC-32: over records that end in theirs, it is the same for all."""
    return int.from_bytes(content.digest()[:7])
