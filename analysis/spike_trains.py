"""What spike trains say of single cells: rates, irregularity, sparsity."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


def firing_rates(times: ArrayLike, node_ids: ArrayLike, size: int, intervals: ArrayLike | None = None) -> pd.DataFrame:
    """Mean rate of every cell.

    Parameters
    ----------
    times : array_like
        Times of the spikes of one population, shape [spike], s.
    node_ids : array_like
        Which cell fired each, shape [spike], from 0.
    size : int
        Cells of the population.
    intervals : array_like, optional
        When to count, shape [interval, 2] (start, stop), s. From 0 to the last spike unless given.

    Returns
    -------
    pandas.DataFrame
        One row per cell: ``cell`` (from 0), ``spikes``, ``rate_hz``.

    Raises
    ------
    ValueError
        If times and cells do not match, a cell is not in the population, or an interval does not end after it starts.

    Examples
    --------
    >>> from engram.analysis import firing_rates
    >>> firing_rates([0.1, 0.2, 0.9], [0, 0, 1], size=3, intervals=[(0.0, 0.5)])
       cell  spikes  rate_hz
    0     0       2      4.0
    1     1       0      0.0
    2     2       0      0.0
    """
    times, cells = spike_arrays(times, node_ids, size)
    chosen = interval_array(intervals, times)
    inside = inside_intervals(times, chosen)
    spikes = np.bincount(cells[inside >= 0], minlength=size)
    duration = float((chosen[:, 1] - chosen[:, 0]).sum())
    rates = spikes / duration if duration else np.full(size, np.nan)
    return pd.DataFrame({"cell": np.arange(size), "spikes": spikes, "rate_hz": rates})


def cv_of_intervals(
    times: ArrayLike, node_ids: ArrayLike, size: int, intervals: ArrayLike | None = None, *, minimum: int = 3
) -> pd.DataFrame:
    """Coefficient of variation of the intervals between the spikes of every cell.

    It is 1 for a Poisson process and 0 for a clock. Intervals that reach from one of the given stretches of time into
    the next do not count.

    Parameters
    ----------
    times : array_like
        Times of the spikes of one population, shape [spike], s.
    node_ids : array_like
        Which cell fired each, shape [spike], from 0.
    size : int
        Cells of the population.
    intervals : array_like, optional
        Stretches of time to look at, shape [interval, 2] (start, stop), s; all of it unless given.
    minimum : int
        Intervals between spikes that a cell needs; cells with fewer have NaN.

    Returns
    -------
    pandas.DataFrame
        One row per cell: ``cell`` (from 0), ``intervals`` (how many), ``mean_ms``, ``cv``.

    Raises
    ------
    ValueError
        As `firing_rates`, or if `minimum` is below 2.

    Examples
    --------
    Intervals of 100 and 300 ms: their mean is 200 ms, their standard deviation (of the population) 100 ms.

    >>> from engram.analysis import cv_of_intervals
    >>> cv_of_intervals([0.1, 0.2, 0.5], [0, 0, 0], size=1, minimum=2).round(3)
       cell  intervals  mean_ms   cv
    0     0          2    200.0  0.5
    """
    if minimum < 2:
        raise ValueError(f"minimum is {minimum}; expected at least 2 intervals, one alone does not vary")
    times, cells = spike_arrays(times, node_ids, size)
    stretch = inside_intervals(times, interval_array(intervals, times))
    order = np.lexsort((times, cells))
    order = order[stretch[order] >= 0]
    times, cells, stretch = times[order], cells[order], stretch[order]
    same = (np.diff(cells) == 0) & (np.diff(stretch) == 0)
    gaps, owners = np.diff(times)[same], cells[1:][same]
    number = np.bincount(owners, minlength=size)
    enough = number >= minimum
    counted = np.maximum(number, 1)
    mean = np.bincount(owners, weights=gaps, minlength=size) / counted
    square = np.bincount(owners, weights=(gaps - mean[owners]) ** 2, minlength=size) / counted
    with np.errstate(divide="ignore", invalid="ignore"):
        cv = np.where(enough, np.sqrt(square) / mean, np.nan)
    return pd.DataFrame(
        {
            "cell": np.arange(size),
            "intervals": number,
            "mean_ms": np.where(number > 0, 1000 * mean, np.nan),
            "cv": cv,
        }
    )


def sparsity(rates: ArrayLike, axis: int = -1) -> np.ndarray:
    """Treves-Rolls sparsity of activity: the share of cells that carry it.

    ``a = (mean r)² / mean(r²)``: 1 where all cells fire alike, 1/n where one of n fires alone. Over cells it is the
    sparsity of a population, over stimuli that of one cell.

    Parameters
    ----------
    rates : array_like
        Rates or spike counts, none negative.
    axis : int
        Along which to measure: that of the cells, or of the stimuli.

    Returns
    -------
    numpy.ndarray
        `rates` without that axis; NaN where nothing fires.

    Raises
    ------
    ValueError
        If a rate is negative.

    References
    ----------
    Treves & Rolls (1991), Network 2:371; Rolls & Tovee (1995), J Neurophysiol 73:713.

    Examples
    --------
    >>> from engram.analysis import sparsity
    >>> sparsity([[10.0, 0.0, 0.0, 0.0], [5.0, 5.0, 5.0, 5.0]])
    array([0.25, 1.  ])
    """
    values = np.asarray(rates, dtype=float)
    if (values < 0).any():
        raise ValueError(f"the lowest rate is {values.min():g}; expected rates or counts of 0 or more")
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(values.mean(axis=axis) ** 2 / (values**2).mean(axis=axis))


def spike_arrays(times: ArrayLike, node_ids: ArrayLike, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Spikes as two arrays in the order of time, checked."""
    when, cells = np.asarray(times, dtype=float), np.asarray(node_ids)
    if when.ndim != 1 or when.shape != cells.shape:
        raise ValueError(f"times and node_ids have shapes {when.shape} and {cells.shape}; expected one cell per spike")
    if cells.size and not np.issubdtype(cells.dtype, np.integer):
        raise ValueError(f"node_ids are of type {cells.dtype}; expected whole numbers")
    if size < 1:
        raise ValueError(f"size is {size}; expected the number of cells, at least 1")
    if cells.size and (cells.min() < 0 or cells.max() >= size):
        wrong = cells.min() if cells.min() < 0 else cells.max()
        raise ValueError(f"cell {wrong} fires in a population of {size}; expected cells 0 to {size - 1}")
    if not np.isfinite(when).all():
        raise ValueError("a spike has no finite time")
    cells = cells.astype(np.int64)
    if (np.diff(when) < 0).any():
        order = np.argsort(when, kind="stable")
        return when[order], cells[order]
    return when, cells


