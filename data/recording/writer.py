"""Writing of a recording while the run goes on."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import h5py
import numpy as np

from ..wording import nearest, one_of
from .checked_file import open_checked
from .contents import Contents, TableShape, check_every_table, check_log, read_contents, read_status, subject_path
from .creation import create_file, open_locked
from .disk_file import DiskFile, os_error
from .fixed_text import change_text
from .growing_tables import GrowingTables
from .layout import STATUSES, SUMMARY_COLUMNS, SYNAPSE_COLUMNS, ModelLayout
from .log_book import LogBook
from .row_buffer import RowBuffer
from .structure import MESSAGE_SIZE, STATUS_SIZE

BUFFERED_ROWS = 64
BUFFERED_PIECES = 4096  # of growing tables, as they were appended
PIECES_OF_A_STREAM = 16  # on average, where so many streams are open that each is worth a visit only then
BUFFERED_BYTES = 8 * 2**20
BUFFERED_SECONDS = 1.0
BETWEEN_WRITES = 9  # times as long as writing took: it is to take no more than a tenth of a run


class RecordingWriter:
    """Writer of one recording.

    Every table whose length is known has its full size from the start, so that writing changes numbers in place and
    nothing else. The others, streams, grow by large blocks, in an order in which no moment leaves them damaged. A
    process that is killed at any moment leaves a recording that opens. Rows are collected in memory and written when 64
    of them or 8 MiB have come together, or when a second has passed since the last time, and nine times as long as
    writing took.

    Use `create` for a new run and `resume` for one that was interrupted.

    Attributes
    ----------
    path : Path
        The file.
    created : str
        When it was created, in ISO 8601 to the microsecond: no two recordings of one name share it.

    Examples
    --------
    >>> import tempfile
    >>> from engram.data.recording import ModelLayout, SubjectLayout
    >>> subject = SubjectLayout(
    ...     seed="7/subject/0",
    ...     items=["01", "02"],
    ...     presentations={"phase": [0], "order": [0], "item": [0], "label": [0], "wrong": [0.0]},
    ... )
    >>> model = ModelLayout(spec="{}", item_set="{}", chance=0.5, subjects=[subject], slots=2)
    >>> timeline = {
    ...     "index": [0, 1], "kind": ["wake", "probe"], "label": ["", ""], "repetition": [0, 0],
    ...     "list": ["all", "all"], "lesion": ["none", "none"], "start": [0.0, 1.0], "stop": [1.0, 1.0],
    ... }
    >>> folder = tempfile.TemporaryDirectory()
    >>> with RecordingWriter.create(
    ...     folder.name + "/run.h5", name="demo", protocol="name: demo", seed=7, timeline=timeline,
    ...     probe_steps=[1], weight_steps=[], models={"hybrid": model}, settings={},
    ... ) as writer:
    ...     writer.write_probe("hybrid", [0], row=0, performance=[[0.75, 0.25]], responses=[[[3, 1], [3, 1]]])
    ...     writer.set_status("complete")
    >>> folder.cleanup()
    """

    def __init__(self, path: Path, disk: DiskFile, contents: Contents, created: str) -> None:
        self.path = path
        self.created = created
        self._disk = disk
        self._contents = contents
        self._file = h5py.File(disk, "r+", libver=("earliest", "v110"), rdcc_nbytes=0)
        self._buffer = RowBuffer()
        self._streams = GrowingTables(self._file, disk, contents)
        self._log = LogBook(self._file)
        self._last_written = time.monotonic()
        self._took = 0.0  # seconds
        self._open = True

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        *,
        name: str = "",
        protocol: str,
        seed: int,
        timeline: Mapping[str, np.ndarray],
        probe_steps: Sequence[int],
        weight_steps: Sequence[int] = (),
        models: Mapping[str, ModelLayout],
        settings: Mapping[str, Any],
        overwrite: bool = False,
    ) -> Self:
        """Create a recording and open it for writing.

        It is built under a temporary name beside `path` and renamed when all of it is on the disk, so that a failure
        leaves neither half a file nor a damaged old one. Missing parent folders are made.

        Parameters
        ----------
        path : str or path-like
            The new file.
        name : str
            Name of the protocol.
        protocol : str
            The protocol as YAML.
        seed : int
            Seed of the run, from 0 to 2**64 - 1.
        timeline : mapping of str to ndarray
            Equally long columns ``index, kind, label, repetition, list, lesion, start, stop``; the last two in s.
        probe_steps : sequence of int
            Index of the step that each row of the probe tables belongs to.
        weight_steps : sequence of int
            Index of the step after which each row of weights is recorded.
        models : mapping of str to ModelLayout
            Models by name, all with the same number of items.
        settings : mapping
            What else fixes the bits of the run (chunk size, threads, device), as JSON types.
        overwrite : bool
            Whether an existing file is replaced, once the new one is complete.

        Returns
        -------
        RecordingWriter

        Raises
        ------
        FileExistsError
            If the file exists and `overwrite` is false.
        OSError
            If the file cannot be created: a folder of that name, no permission, a full disk.
        ValueError
            If the parts do not fit together.
        """
        target = Path(path)
        disk = create_file(
            target,
            name=name,
            protocol=protocol,
            seed=seed,
            timeline=timeline,
            probe_steps=probe_steps,
            weight_steps=weight_steps,
            models=models,
            settings=settings,
            overwrite=overwrite,
        )
        return cls._opened(target, disk)

    @classmethod
    def resume(cls, path: str | os.PathLike[str]) -> Self:
        """Open the recording of an interrupted run to write on.

        Raises
        ------
        FileNotFoundError
            If there is no such file.
        ValueError
            If it is complete, damaged, or not a recording.
        OSError
            If it cannot be written or another process is writing it.
        """
        target = Path(path)
        with open_checked(target) as file:  # before anything opens it for writing
            contents = read_contents(file)
            _refuse_complete(target, read_status(file))
            check_every_table(file, contents)
            check_log(file, contents)
        try:
            disk = open_locked(target, "r+b")
        except BlockingIOError:
            raise
        except OSError as error:
            raise os_error(type(error), error.errno, f"{target} cannot be written: {error.strerror}") from error
        writer = cls._opened(target, disk)
        writer.set_status("running")
        return writer

    @classmethod
    def _opened(cls, path: Path, disk: DiskFile) -> Self:
        try:
            with open_checked(path) as file:
                _refuse_complete(path, read_status(file))  # the run that had the lock may just have ended
                return cls(path, disk, read_contents(file), file.text("log", "created"))
        except BaseException:
            disk.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is None:
            self.close()
        else:
            with contextlib.suppress(OSError):  # the first error is the one to tell
                self.close()

    def write_probe(
        self,
        model: str,
        subjects: Sequence[int],
        row: int,
        performance: np.ndarray,
        responses: np.ndarray | None = None,
        trials: np.ndarray | None = None,
    ) -> None:
        """Write what subjects answered in one probe.

        Parameters
        ----------
        model : str
            Name of the model.
        subjects : sequence of int
            Indices of the S subjects.
        row : int
            Row of the probe tables: the position of the probe in ``probe_steps``.
        performance : ndarray, shape (S, slot)
            Share of the test images given their label, NaN where an item was not asked for.
        responses : ndarray of int, shape (S, slot, slot), optional
            Number of test images of each item (first) given each label (second), -1 where not asked for.
        trials : ndarray of int, shape (S, slot, image), optional
            Label given to each test image, as a slot; -1 where not asked for.
        """
        self._write(
            model,
            subjects,
            row,
            {"probes/performance": performance, "probes/responses": responses, "probes/trials": trials},
        )

    def write_curve(
        self,
        model: str,
        subjects: Sequence[int],
        row: int,
        phase: int,
        presentation: int,
        epoch: int,
        performance: np.ndarray,
    ) -> None:
        """Write one point of the learning curve.

        Parameters
        ----------
        model : str
            Name of the model.
        subjects : sequence of int
            Indices of the S subjects.
        row : int
            Row of the curve tables.
        phase, presentation, epoch : int
            Index of the wake step, presentation within it and epoch within that, all from 0.
        performance : ndarray, shape (S, slot)
            Share of the test images given their label, NaN where an item was not asked for.
        """
        places = {"phase": phase, "presentation": presentation, "epoch": epoch}
        columns = {f"curves/{column}": np.full(len(subjects), value) for column, value in places.items()}
        self._write(model, subjects, row, {**columns, "curves/performance": performance})

    def write_weights(
        self,
        model: str,
        subjects: Sequence[int],
        row: int,
        projection: str,
        summary: Mapping[str, np.ndarray],
        snapshot: np.ndarray | None = None,
    ) -> None:
        """Write the state of the weights of one projection.

        Parameters
        ----------
        model : str
            Name of the model.
        subjects : sequence of int
            Indices of the S subjects.
        row : int
            Row of the weight tables: the position of the step in ``weight_steps``.
        projection : str
            Name of the projection.
        summary : mapping of str to ndarray, shape (S,)
            Columns ``mean_displacement`` (mean of abs(w - w0)), ``rms_displacement``, ``mean_abs_weight`` and
            ``mean_gate``. A column left out stays NaN.
        snapshot : ndarray, shape (S, *projection), optional
            The weights.
        """
        for column in summary:
            if column not in SUMMARY_COLUMNS:
                raise ValueError(
                    f'unknown column "{column}" of a weight summary, allowed: {one_of(SUMMARY_COLUMNS)}.'
                    f"{nearest(column, SUMMARY_COLUMNS)}"
                )
        tables = {f"weights/{projection}/{column}": np.reshape(value, -1) for column, value in summary.items()}
        self._write(model, subjects, row, {**tables, f"weights/{projection}/snapshots": snapshot})

    def append(self, model: str, subject: int, stream: str, columns: Mapping[str, np.ndarray]) -> None:
        """Add rows to a table that grows.

        Parameters
        ----------
        model : str
            Name of the model.
        subject : int
            Index of the subject.
        stream : str
            Name of the table, such as ``"spikes/C"`` (`StreamLayout`).
        columns : mapping of str to ndarray, shape (row,) or (row, width)
            All columns of the table, equally long. Texts are cut to the size of their column.

        Raises
        ------
        ValueError
            If there is no such table or a column does not fit.
        OSError
            If the disk does not take them; what was written before stays as it is.
        """
        self._check_open()
        self._check_subjects(model, [subject])
        self._streams.add(model, subject, stream, columns)
        self._write_some()

    def lengths(self, model: str, subject: int) -> dict[str, int]:
        """Number of rows of each growing table of a subject; those that still wait in memory count."""
        self._check_open()
        self._check_subjects(model, [subject])
        return self._streams.lengths(model, subject)

    def truncate(self, model: str, subject: int, lengths: Mapping[str, int]) -> None:
        """Take back the rows of a subject's growing tables after a checkpoint.

        Parameters
        ----------
        model : str
            Name of the model.
        subject : int
            Index of the subject.
        lengths : mapping of str to int
            Rows that are kept, as `lengths` gave them at the checkpoint. A table that is not named is emptied.

        Raises
        ------
        ValueError
            If there is no such table, or it has fewer rows.
        """
        self._check_open()
        self._check_subjects(model, [subject])
        self._streams.truncate(model, subject, lengths)

    def write_synapses(
        self,
        model: str,
        subject: int,
        projection: str,
        pre: np.ndarray,
        post: np.ndarray,
        initial: np.ndarray,
        flexibility: np.ndarray,
    ) -> None:
        """Write what does not change of the synapses of a projection.

        Parameters
        ----------
        model : str
            Name of the model.
        subject : int
            Index of the subject.
        projection : str
            Name of the projection; one that is recorded, with one dimension.
        pre, post : ndarray of int, shape (synapse,)
            Cells of the source and of the target population.
        initial : ndarray, shape (synapse,)
            Initial weights, in the units of the projection.
        flexibility : ndarray, shape (synapse,)
            Flexibilities; 1 where a rule knows none.
        """
        given = dict(zip(SYNAPSE_COLUMNS, (pre, post, initial, flexibility), strict=True))
        self._write_whole(model, subject, {f"weights/{projection}/{name}": column for name, column in given.items()})

    def write_assemblies(self, model: str, subject: int, population: str, members: np.ndarray) -> None:
        """Write which cells of a population stand for which item.

        Parameters
        ----------
        model : str
            Name of the model.
        subject : int
            Index of the subject.
        population : str
            Name of a population of the circuit.
        members : ndarray of bool or int, shape (slot, cell)
            1 where the cell is a member, else 0.
        """
        self._write_whole(model, subject, {f"assemblies/{population}": np.asarray(members).astype("u1")})

    def set_subject(
        self,
        model: str,
        subject: int,
        *,
        status: str | None = None,
        message: str | None = None,
        sensitivity: float | None = None,
    ) -> None:
        """Change what is said of one subject; what is not given stays.

        Growing tables of a subject that is complete or failed are cut to their rows.

        Parameters
        ----------
        model : str
            Name of the model.
        subject : int
            Index of the subject.
        status : {"running", "complete", "failed"}, optional
            How it stands.
        message : str, optional
            Why it failed, or what it was warned of; cut after 512 bytes.
        sensitivity : float, optional
            Sensitivity used, in 1/weight.
        """
        self._check_subjects(model, [subject])
        place = self._file[subject_path(model, subject)]
        if status is not None:
            if _checked_status(status) != "running":
                self._streams.trim(model, subject)
            change_text(place, "status", status, STATUS_SIZE)
        if message is not None:
            change_text(place, "message", message, MESSAGE_SIZE)
        if sensitivity is not None:
            place.attrs.modify("sensitivity", np.float64(sensitivity))

    def set_status(self, status: str) -> None:
        """Say how the run stands: ``running``, ``complete`` or ``failed``. All rows are on the disk when it returns."""
        _checked_status(status)
        self.flush()  # a complete run has all its rows, whenever the process is killed
        change_text(self._file, "status", status, STATUS_SIZE)
        self.log(finished="" if status == "running" else datetime.now(UTC).isoformat(timespec="seconds"))
        self.flush()

    def log(
        self,
        *,
        created: str | None = None,
        finished: str | None = None,
        command: str | None = None,
        machine: Mapping[str, Any] | None = None,
        wall_s: float | None = None,
        cpu_s: float | None = None,
        peak_memory_bytes: int | None = None,
        resumed: int | None = None,
    ) -> None:
        """Note how the run went: the only part of a recording in which two runs of one seed may differ.

        Parameters
        ----------
        created, finished : str, optional
            Times in ISO 8601; `create` and `set_status` note them by themselves.
        command : str, optional
            The command line.
        machine : mapping, optional
            The machine, as JSON types.
        wall_s, cpu_s : float, optional
            Time taken, in seconds.
        peak_memory_bytes : int, optional
            Most memory used.
        resumed : int, optional
            How often the run was resumed.
        """
        texts = {"created": created, "finished": finished, "command": command}
        numbers = {"wall_s": wall_s, "cpu_s": cpu_s, "peak_memory_bytes": peak_memory_bytes, "resumed": resumed}
        self._log.note(texts, numbers, machine)

    def write_seconds(self, model: str, subjects: Sequence[int], step: int, seconds: float) -> None:
        """Add to the wall time that subjects spent in a step of the timeline; it stands in the log.

        Parameters
        ----------
        model : str
            Name of the model.
        subjects : sequence of int
            Indices of the subjects that took the step together. Each gets an equal share of the time.
        step : int
            Index of the step.
        seconds : float
            Wall time since the last call, in s. What a resumed run spends is added.
        """
        self._check_open()
        self._log.add_seconds(model, self._check_subjects(model, subjects), step, seconds)

    def flush(self) -> None:
        """Bring everything to the disk, such that it outlives a loss of power.

        Raises
        ------
        OSError
            If the disk does not take it.
        """
        self._write_out()
        self._disk.sync()
        self._raise_failure()

    def close(self) -> None:
        """Flush and close; closing twice does no harm."""
        if not self._open:
            return
        told = self._disk.failure is not None
        self._open = False
        if not told:
            self._buffer.write_to(self._file)
            self._streams.write_out()
            self._log.write_out()
        self._file.close()
        self._disk.sync()
        self._disk.close()
        if not told:
            self._raise_failure()

    def _write(self, model: str, subjects: Sequence[int], row: int, tables: Mapping[str, np.ndarray | None]) -> None:
        self._check_open()
        indices = self._check_subjects(model, subjects)
        blocks = {}
        for table, values in tables.items():
            if values is not None:
                blocks[table] = self._checked_block(model, table, len(indices), row, values)
        for table, block in blocks.items():
            self._buffer.add(model, table, indices, row, block)
        self._write_some()

    def _write_whole(self, model: str, subject: int, tables: Mapping[str, np.ndarray]) -> None:
        """Write tables that are known as a whole."""
        self._check_open()
        self._check_subjects(model, [subject])
        checked = {table: self._checked_table(model, table, values) for table, values in tables.items()}
        place = self._file[subject_path(model, subject)]
        for table, values in checked.items():
            place[table][...] = values
        self._raise_failure()

    def _write_some(self) -> None:
        """Write what waits in memory where it has become much or old."""
        late = time.monotonic() - self._last_written > max(BUFFERED_SECONDS, BETWEEN_WRITES * self._took)
        pieces = max(BUFFERED_PIECES, PIECES_OF_A_STREAM * self._streams.open)
        many = self._buffer.rows >= BUFFERED_ROWS or self._streams.pieces >= pieces
        if late or many or self._buffer.bytes + self._streams.bytes >= BUFFERED_BYTES:
            self._write_out()
            self._raise_failure()

    def _check_open(self) -> None:
        if not self._open:
            raise ValueError(f"{self.path} is closed")

    def _check_subjects(self, model: str, subjects: Sequence[int]) -> tuple[int, ...]:
        known = self._contents.models
        if model not in known:
            raise ValueError(f'no model "{model}" in {self.path}, it has {one_of(known)}.{nearest(model, known)}')
        indices = tuple(int(subject) for subject in subjects)
        count = known[model].subjects
        if not indices or min(indices) < 0 or max(indices) >= count or len(set(indices)) < len(indices):
            raise ValueError(f"subjects {list(indices)} of {model}: expected different numbers from 0 to {count - 1}")
        return indices

    def _checked_block(self, model: str, table: str, subjects: int, row: int, values: np.ndarray) -> np.ndarray:
        kind, shape = self._planned(model, table)
        if not 0 <= row < shape[0]:
            raise ValueError(f"row {row} of {table}: expected 0 to {shape[0] - 1}")
        return _checked(f"{table} of {model}", kind, (subjects, *shape[1:]), values)

    def _checked_table(self, model: str, table: str, values: np.ndarray) -> np.ndarray:
        kind, shape = self._planned(model, table)
        return _checked(f"{table} of {model}", kind, shape, values)

    def _planned(self, model: str, table: str) -> TableShape:
        tables = self._contents.models[model].tables
        if table not in tables:
            raise ValueError(f"{self.path} has no room for {table} of {model}; it was not planned when it was created")
        return tables[table]

    def _write_out(self) -> None:
        if self._disk.failure is not None:
            return
        begun = time.monotonic()
        self._buffer.write_to(self._file)
        self._streams.write_out()
        self._log.write_out()
        self._file.flush()
        self._last_written = time.monotonic()
        self._took = self._last_written - begun

    def _raise_failure(self) -> None:
        failure = self._disk.failure
        if failure is not None:
            message = f"{self.path} can no longer be written: {failure.strerror}"
            raise os_error(type(failure), failure.errno, message) from failure


def _checked(what: str, kind: str, shape: tuple[int, ...], values: np.ndarray) -> np.ndarray:
    given = np.asarray(values)
    if given.shape != shape:
        raise ValueError(f"{what}: found shape {given.shape}, expected {shape}")
    if kind == "i" and given.dtype.kind not in "iu":
        raise ValueError(f"{what}: found {given.dtype}, expected whole numbers")
    return given


def _refuse_complete(path: Path, status: str) -> None:
    if status == "complete":
        raise ValueError(f"{path} is complete: there is nothing to resume")


def _checked_status(status: str) -> str:
    if status not in STATUSES:
        raise ValueError(f'status: found "{status}", allowed: {one_of(STATUSES)}.{nearest(status, STATUSES)}')
    return status
