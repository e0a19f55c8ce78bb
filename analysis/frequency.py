"""Does memory follow how often an item was met, or how recently?"""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import rankdata

from .capacity import PRESENTATION_COLUMNS
from .probes import final_probe, probe_column, require_columns
from .serial_position import final_performance


def performance_by_frequency(performance: xr.DataArray, presentations: pd.DataFrame) -> pd.DataFrame:
    """Final performance beside how often and how recently each subject met each item.

    Only presentations ahead of the last probe count. Items never presented are left out.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the timeline's ``phase`` of each probe.
    presentations : pandas.DataFrame
        What each subject was shown: columns ``subject``, ``phase``, ``order`` (within the phase), ``item`` (from 1).

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``subject``, ``item``, ``performance``, ``frequency`` (presentations), ``last`` (place of the
        last presentation among all of the subject's, from 1) and ``order`` (rank of ``last`` among the items, from 1).

    Raises
    ------
    TypeError, ValueError
        If the tables are not such tables.

    Examples
    --------
    >>> import pandas as pd, xarray as xr
    >>> from engram.analysis import performance_by_frequency
    >>> performance = xr.DataArray(
    ...     [[[[0.4, 0.8]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={"model": ["hybrid"], "subject": [0], "item": [1, 2], "phase": ("probe", [3])},
    ... )
    >>> presentations = pd.DataFrame({"subject": 0, "phase": [0, 1, 2], "order": 0, "item": [2, 1, 2]})
    >>> performance_by_frequency(performance, presentations)
        model  subject  item  performance  frequency  last  order
    0  hybrid        0     1          0.4          1     2      1
    1  hybrid        0     2          0.8          2     3      2
    """
    require_columns(presentations, PRESENTATION_COLUMNS, "presentations")
    final = final_performance(performance)
    phase = probe_column(performance, "phase")
    ends = {name: phase[row] for name, row in zip(performance["model"].values, final_probe(performance), strict=True)}
    parts = []
    for model, rows in final.groupby("model", sort=False):
        met = _meetings(presentations[presentations["phase"] < ends[model]])
        parts.append(rows.merge(met, on=["subject", "item"], how="inner"))
    table = pd.concat(parts, ignore_index=True) if parts else final.assign(frequency=0, last=0, order=0)
    return table.drop(columns="probe")


def frequency_and_order_correlation(performance: xr.DataArray, presentations: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation of final performance with frequency and with order, for each subject.

    Spearman's rho over the items of a subject. The order of an item is the place of its last presentation, so a
    positive rho means recency. Average over subjects with `mean_over_subjects`.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the timeline's ``phase`` of each probe.
    presentations : pandas.DataFrame
        What each subject was shown: columns ``subject``, ``phase``, ``order`` (within the phase), ``item`` (from 1).

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``subject``, ``rho_frequency``, ``rho_order``; NaN where a subject performs alike on all
        items.

    Raises
    ------
    TypeError, ValueError
        If the tables are not such tables, or every item is presented equally often.

    References
    ----------
    Cho, Lee, Baek & Paik (2025), Neural Networks 190, figure 5.

    Examples
    --------
    >>> import pandas as pd, xarray as xr
    >>> from engram.analysis import frequency_and_order_correlation
    >>> performance = xr.DataArray(
    ...     [[[[0.2, 0.5, 0.9]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={"model": ["hybrid"], "subject": [0], "item": [1, 2, 3], "phase": ("probe", [6])},
    ... )
    >>> presentations = pd.DataFrame({"subject": 0, "phase": range(6), "order": 0, "item": [3, 3, 2, 3, 1, 2]})
    >>> frequency_and_order_correlation(performance, presentations)
        model  subject  rho_frequency  rho_order
    0  hybrid        0            1.0       -0.5
    """
    if not frequency_varies(presentations):
        raise ValueError("every item is presented equally often; expected a protocol whose `frequency` varies by item")
    table = performance_by_frequency(performance, presentations)
    rows = [
        (*key, _spearman(items["performance"], items["frequency"]), _spearman(items["performance"], items["last"]))
        for key, items in table.groupby(["model", "subject"], sort=False)
    ]
    return pd.DataFrame(rows, columns=["model", "subject", "rho_frequency", "rho_order"])


def frequency_varies(presentations: pd.DataFrame) -> bool:
    """Whether some subject meets some items more often than others."""
    require_columns(presentations, PRESENTATION_COLUMNS, "presentations")
    times = presentations.groupby(["subject", "item"]).size()
    return bool((times.groupby("subject").nunique() > 1).any())


def _meetings(presentations: pd.DataFrame) -> pd.DataFrame:
    in_time = presentations.sort_values(["subject", "phase", "order"], kind="stable")
    in_time = in_time.assign(place=in_time.groupby("subject").cumcount() + 1)
    met = in_time.groupby(["subject", "item"])["place"].agg(frequency="size", last="max").reset_index()
    return met.assign(order=met.groupby("subject")["last"].rank().astype(int))


def _spearman(x: pd.Series, y: pd.Series) -> float:
    ranks = np.stack([rankdata(x), rankdata(y)])
    if (np.ptp(ranks, axis=1) == 0).any():
        return float("nan")
    return float(np.corrcoef(ranks)[0, 1])
