"""Are items that were learned in order replayed in that order, and how much faster?"""

from __future__ import annotations

from itertools import permutations
from math import factorial

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr
from scipy.stats import rankdata

from .assemblies import membership
from .probes import require_columns
from .spike_trains import spike_arrays

COLUMNS = ("start", "items", "rho", "null_sd", "z", "p", "seconds_per_item")


def sequence_replay(
    times: ArrayLike,
    node_ids: ArrayLike,
    assemblies: ArrayLike,
    bursts: pd.DataFrame,
    rng: np.random.Generator | int,
    *,
    order: ArrayLike | None = None,
    items: int = 3,
    cells: int = 2,
    shuffles: int = 1000,
) -> pd.DataFrame:
    """Order of the items within each burst against the order in which they were learned.

    rho is the rank correlation (Spearman) over cells of the position of a cell's item in the list with the mean time
    of the cell's spikes in the burst. Cells of several items are left out, since they have no one position. Cells of
    one item fire together, so the null permutes the positions of whole items: all permutations of the items active in
    the burst where there are no more than `shuffles`, otherwise that many at random, the true one among them.

    Parameters
    ----------
    times : array_like
        Times of the spikes of one population, shape [spike], s.
    node_ids : array_like
        Which cell fired each, shape [spike], from 0.
    assemblies : array_like
        Cells of each item, shape [item, cell], bool.
    bursts : pandas.DataFrame
        Columns ``start`` and ``stop`` (s), in order and without overlap.
    rng : numpy.random.Generator or int
        For the random permutations, or its seed.
    order : array_like, optional
        Position of each item in the list as it was learned, shape [item]; 1, 2, … unless given.
    items : int
        Fewest items active in a burst; a burst with fewer has no order.
    cells : int
        Fewest cells of an item that fire for it to be active.
    shuffles : int
        Most permutations of a burst.

    Returns
    -------
    pandas.DataFrame
        One row per burst: ``start`` (s), ``items`` (active ones), ``rho``, ``null_sd`` (standard deviation of rho over
        the permutations, whose mean is 0), ``z`` (rho in these), ``p`` (share of permutations with as high a rho:
        forward replay), ``seconds_per_item`` (slope of the times on the positions). NaN where there is no order.

    Raises
    ------
    ValueError
        If the shapes do not fit, or `items` is below 3.

    Examples
    --------
    Three items of two cells fire one after another, 10 ms apart.

    >>> import numpy as np, pandas as pd
    >>> from engram.analysis import sequence_replay
    >>> assemblies = np.kron(np.eye(3), np.ones(2))
    >>> times, node_ids = [0.010, 0.010, 0.020, 0.020, 0.030, 0.030], [0, 1, 2, 3, 4, 5]
    >>> bursts = pd.DataFrame({"start": [0.0], "stop": [0.05]})
    >>> sequence_replay(times, node_ids, assemblies, bursts, rng=0).round(3)
       start  items  rho  null_sd      z      p  seconds_per_item
    0    0.0      3  1.0    0.707  1.414  0.167              0.01
    """
    require_columns(bursts, ("start", "stop"), "bursts")
    member = membership(assemblies)
    if items < 3:
        raise ValueError(f"items is {items}; expected at least 3, two have an order by chance half of the time")
    position = positions(order, len(member))
    when, ids = spike_arrays(times, node_ids, member.shape[1])
    one = member.sum(axis=0) == 1
    item_of = np.where(one, member.argmax(axis=0), -1)
    generator = np.random.default_rng(rng)
    starts, stops = (bursts[end].to_numpy(dtype=float) for end in ("start", "stop"))
    rows = []
    for start, first, last in zip(starts, np.searchsorted(when, starts), np.searchsorted(when, stops), strict=True):
        found = _order_within(when[first:last], ids[first:last], item_of, position, items, cells, shuffles, generator)
        rows.append((start, *found))
    return pd.DataFrame(rows, columns=COLUMNS)


