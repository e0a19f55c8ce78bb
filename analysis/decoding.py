"""Bayesian decoding: which item the spikes of each few milliseconds are of, and in which order."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .assemblies import last_exposures
from .bursts import burst_counts
from .probes import require_columns
from .sequences import COLUMNS, against_shuffles, item_orders, positions
from .spike_trains import spike_arrays

SMALLEST_RATE = 0.5  # Hz: a cell that was silent in an exposure is no proof against its item


def item_rates(
    times: ArrayLike, node_ids: ArrayLike, size: int, segments: pd.DataFrame, *, items: int | None = None, last: int = 3
) -> np.ndarray:
    """Rate of every cell in the last exposures of each item: the templates of `decode_items`.

    Parameters
    ----------
    times : array_like
        Times of the spikes of one population, shape [spike], s.
    node_ids : array_like
        Which cell fired each, shape [spike], from 0.
    size : int
        Cells of the population.
    segments : pandas.DataFrame
        What was done when: columns ``stage``, ``item`` (from 1), ``start``, ``stop`` (s).
    items : int, optional
        How many items there are; the highest number among the exposures unless given.
    last : int
        How many of an item's last exposures to use.

    Returns
    -------
    numpy.ndarray
        Shape [item, cell], Hz; NaN for items that were not exposed.

    Raises
    ------
    ValueError
        If a column is missing or times and cells do not match.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import item_rates
    >>> segments = pd.DataFrame({"stage": "exposure", "item": [1, 2], "start": [0.0, 1.0], "stop": [0.5, 1.5]})
    >>> item_rates([0.1, 0.2, 1.1], [0, 0, 1], 2, segments)
    array([[4., 0.],
           [0., 2.]])
    """
    require_columns(segments, ("stage", "item", "start", "stop"), "segments")
    exposures = last_exposures(segments, last)
    counts = burst_counts(times, node_ids, size, exposures)
    shown, duration = exposures["item"].to_numpy(), (exposures["stop"] - exposures["start"]).to_numpy()
    rates = np.full((items if items is not None else int(shown.max(initial=0)), size), np.nan)
    for item in np.unique(shown):
        own = shown == item
        rates[item - 1] = counts[own].sum(axis=0) / duration[own].sum()
    return rates


def decode_items(
    times: ArrayLike, node_ids: ArrayLike, rates: ArrayLike, bursts: pd.DataFrame, *, window: float = 0.01
) -> pd.DataFrame:
    """Probability of each item given the spikes of each window of a burst.

    Cells fire as independent Poisson processes in proportion to their rates in the exposures of an item; how much
    faster all of them fire in a burst is left open, so what counts is which cells fire and not how many spikes there
    are. All items are as likely beforehand. Cells are taken to fire at .5 Hz at least.

    Parameters
    ----------
    times : array_like
        Times of the spikes of one population, shape [spike], s.
    node_ids : array_like
        Which cell fired each, shape [spike], from 0.
    rates : array_like
        Rate of every cell for each item, shape [item, cell], Hz, see `item_rates`; items with NaN are left out.
    bursts : pandas.DataFrame
        Columns ``start`` and ``stop`` (s), see `population_bursts`.
    window : float
        Length of a window, s.

    Returns
    -------
    pandas.DataFrame
        One row per burst, window with spikes, and item: ``burst`` (row of `bursts`), ``time`` (middle of the window,
        s), ``item`` (from 1), ``probability``.

    Raises
    ------
    ValueError
        If the shapes do not fit, a rate is negative, or `window` is not positive.

    References
    ----------
    Zhang, Ginzburg, McNaughton & Sejnowski (1998), J Neurophysiol 79:1017; Davidson, Kloosterman & Wilson (2009).

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import decode_items
    >>> bursts = pd.DataFrame({"start": [0.0], "stop": [0.02]})
    >>> decode_items([0.001, 0.012, 0.013], [0, 1, 1], [[9.5, 0.5], [0.5, 9.5]], bursts).round(3)
       burst   time  item  probability
    0      0  0.005     1        0.950
    1      0  0.005     2        0.050
    2      0  0.015     1        0.003
    3      0  0.015     2        0.997
    """
    require_columns(bursts, ("start", "stop"), "bursts")
    template = np.asarray(rates, dtype=float)
    if template.ndim != 2 or not window > 0:
        raise ValueError(f"rates have shape {template.shape}, window is {window}; expected [item, cell] and s above 0")
    known = np.flatnonzero(np.isfinite(template).all(axis=1))
    if (template[known] < 0).any():
        raise ValueError("a rate is negative; expected Hz")
    when, ids = spike_arrays(times, node_ids, template.shape[1])
    raised = np.maximum(template[known], SMALLEST_RATE)
    evidence = np.log(raised / raised.sum(axis=1, keepdims=True))  # [item, cell]
    parts = [pd.DataFrame({"burst": [], "time": [], "item": [], "probability": []})]
    ends = zip(bursts["start"].to_numpy(dtype=float), bursts["stop"].to_numpy(dtype=float), strict=True)
    for row, (start, stop) in enumerate(ends):
        first, last = np.searchsorted(when, [start, stop])
        place, bin_of = np.unique(((when[first:last] - start) / window + 1e-9).astype(np.int64), return_inverse=True)
        log = np.zeros((place.size, known.size))
        np.add.at(log, bin_of, evidence[:, ids[first:last]].T)
        probability = np.exp(log - log.max(axis=1, keepdims=True)) if known.size else log
        probability /= probability.sum(axis=1, keepdims=True)
        table = {
            "burst": row,
            "time": np.repeat(start + (place + 0.5) * window, known.size),
            "item": np.tile(known + 1, place.size),
            "probability": probability.ravel(),
        }
        parts.append(pd.DataFrame(table))
    return pd.concat(parts, ignore_index=True).astype({"burst": np.int64, "item": np.int64})


def decoded_sequences(
    decoded: pd.DataFrame,
    rng: np.random.Generator | int,
    *,
    order: ArrayLike | None = None,
    items: int = 3,
    shuffles: int = 1000,
) -> pd.DataFrame:
    """Order of the decoded items within each burst against the order in which they were learned.

    rho is the correlation of the position of an item in the list with time, weighted by the decoded probabilities. The
    null permutes the positions of the items.

    Parameters
    ----------
    decoded : pandas.DataFrame
        Columns ``burst``, ``time``, ``item``, ``probability``, see `decode_items`.
    rng : numpy.random.Generator or int
        For the permutations, or its seed.
    order : array_like, optional
        Position of each item in the list as it was learned, shape [item]; 1, 2, … unless given.
    items : int
        Fewest different items that are the most probable of some window; a burst with fewer has no order.
    shuffles : int
        Most permutations of a burst.

    Returns
    -------
    pandas.DataFrame
        One row per burst, columns as of `sequence_replay`, so that `compression` takes it; ``start`` is the middle of
        the first window.

    Raises
    ------
    ValueError
        If a column is missing, an item has no position, or `items` is below 3.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import decoded_sequences
    >>> decoded = pd.DataFrame({
    ...     "burst": 0, "time": [0.0] * 3 + [0.01] * 3 + [0.02] * 3, "item": [1, 2, 3] * 3,
    ...     "probability": [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
    ... })
    >>> decoded_sequences(decoded, rng=0).round(3)
       start  items  rho  null_sd      z      p  seconds_per_item
    0    0.0      3  1.0    0.707  1.414  0.167              0.01
    """
    require_columns(decoded, ("burst", "time", "item", "probability"), "decoded")
    if items < 3:
        raise ValueError(f"items is {items}; expected at least 3, two have an order by chance half of the time")
    position = positions(order, int(decoded["item"].max()) if len(decoded) else 0)
    generator = np.random.default_rng(rng)
    rows = []
    for _, burst in decoded.groupby("burst", sort=True):
        wide = burst.pivot(index="time", columns="item", values="probability")
        time, weight = wide.index.to_numpy(dtype=float), wide.to_numpy(dtype=float)
        met = int(np.unique(weight.argmax(axis=1)).size)
        if met < items:
            rows.append((time[0], met, *[float("nan")] * 5))
            continue
        weight = weight / weight.sum()
        late = time - weight.sum(axis=1) @ time
        by_item, share = late @ weight, weight.sum(axis=0)
        place = item_orders(position[wide.columns.to_numpy() - 1], shuffles, generator)  # [order, item]
        spread = np.maximum(place**2 @ share - (place @ share) ** 2, 1e-300)
        covariance = place @ by_item
        rho = covariance / np.sqrt(spread * (weight.sum(axis=1) @ late**2))
        rows.append((time[0], met, *against_shuffles(rho), float(covariance[0] / spread[0])))
    return pd.DataFrame(rows, columns=COLUMNS)
