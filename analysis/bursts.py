"""Population bursts: short stretches in which many cells fire together."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.ndimage import gaussian_filter1d

from .probes import require_columns
from .spike_trains import inside_intervals, interval_array, spike_arrays

BIN = 0.001  # s
OWN_HEIGHT = 0.25  # share of a burst's height at which it has its edges
ROUNDS = 30  # the baseline is found in about five
COLUMNS = ("start", "stop", "peak", "duration_ms", "peak_hz", "cells", "spikes")


def population_bursts(
    times: ArrayLike,
    node_ids: ArrayLike,
    size: int,
    intervals: ArrayLike | None = None,
    *,
    smoothing: float = 0.006,
    threshold: float = 6.0,
    merge: float = 0.01,
    minimum: float = 0.02,
    cells: int = 5,
) -> pd.DataFrame:
    """Find the bursts of a population in its spikes.

    The rate of the population (spikes per cell and second, bins of 1 ms, smoothed by a Gaussian) bursts where it
    peaks more than `threshold` standard deviations above its baseline. A burst reaches from where the rate rose above
    half of that height, and above a quarter of the burst's own, to where it falls below; smoothing lengthens it by
    about its width.

    The baseline is the median of the rate where it is calm, over all intervals: within 3 standard deviations above the
    baseline, found by repetition from the lowest tenth upwards, so that bursts may fill most of the time. The standard
    deviation is the larger of two: that of a Poisson process of this rate, and the distance from the 16th percentile of
    the calm rate to its median. A baseline of less than one spike per width of the Gaussian counts as one. Networks
    that burst often are silent after each burst, and what stirs before the next is no burst: a peak must also reach a
    quarter of the height of the 95th percentile of the rate.

    Parameters
    ----------
    times : array_like
        Times of the spikes of one population, shape [spike], s.
    node_ids : array_like
        Which cell fired each, shape [spike], from 0.
    size : int
        Cells of the population.
    intervals : array_like, optional
        Where to look, shape [interval, 2] (start, stop), s, such as the NREM stages of one night; touching ones are
        joined. From 0 to the last spike unless given.
    smoothing : float
        Standard deviation of the Gaussian, s.
    threshold : float
        Height of a peak over the baseline, in standard deviations of the baseline.
    merge : float
        Bursts closer than this are one, s.
    minimum : float
        Shortest burst, s.
    cells : int
        Fewest different cells that take part.

    Returns
    -------
    pandas.DataFrame
        One row per burst, in order of time: ``start``, ``stop``, ``peak`` (s), ``duration_ms``, ``peak_hz`` (mean over
        the cells of the population), ``cells`` (different ones that fire in it), ``spikes``.

    Raises
    ------
    ValueError
        If times and cells do not match, or a setting is not positive.

    Examples
    --------
    Twenty of a hundred cells fire every 10 ms from .5 s to .58 s, and nothing else fires.

    >>> import numpy as np
    >>> from engram.analysis import population_bursts
    >>> times = np.repeat(np.arange(0.5, 0.585, 0.01), 20)
    >>> node_ids = np.tile(np.arange(20), 9)
    >>> population_bursts(times, node_ids, 100, [(0, 1)])[["start", "stop", "duration_ms", "cells", "spikes"]]
       start   stop  duration_ms  cells  spikes
    0  0.492  0.589         97.0     20     180
    """
    for name, value in (("smoothing", smoothing), ("threshold", threshold)):
        if not value > 0:
            raise ValueError(f"{name} is {value}; expected a number above 0")
    times, ids = spike_arrays(times, node_ids, size)
    stretches = interval_array(intervals, times)
    rates = [_smoothed_rate(times, start, stop, size, smoothing) for start, stop in stretches]
    if not rates:
        return _no_bursts()
    base, height = _levels(np.concatenate(rates), size, smoothing, threshold)
    found = [
        (start + first * BIN, start + last * BIN, start + (first + np.argmax(rate[first:last]) + 0.5) * BIN,
         float(rate[first:last].max()))
        for (start, _), rate in zip(stretches, rates, strict=True)
        for first, last in _above(rate, base, height, merge)
        if (last - first) * BIN >= minimum - 1e-9
    ]  # fmt: skip
    if not found:
        return _no_bursts()
    begin, end, peak, highest = np.round(np.array(found), 9).T
    table = pd.DataFrame(
        {
            "start": begin,
            "stop": end,
            "peak": peak,
            "duration_ms": np.round(1000 * (end - begin), 6),
            "peak_hz": highest,
        }
    )
    table["cells"], table["spikes"] = _taking_part(times, ids, size, table)
    return table[table["cells"] >= cells].reset_index(drop=True)


def burst_counts(times: ArrayLike, node_ids: ArrayLike, size: int, bursts: pd.DataFrame) -> np.ndarray:
    """Spikes of every cell in every burst.

    Parameters
    ----------
    times : array_like
        Times of the spikes of one population, shape [spike], s.
    node_ids : array_like
        Which cell fired each, shape [spike], from 0.
    size : int
        Cells of the population.
    bursts : pandas.DataFrame
        Columns ``start`` and ``stop`` (s), see `population_bursts`. They may be the bursts of another population.

    Returns
    -------
    numpy.ndarray
        Shape [burst, cell], int32.

    Raises
    ------
    ValueError
        If times and cells do not match, or a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import burst_counts
    >>> bursts = pd.DataFrame({"start": [0.0, 1.0], "stop": [0.5, 1.5]})
    >>> burst_counts([0.1, 0.2, 0.7, 1.1], [0, 0, 1, 2], 3, bursts)
    array([[2, 0, 0],
           [0, 0, 1]], dtype=int32)
    """
    require_columns(bursts, ("start", "stop"), "bursts")
    times, ids = spike_arrays(times, node_ids, size)
    counts = np.zeros((len(bursts), size), dtype=np.int32)
    first = np.searchsorted(times, bursts["start"].to_numpy(dtype=float), side="left")
    last = np.searchsorted(times, bursts["stop"].to_numpy(dtype=float), side="left")
    for row, (start, stop) in enumerate(zip(first, last, strict=True)):
        counts[row] = np.bincount(ids[start:stop], minlength=size)
    return counts


def events_per_second(events: pd.DataFrame, seconds: float, *, time_scale: float = float("nan")) -> pd.DataFrame:
    """How many bursts there are in a second of simulated and of biological time.

    Parameters
    ----------
    events : pandas.DataFrame
        One row per burst.
    seconds : float
        How long was looked at, simulated s.
    time_scale : float
        Biological seconds for which one simulated second stands; NaN where there is none.

    Returns
    -------
    pandas.DataFrame
        One row: ``events``, ``seconds`` (simulated), ``per_simulated_second``, ``per_biological_second``.

    Raises
    ------
    ValueError
        If `seconds` is negative.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import events_per_second
    >>> events_per_second(pd.DataFrame({"start": range(60)}), 15.0, time_scale=1440)
       events  seconds  per_simulated_second  per_biological_second
    0      60     15.0                   4.0               0.002778
    """
    if seconds < 0:
        raise ValueError(f"seconds is {seconds:g}; expected how long was looked at")
    rate = len(events) / seconds if seconds > 0 else float("nan")
    return pd.DataFrame(
        [
            {
                "events": len(events),
                "seconds": float(seconds),
                "per_simulated_second": rate,
                "per_biological_second": rate / time_scale,
            }
        ]
    )


def population_rate(
    times: np.ndarray, size: int, start: float, stop: float, width: float
) -> tuple[np.ndarray, np.ndarray]:
    """Mean rate of a population in bins: centres (s) and rates (Hz)."""
    bins = max(1, round((stop - start) / width))
    counts, edges = np.histogram(times, bins=bins, range=(start, stop))
    return (edges[1:] + edges[:-1]) / 2, counts / (size * np.diff(edges))


def _smoothed_rate(times: np.ndarray, start: float, stop: float, size: int, smoothing: float) -> np.ndarray:
    bins = max(1, int(np.ceil((stop - start) / BIN - 1e-6)))
    inside = times[np.searchsorted(times, start) : np.searchsorted(times, stop)]
    # a spike on the edge of a bin must not fall to either side by the last bit of its time
    place = np.clip(((inside - start) / BIN + 1e-6).astype(np.int64), 0, bins - 1)
    counts = np.bincount(place, minlength=bins).astype(float)
    return np.asarray(gaussian_filter1d(counts, smoothing / BIN, mode="reflect", truncate=4)) / (size * BIN)


def _levels(rate: np.ndarray, size: int, smoothing: float, threshold: float) -> tuple[float, float]:
    """Baseline, and how high above it a burst peaks at least."""
    window = 2 * np.sqrt(np.pi) * smoothing  # a Gaussian averages as much noise away as a box of this width
    base, spread = float(np.percentile(rate, 10)), 0.0
    for _ in range(ROUNDS):
        base = max(base, 1 / (size * window))
        spread = max(spread, float(np.sqrt(base / (size * window))))
        calm = rate[rate <= base + 3 * spread]
        low, median = np.percentile(calm, [16, 50]) if calm.size else (base, base)
        if np.isclose(median, base):
            break
        base, spread = float(median), float(median - low)
    base = max(base, 1 / (size * window))
    spread = max(spread, float(np.sqrt(base / (size * window))))
    typical = float(np.percentile(rate, 95)) - base
    return base, max(threshold * spread, OWN_HEIGHT * typical)


def _above(rate: np.ndarray, base: float, height: float, merge: float) -> list[tuple[int, int]]:
    """Bins [first, last) of every stretch that peaks by `height` over the baseline, with edges of its own."""
    found = []
    for first, last in _runs(rate > base + height / 2):
        highest = rate[first:last].max()
        if highest > base + height:
            level = base + max(height / 2, OWN_HEIGHT * (highest - base))
            parts = _runs(rate[first:last] > level)  # there may be several bursts in a swell
            found += [(first + a, first + b) for a, b in parts if rate[first + a : first + b].max() > base + height]
    joined: list[tuple[int, int]] = []
    for begin, end in found:
        if joined and (begin - joined[-1][1]) * BIN < merge:
            joined[-1] = (joined[-1][0], end)
        else:
            joined.append((begin, end))
    return joined


def _runs(true: np.ndarray) -> list[tuple[int, int]]:
    """Stretches [first, last) of what is true."""
    step = np.diff(np.concatenate(([0], true.astype(np.int8), [0])))
    return list(zip(np.flatnonzero(step == 1).tolist(), np.flatnonzero(step == -1).tolist(), strict=True))


def _taking_part(times: np.ndarray, ids: np.ndarray, size: int, table: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    burst = inside_intervals(times, table[["start", "stop"]].to_numpy())
    inside = burst >= 0
    pairs = np.unique(burst[inside] * size + ids[inside])
    return np.bincount(pairs // size, minlength=len(table)), np.bincount(burst[inside], minlength=len(table))


def _no_bursts() -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(dtype=np.int64 if name in ("cells", "spikes") else float) for name in COLUMNS})