def burst_sequences(
    items: ArrayLike, times: ArrayLike, *, order: ArrayLike | None = None, length: int = 4, gap: float = 1.0
) -> pd.DataFrame:
    """Order of the items over consecutive bursts against the order in which they were learned.

    Bursts matched to an item are cut into runs that no pause longer than `gap` breaks, and runs into sequences of
    `length` bursts. rho is the rank correlation (Spearman) of an item's position in the list with its place in the
    sequence; the null is every order of the sequence's bursts.

    Parameters
    ----------
    items : array_like
        Item of each burst, shape [burst], from 1; 0 where it is matched to none, which is passed over.
    times : array_like
        Time of each burst, shape [burst], s, increasing.
    order : array_like, optional
        Position of each item in the list as it was learned, shape [item]; 1, 2, … unless given.
    length : int
        Bursts of a sequence.
    gap : float
        Longest pause within a run, s.

    Returns
    -------
    pandas.DataFrame
        One row per sequence, columns as of `sequence_replay`; ``items`` is the number of different ones.

    Raises
    ------
    ValueError
        If the shapes differ, an item has no position, or `length` is below 3.

    Examples
    --------
    >>> from engram.analysis import burst_sequences
    >>> burst_sequences([1, 2, 3, 4], [0.0, 0.2, 0.4, 0.6]).round(3)
       start  items  rho  null_sd      z      p  seconds_per_item
    0    0.0      4  1.0    0.577  1.732  0.042               0.2
    """
    chosen, when = np.asarray(items), np.asarray(times, dtype=float)
    if chosen.ndim != 1 or chosen.shape != when.shape:
        raise ValueError(f"items and times have shapes {chosen.shape} and {when.shape}; expected one of each per burst")
    if not 3 <= length <= 7:
        raise ValueError(f"length is {length}; expected 3 to 7 bursts, whose orders can all be gone through")
    matched = chosen > 0
    chosen, when = chosen[matched].astype(np.int64), when[matched]
    position = positions(order, int(chosen.max(initial=0)))
    breaks = np.flatnonzero(np.diff(when) > gap) + 1
    rows = []
    for run in np.split(np.arange(chosen.size), breaks):
        for first in range(0, run.size - length + 1, length):
            part = run[first : first + length]
            rows.append((when[part[0]], *_order_of_bursts(position[chosen[part] - 1], when[part])))
    return pd.DataFrame(rows, columns=COLUMNS)


def compression(sequences: pd.DataFrame, learned_interval: float, *, alpha: float = 0.05) -> pd.DataFrame:
    """How much faster a list is replayed than it was learned, where it is replayed in order at all.

    Order is tested over all sequences together: the sum of their rho in standard deviations of what shuffles give (z,
    one-sided p, normal approximation). Compression is the interval from item to item while learning over that in
    replay, the median slope of the sequences that are forward with p < `alpha` by themselves.

    Parameters
    ----------
    sequences : pandas.DataFrame
        As `sequence_replay` or `burst_sequences` give it.
    learned_interval : float
        From the beginning of one exposure to that of the next, s, in the same time as the spikes; see
        `learned_interval`.
    alpha : float
        Level of both tests.

    Returns
    -------
    pandas.DataFrame
        One row: ``sequences`` (with an order), ``rho`` (mean), ``effect`` (mean z), ``z``, ``p``, ``forward`` (share of
        the sequences with p < alpha), ``learned_interval``, ``replayed_interval`` (s), ``compression`` and ``reason``:
        why the last two are NaN, or nothing.

    Raises
    ------
    ValueError
        If a column is missing or `learned_interval` is not positive.

    Examples
    --------
    >>> from engram.analysis import burst_sequences, compression
    >>> sequences = burst_sequences([1, 2, 3, 4] * 3, [0.1 * i for i in range(12)])
    >>> compression(sequences, 0.6)[["sequences", "rho", "z", "compression", "reason"]].round(3)
       sequences  rho    z  compression reason
    0          3  1.0  3.0          6.0

    >>> compression(burst_sequences([2, 1, 4, 3], [0.0, 0.1, 0.2, 0.3]), 0.6)["reason"].item()
    'items are not replayed in the order of the list: z 1.04, p 0.15'
    """
    require_columns(sequences, COLUMNS, "sequences")
    if not learned_interval > 0:
        raise ValueError(f"learned_interval is {learned_interval}; expected seconds from item to item, above 0")
    there = sequences.dropna(subset=["rho"])
    there = there[there["null_sd"] > 0]
    null = float(np.sqrt((there["null_sd"] ** 2).sum()))
    z = float(there["rho"].sum() / null) if null else float("nan")
    p = float(ndtr(-z))
    forward = there[(there["p"] < alpha) & (there["seconds_per_item"] > 0)]
    replayed, reason = float("nan"), ""
    if there.empty:
        reason = "no burst or run of bursts holds enough items to have an order"
    elif not p < alpha:
        reason = f"items are not replayed in the order of the list: z {z:.2f}, p {p:.2f}"
    elif forward.empty:
        reason = f"no single sequence is forward at p < {alpha:g}, so none gives a speed"
    else:
        replayed = float(forward["seconds_per_item"].median())
    row = {
        "sequences": len(there),
        "rho": there["rho"].mean(),
        "effect": there["z"].mean(),
        "z": z,
        "p": p,
        "forward": len(forward) / len(there) if len(there) else float("nan"),
        "learned_interval": learned_interval,
        "replayed_interval": replayed,
        "compression": learned_interval / replayed,
        "reason": reason,
    }
    return pd.DataFrame([row])


