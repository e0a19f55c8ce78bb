"""The timeline as stored, and the rows of other tables that point into it."""

from __future__ import annotations

import numpy as np

from .checked_file import CheckedFile
from .contents import ModelContents, read_table, subject_path
from .layout import PHASE_COLUMNS


def read_phases(file: CheckedFile) -> dict[str, np.ndarray]:
    """Columns of the timeline, texts as objects."""
    length = file.table("phases/index", "i", (None,)).shape[0]
    columns: dict[str, np.ndarray] = {}
    for column, kind in PHASE_COLUMNS.items():
        if kind == "S":
            columns[column] = np.array(file.texts(f"phases/{column}", length), dtype=object)
        else:
            values = file.table(f"phases/{column}", kind[1], (length,))[...]
            columns[column] = values.astype(np.int64 if kind[1] == "i" else np.float64)
    return columns


def read_steps(
    file: CheckedFile, contents: ModelContents, model: str, subject: int, table: str, phases: dict[str, np.ndarray]
) -> np.ndarray:
    """A column of steps, all of which the timeline has."""
    steps = read_table(file, contents, model, subject, table).astype(np.int64)
    if steps.size and not (steps.min() >= 0 and steps.max() < len(phases["index"])):
        raise file.refuse(f"{subject_path(model, subject)}/{table} names steps that the timeline does not have")
    return steps


def checked_steps(file: CheckedFile, place: str, phase: np.ndarray, steps: int) -> np.ndarray:
    """A column of steps of a table that grew, all of which the timeline has."""
    if phase.size and not (phase.min() >= 0 and phase.max() < steps):
        raise file.refuse(f"{place}/phase names steps that the timeline does not have")
    return phase.astype(np.int64)


def decoded_texts(file: CheckedFile, place: str, column: np.ndarray) -> np.ndarray:
    """A column of texts as objects; few different words repeat often."""
    words, which = np.unique(column, return_inverse=True)
    return np.array([file.decoded(place, word) for word in words.tolist()], dtype=object)[which]
