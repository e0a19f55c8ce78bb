"""Checkpoints: where the chunks of a run stand, beside its recording."""

from __future__ import annotations

import glob
import json
import os
import re
import stat
import struct
import zipfile
import zlib
from dataclasses import asdict, dataclass, field, fields
from math import prod
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
from numpy.typing import NDArray

from ..data.wording import at_most
from .session import State

PLACE, NAMES, STATE = "place", "names", "state/"  # in the file
# What reading a damaged zip file of arrays raises.
DAMAGE = (
    *(struct.error, zipfile.BadZipFile, zlib.error),
    *(ArithmeticError, EOFError, LookupError, MemoryError, OSError, RuntimeError, TypeError, ValueError),
)


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a chunk's next piece of work begins.

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
    pieces : int
        Pieces of work of that step done so far, for the progress that a person sees.
    rows : dict of str to dict of str to int
        Rows of the tables that grow, by subject and stream; later ones are cut off when the run goes on from here.
    """

    run: str
    model: str
    chunk: int
    step: int = 0
    curve_row: int = 0
    pieces: int = 0
    rows: dict[str, dict[str, int]] = field(default_factory=dict)


def checkpoint_path(recording: str | os.PathLike[str], lane: int = 0) -> Path:
    """Where a checkpoint of a recording lies.

    Parameters
    ----------
    recording : path
    lane : int
        Chunks that are simulated at the same time have a lane, and so a file, each. One after another they share the
        first.

    Examples
    --------
    >>> checkpoint_path("runs/hebb.h5").name, checkpoint_path("runs/hebb.h5", lane=2).name
    ('hebb.h5.checkpoint', 'hebb.h5.checkpoint.2')
    """
    path = Path(recording)
    return path.with_name(f"{path.name}.checkpoint" + (f".{lane}" if lane else ""))


def checkpoint_lanes(recording: str | os.PathLike[str]) -> list[int]:
    """Lanes of the checkpoints that lie beside a recording."""
    path = checkpoint_path(recording)
    others = (re.fullmatch(r"[1-9][0-9]{0,5}", other.name[len(path.name) + 1 :]) for other in _beside(path, "*"))
    return [0] * path.exists() + sorted(int(number[0]) for number in others if number)


def save_checkpoint(recording: str | os.PathLike[str], place: Place, state: State, lane: int = 0) -> None:
    """Write a checkpoint under a temporary name and rename it, so that the last one is always whole.

    Parameters
    ----------
    recording : path
    place : Place
    state : dict of str to numpy.ndarray
        State of the session; empty at the start of a chunk.
    lane : int

    Raises
    ------
    OSError
        The checkpoint cannot be written, for instance because the disk is full; the last one is kept.
    """
    path = checkpoint_path(recording, lane)
    temporary = path.with_name(f"{path.name}.{uuid4().hex[:8]}.part")
    arrays = {PLACE: np.array(json.dumps(asdict(place))), NAMES: np.array(json.dumps(list(state)))}
    arrays |= {STATE + name: array for name, array in state.items()}
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


def load_checkpoint(recording: str | os.PathLike[str], lane: int = 0) -> tuple[Place, State] | None:
    """Read a checkpoint of a recording.

    Returns
    -------
    tuple of Place and dict, or None
        None where there is no checkpoint.

    Raises
    ------
    ValueError
        The checkpoint is damaged.
    """
    path = checkpoint_path(recording, lane)
    if not path.exists():
        return None
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise ValueError("it is not a regular file")
        with zipfile.ZipFile(path) as file:
            arrays = _read_arrays(file, path.stat().st_size)
        place = _read_place(str(arrays.pop(PLACE)))
        names = [STATE + name for name in json.loads(str(arrays.pop(NAMES)))]
        if list(arrays) != names:  # parts have checksums, but the list of parts has none
            raise ValueError(f"found {at_most(arrays)} in it, expected {at_most(names)}")
    except DAMAGE as error:
        raise damaged(recording, lane, error) from error
    return place, {name.removeprefix(STATE): array for name, array in arrays.items()}


class DamagedCheckpoint(ValueError):
    """A checkpoint, or what it refers to, cannot be gone on from."""


def damaged(recording: str | os.PathLike[str], lane: int, why: object) -> DamagedCheckpoint:
    """Error that says what is wrong with a checkpoint of a recording, and what to do."""
    path = checkpoint_path(recording, lane)
    return DamagedCheckpoint(
        f"the checkpoint {path} is damaged ({why}); delete it, and resuming begins its subjects again"
    )


def remove_checkpoint(recording: str | os.PathLike[str], lane: int = 0) -> None:
    """Remove a checkpoint of a recording, and what killed attempts to write one left."""
    checkpoint_path(recording, lane).unlink(missing_ok=True)
    remove_unfinished_checkpoints(recording)


def remove_unfinished_checkpoints(recording: str | os.PathLike[str]) -> None:
    """Remove what killed attempts to write a checkpoint of a recording have left."""
    for left in _beside(checkpoint_path(recording), "*.part"):
        left.unlink(missing_ok=True)


def _beside(path: Path, pattern: str) -> list[Path]:
    return list(path.parent.glob(f"{glob.escape(path.name)}.{pattern}"))


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
    for each in fields(Place):
        value = getattr(place, each.name)
        if each.type == "str" and not isinstance(value, str):
            raise ValueError(f"{each.name} is {value!r}, expected a text")
        if each.type == "int" and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise ValueError(f"{each.name} is {value!r}, expected a whole number")
    if not isinstance(place.rows, dict) or not all(isinstance(streams, dict) for streams in place.rows.values()):
        raise ValueError(f"rows is {place.rows!r}, expected numbers of rows by subject and stream")
    for rows in (rows for streams in place.rows.values() for rows in streams.values()):
        if isinstance(rows, bool) or not isinstance(rows, int) or rows < 0:
            raise ValueError(f"rows has {rows!r}, expected whole numbers")
    return place
