"""Decoders, tables and codebooks of a store, one file for each version in use."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .segment import DamagedStore, harm

if TYPE_CHECKING:
    from .journal import UndoJournal

_MAGIC = b"engramPA"


class ParameterFiles:
    """Parameters of a codec on disk. What a file holds is named by its checksum, and never changes.

    Parameters
    ----------
    folder, making : path
        Where the files lie, and where new ones wait until the items that need them are stored.
    journal : UndoJournal
    writes : bool
        False: another process writes the files, and this one knows their names and sizes.
    """

    def __init__(self, folder: Path, making: Path, journal: UndoJournal, writes: bool = True) -> None:
        self._writes = writes
        self._folder, self._making, self._journal = folder, making, journal
        self._held: dict[int, Path] = {}
        self._new: dict[int, Path] = {}
        self._bytes: dict[Path, int] = {}

    @property
    def nbytes(self) -> int:
        """Bytes of the files."""
        return sum(self._bytes[path] for path in self._held.values())

    @property
    def nbytes_after(self) -> int:
        """Bytes of the files once the new ones are taken in."""
        return sum(self._bytes[path] for path in {**self._held, **self._new}.values())

    def prepare(self, version: int, data: bytes) -> None:
        """Write the parameters of a version, if there are any and they are not those that are held."""
        name = f"decoder-{version:05d}-{zlib.crc32(data):08x}.parameters"
        held = self._held.get(version)
        if not data or (held is not None and held.name == name):
            return
        path = self._making / name
        if self._writes:
            self._making.mkdir(parents=True, exist_ok=True)
            path.write_bytes(_MAGIC + data)
        self._new[version] = path
        self._bytes[path] = len(_MAGIC) + len(data)

    def take_in(self) -> None:
        """Put the new files in the place of the old ones."""
        for version, path in self._new.items():
            if version in self._held:
                self._remove(self._held[version])
            self._held[version] = self._folder / path.name
            if self._writes:
                path.rename(self._held[version])
            self._bytes[self._held[version]] = self._bytes.pop(path)
        self._new = {}

    def drop_work(self) -> None:
        """Remove new files that nothing was stored with."""
        for path in self._new.values():
            self._remove(path)
        self._new = {}

    def _remove(self, path: Path) -> None:
        if self._writes:
            self._journal.before_change(path, 0)
            path.unlink()
        del self._bytes[path]

    def paths(self) -> list[Path]:
        """Files in use."""
        return [*self._held.values(), *self._new.values()]

    def state(self) -> dict[str, NDArray]:
        """Which files there are."""
        rows = [(str(path.name), new) for new, paths in enumerate((self._held, self._new)) for path in paths.values()]
        return {
            "parameters": np.array([name for name, _ in rows], dtype="U64"),
            "parameters_new": np.array([new for _, new in rows], np.int64),
        }

    def named(self, state: dict[str, NDArray]) -> list[Path]:
        """Files that a state names."""
        folders = (self._folder, self._making)
        names, new = state["parameters"].tolist(), state["parameters_new"].tolist()
        return [folders[which] / Path(name).name for name, which in zip(names, new, strict=True)]

    def load_state(self, state: dict[str, NDArray]) -> Iterator[tuple[int, bytes]]:
        """Check the files that a state names.

        Yields
        ------
        int, bytes
            Version, and what was given to `prepare`.

        Raises
        ------
        ValueError
            One is missing or damaged.
        """
        self._held, self._new, self._bytes = {}, {}, {}
        for path in self.named(state):
            if not path.exists():
                raise DamagedStore(harm(path, "is missing"))
            data = path.read_bytes()
            version, checksum = path.stem.split("-")[1:]
            if data[: len(_MAGIC)] != _MAGIC or f"{zlib.crc32(data[len(_MAGIC) :]):08x}" != checksum:
                raise DamagedStore(harm(path, "is cut or damaged"))
            held = self._new if path.parent == self._making else self._held
            held[int(version)] = path
            self._bytes[path] = len(data)
            yield int(version), data[len(_MAGIC) :]
