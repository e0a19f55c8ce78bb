"""The file on disk below a recording that is being written."""

from __future__ import annotations

import contextlib
import errno
import io
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

try:
    import fcntl
except ImportError:  # Windows has other locks; there, two writers of one file are not told apart
    fcntl = None  # type: ignore[assignment]


SUPERBLOCK = 96  # bytes at the start of the file
PAGE = 4096  # bytes, by which what is held back is looked up
_Parts = list[tuple[int, bytes]]  # offset and bytes
_BARRIER = (-1, b"")  # between writes of which the first must be on the disk before the second


def os_error(kind: type[OSError], code: int | None, message: str) -> OSError:
    """OSError that carries its code but shows only its message."""
    error = kind(message)
    error.errno = code
    return error


class DiskFile:
    """File object for h5py that keeps the first write error instead of raising it.

    HDF5 cannot close a file that it failed to write to: closing fails again, the file stays open and the process may
    crash when it ends. So HDF5 is told that all went well, and the writer looks at `failure`. Nothing is written after
    the first error.
    """

    def __init__(self, path: Path, mode: str) -> None:
        self.path = path
        self.failure: OSError | None = None
        self._raw = io.FileIO(path, mode)
        self._holding = False
        self._held: _Parts = []  # what HDF5 believes to be written
        self._on_page: dict[int, list[int]] = {}  # while held back: places in the list above of what lies on a page
        self._held_size: int | None = None

    @contextlib.contextmanager
    def growing(self) -> Iterator[None]:
        """Hold back what HDF5 writes while it adds to its structure, then write it in an order that survives a kill.

        First the file is made longer and what is new goes behind its old end, where nothing points to yet; then the
        superblock, which says where the file ends; then the changed bytes of the rest, from the end to the start: what
        points to something, or counts it, lies before it; at last nodes that gave entries away, each at once. Whenever
        the process or the machine stops, the file opens and holds what it held.
        """

        def in_order(behind: _Parts, within: _Parts, split: _Parts) -> _Parts:
            superblock = [part for part in within if part[0] < SUPERBLOCK]
            others = sorted((part for part in within if part[0] >= SUPERBLOCK), reverse=True)
            return [*behind, _BARRIER, *superblock, _BARRIER, *others, *split]

        with self._holding_back(in_order):
            yield

    @contextlib.contextmanager
    def shrinking(self) -> Iterator[None]:
        """The same while HDF5 takes from its structure: from the start to the end, and the file is cut at the last."""
        with self._holding_back(lambda behind, within, split: [*behind, *sorted(within + split)]):
            yield

    @contextlib.contextmanager
    def _holding_back(self, in_order: Callable[[_Parts, _Parts, _Parts], _Parts]) -> Iterator[None]:
        self._release()
        self._holding = True
        self._on_page = {}
        for place, (offset, data) in enumerate(self._held):  # what could not be written
            self._look_up(place, offset, len(data))
        try:
            yield
        finally:
            if self.failure is None:
                self._held = in_order(*self._sorted_by_place())
            self._holding = False
            self._release()

    def lock(self) -> None:
        """Keep other writers out until the file is closed."""
        if fcntl is None:
            return
        try:
            fcntl.flock(self._raw, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            message = f"{self.path} is being written by another process: wait for it or stop it"
            raise os_error(BlockingIOError, errno.EAGAIN, message) from None
        except OSError:  # file systems without locks
            pass

    def sync(self) -> None:
        self._release()
        self._keep_failure(os.fsync, self._raw.fileno())

    def close(self) -> None:
        try:
            self._raw.close()
        except OSError as error:
            self.failure = self.failure or error

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._raw.seek(offset, whence)

    def tell(self) -> int:
        return self._raw.tell()

    def read(self, size: int = -1) -> bytes:  # h5py knows a file object by this
        raise io.UnsupportedOperation("read")

    def readinto(self, buffer: Any) -> int:
        start = self._raw.tell()
        view = memoryview(buffer).cast("B")
        found = self._raw.readinto(view) or 0
        for offset, data in self._parts_at(start, len(view)):
            first, last = max(start, offset), min(start + len(view), offset + len(data))
            if first < last:
                view[first - start : last - start] = data[first - offset : last - offset]
                found = max(found, last - start)
        return found

    def write(self, data: Any) -> int:
        view = memoryview(data).cast("B")
        offset = self._raw.tell()
        if not self._holding:
            self._release()
        if self._holding or self.failure is not None:
            self._look_up(len(self._held), offset, len(view))
            self._held.append((offset, bytes(view)))
            self._raw.seek(offset + len(view))
        else:
            self._keep_failure(self._write_at, offset, view)
        return len(view)

    def _look_up(self, place: int, offset: int, length: int) -> None:
        for page in _pages(offset, length):
            self._on_page.setdefault(page, []).append(place)

    def _parts_at(self, offset: int, length: int) -> _Parts:
        """What is held back and may lie there, in the order of writing."""
        if not self._holding:
            return self._held
        return [
            self._held[k] for k in sorted({k for page in _pages(offset, length) for k in self._on_page.get(page, ())})
        ]

    def truncate(self, size: int) -> int:
        if self._holding:
            self._held_size = size
        else:
            self._keep_failure(self._raw.truncate, size)
        return size

    def flush(self) -> None:
        pass

    def _sorted_by_place(self) -> tuple[_Parts, _Parts, _Parts]:
        """What lies behind the end of the file, the changed bytes of what lies within, and nodes with fewer entries."""
        end = os.fstat(self._raw.fileno()).st_size
        behind = [part for part in self._held if part[0] + len(part[1]) > end]
        within, split = [], []
        for offset, data in dict(part for part in self._held if part[0] + len(part[1]) <= end).items():
            self._raw.seek(offset)
            before = self._raw.read(len(data))
            if _entries(data) < _entries(before):
                split.append((offset, data))
            else:
                within += [(offset + first, data[first:last]) for first, last in _changes(before, data)]
        return behind, within, split

    def _release(self) -> None:
        """Write what was held back; called again after an interrupt, it goes on where it was."""
        if not self._held and self._held_size is None:
            return
        size = os.fstat(self._raw.fileno()).st_size if self._held_size is None else self._held_size
        if size > os.fstat(self._raw.fileno()).st_size:
            self._keep_failure(self._raw.truncate, size)
        while self._held and self.failure is None:
            if self._held[0] is _BARRIER:
                self._keep_failure(os.fsync, self._raw.fileno())
            else:
                self._keep_failure(self._write_at, *self._held[0])
            if self.failure is None:
                del self._held[0]
        if size < os.fstat(self._raw.fileno()).st_size:
            self._keep_failure(self._raw.truncate, size)
        self._held_size = None

    def _write_at(self, offset: int, data: bytes | memoryview) -> None:
        self._raw.seek(offset)
        left = memoryview(data)
        while left:
            left = left[self._raw.write(left) or 0 :]

    def _keep_failure(self, action: Any, *arguments: Any) -> None:
        if self.failure is None:
            try:
                action(*arguments)
            except OSError as error:
                self.failure = error


def _pages(offset: int, length: int) -> range:
    return range(offset // PAGE, (offset + length - 1) // PAGE + 1)


def _entries(data: bytes) -> int:
    """Entries of a node of the index of blocks (a version 1 B-tree), 0 for anything else."""
    return int.from_bytes(data[6:8], "little") if data[:5] == b"TREE\x01" else 0


def _changes(before: bytes, after: bytes) -> list[tuple[int, int]]:
    """Where two pieces of one length differ; what is less than a number apart is one change."""
    different = np.nonzero(np.frombuffer(before, np.uint8) != np.frombuffer(after, np.uint8))[0]
    if different.size == 0:
        return []
    gaps = np.nonzero(np.diff(different) > 8)[0]
    firsts, lasts = different[[0, *(gaps + 1)]], different[[*gaps, -1]] + 1
    return list(zip(firsts.tolist(), lasts.tolist(), strict=True))


def is_being_written(path: Path) -> bool:
    """Whether a process that writes a recording holds it; False where the file system has no locks."""
    if fcntl is None:
        return False
    try:
        with path.open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    return False
