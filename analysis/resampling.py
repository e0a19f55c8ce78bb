"""Bootstrap over subjects, all samples at once."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

Statistic = Callable[..., np.ndarray]

_BLOCK = 2**25  # bytes of resampled subjects held at a time


class Interval(NamedTuple):
    """A statistic with its confidence interval; each as the statistic gives it, a number or an array.

    Examples
    --------
    >>> from engram.analysis import Interval
    >>> Interval(0.3, 0.2, 0.4).high
    0.4
    """

    estimate: np.ndarray | float
    low: np.ndarray | float
    high: np.ndarray | float


def bootstrap(
    values: ArrayLike, statistic: Statistic = np.nanmean, samples: int = 10_000, level: float = 0.95,
    rng: np.random.Generator | int = 0,
) -> Interval:  # fmt: skip
    """Bootstrap percentile interval of a statistic over subjects.

    Parameters
    ----------
    values : array_like
        Scores, shape [subject, …]: whole subjects are drawn, so what their conditions share is kept.
    statistic : callable
        Called as ``statistic(values, axis=0)`` on the data and ``statistic(drawn, axis=1)`` on bootstrap samples of
        shape [sample, subject, …]; it takes that axis away and may take more. NumPy's ``nanmean`` (and ``mean``) are
        worked out without laying the samples out.
    samples : int
        Bootstrap samples.
    level : float
        Share of intervals that hold the true value, between 0 and 1.
    rng : numpy.random.Generator or int
        What draws, or its seed.

    Returns
    -------
    Interval
        ``estimate``, ``low`` and ``high``. NaN where there are fewer than two subjects, or where the statistic has no
        value in half of the samples or more.

    Raises
    ------
    ValueError
        If there is no subject, `samples` is below 1, or `level` is not between 0 and 1.

    References
    ----------
    Efron & Tibshirani (1993), An Introduction to the Bootstrap, chapter 13.

    Examples
    --------
    >>> import numpy as np
    >>> from engram.analysis import bootstrap
    >>> interval = bootstrap([0.2, 0.4, 0.6, 0.8], rng=1)
    >>> [round(float(x), 2) for x in interval]
    [0.5, 0.3, 0.7]
    """
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; expected a number between 0 and 1, such as 0.95")
    scores = np.asarray(values, dtype=float)
    drawn = bootstrap_samples(scores, statistic, samples, rng)
    estimate = _quietly(statistic, scores, 0)
    known = np.isfinite(drawn).mean(axis=0) > 0.5
    if len(scores) < 2:
        known = np.zeros_like(known)
    tails = [(1 - level) / 2, (1 + level) / 2]
    complete = np.isfinite(drawn).all()
    low, high = (np.quantile if complete else np.nanquantile)(np.where(known, drawn, 0), tails, axis=0)
    return Interval(estimate, np.where(known, low, np.nan)[()], np.where(known, high, np.nan)[()])


def bootstrap_samples(
    values: ArrayLike, statistic: Statistic = np.nanmean, samples: int = 10_000, rng: np.random.Generator | int = 0
) -> np.ndarray:
    """Values of a statistic in bootstrap samples of the subjects.

    Parameters
    ----------
    values : array_like
        Scores, shape [subject, …].
    statistic : callable
        See `bootstrap`.
    samples : int
        Bootstrap samples.
    rng : numpy.random.Generator or int
        What draws, or its seed.

    Returns
    -------
    numpy.ndarray
        Shape [sample, …].

    Raises
    ------
    ValueError
        If there is no subject, or `samples` is below 1.

    Examples
    --------
    >>> import numpy as np
    >>> from engram.analysis import bootstrap_samples
    >>> bootstrap_samples(np.ones((5, 2)), np.median, samples=3)
    array([[1., 1.],
           [1., 1.],
           [1., 1.]])
    """
    scores = np.asarray(values, dtype=float)
    if scores.ndim == 0 or not len(scores):
        raise ValueError(f"values have shape {scores.shape}; expected scores of at least one subject, [subject, …]")
    if samples < 1:
        raise ValueError(f"samples is {samples}; expected at least 1 bootstrap sample")
    rng = np.random.default_rng(rng)
    if statistic in (np.mean, np.nanmean):
        return _means(scores, samples, rng, skip=statistic is np.nanmean)
    block = max(1, min(samples, _BLOCK // max(1, scores.nbytes)))
    parts = [
        _quietly(statistic, scores[rng.integers(0, len(scores), (min(block, samples - start), len(scores)))], 1)
        for start in range(0, samples, block)
    ]
    return np.concatenate(parts)


def _means(scores: np.ndarray, samples: int, rng: np.random.Generator, skip: bool) -> np.ndarray:
    """How often each subject is drawn, times its scores: no sample is laid out."""
    n = len(scores)
    flat = scores.reshape(n, -1)
    times_drawn = rng.multinomial(n, np.full(n, 1 / n), size=samples).astype(float)
    there = np.isfinite(flat) if skip else np.ones_like(flat, dtype=bool)
    sums = times_drawn @ np.where(there, flat, 0)
    counts = n if there.all() else times_drawn @ there.astype(float)
    with np.errstate(invalid="ignore", divide="ignore"):
        means: np.ndarray = sums / counts
    return means.reshape(samples, *scores.shape[1:])


def _quietly(statistic: Statistic, values: np.ndarray, axis: int) -> np.ndarray:
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)  # a sample without a value gives NaN, which is meant
        return np.asarray(statistic(values, axis=axis))[()]
