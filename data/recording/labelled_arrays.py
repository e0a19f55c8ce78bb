"""Tables of a recording as xarray, labelled by model, subject, probe and item."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import xarray as xr

from .checked_file import open_checked
from .contents import ModelContents, read_table
from .timeline_columns import read_phases, read_steps

PROBE_COLUMNS = ("label", "repetition", "list", "lesion", "stop")
POINT_COLUMNS = ("phase", "presentation", "epoch")


def probe_array(path: Path, chosen: dict[str, ModelContents], table: str, missing: float) -> xr.DataArray:
    """One probe table of all subjects: model x subject x probe x item, and x response for responses."""
    rows, *slots = next(iter(chosen.values())).tables[f"probes/{table}"][1]
    subjects = max(model.subjects for model in chosen.values())
    kind = np.float32 if np.isnan(missing) else np.int32
    shape = (len(chosen), subjects, rows, *slots)
    with open_checked(path) as file:
        file.check_fits(4 * prod(shape))
        values = np.full(shape, missing, dtype=kind)
        phases = read_phases(file)
        for m, (name, model) in enumerate(chosen.items()):
            if model.tables[f"probes/{table}"][1] != (rows, *slots):
                raise file.refuse(f"{name} has another number of probes than the other models; the file is damaged")
            for k in range(model.subjects):
                values[m, k] = read_table(file, model, name, k, f"probes/{table}")
        steps = read_steps(file, model, name, 0, "probes/phase", phases)
    along_probe = {column: ("probe", phases[column][steps]) for column in PROBE_COLUMNS}
    coordinates = {**_axes(chosen, subjects), "probe": np.arange(rows), "phase": ("probe", steps), **along_probe}
    dims = ("model", "subject", "probe", "item", "response")[: values.ndim]
    if "response" in dims:
        coordinates["response"] = coordinates["item"]
    return xr.DataArray(values, dims=dims, coords=coordinates, name=table)


def curve_array(path: Path, chosen: dict[str, ModelContents]) -> xr.DataArray:
    """Learning curves of all subjects: model x subject x point x item."""
    subjects, slots = max(model.subjects for model in chosen.values()), next(iter(chosen.values())).slots
    points_of, values_of, owner_of = [], [], []
    with open_checked(path) as file:
        for m, (name, model) in enumerate(chosen.items()):
            for k in range(model.subjects):
                columns = [read_table(file, model, name, k, f"curves/{column}") for column in POINT_COLUMNS]
                written = columns[0] >= 0
                points_of.append(np.stack(columns, axis=1)[written].astype(np.int64))
                values_of.append(read_table(file, model, name, k, "curves/performance")[written])
                owner_of.append(np.tile([m, k], (len(points_of[-1]), 1)))
        # models that make other numbers of epochs share the points that both reach
        points, point = np.unique(np.concatenate(points_of), axis=0, return_inverse=True)
        owner = np.concatenate(owner_of)
        shape = (len(chosen), subjects, len(points), slots)
        file.check_fits(4 * prod(shape))
        curves = np.full(shape, np.nan, dtype=np.float32)
        curves[owner[:, 0], owner[:, 1], point.reshape(-1)] = np.concatenate(values_of)
    along_point = {column: ("point", points[:, i]) for i, column in enumerate(POINT_COLUMNS)}
    return xr.DataArray(
        curves,
        dims=("model", "subject", "point", "item"),
        coords={**_axes(chosen, subjects), "point": np.arange(len(points)), **along_point},
        name="performance",
    )


def _axes(chosen: dict[str, ModelContents], subjects: int) -> dict[str, Any]:
    return {
        "model": list(chosen),
        "chance": ("model", [model.chance for model in chosen.values()]),
        "subject": np.arange(subjects),
        "item": np.arange(1, next(iter(chosen.values())).slots + 1),
    }
