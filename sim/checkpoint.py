"""Checkpoints: where a run stands, beside its recording."""

from __future__ import annotations

import glob
import json
import os
import stat
import struct
import zipfile
import zlib
from dataclasses import asdict, dataclass, fields
from math import prod
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

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
        Which recording it belongs to: what fixes the bits of the run, and when the recording was created, so that a
        checkpoint of another run, or of an earlier recording of an equal one, is never taken for this one's.
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
    temporary = path.with_name(f"{path.name}.{uuid4().hex[:8]}.part")
    arrays = {PLACE: np.array(json.dumps(asdict(place)))} | {STATE + name: array for name, array in state.items()}
    try:
        try:
            with open(temporary, "xb") as file:  # nobody else's file, and no link to one
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
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("it is not a regular file")
        with zipfile.ZipFile(path) as file:
            arrays = _read_arrays(file, path.stat().st_size)
        place = _read_place(str(arrays.pop(PLACE)))
        if foreign := [name for name in arrays if not name.startswith(STATE)]:
            raise ValueError(f"found {foreign[0]!r} in it")
    except DAMAGE as error:
        raise damaged(recording, error) from error
    return place, {name.removeprefix(STATE): array for name, array in arrays.items()}


def damaged(recording: str | os.PathLike[str], why: object) -> ValueError:
    """Error that says what is wrong with the checkpoint of a recording, and what to do."""
    path = checkpoint_path(recording)
    return ValueError(f"the checkpoint {path} is damaged ({why}); delete it, and resuming begins the run again")


def remove_checkpoint(recording: str | os.PathLike[str]) -> None:
    """Remove the checkpoint of a recording, and what killed attempts to write one left."""
    path = checkpoint_path(recording)
    path.unlink(missing_ok=True)
    for left in path.parent.glob(f"{glob.escape(path.name)}.*.part"):
        left.unlink(missing_ok=True)


def _read_arrays(file: zipfile.ZipFile, size: int) -> dict[str, NDArray[Any]]:
    """Arrays of a file that `numpy.savez` wrote; nothing is read that would take more memory than the file has."""
    members = file.infolist()
    if packed := [member.filename for member in members if member.compress_type != zipfile.ZIP_STORED]:
        raise ValueError(f"{packed[0]} is compressed")
    if sum(member.file_size for member in members) > size or len(members) > len(set(file.namelist())):
        raise ValueError("its parts are larger than it is")
    return {member.filename.removesuffix(".npy"): _read_array(file, member) for member in members}


def _read_array(file: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any]:
    with file.open(member) as part:
        version = np.lib.format.read_magic(part)
        reads = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, _, kind = reads[version](part)
        if kind.hasobject or prod(shape) * kind.itemsize != member.file_size - part.tell() or min(shape, default=1) < 0:
            raise ValueError(f"{member.filename} has other numbers than it declares")
        if prod(shape) > member.file_size:
            raise ValueError(f"{member.filename} declares {prod(shape)} parts of no size")
        part.seek(0)
        array: NDArray[Any] = np.lib.format.read_array(part, allow_pickle=False)
        part.read()  # to the end, where the checksum is compared
        return array


def _read_place(text: str) -> Place:
    place = Place(**json.loads(text))
    for field in fields(Place):
        value = getattr(place, field.name)
        if field.type == "str" and not isinstance(value, str):
            raise ValueError(f"{field.name} is {value!r}, expected a text")
        if field.type == "int" and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise ValueError(f"{field.name} is {value!r}, expected a whole number")
    return place
