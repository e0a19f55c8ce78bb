"""Tables that grow with the run: rows that wait to be written, room for them, and taking rows back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import h5py
import numpy as np

from ..wording import nearest, one_of
from .contents import Contents, StreamShape, subject_path
from .disk_file import DiskFile
from .fixed_text import cut

FILLED_AT_ONCE = 2**16  # rows

Place = tuple[str, int, str]  # model, subject, stream


@dataclass
class _Stream:
    """One open stream of one subject."""

    group: h5py.Group
    columns: dict[str, h5py.Dataset]
    steps: dict[str, int]  # rows by which each column grows
    rows: int  # written
    waiting: int = 0
    blocks: list[dict[str, np.ndarray]] = field(default_factory=list)

    @property
    def room(self) -> int:
        return min(int(column.shape[0]) for column in self.columns.values())


class GrowingTables:
    """Streams of a recording that is being written.

    The attribute ``rows`` of a stream says how many of its rows are valid, and changes after they have been written.
    Room is made a block at a time, in an order that a kill survives (`DiskFile.growing`).

    Parameters
    ----------
    file : h5py.File
        The recording, opened without a cache of chunks so that rows are written where they belong at once.
    disk : DiskFile
        The file below it.
    contents : Contents
        What the recording holds.
    """

    def __init__(self, file: h5py.File, disk: DiskFile, contents: Contents) -> None:
        self.bytes = 0
        self.pieces = 0
        self._file = file
        self._disk = disk
        self._contents = contents
        self._open: dict[Place, _Stream] = {}

    def add(self, model: str, subject: int, stream: str, columns: Mapping[str, Any]) -> None:
        """Keep a copy of rows that follow those which are there."""
        shape = self._shape(model, stream)
        block = _checked_columns(f"{stream} of {model}", shape, columns)
        rows = len(next(iter(block.values())))
        if rows == 0:
            return
        place = self._place(model, subject, stream)
        place.blocks.append(block)
        place.waiting += rows
        self.bytes += sum(column.nbytes for column in block.values())
        self.pieces += 1

    def lengths(self, model: str, subject: int) -> dict[str, int]:
        """Rows by stream, with those that wait."""
        places = ((stream, self._place(model, subject, stream)) for stream in self._contents.models[model].streams)
        return {stream: place.rows + place.waiting for stream, place in places}

    @property
    def open(self) -> int:
        """Streams that were written to or asked about."""
        return len(self._open)

    def write_out(self) -> None:
        """Write all rows that wait and forget them; where that fails or is interrupted, they can be written again."""
        filling = [place for place in self._open.values() if place.waiting]
        if not filling:
            return
        small = [place for place in filling if place.room < place.rows + place.waiting]
        if small:
            with self._disk.growing():
                for place in small:
                    for name, column in place.columns.items():
                        step = place.steps[name]
                        column.resize(-(-(place.rows + place.waiting) // step) * step, axis=0)
                self._file.flush()
        for place in filling:
            for name, column in place.columns.items():
                values = [block[name] for block in place.blocks]
                column[place.rows : place.rows + place.waiting] = (
                    values[0] if len(values) == 1 else np.concatenate(values)
                )
        self._file.flush()
        for place in filling:
            place.group.attrs.modify("rows", np.int64(place.rows + place.waiting))
        for place in filling:
            place.rows, place.waiting = place.rows + place.waiting, 0
            place.blocks.clear()
        self.bytes = self.pieces = 0

    def truncate(self, model: str, subject: int, lengths: Mapping[str, int]) -> None:
        """Take back the rows after the given ones; a stream that is not named loses all."""
        for stream in lengths:
            self._shape(model, stream)
        self.write_out()
        taken = []
        for stream in self._contents.models[model].streams:
            place, keep = self._place(model, subject, stream), int(lengths.get(stream, 0))
            if not 0 <= keep <= place.rows:
                raise ValueError(f"{stream} of subject {subject} of {model} has {place.rows} rows, cannot keep {keep}")
            if keep < place.rows:
                place.group.attrs.modify("rows", np.int64(keep))
                taken.append((place, keep))
        self._file.flush()
        for place, keep in taken:
            for column in place.columns.values():
                for start in range(keep, place.rows, FILLED_AT_ONCE):
                    column[start : min(start + FILLED_AT_ONCE, place.rows)] = column.fillvalue
            place.rows = keep
        self._file.flush()

    def trim(self, model: str, subject: int) -> None:
        """Make each stream of a subject as long as its rows, and close it."""
        self.write_out()
        places = {stream: self._place(model, subject, stream) for stream in self._contents.models[model].streams}
        if any(place.room > place.rows for place in places.values()):
            with self._disk.shrinking():
                for place in places.values():
                    for column in place.columns.values():
                        column.resize(place.rows, axis=0)
                self._file.flush()
        for stream in places:
            del self._open[model, subject, stream]

    def _shape(self, model: str, stream: str) -> StreamShape:
        known = self._contents.models[model].streams
        if stream not in known:
            raise ValueError(
                f'no stream "{stream}" of {model}, it has {one_of(known) or "none"}; '
                f"streams are planned when a recording is created.{nearest(stream, known)}"
            )
        return known[stream]

    def _place(self, model: str, subject: int, stream: str) -> _Stream:
        if (model, subject, stream) not in self._open:
            group = self._file[f"{subject_path(model, subject)}/{stream}"]
            columns = {column: group[column] for column in self._shape(model, stream).columns}
            steps = {name: column.chunks[0] for name, column in columns.items()}
            self._open[model, subject, stream] = _Stream(group, columns, steps, int(group.attrs["rows"]))
        return self._open[model, subject, stream]


def _checked_columns(what: str, shape: StreamShape, columns: Mapping[str, Any]) -> dict[str, np.ndarray]:
    if set(columns) != set(shape.columns):
        raise ValueError(f"{what}: found the columns {one_of(columns)}, expected {one_of(shape.columns)}")
    block = {
        name: _checked_values(f"{what}: {name}", kind, shape.widths.get(name), columns[name])
        for name, kind in shape.columns.items()
    }
    lengths = {name: len(values) for name, values in block.items()}
    if len(set(lengths.values())) > 1:
        raise ValueError(f"{what}: columns of different lengths, {lengths}")
    return block


def _checked_values(what: str, kind: str, width: int | None, given: Any) -> np.ndarray:
    if kind.startswith("S"):
        texts = (text.decode("utf-8", "replace") if isinstance(text, bytes) else str(text) for text in given)
        return np.array([cut(text, int(kind[1:])) for text in texts], dtype=kind)
    values = np.asarray(given)
    if values.ndim == 0 or values.shape[1:] != (() if width is None else (width,)):
        raise ValueError(f"{what}: found shape {values.shape}, expected {'n' if width is None else f'n x {width}'}")
    if values.size == 0:
        return values.astype(kind)
    whole = kind[1] in "iu"
    if values.dtype.kind not in ("iu" if whole else "iuf"):
        raise ValueError(f"{what}: found {values.dtype}, expected {'whole numbers' if whole else 'numbers'}")
    if whole:
        limits = np.iinfo(kind)
        if values.min() < limits.min or values.max() > limits.max:
            raise ValueError(f"{what}: found {values.min()} to {values.max()}, expected {limits.min} to {limits.max}")
    return values.astype(kind)  # a copy: what is given may change