def learned_interval(segments: pd.DataFrame) -> float:
    """Time from the beginning of one exposure to that of the next within a phase, s: the median.

    Parameters
    ----------
    segments : pandas.DataFrame
        Columns ``phase``, ``stage`` and ``start`` (s), as a recording's ``segments()`` gives them.

    Returns
    -------
    float
        NaN where no phase holds two exposures.

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import learned_interval
    >>> learned_interval(pd.DataFrame({"phase": 0, "stage": "exposure", "start": [0.0, 0.6, 1.2]}))
    0.6
    """
    require_columns(segments, ("phase", "stage", "start"), "segments")
    exposures = segments[segments["stage"] == "exposure"].sort_values("start")
    steps = exposures.groupby("phase", sort=False)["start"].diff().dropna()
    return float(steps.median()) if len(steps) else float("nan")


def _order_within(
    when: np.ndarray, ids: np.ndarray, item_of: np.ndarray, position: np.ndarray, least_items: int, least_cells: int,
    shuffles: int, rng: np.random.Generator,
) -> tuple[float, ...]:  # fmt: skip
    firing, place = np.unique(ids, return_inverse=True)
    mean_time = np.bincount(place, weights=when) / np.maximum(np.bincount(place), 1)
    item = item_of[firing]
    number = np.bincount(item[item >= 0], minlength=position.size)
    active = np.flatnonzero(number >= least_cells)
    if active.size < least_items:
        return (active.size, *[float("nan")] * 5)
    kept = np.isin(item, active)
    mean_time, item = mean_time[kept], np.searchsorted(active, item[kept])
    rank = rankdata(mean_time) - (len(mean_time) + 1) / 2
    by_item, cells = np.bincount(item, weights=rank), number[active]
    orders = item_orders(position[active], shuffles, rng)
    middle = (
        (orders[:, None, :] < orders[:, :, None]) @ cells + (cells + 1) / 2 - (cells.sum() + 1) / 2
    )  # [order, item]
    scale = np.sqrt((middle**2 @ cells) * (rank**2).sum())
    rho = middle @ by_item / np.where(scale > 0, scale, np.inf)
    slope = float(np.polyfit(position[active][item], mean_time, 1)[0])
    return (active.size, *against_shuffles(rho), slope)


def _order_of_bursts(position: np.ndarray, when: np.ndarray) -> tuple[float, ...]:
    different = int(np.unique(position).size)
    if different < 2:
        return (different, *[float("nan")] * 5)
    rank = rankdata(position) - (position.size + 1) / 2
    place = np.arange(position.size) - (position.size - 1) / 2
    orders = np.array(list(permutations(range(position.size))))
    rho = rank[orders] @ place / np.sqrt((rank**2).sum() * (place**2).sum())
    return (different, *against_shuffles(rho), float(np.polyfit(position, when, 1)[0]))


def against_shuffles(rho: np.ndarray) -> tuple[float, float, float, float]:
    """rho of the first order, the true one; its spread over all, which are the null; rho in these units; and p."""
    spread = float(rho.std())
    z = float(rho[0] / spread) if spread > 0 else float("nan")
    return float(rho[0]), spread, z, float((rho >= rho[0] - 1e-12).mean())


def item_orders(position: np.ndarray, shuffles: int, rng: np.random.Generator) -> np.ndarray:
    """Positions of the items in every order, the true one first: [order, item]."""
    if factorial(position.size) <= shuffles:
        return np.array(list(permutations(position)))
    return np.concatenate((position[None], rng.permuted(np.tile(position, (shuffles - 1, 1)), axis=1)))


def positions(order: ArrayLike | None, items: int) -> np.ndarray:
    """Position of each item in the list as it was learned, checked: float [item]."""
    position = np.arange(1, items + 1) if order is None else np.asarray(order)
    if position.ndim != 1 or position.size < items:
        raise ValueError(f"order has shape {position.shape}; expected a position for each of {items} items")
    return position.astype(float)
