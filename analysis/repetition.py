"""The Hebb repetition effect: what a repeated list gains."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from .confidence import mean_over_subjects
from .probes import in_order, labelled, measured, probe_column


def performance_by_repetition(performance: xr.DataArray, *, label: str = "repetition") -> pd.DataFrame:
    """Performance of every subject and item at the end of each repetition.

    A repetition is read at its last probe of the unlesioned network.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the coordinates ``label`` and ``repetition`` of each probe.
    label : str
        What the protocol calls the repeated block.

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``subject``, ``repetition`` (from 1), ``item`` (from 1), ``performance``.

    Raises
    ------
    TypeError, ValueError
        If `performance` is not such a table, or the protocol has no such label.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import performance_by_repetition
    >>> performance = xr.DataArray(
    ...     [[[[0.9, 0.0], [0.2, 0.8], [0.4, 0.8]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={
    ...         "model": ["hybrid"], "subject": [0], "item": [1, 2],
    ...         "label": ("probe", ["repetition"] * 3), "repetition": ("probe", [1, 1, 2]),
    ...     },
    ... )
    >>> performance_by_repetition(performance)
        model  subject  repetition  item  performance
    0  hybrid        0           1     1          0.2
    1  hybrid        0           1     2          0.8
    2  hybrid        0           2     1          0.4
    3  hybrid        0           2     2          0.8
    """
    performance = in_order(performance)
    rows = np.flatnonzero(labelled(performance, label))
    repetition = probe_column(performance, "repetition")[rows]
    if (repetition < 1).any():
        raise ValueError(f'a probe labelled "{label}" is outside of any repeat block; expected repetitions from 1')
    last = dict(zip(repetition, rows, strict=True))  # later probes replace earlier ones
    table = measured(performance.isel(probe=[last[number] for number in sorted(last)]))
    return table[["model", "subject", "repetition", "item", "performance"]]


def repetition_scores(performance: xr.DataArray, *, label: str = "repetition") -> pd.DataFrame:
    """Weakest and mean item of every subject at the end of each repetition.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the coordinates ``label`` and ``repetition`` of each probe.
    label : str
        What the protocol calls the repeated block.

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``subject``, ``repetition``, ``minimum`` and ``mean`` over items. One row per subject, as
        `compare_models` and `compare_paired` want them.

    Raises
    ------
    TypeError, ValueError
        See `performance_by_repetition`.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import repetition_scores
    >>> performance = xr.DataArray(
    ...     [[[[0.2, 0.8], [0.4, 0.8]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={
    ...         "model": ["hybrid"], "subject": [0], "item": [1, 2],
    ...         "label": ("probe", ["repetition"] * 2), "repetition": ("probe", [1, 2]),
    ...     },
    ... )
    >>> repetition_scores(performance)
        model  subject  repetition  minimum  mean
    0  hybrid        0           1      0.2   0.5
    1  hybrid        0           2      0.4   0.6
    """
    table = performance_by_repetition(performance, label=label)
    groups = table.groupby(["model", "subject", "repetition"], sort=False)["performance"]
    return groups.agg(minimum="min", mean="mean").reset_index()


def minimum_by_repetition(
    performance: xr.DataArray, *, label: str = "repetition", confidence: float = 0.95
) -> pd.DataFrame:
    """Weakest item at the end of each repetition: minimum over items per subject, then averaged over subjects.

    The interval is Student's, see `mean_over_subjects`.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the coordinates ``label`` and ``repetition`` of each probe.
    label : str
        What the protocol calls the repeated block.
    confidence : float
        Of the interval over subjects.

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``repetition``, ``mean``, ``low``, ``high`` (shares of the test images), ``subjects``.

    Raises
    ------
    TypeError, ValueError
        See `performance_by_repetition`.

    References
    ----------
    Cho, Lee, Baek & Paik (2025), Neural Networks 190, figure 3.

    Examples
    --------
    Two subjects forget different items: the mean of their minima is .3, the minimum of their means .5.

    >>> import xarray as xr
    >>> from engram.analysis import minimum_by_repetition
    >>> performance = xr.DataArray(
    ...     [[[[0.2, 0.8]], [[0.8, 0.4]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={
    ...         "model": ["hybrid"], "subject": [0, 1], "item": [1, 2],
    ...         "label": ("probe", ["repetition"]), "repetition": ("probe", [1]),
    ...     },
    ... )
    >>> minimum_by_repetition(performance)[["model", "repetition", "mean", "subjects"]].round(2)
        model  repetition  mean  subjects
    0  hybrid           1   0.3         2
    """
    scores = repetition_scores(performance, label=label)
    return mean_over_subjects(scores, "minimum", ("model", "repetition"), confidence=confidence)


def mean_by_repetition(
    performance: xr.DataArray, *, label: str = "repetition", confidence: float = 0.95
) -> pd.DataFrame:
    """Mean over items at the end of each repetition, averaged over subjects.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the coordinates ``label`` and ``repetition`` of each probe.
    label : str
        What the protocol calls the repeated block.
    confidence : float
        Of the interval over subjects (Student's, see `mean_over_subjects`).

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``repetition``, ``mean``, ``low``, ``high`` (shares of the test images), ``subjects``.

    Raises
    ------
    TypeError, ValueError
        See `performance_by_repetition`.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import mean_by_repetition
    >>> performance = xr.DataArray(
    ...     [[[[0.2, 0.8]], [[0.8, 0.4]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={
    ...         "model": ["hybrid"], "subject": [0, 1], "item": [1, 2],
    ...         "label": ("probe", ["repetition"]), "repetition": ("probe", [1]),
    ...     },
    ... )
    >>> mean_by_repetition(performance)[["model", "repetition", "mean", "subjects"]].round(2)
        model  repetition  mean  subjects
    0  hybrid           1  0.55         2
    """
    scores = repetition_scores(performance, label=label)
    return mean_over_subjects(scores, "mean", ("model", "repetition"), confidence=confidence)
