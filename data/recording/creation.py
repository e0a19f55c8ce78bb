"""A new recording on disk: complete or not there at all."""

from __future__ import annotations

import contextlib
import errno
import glob
import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import h5py
import numpy as np

from .disk_file import DiskFile, os_error
from .group_names import check_group_name
from .layout import PHASE_COLUMNS, ModelLayout, check_columns
from .structure import build, table_bytes


def create_file(
    path: Path,
    *,
    name: str,
    protocol: str,
    seed: int,
    timeline: Mapping[str, np.ndarray],
    probe_steps: Sequence[int],
    weight_steps: Sequence[int],
    models: Mapping[str, ModelLayout],
    settings: Mapping[str, Any],
    overwrite: bool,
) -> DiskFile:
    """Build a recording under a temporary name, bring it to the disk and rename it (see RecordingWriter.create).

    The file comes back open and locked, so that from its first moment no other writer can have or replace it.
    """
    if not 0 <= seed < 2**64:
        raise ValueError(f"seed: found {seed}, expected 0 to 2**64 - 1")
    check_columns("timeline", timeline, PHASE_COLUMNS)
    steps = len(timeline["index"])
    probes = _checked_steps("probe_steps", probe_steps, steps)
    weights = _checked_steps("weight_steps", weight_steps, steps)
    _check_models(models, len(weights))
    with _told_with_path(path):
        _refuse_place(path, overwrite)
        path.parent.mkdir(parents=True, exist_ok=True)
        _refuse_small_disk(path, table_bytes(steps, len(probes), models))
        _sweep(path)
        partial = path.with_name(f".{path.name}.{uuid4().hex[:12]}.partial")
        try:
            disk = DiskFile(partial, "x+b")
            try:
                disk.lock()
                with h5py.File(disk, "w", libver=("earliest", "v110")) as file:
                    build(
                        file,
                        name=name,
                        protocol=protocol,
                        seed=seed,
                        timeline=timeline,
                        probe_steps=probes,
                        weight_steps=weights,
                        models=models,
                        settings=settings,
                        created=datetime.now(UTC).isoformat(timespec="microseconds"),
                    )
                disk.sync()
                if disk.failure is not None:
                    raise disk.failure
                _rename(partial, path, overwrite)
            except BaseException as error:
                disk.close()
                if disk.failure is not None:
                    raise disk.failure from error
                raise
            return disk
        finally:
            partial.unlink(missing_ok=True)


def open_locked(path: Path, mode: str) -> DiskFile:
    """Open the recording of a name and keep other writers out, also those that would put another in its place."""
    before = path.stat()
    disk = DiskFile(path, mode)
    try:
        disk.lock()
        if not os.path.samestat(before, path.stat()):  # it was replaced before the lock was ours
            message = f"{path} is being written by another process: wait for it or stop it"
            raise os_error(BlockingIOError, errno.EAGAIN, message)
    except BaseException:
        disk.close()
        raise
    return disk


def _checked_steps(what: str, given: Sequence[int], steps: int) -> np.ndarray:
    indices = np.asarray(given, dtype="<i4").reshape(-1)
    if indices.size and not (indices.min() >= 0 and indices.max() < steps):
        raise ValueError(f"{what}: found {indices.min()} to {indices.max()}, expected steps from 0 to {steps - 1}")
    return indices


def _check_models(models: Mapping[str, ModelLayout], weight_steps: int) -> None:
    if not models:
        raise ValueError("a recording needs at least one model")
    for name, layout in models.items():
        check_group_name("model", name)
        if layout.weight_rows not in (0, weight_steps):
            raise ValueError(f"{name}: found weight_rows = {layout.weight_rows}, expected 0 or {weight_steps}")
    for what in ("slots", "subjects"):
        values = [getattr(layout, what) for layout in models.values()]
        sizes = {value if isinstance(value, int) else len(value) for value in values}
        if len(sizes) > 1:
            raise ValueError(f"models of one run need equally many {what}, found {sorted(sizes)}")


@contextlib.contextmanager
def _told_with_path(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.strerror is None:  # told by ourselves, in better words
            raise
        message = f"the recording {path} cannot be created: {error.strerror}"
        raise os_error(type(error), error.errno, message) from error


def _refuse_place(path: Path, overwrite: bool) -> None:
    if path.is_dir():
        raise os_error(IsADirectoryError, errno.EISDIR, f"{path} is a folder: give the name of a file")
    if not path.exists():
        return
    if not overwrite:
        message = f"{path} exists: give another name, or --overwrite to replace it"
        raise os_error(FileExistsError, errno.EEXIST, message)
    if not path.is_file():
        raise os_error(OSError, errno.EINVAL, f"{path} is not a regular file and cannot be replaced by a recording")
    open_locked(path, "rb").close()  # refused where a run still writes it


def _sweep(path: Path) -> None:
    """Remove what creations of the same recording left that were killed."""
    for partial in path.parent.glob(f".{glob.escape(path.name)}.*.partial"):
        with contextlib.suppress(OSError):
            left = DiskFile(partial, "rb")
            try:
                left.lock()  # held by a creation that still goes on
                partial.unlink()
            finally:
                left.close()


def _refuse_small_disk(path: Path, needed: int) -> None:
    free = shutil.disk_usage(path.parent).free
    if needed > free:
        raise os_error(
            OSError,
            errno.ENOSPC,
            f"the recording {path} needs {needed:,} bytes and the disk has {free:,} free",
        )


def _rename(partial: Path, path: Path, overwrite: bool) -> None:
    try:
        os.link(partial, path)  # unlike a rename, never replaces a file that has come up meanwhile
    except OSError as error:
        if isinstance(error, FileExistsError) and not overwrite:
            raise
        if path.exists():
            current = open_locked(path, "rb")
            try:
                os.replace(partial, path)
            finally:
                current.close()
        else:  # file systems without hard links
            os.replace(partial, path)
    with contextlib.suppress(OSError):  # not every system can sync a folder
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
