"""Is there an oscillation of 120 to 250 Hz in the bursts? Only where the time step can show it."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.signal import periodogram

from .probes import require_columns

BAND = (120.0, 250.0)  # Hz
LARGEST_STEP = 1e-4  # s
BIN = 5e-4  # s: a band up to 1 kHz


def ripple_band(
    times: ArrayLike,
    dt: float,
    bursts: pd.DataFrame,
    rng: np.random.Generator | int,
    *,
    jitter: float = 0.005,
    window: float = 0.1,
    shuffles: int = 200,
    alpha: float = 0.05,
) -> pd.DataFrame:
    """Test whether the bursts of a population hold a spectral peak between 120 and 250 Hz.

    The spikes around the middle of each burst are counted in bins of 0.5 ms, and their periodograms (Hann window)
    averaged over bursts. In the null every spike is moved by up to `jitter` to either side, which keeps the shape of
    the burst and takes out what is faster. Frequencies are put on one scale, standard deviations over the shuffles, and
    the highest of the band is compared with the highest of each shuffle, so that p holds for the band as a whole.

    Parameters
    ----------
    times : array_like
        Times of the spikes of one population, shape [spike], s.
    dt : float
        Time step of the simulation, s.
    bursts : pandas.DataFrame
        Columns ``start`` and ``stop`` (s), see `population_bursts`.
    rng : numpy.random.Generator or int
        For the jitter, or its seed.
    jitter : float
        Largest displacement of a spike, s; a little more than the half of the longest period of the band.
    window : float
        Length of what is looked at around the middle of each burst, s.
    shuffles : int
        How many sets of moved spikes.
    alpha : float
        Level of the test.

    Returns
    -------
    pandas.DataFrame
        One row: ``bursts``, ``frequency_hz`` (of the highest peak in the band), ``z`` (its height over the shuffles'
        mean, in their standard deviations), ``p`` and ``ripple`` (p < alpha).

    Raises
    ------
    ValueError
        If `dt` is above 0.1 ms: a period of the band would be a few steps, and the result an artefact. If there is no
        burst, or a setting makes no sense.

    References
    ----------
    Buzsáki (2015), Hippocampus 25:1073, on the band.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from engram.analysis import ripple_band
    >>> bursts = pd.DataFrame({"start": np.arange(20.0), "stop": np.arange(20.0) + 0.08})
    >>> beats = np.arange(0, 0.08, 1 / 180)  # five cells that fire together 180 times a second
    >>> times = (np.arange(20.0)[:, None, None] + beats[:, None] + np.zeros(5)).ravel()
    >>> ripple_band(times, 1e-4, bursts, rng=0)[["frequency_hz", "p", "ripple"]].round(3)
       frequency_hz      p  ripple
    0         180.0  0.005    True

    >>> ripple_band(times, 1e-3, bursts, rng=0)
    Traceback (most recent call last):
    ...
    ValueError: ripples are not measurable at dt = 1 ms; expected at most 0.1 ms, the band being 120 to 250 Hz
    """
    require_columns(bursts, ("start", "stop"), "bursts")
    if not 0 < dt <= LARGEST_STEP * (1 + 1e-9):
        raise ValueError(
            f"ripples are not measurable at dt = {1000 * dt:g} ms; expected at most {1000 * LARGEST_STEP:g} ms, "
            f"the band being {BAND[0]:g} to {BAND[1]:g} Hz"
        )
    if bursts.empty:
        raise ValueError("there is no burst to look into")
    if not jitter > 0 or not window > 2 / BAND[0] or shuffles < 1:
        raise ValueError(
            f"jitter is {jitter}, window {window}, shuffles {shuffles}; expected seconds above 0, "
            f"two periods of {BAND[0]:g} Hz, and at least one shuffle"
        )
    generator = np.random.default_rng(rng)
    burst, since = _around(np.sort(np.asarray(times, dtype=float)), bursts, window, margin=jitter)
    frequency, found = _spectrum(burst, since, len(bursts), window)
    chance = np.array(
        [
            _spectrum(burst, since + generator.uniform(-jitter, jitter, since.size), len(bursts), window)[1]
            for _ in range(shuffles)
        ]
    )
    inside = (frequency >= BAND[0]) & (frequency <= BAND[1])
    every = np.concatenate((found[None, inside], chance[:, inside]))  # the bursts themselves are one of the null
    spread = every.std(axis=0)
    height = (every - every.mean(axis=0)) / np.where(spread > 0, spread, np.inf)
    highest = height.max(axis=1)
    p = float((highest >= highest[0]).mean())
    peak = float(frequency[inside][height[0].argmax()])
    moved = chance[:, inside][:, height[0].argmax()]
    z = (found[inside][height[0].argmax()] - moved.mean()) / moved.std() if moved.std() > 0 else float("nan")
    return pd.DataFrame([{"bursts": len(bursts), "frequency_hz": peak, "z": float(z), "p": p, "ripple": p < alpha}])


def _around(times: np.ndarray, bursts: pd.DataFrame, window: float, margin: float) -> tuple[np.ndarray, np.ndarray]:
    """Spikes around the middle of each burst: which burst, and s since the window begins."""
    begin = ((bursts["start"] + bursts["stop"]) / 2 - window / 2).to_numpy(dtype=float)
    first = np.searchsorted(times, begin - margin)
    last = np.searchsorted(times, begin + window + margin)
    burst = np.repeat(np.arange(len(begin)), last - first)
    since = np.concatenate([times[a:b] - at for a, b, at in zip(first, last, begin, strict=True)])
    return burst, since


def _spectrum(burst: np.ndarray, since: np.ndarray, bursts: int, window: float) -> tuple[np.ndarray, np.ndarray]:
    bins = round(window / BIN)
    place = np.floor(since / BIN + 1e-6).astype(np.int64)
    inside = (place >= 0) & (place < bins)
    counts = np.bincount(burst[inside] * bins + place[inside], minlength=bursts * bins).reshape(bursts, bins)
    frequency, power = periodogram(counts, fs=1 / BIN, window="hann", axis=-1)
    return frequency, power.mean(axis=0)
