"""What nights do to recall with and without the hippocampus."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr

from ..data.wording import nearest, one_of
from .comparison import resample_subjects
from .probes import in_order, measured, probe_column, require_columns
from .serial_position import chance_of_models

INTACT = "none"


def recall_over_nights(performance: xr.DataArray, phases: pd.DataFrame) -> pd.DataFrame:
    """Recall by night, intact and under each lesion.

    Night 0 is before the first sleep, night n after the n-th. In a protocol without sleep its rests count as nights.
    Each item is read at the last probe of its night and lesion that asked for it; recall is the mean over those items.

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item), with the coordinates ``phase`` and ``lesion`` of each probe. Choose
        some of the items by ``performance.sel(item=[1, 2])``.
    phases : pandas.DataFrame
        The timeline: columns ``index`` and ``kind``, as a recording's ``phases()`` gives it.

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``subject``, ``night`` (from 0), ``lesion`` (``none`` for the intact subject), ``items`` (how
        many were asked for) and ``recall`` (units of performance).

    Raises
    ------
    TypeError, ValueError
        If `performance` or `phases` is not such a table.

    Examples
    --------
    >>> import pandas as pd, xarray as xr
    >>> from engram.analysis import recall_over_nights
    >>> phases = pd.DataFrame({"index": range(5), "kind": ["wake", "probe", "probe", "sleep", "probe"]})
    >>> performance = xr.DataArray(
    ...     [[[[0.9, 0.9], [0.5, 0.5], [0.6, 0.8]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={
    ...         "model": ["two-stage"], "subject": [0], "item": [1, 2], "phase": ("probe", [1, 2, 4]),
    ...         "lesion": ("probe", ["none", "hippocampus", "hippocampus"]),
    ...     },
    ... )
    >>> recall_over_nights(performance, phases)
           model  subject  night       lesion  items  recall
    0  two-stage        0      0         none      2     0.9
    1  two-stage        0      0  hippocampus      2     0.5
    2  two-stage        0      1  hippocampus      2     0.7
    """
    performance = in_order(performance)
    lesions = np.array([INTACT if name in ("", INTACT) else name for name in _lesions(performance)], dtype=object)
    nights = night_of_phases(phases).reindex(probe_column(performance, "phase"))
    if nights.isna().any():
        raise ValueError("a probe belongs to a phase that the timeline does not have; expected those of one recording")
    labelled = performance.assign_coords(
        night=("probe", nights.to_numpy(dtype=np.int64)), lesion=("probe", lesions.astype(str))
    )
    table = measured(labelled)
    keys = ["model", "subject", "night", "lesion"]
    last = table.groupby([*keys, "item"], sort=False)["performance"].last().reset_index()
    recall = last.groupby(keys, sort=False)["performance"].agg(items="size", recall="mean").reset_index()
    return recall.sort_values(["model", "subject", "night"], kind="stable", key=_in_place).reset_index(drop=True)


def consolidation_index(
    performance: xr.DataArray,
    phases: pd.DataFrame,
    *,
    lesion: str | None = None,
    confidence: float = 0.95,
    samples: int = 10_000,
    seed: int = 0,
) -> pd.DataFrame:
    """How much of what is recalled no longer needs what was lesioned: lesioned over intact recall, chance taken off.

    The ratio of the means over subjects, (lesioned - chance) / (intact - chance), for each night: 0 where recall hangs
    on the lesioned part, 1 where it does without. The interval is the bootstrap percentile interval over subjects; a
    single subject has none.

    Parameters
    ----------
    performance : xarray.DataArray
        As `recall_over_nights`. The coordinate ``chance`` of each model is taken off, 1/N where there is none.
    phases : pandas.DataFrame
        The timeline: columns ``index`` and ``kind``.
    lesion : str, optional
        Which lesion; not needed where the protocol has only one.
    confidence : float
        Of the interval.
    samples : int
        Bootstrap samples.
    seed : int
        Of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``night``, ``lesion``, ``intact``, ``lesioned`` (means over subjects), ``index``, ``low``,
        ``high`` and ``subjects`` (those with both). NaN where the intact subject recalls nothing above chance.

    Raises
    ------
    TypeError, ValueError
        As `recall_over_nights`, or if there is no such lesion, or it is not clear which.

    Examples
    --------
    Chance is .5: (.7 - .5) / (.9 - .5) is one half.

    >>> import pandas as pd, xarray as xr
    >>> from engram.analysis import consolidation_index
    >>> phases = pd.DataFrame({"index": range(4), "kind": ["wake", "sleep", "probe", "probe"]})
    >>> performance = xr.DataArray(
    ...     [[[[0.9], [0.7]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={
    ...         "model": ["two-stage"], "subject": [0], "item": [1], "phase": ("probe", [2, 3]),
    ...         "lesion": ("probe", ["none", "hippocampus"]), "chance": ("model", [0.5]),
    ...     },
    ... )
    >>> consolidation_index(performance, phases)[["model", "night", "intact", "lesioned", "index"]].round(3)
           model  night  intact  lesioned  index
    0  two-stage      1     0.9       0.7    0.5
    """
    table = recall_over_nights(performance, phases)
    lesion = _one_lesion(table, lesion)
    chances = chance_of_models(performance)
    wide = table.pivot(index=["model", "subject", "night"], columns="lesion", values="recall").reset_index()
    rows = []
    if {INTACT, lesion} <= set(wide.columns):
        both = wide.dropna(subset=[INTACT, lesion])
        for (model, night), group in both.groupby(["model", "night"], sort=False):
            values, chance = group[[INTACT, lesion]].to_numpy(dtype=float), chances[str(model)]
            intact, lesioned = values.mean(axis=0)
            again = resample_subjects(values, samples, seed)
            low, high = float("nan"), float("nan")
            if len(values) > 1:
                ratios = _index(again[:, 0], again[:, 1], chance)
                low, high = np.nanquantile(ratios, [(1 - confidence) / 2, (1 + confidence) / 2])
            index = float(_index(intact, lesioned, chance))
            rows.append((model, night, lesion, intact, lesioned, index, low, high, len(values)))
    columns = ["model", "night", "lesion", "intact", "lesioned", "index", "low", "high", "subjects"]
    return pd.DataFrame(rows, columns=columns)


def night_of_phases(phases: pd.DataFrame) -> pd.Series:
    """How many nights each phase comes after, a night itself included: int, by index of the phase.

    Rests are nights where there is no sleep.
    """
    require_columns(phases, ("index", "kind"), "phases")
    kinds = phases["kind"].astype(str)
    night = "sleep" if (kinds == "sleep").any() else "rest"
    return pd.Series((kinds == night).cumsum().to_numpy(), index=phases["index"].to_numpy())


def lesions_of(recall: pd.DataFrame) -> list[str]:
    """Lesions that a table of recall holds, in order of appearance."""
    return [str(name) for name in dict.fromkeys(recall["lesion"]) if name != INTACT]


def _lesions(performance: xr.DataArray) -> np.ndarray:
    if "lesion" not in performance.coords:
        return np.full(performance.sizes["probe"], INTACT)
    return probe_column(performance, "lesion").astype(str)


def _one_lesion(table: pd.DataFrame, lesion: str | None) -> str:
    known = lesions_of(table)
    if lesion is None and len(known) == 1:
        return known[0]
    if lesion is None and not known:
        raise ValueError("no probe was made under a lesion; expected `probe: {lesions: [none, hippocampus]}`")
    if lesion not in known:
        asked = "probes were made under several lesions" if lesion is None else f'no probe under the lesion "{lesion}"'
        raise ValueError(f"{asked}; choose {one_of(known)} by lesion=.{nearest(lesion or '', known)}")
    return lesion


def _index(intact: np.ndarray | float, lesioned: np.ndarray | float, chance: float) -> np.ndarray:
    known, left = np.asarray(intact, dtype=float) - chance, np.asarray(lesioned, dtype=float) - chance
    return np.divide(left, known, out=np.full_like(left, np.nan), where=known > 1e-9)


def _in_place(column: pd.Series) -> pd.Series:
    """Models keep their order, the rest is sorted."""
    return column if column.name != "model" else pd.Series(pd.factorize(column)[0], index=column.index)
