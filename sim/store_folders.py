"""Folders of episodic stores beside a recording: what may lie there, and what an earlier run left."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from .planning import store_folder

OF_STORES = frozenset({".codes", ".parameters", ".sources", ".undo", ".new"})


def refuse_foreign_files(recording: str | os.PathLike[str]) -> None:
    """Refuse to put stores where something else lies, since a subject that begins empties its own folder.

    Parameters
    ----------
    recording : path

    Raises
    ------
    FileExistsError
        There is a file that no store made, or a link.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     notes = Path(folder, "run.h5.stores", "notes.txt")
    ...     notes.parent.mkdir()
    ...     _ = notes.write_text("mine")
    ...     refuse_foreign_files(f"{folder}/run.h5")
    Traceback (most recent call last):
    FileExistsError: ...run.h5.stores is for the stores of this run and holds notes.txt, which no store made; ...
    """
    folder = store_folder(recording)
    for path in _below(folder):
        if path.is_symlink() or not (path.is_dir() or (path != folder and _is_of_a_store(path))):
            what = "is no folder" if path == folder else f"holds {path.relative_to(folder)}, which no store made"
            raise FileExistsError(
                f"{folder} is for the stores of this run and {what}; move it away, or give the recording another name"
            )


def remove_old_stores(recording: str | os.PathLike[str]) -> None:
    """Remove what an earlier run of this name has left; `refuse_foreign_files` has looked at it.

    Parameters
    ----------
    recording : path
    """
    shutil.rmtree(store_folder(recording), ignore_errors=True)


def _below(folder: Path) -> Iterator[Path]:
    if not os.path.lexists(folder):
        return
    yield folder
    for where, folders, files in os.walk(folder):
        yield from (Path(where, name) for name in (*folders, *files))


def _is_of_a_store(path: Path) -> bool:
    return path.is_file() and (path.suffix in OF_STORES or path.name.startswith("."))
