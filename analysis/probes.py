"""Which rows of a performance table a question is about."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from ..data.wording import nearest, one_of

PROBE_DIMS = ("model", "subject", "probe", "item")


def require_dims(table: xr.DataArray, dims: tuple[str, ...], name: str = "performance") -> None:
    """Refuse anything that is not a labelled table with these dimensions."""
    if not isinstance(table, xr.DataArray):
        raise TypeError(
            f"{name} is a {type(table).__name__}; expected an xarray.DataArray with dimensions {', '.join(dims)}, "
            f"as a recording's {name}() gives it"
        )
    if set(table.dims) != set(dims):
        raise ValueError(f"{name} has dimensions {', '.join(map(str, table.dims))}; expected {', '.join(dims)}")
    for dim in {"model", "item"} & set(dims):
        if dim not in table.coords:
            raise ValueError(f"{name} has no coordinate {dim!r}; expected model names, and items counted from 1")


def require_columns(table: pd.DataFrame, columns: tuple[str, ...], name: str) -> None:
    """Refuse a tidy table that lacks a column."""
    missing = [column for column in columns if column not in table.columns]
    if missing:
        raise ValueError(f"{name} has no column {missing[0]!r}; expected {', '.join(columns)}")


def probe_column(table: xr.DataArray, name: str) -> np.ndarray:
    """One coordinate of the probes, shape [probe]."""
    if name not in table.coords:
        raise ValueError(f"the probes carry no coordinate {name!r}; expected one, as in the timeline of a recording")
    return np.asarray(table[name].values)


def intact(table: xr.DataArray) -> np.ndarray:
    """Probes of the unlesioned subject: bool [probe]."""
    if "lesion" not in table.coords:
        return np.ones(table.sizes["probe"], dtype=bool)
    return np.isin(probe_column(table, "lesion").astype(str), ["none", ""])


def labelled(table: xr.DataArray, label: str) -> np.ndarray:
    """Intact probes that carry a label: bool [probe].

    Raises
    ------
    ValueError
        If no probe carries it, saying which labels there are.
    """
    labels = probe_column(table, "label").astype(str)
    found = (labels == label) & intact(table)
    if not found.any():
        present = sorted(set(labels) - {""})
        has = f"its probes are labelled {one_of(present)}" if present else "none of its probes has a label"
        raise ValueError(
            f'the protocol has no probe labelled "{label}": {has}.{nearest(label, present)} '
            f"Put `label: {label}` beside the block whose probes are meant"
        )
    return np.asarray(found)


def final_probe(performance: xr.DataArray) -> np.ndarray:
    """Last intact probe that any subject of a model has answered: int [model], -1 where there is none."""
    answered = performance.notnull().any(["subject", "item"]).transpose("model", "probe").values & intact(performance)
    last: np.ndarray = np.where(answered, np.arange(answered.shape[1]), -1).max(axis=1, initial=-1)
    return last


def in_order(performance: xr.DataArray) -> xr.DataArray:
    """The table with its dimensions in their usual order and its probes numbered by row."""
    require_dims(performance, PROBE_DIMS)
    numbered = performance.transpose(*PROBE_DIMS).assign_coords(probe=np.arange(performance.sizes["probe"]))
    return numbered.astype(np.float64)  # means of single precision would show its rounding


def measured(performance: xr.DataArray) -> pd.DataFrame:
    """Tidy rows (coordinates and ``performance``) of everything measured, in the order of the dimensions."""
    table = performance.to_dataframe(name="performance").reset_index()
    return table.dropna(subset=["performance"]).reset_index(drop=True)
