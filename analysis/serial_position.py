"""Performance at the end, by the position of an item in the list."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from .confidence import mean_over_subjects
from .probes import final_probe, in_order, measured


def final_performance(performance: xr.DataArray) -> pd.DataFrame:
    """Performance of every subject at the last probe.

    The last probe of a model is the last one of the unlesioned network that any of its subjects has answered, so a
    running recording gives what is there. Subjects without an answer at that probe have no rows.

    Parameters
    ----------
    performance : xarray.DataArray
        Share of an item's test images given its label, dimensions (model, subject, probe, item); NaN: not measured.

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``subject``, ``probe`` (row of the probe), ``item`` (position in the list, from 1) and
        ``performance``.

    Raises
    ------
    TypeError, ValueError
        If `performance` is not such a table.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import final_performance
    >>> performance = xr.DataArray(
    ...     [[[[0.9, 0.1], [0.4, 0.8]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={"model": ["hybrid"], "subject": [0], "item": [1, 2]},
    ... )
    >>> final_performance(performance)
        model  subject  probe  item  performance
    0  hybrid        0      1     1          0.4
    1  hybrid        0      1     2          0.8
    """
    ordered = in_order(performance)
    parts = [measured(ordered.isel(model=[m], probe=[p])) for m, p in enumerate(final_probe(ordered)) if p >= 0]
    columns = ["model", "subject", "probe", "item", "performance"]
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=float) for name in columns})
    return pd.concat(parts, ignore_index=True)[columns]


def serial_position_curve(performance: xr.DataArray, *, confidence: float = 0.95) -> pd.DataFrame:
    """Mean final performance by position in the list, with a confidence band over subjects.

    The band is Student's t interval of the mean, see `mean_over_subjects`.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item).
    confidence : float
        Of the band.

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``item``, ``mean``, ``low``, ``high`` (shares of the test images), ``subjects``.

    Raises
    ------
    TypeError, ValueError
        If `performance` is not such a table.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import serial_position_curve
    >>> performance = xr.DataArray(
    ...     [[[[0.4, 0.8]], [[0.6, 0.8]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={"model": ["hybrid"], "subject": [0, 1], "item": [1, 2]},
    ... )
    >>> serial_position_curve(performance).round(2)
        model  item  mean   low  high  subjects
    0  hybrid     1   0.5 -0.77  1.77         2
    1  hybrid     2   0.8  0.80  0.80         2
    """
    table = final_performance(performance)
    return mean_over_subjects(table, "performance", ("model", "item"), confidence=confidence)


def final_scores(performance: xr.DataArray) -> pd.DataFrame:
    """Final performance averaged over the items of each subject: model, subject, performance."""
    table = final_performance(performance)
    return table.groupby(["model", "subject"], sort=False)["performance"].mean().reset_index()


def chance_level(performance: xr.DataArray) -> float:
    """Performance of a subject that guesses: what the models say, where they agree, else 1/N over the items."""
    chances = set(chance_of_models(performance).values())
    return chances.pop() if len(chances) == 1 else _even_guessing(performance)


def chance_of_models(performance: xr.DataArray) -> dict[str, float]:
    """Performance of a subject that guesses, by model: the coordinate ``chance``, 1/N where there is none."""
    models = [str(name) for name in performance["model"].values]
    if "chance" not in performance.coords or performance["chance"].dims != ("model",):
        return dict.fromkeys(models, _even_guessing(performance))
    return dict(zip(models, map(float, performance["chance"].values), strict=True))


def _even_guessing(performance: xr.DataArray) -> float:
    return float(1 / np.maximum(performance.sizes["item"], 1))
