"""The log of a recording that is being written: the only part in which two runs of one seed may differ."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import h5py
import numpy as np

from .contents import seconds_path
from .fixed_text import change_text
from .structure import LOG_TEXTS


class LogBook:
    """The group ``/log`` of an open recording.

    Parameters
    ----------
    file : h5py.File
        The recording.
    """

    def __init__(self, file: h5py.File) -> None:
        self._file = file
        self._seconds: dict[str, np.ndarray] = {}  # model -> [subject, step], as it shall stand in the file
        self._changed: set[tuple[str, int]] = set()  # model, subject

    def note(
        self, texts: Mapping[str, str | None], numbers: Mapping[str, float | None], machine: Mapping[str, Any] | None
    ) -> None:
        """Change what is given."""
        about = None if machine is None else json.dumps(machine, sort_keys=True)
        if about is not None and len(about.encode()) > LOG_TEXTS["machine"]:
            raise ValueError(f"machine: found {len(about)} characters of JSON, expected at most {LOG_TEXTS['machine']}")
        log = self._file["log"]
        for name, text in {**texts, "machine": about}.items():
            if text is not None:
                change_text(log, name, text, LOG_TEXTS[name])
        for name, number in numbers.items():
            if number is not None:
                log.attrs.modify(name, np.float64(number))

    def add_seconds(self, model: str, subjects: tuple[int, ...], step: int, seconds: float) -> None:
        """Add time that a step took, shared evenly by the subjects that took it together."""
        if model not in self._seconds:
            if seconds_path(model) not in self._file:  # a recording before format 1.2 has no room for it
                return
            self._seconds[model] = self._file[seconds_path(model)][...]
        table = self._seconds[model]
        if not 0 <= step < table.shape[1]:
            raise ValueError(f"step {step} of {model}: expected 0 to {table.shape[1] - 1}")
        if not 0 <= seconds < np.inf:
            raise ValueError(f"seconds: found {seconds}, expected 0 or more")
        rows = list(subjects)
        table[rows, step] = np.nan_to_num(table[rows, step]) + seconds / len(rows)
        self._changed.update((model, row) for row in rows)

    def write_out(self) -> None:
        """Write the times that wait in memory, in place."""
        for model, row in self._changed:
            self._file[seconds_path(model)][row] = self._seconds[model][row]
        self._changed.clear()
