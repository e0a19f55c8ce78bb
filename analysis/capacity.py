"""How much is remembered in all, by how much has been learned."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from .probes import in_order, probe_column, require_columns

PRESENTATION_COLUMNS = ("subject", "phase", "order", "item")


def gross_memory(performance: xr.DataArray, presentations: pd.DataFrame) -> pd.DataFrame:
    """Sum of performance over the items learned so far, at each probe.

    An item counts as learned once it has been presented, with whatever label. A probe that leaves out a learned item
    has no gross memory (NaN).

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the timeline's ``phase`` of each probe.
    presentations : pandas.DataFrame
        What each subject was shown: columns ``subject``, ``phase``, ``order``, ``item`` (from 1).

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``subject``, ``probe``, ``phase``, ``trained`` (different items presented before the probe)
        and ``gross_memory`` (items; N would be perfect memory of N).

    Raises
    ------
    TypeError, ValueError
        If the tables are not such tables, or speak of different items.

    References
    ----------
    Cho, Lee, Baek & Paik (2025), Neural Networks 190, figure 2.

    Examples
    --------
    >>> import pandas as pd, xarray as xr
    >>> from engram.analysis import gross_memory
    >>> performance = xr.DataArray(
    ...     [[[[0.9, 0.1], [0.4, 0.8]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={"model": ["hybrid"], "subject": [0], "item": [1, 2], "phase": ("probe", [1, 3])},
    ... )
    >>> presentations = pd.DataFrame({"subject": 0, "phase": [0, 2], "order": 0, "item": [1, 2]})
    >>> gross_memory(performance, presentations)
        model  subject  probe  phase  trained  gross_memory
    0  hybrid        0      0      1        1           0.9
    1  hybrid        0      1      3        2           1.2
    """
    return _over_learned(performance, presentations).drop(columns="average_performance")


def average_performance(performance: xr.DataArray, presentations: pd.DataFrame) -> pd.DataFrame:
    """Mean performance over the items learned so far, at each probe.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the timeline's ``phase`` of each probe.
    presentations : pandas.DataFrame
        What each subject was shown: columns ``subject``, ``phase``, ``order``, ``item`` (from 1).

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``subject``, ``probe``, ``phase``, ``trained`` and ``average_performance`` (share of the
        test images; NaN where a learned item was left out of the probe).

    Raises
    ------
    TypeError, ValueError
        If the tables are not such tables, or speak of different items.

    Examples
    --------
    >>> import pandas as pd, xarray as xr
    >>> from engram.analysis import average_performance
    >>> performance = xr.DataArray(
    ...     [[[[0.9, 0.1], [0.4, 0.8]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={"model": ["hybrid"], "subject": [0], "item": [1, 2], "phase": ("probe", [1, 3])},
    ... )
    >>> presentations = pd.DataFrame({"subject": 0, "phase": [0, 2], "order": 0, "item": [1, 2]})
    >>> average_performance(performance, presentations).round(2)
        model  subject  probe  phase  trained  average_performance
    0  hybrid        0      0      1        1                  0.9
    1  hybrid        0      1      3        2                  0.6
    """
    return _over_learned(performance, presentations).drop(columns="gross_memory")


def first_learned(performance: xr.DataArray, presentations: pd.DataFrame) -> np.ndarray:
    """Phase in which each subject first met each item: float [subject, item], infinite if never."""
    require_columns(presentations, PRESENTATION_COLUMNS, "presentations")
    items = np.asarray(performance["item"].values)
    strangers = sorted(set(presentations["item"].unique()) - set(items))
    if strangers:
        raise ValueError(
            f"presentations speak of item {strangers[0]}, performance of {items.min()} to {items.max()}; "
            "expected the same items, counted from 1, in both"
        )
    first = presentations.groupby(["subject", "item"])["phase"].min().unstack("item")
    wanted = first.reindex(index=np.asarray(performance["subject"].values), columns=items)
    return wanted.to_numpy(dtype=float, na_value=np.inf)


def _over_learned(performance: xr.DataArray, presentations: pd.DataFrame) -> pd.DataFrame:
    ordered = in_order(performance).reset_coords(drop=True)
    phase = probe_column(performance, "phase")
    learned = first_learned(ordered, presentations)[:, None, :] < phase[None, :, None]  # [subject, probe, item]
    trained = learned.sum(axis=-1)
    values = np.where(learned, ordered.values, 0.0)  # NaN stays where a learned item was not measured
    total = values.sum(axis=-1)  # [model, subject, probe]
    seen = xr.zeros_like(ordered.isel(item=0, drop=True), dtype=float)
    table = seen.to_dataframe(name="gross_memory").reset_index()[["model", "subject", "probe"]]
    table["phase"] = np.broadcast_to(phase, total.shape).ravel()
    table["trained"] = np.broadcast_to(trained, total.shape).ravel()
    table["gross_memory"] = total.ravel()
    table["average_performance"] = table["gross_memory"] / table["trained"].where(table["trained"] > 0)
    answered = ordered.notnull().any("item").values.ravel()
    return table[answered].reset_index(drop=True)


def first_pass(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of the first probe after each number of trained items: the list as it grows."""
    growing = table[table["trained"] > 0]
    first = growing.groupby(["model", "subject", "trained"], sort=False)["probe"].transform("min")
    return growing[growing["probe"] == first].reset_index(drop=True)
