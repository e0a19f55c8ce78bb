"""The file on disk below a recording that is being written."""

from __future__ import annotations

import errno
import io
import os
from pathlib import Path
from typing import Any

try:
    import fcntl
except ImportError:  # Windows has other locks; there, two writers of one file are not told apart
    fcntl = None  # type: ignore[assignment]


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

    def read(self, size: int = -1) -> bytes:
        return self._raw.read(size) or b""

    def readinto(self, buffer: Any) -> int:
        return self._raw.readinto(buffer) or 0

    def write(self, data: Any) -> int:
        self._keep_failure(self._write_all, memoryview(data))
        return len(data)

    def truncate(self, size: int) -> int:
        self._keep_failure(self._raw.truncate, size)
        return size

    def flush(self) -> None:
        pass

    def _write_all(self, data: memoryview) -> None:
        while data:
            data = data[self._raw.write(data) or 0 :]

    def _keep_failure(self, action: Any, *arguments: Any) -> None:
        if self.failure is None:
            try:
                action(*arguments)
            except OSError as error:
                self.failure = error
