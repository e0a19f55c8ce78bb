"""What makes a store's files go back to an earlier checkpoint: bytes are saved before they are cut or replaced."""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

_ENTRY = struct.Struct("<HQQI")
"""Length of the file's name, where its saved bytes begin, how many they are, and a CRC-32 over name and bytes."""

KEPT = 4
"""Checkpoints that a store can go back to. Two are needed, as the newest may not have reached the disk."""


class UndoJournal:
    """Saves what is about to be lost from files, so that their content at the last checkpoints can be had again.

    Files only ever grow at their end, are cut, or are replaced as a whole. So all that must be saved of a change is
    what lay behind the place from which it differs, and only what a checkpoint has seen. The journal lies outside of
    the store's own folder: it belongs to the checkpoints and is no memory of the subject.

    Parameters
    ----------
    folders : sequence of path
        Those that hold the files. A file may move from one to another; no two files have the same name.
    folder : path
        Where the journal is kept.
    """

    def __init__(self, folders: Sequence[Path], folder: Path) -> None:
        self._folders = folders
        self._folder = folder
        self.generation = 0
        self._seen: dict[str, int] = {}

    def mark(self, lengths: Mapping[Path, int]) -> int:
        """Begin a new generation: a checkpoint is taken of files of these lengths.

        Parameters
        ----------
        lengths : mapping of path to int
            Length of every file.

        Returns
        -------
        int
            Its number, which `roll_back` takes.
        """
        self.generation += 1
        self._seen = {path.name: length for path, length in lengths.items()}
        for number, path in self._generations():
            if number <= self.generation - KEPT:
                path.unlink()
        return self.generation

    def before_change(self, path: Path, offset: int) -> None:
        """Save what a file holds from an offset on, as far as the last checkpoint has seen it."""
        name = path.name
        seen = self._seen.get(name, 0)
        if offset >= seen:
            return
        with path.open("rb") as file:
            file.seek(offset)
            saved = file.read(seen - offset)
        words = name.encode()
        self._folder.mkdir(parents=True, exist_ok=True)
        undo = self._folder / f"{self.generation:08d}.undo"
        whole = undo.stat().st_size if undo.exists() else 0
        try:
            with undo.open("ab") as file:
                file.write(_ENTRY.pack(len(words), offset, len(saved), zlib.crc32(saved, zlib.crc32(words))))
                file.write(words)
                file.write(saved)
        except OSError:
            os.truncate(undo, whole)
            raise
        self._seen[name] = offset

    def roll_back(self, generation: int) -> None:
        """Give the files what they held at a checkpoint; what has been added to them since is left to be cut.

        Raises
        ------
        ValueError
            The checkpoint is older than those that the journal reaches back to.
        """
        for number, path in reversed(self._generations()):
            if number >= generation:
                for name, offset, saved in reversed(list(_entries(path))):
                    found = [folder / name for folder in self._folders if (folder / name).exists()]
                    target = found[0] if found else self._folders[0] / name
                    target.parent.mkdir(parents=True, exist_ok=True)
                    with target.open("r+b" if found else "w+b") as file:
                        file.truncate(offset)
                        file.seek(offset)
                        file.write(saved)
                path.unlink()
        self.generation = generation
        self._seen = {}

    def stands_at(self, lengths: Mapping[Path, int]) -> None:
        """After going back: the files are those of the checkpoint again, which can be gone back to once more."""
        self._seen = {path.name: length for path, length in lengths.items()}

    def _generations(self) -> list[tuple[int, Path]]:
        return sorted((int(path.stem), path) for path in self._folder.glob("*.undo"))


def _entries(path: Path) -> Iterator[tuple[str, int, bytes]]:
    """Entries of one generation. One that a killed process left unfinished is of a change that was never made."""
    with path.open("rb") as file:
        while len(head := file.read(_ENTRY.size)) == _ENTRY.size:
            name_length, offset, length, crc = _ENTRY.unpack(head)
            words, saved = file.read(name_length), file.read(length)
            if len(saved) < length or zlib.crc32(saved, zlib.crc32(words)) != crc:
                return
            yield words.decode(), offset, saved
