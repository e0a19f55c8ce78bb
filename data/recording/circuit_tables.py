"""What only circuits record: spikes, segments of simulated time, rates, states, synapses, assemblies."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from .checked_file import CheckedFile, following_growth, open_checked
from .contents import ModelContents, read_stream, read_table, subject_path
from .layout import SYNAPSE_COLUMNS
from .timeline_columns import checked_steps, decoded_texts, read_phases

if TYPE_CHECKING:
    import pandas as pd


@following_growth
def read_spikes(
    path: Path, model: ModelContents, name: str, subject: int, population: str
) -> tuple[np.ndarray, np.ndarray]:
    """Times in s and cells of all spikes of a population."""
    stream = f"spikes/{population}"
    with open_checked(path) as file:
        columns = read_stream(file, model, name, subject, stream)
        cells = model.populations.get(population, 2**31)
        _check_cells(file, f"{subject_path(name, subject)}/{stream}/node_ids", columns["node_ids"], cells)
    return columns["timestamps"].astype(np.float64, copy=False), columns["node_ids"].astype(np.int32, copy=False)


@following_growth
def segments_table(path: Path, model: ModelContents, name: str, subject: int) -> pd.DataFrame:
    """What happened when in simulated time, with what the timeline says of the step."""
    import pandas as pd

    with open_checked(path) as file:
        columns = read_stream(file, model, name, subject, "segments")
        phases = read_phases(file)
        place = f"{subject_path(name, subject)}/segments"
        phase = checked_steps(file, place, columns["phase"], len(phases["index"]))
        table = {
            "phase": phase,
            "stage": decoded_texts(file, place, columns["stage"]),
            "item": columns["item"].astype(np.int64) + 1,
            "lesion": decoded_texts(file, place, columns["lesion"]),
            "cycle": columns["cycle"].astype(np.int64),
            "start": columns["start"].astype(np.float64),
            "stop": columns["stop"].astype(np.float64),
        }
    return pd.DataFrame({**table, **{column: phases[column][phase] for column in ("label", "repetition", "kind")}})


@following_growth
def stages_table(path: Path, model: ModelContents, name: str, subject: int) -> pd.DataFrame:
    """Strong weights before and after each stage of sleep."""
    import pandas as pd

    with open_checked(path) as file:
        columns = read_stream(file, model, name, subject, "stages")
        steps = len(read_phases(file)["index"])
        place = f"{subject_path(name, subject)}/stages"
        columns["phase"] = checked_steps(file, place, columns["phase"], steps)
        texts = {column: decoded_texts(file, place, columns[column]) for column in ("stage", "projection")}
    return pd.DataFrame({**columns, **texts})


@following_growth
def rates_table(path: Path, model: ModelContents, name: str, subject: int) -> pd.DataFrame:
    """Mean rate of each population by bin."""
    import pandas as pd

    with open_checked(path) as file:
        table = pd.DataFrame(read_stream(file, model, name, subject, "rates"))
        table.attrs["bin"] = float(file.number(f"{subject_path(name, subject)}/rates", "bin"))
    return table


@following_growth
def read_states(
    path: Path, model: ModelContents, name: str, subject: int, state: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times in s, values by cell, and numbers of the cells."""
    stream = f"states/{state}"
    with open_checked(path) as file:
        columns = read_stream(file, model, name, subject, stream)
        cells = file.numbers(f"{subject_path(name, subject)}/{stream}", "node_ids").astype(np.int64)
        if len(cells) != columns["values"].shape[1]:
            raise file.refuse(f"{stream} of subject {subject} of {name} has {len(cells)} node_ids for its values")
    return columns["time"], columns["values"], cells


def synapses_table(path: Path, model: ModelContents, name: str, subject: int, projection: str) -> pd.DataFrame:
    """Ends, initial weight and flexibility of each synapse."""
    import pandas as pd

    place = f"weights/{projection}"
    with open_checked(path) as file:
        table = {column: read_table(file, model, name, subject, f"{place}/{column}") for column in SYNAPSE_COLUMNS}
        if (table["pre"] == -1).all():
            raise file.refuse(f"the synapses {projection} of subject {subject} of {name} are not written yet")
        edges = {} if model.circuit is None else {edge["name"]: edge for edge in model.circuit["edges"]}
        for column, end in (("pre", "source"), ("post", "target")):
            cells = model.populations[edges[projection][end]] if projection in edges else 2**31
            _check_cells(file, f"{subject_path(name, subject)}/{place}/{column}", table[column], cells)
    return pd.DataFrame(table)


def read_assemblies(path: Path, model: ModelContents, name: str, subject: int, population: str) -> np.ndarray:
    """Which cells stand for which item."""
    with open_checked(path) as file:
        members = read_table(file, model, name, subject, f"assemblies/{population}")
        if members.max(initial=0) > 1 or members.min(initial=0) < 0:
            raise file.refuse(f"no assemblies of {population} are written for subject {subject} of {name}")
    return members.astype(bool)


def _check_cells(file: CheckedFile, part: str, ids: np.ndarray, cells: int) -> None:
    if ids.size and not (ids.min() >= 0 and ids.max() < cells):
        raise file.refuse(f"{part} names cells from {ids.min()} to {ids.max()}, there are {cells}; it is damaged")
