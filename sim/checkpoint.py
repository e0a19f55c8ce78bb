"""Checkpoints: where a run stands, beside its recording."""

from __future__ import annotations

import json
import os
import zipfile
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from .session import State


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
    path = checkpoint_path(recording)
    temporary = path.with_name(path.name + ".part")
    try:
        with open(temporary, "wb") as file:
            np.savez(file, allow_pickle=False, place=np.array(json.dumps(asdict(place))), **state)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
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
            state = {name: file[name] for name in file.files}
        place = Place(**json.loads(str(state.pop("place"))))
    except (ValueError, KeyError, TypeError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"checkpoint {path} is damaged ({error}); delete it to start the unfinished part of the run again"
        ) from error
    return place, state


def remove_checkpoint(recording: str | os.PathLike[str]) -> None:
    """Remove the checkpoint of a finished run."""
    checkpoint_path(recording).unlink(missing_ok=True)
