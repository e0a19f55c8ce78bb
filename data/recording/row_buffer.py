"""Rows that wait in memory to be written together."""

from __future__ import annotations

from dataclasses import dataclass, field

import h5py
import numpy as np

from .contents import subject_path


@dataclass
class _Run:
    """Rows of one table that follow each other."""

    subjects: tuple[int, ...]
    first: int
    blocks: list[np.ndarray] = field(default_factory=list)


class RowBuffer:
    """Rows by model and table, in the order in which they came."""

    def __init__(self) -> None:
        self.rows = 0
        self.bytes = 0
        self._runs: dict[tuple[str, str], list[_Run]] = {}

    def add(self, model: str, table: str, subjects: tuple[int, ...], row: int, block: np.ndarray) -> None:
        """Keep a copy of one row of each subject; `block` has one entry per subject."""
        runs = self._runs.setdefault((model, table), [])
        last = runs[-1] if runs else None
        if last is None or last.subjects != subjects or last.first + len(last.blocks) != row:
            runs.append(last := _Run(subjects, row))
        last.blocks.append(block.copy())
        self.rows += 1
        self.bytes += block.nbytes

    def write_to(self, file: h5py.File) -> None:
        """Write all rows in place and forget them."""
        for (model, table), runs in self._runs.items():
            for run in runs:
                one = len(run.blocks) == 1  # whole weight arrays come one by one and are not copied again
                rows = run.blocks[0][:, None] if one else np.stack(run.blocks, axis=1)  # subject, row, ...
                for subject, values in zip(run.subjects, rows, strict=True):
                    dataset = file[f"{subject_path(model, subject)}/{table}"]
                    dataset[run.first : run.first + len(values)] = values
        self._runs.clear()
        self.rows = self.bytes = 0
