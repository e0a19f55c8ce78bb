"""Tables of a recording as pandas, one observation per row."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from .checked_file import following_growth, open_checked
from .contents import ModelContents, read_status, read_stream, read_table, subject_path
from .layout import PRESENTATION_COLUMNS, SUMMARY_COLUMNS
from .timeline_columns import checked_steps, decoded_texts, read_phases, read_steps


def phases_table(path: Path) -> pd.DataFrame:
    """The timeline."""
    with open_checked(path) as file:
        return pd.DataFrame(read_phases(file))


def presentations_table(path: Path, name: str, model: ModelContents) -> pd.DataFrame:
    """What each subject of a model got."""
    tables = []
    with open_checked(path) as file:
        phases = read_phases(file)
        for k in range(model.subjects):
            columns = {c: read_table(file, model, name, k, f"presentations/{c}") for c in PRESENTATION_COLUMNS}
            phase = read_steps(file, model, name, k, "presentations/phase", phases)
            table = {
                "subject": k,
                "phase": phase,
                "order": columns["order"].astype(np.int64),
                "item": columns["item"].astype(np.int64) + 1,
                "label": columns["label"].astype(np.int64) + 1,
                "wrong": columns["wrong"],
                "phase_label": phases["label"][phase],
                "repetition": phases["repetition"][phase],
            }
            tables.append(pd.DataFrame(table))
    return pd.concat(tables, ignore_index=True)


def trials_table(path: Path, chosen: dict[str, ModelContents]) -> pd.DataFrame:
    """Single responses."""
    tables = []
    with open_checked(path) as file:
        phases = read_phases(file)
        for name, model in chosen.items():
            for k in range(model.subjects):
                given = read_table(file, model, name, k, "probes/trials")
                classes = np.array(file.texts(f"{subject_path(name, k)}/items", model.slots), dtype=object)
                steps = read_steps(file, model, name, k, "probes/phase", phases)
                probe, slot, image = np.nonzero(given >= 0)
                response = given[probe, slot, image].astype(np.int64)
                table = {
                    "model": name,
                    "subject": k,
                    "list": phases["list"][steps][probe],
                    "probe": probe,
                    "input_position": slot + 1,
                    "output_position": image + 1,
                    "item": classes[slot],
                    "response": response + 1,
                    "correct": response == slot,
                }
                tables.append(pd.DataFrame(table))
    return pd.concat(tables, ignore_index=True).astype({"model": "category", "list": "category"})


def weights_table(path: Path, chosen: dict[str, ModelContents]) -> pd.DataFrame:
    """Summaries of the weights; rows not written yet are left out."""
    tables = []
    with open_checked(path) as file:
        phases = read_phases(file)
        for name, model in chosen.items():
            for projection, units in model.projections.items():
                place = f"weights/{projection}"
                for k in range(model.subjects):
                    phase = read_steps(file, model, name, k, f"{place}/phase", phases)
                    table = {
                        "model": name,
                        "subject": k,
                        "projection": projection,
                        "phase": phase,
                        "label": phases["label"][phase],
                        "repetition": phases["repetition"][phase],
                        **{c: read_table(file, model, name, k, f"{place}/{c}") for c in SUMMARY_COLUMNS},
                        "units": units,
                    }
                    tables.append(pd.DataFrame(table).dropna(subset=list(SUMMARY_COLUMNS), how="all"))
    return pd.concat(tables, ignore_index=True)


def subjects_table(path: Path, models: dict[str, ModelContents]) -> pd.DataFrame:
    """How each subject stands."""
    rows = []
    with open_checked(path) as file:
        for name, model in models.items():
            for k in range(model.subjects):
                place = subject_path(name, k)
                row = {
                    "model": name,
                    "subject": k,
                    "seed": file.text(place, "seed"),
                    "status": read_status(file, place),
                    "message": file.text(place, "message"),
                    "sensitivity": float(file.number(place, "sensitivity")),
                }
                rows.append(row)
    return pd.DataFrame(rows)


def items_table(path: Path, models: dict[str, ModelContents]) -> pd.DataFrame:
    """Which class filled which place."""
    tables = []
    with open_checked(path) as file:
        for name, model in models.items():
            item = np.arange(1, model.slots + 1)
            for k in range(model.subjects):
                classes = file.texts(f"{subject_path(name, k)}/items", model.slots)
                tables.append(pd.DataFrame({"model": name, "subject": k, "item": item, "name": classes}))
    return pd.concat(tables, ignore_index=True)


@following_growth
def stream_table(path: Path, model: ModelContents, name: str, subject: int, stream: str) -> pd.DataFrame:
    """A table that grew, whatever it holds; several values per row are an array in a cell."""
    place = f"{subject_path(name, subject)}/{stream}"
    with open_checked(path) as file:
        columns = read_stream(file, model, name, subject, stream)
        if "phase" in columns:
            columns["phase"] = checked_steps(file, place, columns["phase"], len(read_phases(file)["index"]))
        cells = {
            column: decoded_texts(file, place, values) if values.dtype.kind == "S" else _by_row(values)
            for column, values in columns.items()
        }
        table = pd.DataFrame(cells)
        table.attrs = {key: value for key, value in file.attributes(place).items() if key != "rows"}
    return table


def _by_row(values: np.ndarray) -> np.ndarray:
    if values.ndim == 1:
        return values
    rows = np.empty(len(values), dtype=object)
    for number, row in enumerate(values):
        rows[number] = row
    return rows
