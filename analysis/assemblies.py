"""Which cells stand for an item."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import binom

from .bursts import burst_counts
from .probes import require_columns


def index_assemblies(
    times: ArrayLike,
    node_ids: ArrayLike,
    size: int,
    segments: pd.DataFrame,
    *,
    items: int | None = None,
    last: int = 3,
    alpha: float = 0.001,
    before: float = float("inf"),
) -> np.ndarray:
    """Find the cells of each item in the spikes of its last exposures: the index that the hippocampus gives it.

    A cell belongs to an item if it fires in most of the item's last exposures (two of three), and more than in the last
    exposures of the other items: its spikes, split between this item's exposures and the others' by their durations,
    would fall so by chance with a probability below `alpha` (exact binomial test, one-sided, for each cell and item).
    With a single item there are no others, and firing in most exposures is enough.

    Parameters
    ----------
    times : array_like
        Times of the spikes of one population, shape [spike], s.
    node_ids : array_like
        Which cell fired each, shape [spike], from 0.
    size : int
        Cells of the population.
    segments : pandas.DataFrame
        What was done when: columns ``stage``, ``item`` (from 1), ``start``, ``stop`` (s), as a recording's
        ``segments()`` gives them. Used are the rows whose stage is ``exposure``.
    items : int, optional
        How many items there are; the highest number among the exposures unless given.
    last : int
        How many of an item's last exposures to use.
    alpha : float
        Level of the test.
    before : float
        Only exposures that end by this time, s, so that an item's cells can be asked for as they were at some point.

    Returns
    -------
    numpy.ndarray
        Shape [item, cell], bool. Items that were not exposed have no cells.

    Raises
    ------
    ValueError
        If a column is missing, times and cells do not match, or a setting makes no sense.

    Examples
    --------
    Cell 0 fires for item 1, cell 1 for item 2, cell 2 for both.

    >>> import numpy as np, pandas as pd
    >>> from engram.analysis import index_assemblies
    >>> segments = pd.DataFrame({"stage": "exposure", "item": [1, 2], "start": [0.0, 1.0], "stop": [0.4, 1.4]})
    >>> times = np.concatenate([np.linspace(0, 0.3, 12), np.linspace(1, 1.3, 12), [0.1, 0.2, 1.1, 1.2]])
    >>> node_ids = np.repeat([0, 1, 2], [12, 12, 4])
    >>> index_assemblies(times, node_ids, 3, segments)
    array([[ True, False, False],
           [False,  True, False]])
    """
    require_columns(segments, ("stage", "item", "start", "stop"), "segments")
    if last < 1 or not 0 < alpha < 1:
        raise ValueError(f"last is {last} and alpha {alpha}; expected at least 1 exposure and a level between 0 and 1")
    exposures = last_exposures(segments[segments["stop"] <= before], last)
    number = (
        int(segments.loc[segments["stage"] == "exposure", "item"].max()) if items is None and len(segments) else items
    )
    number = max(number or 0, 0)
    counts = burst_counts(times, node_ids, size, exposures)
    shown = exposures["item"].to_numpy()
    if shown.size and shown.max() > number:
        raise ValueError(f"item {shown.max()} is exposed, and there are {number}; expected items 1 to {number}")
    duration = (exposures["stop"] - exposures["start"]).to_numpy()
    found = np.zeros((number, size), dtype=bool)
    for item in np.unique(shown):
        own = shown == item
        reliable = (counts[own] > 0).mean(axis=0) > 0.5
        if not own.all():
            share = duration[own].sum() / duration.sum()
            spikes = counts[own].sum(axis=0)
            reliable &= binom.sf(spikes - 1, counts.sum(axis=0), share) < alpha
        found[item - 1] = reliable
    return found


def assembly_overlap(assemblies: ArrayLike) -> np.ndarray:
    """Share of the cells that two items have in common.

    Parameters
    ----------
    assemblies : array_like
        Shape [item, cell], bool.

    Returns
    -------
    numpy.ndarray
        Shape [item, item]: common cells over the size of the smaller assembly; 1 on the diagonal, NaN where an item
        has no cells.

    Raises
    ------
    ValueError
        If `assemblies` has not two dimensions.

    Examples
    --------
    >>> from engram.analysis import assembly_overlap
    >>> assembly_overlap([[1, 1, 0, 0], [0, 1, 1, 0]])
    array([[1. , 0.5],
           [0.5, 1. ]])
    """
    member = membership(assemblies).astype(np.int64)
    common, sizes = member @ member.T, member.sum(axis=1)
    smaller = np.minimum(sizes[:, None], sizes)
    return np.asarray(np.divide(common, smaller, out=np.full(common.shape, np.nan), where=smaller > 0))


def last_exposures(segments: pd.DataFrame, last: int) -> pd.DataFrame:
    """The rows of each item's last exposures, in order of time."""
    exposures = segments[(segments["stage"] == "exposure") & (segments["item"] > 0)]
    return exposures.sort_values("start").groupby("item").tail(last)


def membership(assemblies: ArrayLike, cells: int | None = None) -> np.ndarray:
    """Assemblies as bool [item, cell], checked."""
    member = np.asarray(assemblies).astype(bool)
    if member.ndim != 2:
        raise ValueError(f"assemblies have shape {member.shape}; expected one row per item and one column per cell")
    if cells is not None and member.shape[1] != cells:
        raise ValueError(f"assemblies are of {member.shape[1]} cells, the spikes of {cells}; expected one population")
    return member
