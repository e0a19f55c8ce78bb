"""Checkpoints: where a run stands, beside its recording."""

from __future__ import annotations

import json
import os
import struct
import zipfile
import zlib
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .session import State

PLACE, STATE = "place", "state/"  # names in the file
# What reading a damaged zip file of arrays raises.
DAMAGE = (
    *(struct.error, zipfile.BadZipFile, zlib.error),
    *(ArithmeticError, EOFError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError),
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where in a run the next piece of work begins.

    Attributes
    ----------
    run : str
        `identity` of the run, so that a checkpoint of another run is never taken for this one's.
    model : str
        Model that is running.
    chunk : int
        Its chunk of subjects.
    step : int
        Step of the timeline; the session's state knows the place within it.
    curve_row : int
        Rows of the learning curves written so far.
    """

    run: str
    model: str
    chunk: int
    step: int = 0
    curve_row: int = 0


def checkpoint_path(recording: str | os.PathLike[str]) -> Path:
    """Where the checkpoint of a recording lies.

    Examples
    --------
    >>> checkpoint_path("runs/hebb.h5").name
    'hebb.h5.checkpoint'
    """
    path = Path(recording)
    return path.with_name(path.name + ".checkpoint")


def save_checkpoint(recording: str | os.PathLike[str], place: Place, state: State) -> None:
    """Write a checkpoint under a temporary name and rename it, so that the last one is always whole.

    Parameters
    ----------
    recording : path
    place : Place
    state : dict of str to numpy.ndarray
        State of the session; empty at the start of a chunk.

    Raises
    ------
    OSError
        The checkpoint cannot be written, for instance because the disk is full; the last one is kept.
    """
    path, temporary = checkpoint_path(recording), _temporary(recording)
    arrays = {PLACE: np.array(json.dumps(asdict(place)))} | {STATE + name: array for name, array in state.items()}
    try:
        try:
            with open(temporary, "wb") as file:
                np.savez(file, **arrays)  # type: ignore[arg-type]
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OSError(
            error.errno, f"cannot write the checkpoint {path}: {error.strerror or error}; the last one is kept"
        ) from error


def load_checkpoint(recording: str | os.PathLike[str]) -> tuple[Place, State] | None:
    """Read the checkpoint of a recording.

    Returns
    -------
    tuple of Place and dict, or None
        None where there is no checkpoint.

    Raises
    ------
    ValueError
        The checkpoint is damaged.
    """
    path = checkpoint_path(recording)
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        place = Place(**json.loads(str(arrays.pop(PLACE))))
        if foreign := [name for name in arrays if not name.startswith(STATE)]:
            raise ValueError(f"found {foreign[0]!r} in it")
    except DAMAGE as error:
        raise ValueError(
            f"the checkpoint {path} is damaged ({error}); delete it, and resuming begins the run again"
        ) from error
    return place, {name.removeprefix(STATE): array for name, array in arrays.items()}


def remove_checkpoint(recording: str | os.PathLike[str]) -> None:
    """Remove the checkpoint of a recording, and what a killed attempt to write one left."""
    checkpoint_path(recording).unlink(missing_ok=True)
    _temporary(recording).unlink(missing_ok=True)


def _temporary(recording: str | os.PathLike[str]) -> Path:
    return checkpoint_path(recording).with_suffix(".checkpoint.part")
