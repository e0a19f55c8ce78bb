"""What is kept when items are taught again with wrong labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from .comparison import resample_subjects
from .probes import in_order, intact, labelled, measured
from .serial_position import chance_level


def performance_around_poisoning(performance: xr.DataArray, *, label: str = "poisoning") -> pd.DataFrame:
    """Performance of every subject and item before and after poisoning.

    Before is the last probe ahead of the first one that carries the label, after the last one that carries it, both of
    the unlesioned network. Items that either probe left out are left out.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the coordinate ``label`` of each probe.
    label : str
        What the protocol calls the block with wrong labels.

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``subject``, ``item`` (from 1), ``before``, ``after`` (shares of the test images).

    Raises
    ------
    TypeError, ValueError
        If `performance` is not such a table, the protocol has no such label, or nothing is probed before it.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import performance_around_poisoning
    >>> performance = xr.DataArray(
    ...     [[[[0.9, 0.8], [0.6, 0.7], [0.5, 0.1]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={
    ...         "model": ["hybrid"], "subject": [0], "item": [1, 2],
    ...         "label": ("probe", ["repetition", "poisoning", "poisoning"]),
    ...     },
    ... )
    >>> performance_around_poisoning(performance)
        model  subject  item  before  after
    0  hybrid        0     1     0.9    0.5
    1  hybrid        0     2     0.8    0.1
    """
    performance = in_order(performance)
    poisoned = np.flatnonzero(labelled(performance, label))
    earlier = np.flatnonzero(intact(performance)[: poisoned[0]])
    if not earlier.size:
        raise ValueError(f'the protocol has no probe before the one labelled "{label}"; expected one to compare with')
    keys = ["model", "subject", "item"]
    before, after = (
        measured(performance.isel(probe=[row])).rename(columns={"performance": name})[[*keys, name]]
        for row, name in ((earlier[-1], "before"), (poisoned[-1], "after"))
    )
    return before.merge(after, on=keys, how="inner")


def retention_by_subject(performance: xr.DataArray, *, label: str = "poisoning") -> pd.DataFrame:
    """Share of what each subject knew that is left after poisoning, with chance taken off.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the coordinate ``label`` of each probe.
    label : str
        What the protocol calls the block with wrong labels.

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``subject``, ``before``, ``after`` (means over items) and ``retained`` =
        (after - 1/N) / (before - 1/N), N the number of items. It explodes for a subject that was near chance before,
        and is NaN exactly there: average with `retention_after_poisoning`.

    Raises
    ------
    TypeError, ValueError
        See `performance_around_poisoning`.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import retention_by_subject
    >>> performance = xr.DataArray(
    ...     [[[[0.9, 0.7], [0.8, 0.5]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={
    ...         "model": ["hybrid"], "subject": [0], "item": [1, 2],
    ...         "label": ("probe", ["repetition", "poisoning"]),
    ...     },
    ... )
    >>> retention_by_subject(performance).round(2)
        model  subject  before  after  retained
    0  hybrid        0     0.8   0.65       0.5
    """
    table = performance_around_poisoning(performance, label=label)
    means = table.groupby(["model", "subject"], sort=False)[["before", "after"]].mean().reset_index()
    return means.assign(retained=_above_chance_ratio(means["before"], means["after"], chance_level(performance)))


def retention_after_poisoning(
    performance: xr.DataArray,
    *,
    label: str = "poisoning",
    confidence: float = 0.95,
    samples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """Share of what a model knew that is left after poisoning, with chance taken off.

    The ratio of the means over subjects, (mean after - 1/N) / (mean before - 1/N), and not the mean of the subjects'
    ratios, since one subject near chance would swamp that. The interval is the bootstrap percentile interval over
    subjects; a single subject has none.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the coordinate ``label`` of each probe.
    label : str
        What the protocol calls the block with wrong labels.
    confidence : float
        Of the interval.
    samples : int
        Bootstrap samples.
    seed : int
        Of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``before``, ``after`` (means over items and subjects), ``retained``, ``low``, ``high`` and
        ``subjects``.

    Raises
    ------
    TypeError, ValueError
        See `performance_around_poisoning`.

    Examples
    --------
    Subjects keep (.7 - .5) / (.9 - .5) = .5 and (.7 - .5) / (.7 - .5) = 1; together .2 of .3.

    >>> import xarray as xr
    >>> from engram.analysis import retention_after_poisoning
    >>> performance = xr.DataArray(
    ...     [[[[0.9, 0.9], [0.7, 0.7]], [[0.7, 0.7], [0.7, 0.7]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={
    ...         "model": ["hybrid"], "subject": [0, 1], "item": [1, 2],
    ...         "label": ("probe", ["repetition", "poisoning"]),
    ...     },
    ... )
    >>> retention_after_poisoning(performance).round(2)
        model  before  after  retained  low  high  subjects
    0  hybrid     0.8    0.7      0.67  0.5   1.0         2
    """
    table = retention_by_subject(performance, label=label)
    chance = chance_level(performance)
    rows = []
    for model, subjects in table.groupby("model", sort=False):
        values = subjects[["before", "after"]].to_numpy()
        before, after = values.mean(axis=0)
        again = resample_subjects(values, samples, seed)
        low, high = _interval(_above_chance_ratio(again[:, 0], again[:, 1], chance), len(values), confidence)
        retained = _above_chance_ratio(before, after, chance)
        rows.append((model, before, after, float(retained), low, high, len(values)))
    return pd.DataFrame(rows, columns=["model", "before", "after", "retained", "low", "high", "subjects"])


def _above_chance_ratio(before: object, after: object, chance: float) -> np.ndarray:
    known = np.asarray(before, dtype=float) - chance
    left = np.asarray(after, dtype=float) - chance
    return np.divide(left, known, out=np.full_like(left, np.nan), where=np.abs(known) > 1e-9)


def _interval(samples: np.ndarray, subjects: int, confidence: float) -> tuple[float, float]:
    if subjects < 2:
        return float("nan"), float("nan")
    low, high = np.nanquantile(samples, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