def interval_array(intervals: ArrayLike | Sequence | None, times: np.ndarray) -> np.ndarray:
    """Stretches of time in order, touching ones joined: float [interval, 2]. Without any: from 0 to the last spike."""
    if intervals is None:
        last = float(times.max()) if times.size else 0.0
        return np.array([[min(0.0, float(times.min()) if times.size else 0.0), np.nextafter(last, np.inf)]])
    chosen = np.asarray(intervals, dtype=float).reshape(-1, 2) if np.size(intervals) else np.empty((0, 2))
    if not (chosen[:, 1] > chosen[:, 0]).all():
        bad = chosen[~(chosen[:, 1] > chosen[:, 0])][0]
        raise ValueError(f"an interval runs from {bad[0]:g} to {bad[1]:g} s; expected each to stop after it starts")
    chosen = chosen[np.argsort(chosen[:, 0], kind="stable")]
    joined: list[list[float]] = []
    for start, stop in chosen.tolist():
        if joined and start <= joined[-1][1] + 1e-9:
            joined[-1][1] = max(joined[-1][1], stop)
        else:
            joined.append([start, stop])
    return np.array(joined).reshape(-1, 2)


def inside_intervals(times: np.ndarray, intervals: np.ndarray) -> np.ndarray:
    """Which of the ordered intervals each time lies in, [start, stop): int [time], -1 for none."""
    if not len(intervals):
        return np.full(len(times), -1)
    place = np.searchsorted(intervals[:, 0], times, side="right") - 1
    return np.where((place >= 0) & (times < intervals[place, 1]), place, -1)
