"""How large a difference is, within subjects (sleep against wake) and between groups of them."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.stats import ttest_ind

from .comparison import compare_paired, hedges_factor
from .resampling import bootstrap_samples

ROUNDING = 1e-12
"""Relative spread below which scores differ by rounding alone."""


def effect_size(
    first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95, samples: int = 10_000, seed: int = 0
) -> pd.DataFrame:
    """Standardised difference between two conditions of the same subjects, such as sleep and wake.

    Cohen's d_z is the mean difference over the standard deviation of the differences. Where the literature compares
    groups, the yardstick is d_av, the mean difference over the mean of the two standard deviations, which does not grow
    with the correlation of the conditions. Hedges' factor takes off the bias of small samples: ``hedges_gz`` and
    ``hedges_gav``. Intervals are bootstrap percentile intervals over subjects.

    Parameters
    ----------
    first, second : array_like
        Scores, shape [subject], the same subject in the same place; pairs with a NaN are left out.
    confidence : float
        Of the intervals.
    samples : int
        Bootstrap samples.
    seed : int
        Of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        One row: ``subjects``, ``difference`` (mean, first - second), ``p`` (paired t, two-sided), ``cohen_dz``,
        ``hedges_gz``, ``gz_low``, ``gz_high``, ``hedges_gav``, ``gav_low``, ``gav_high``. NaN where fewer than three
        subjects, or differences that are all alike, cannot give it.

    Raises
    ------
    ValueError
        If the shapes differ or no pair is complete.

    References
    ----------
    Lakens (2013), Frontiers in Psychology 4:863; Hedges (1981), Journal of Educational Statistics 6:107.

    Examples
    --------
    >>> from engram.analysis import effect_size
    >>> sleep, wake = [0.8, 0.9, 0.7, 0.8], [0.7, 0.6, 0.6, 0.7]
    >>> effect_size(sleep, wake)[["subjects", "difference", "cohen_dz", "hedges_gz", "hedges_gav"]].round(3)
       subjects  difference  cohen_dz  hedges_gz  hedges_gav
    0         4        0.15       1.5      1.085       1.557
    """
    paired = compare_paired(first, second, confidence=confidence, samples=1, seed=seed).iloc[0]
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    complete = np.isfinite(a) & np.isfinite(b)
    a, b = a[complete], b[complete]
    factor = hedges_factor(len(a) - 1)
    gz = gav = by_average = np.array(np.nan)
    if len(a) > 1:
        drawn = np.random.default_rng(seed).integers(0, len(a), (samples, len(a)))
        gz, gav = factor * _dz(a[drawn], b[drawn]), factor * _dav(a[drawn], b[drawn])
        by_average = factor * _dav(a, b)
    if not np.isfinite(paired["hedges_gz"]):  # differences alike but for rounding
        gz = np.full_like(gz, np.nan)
    row = {
        "subjects": len(a),
        "difference": paired["difference"],
        "p": paired["p_t"],
        "cohen_dz": paired["cohen_dz"],
        "hedges_gz": paired["hedges_gz"],
        **dict(zip(("gz_low", "gz_high"), _interval(gz, confidence), strict=True)),
        "hedges_gav": float(by_average) if np.isfinite(by_average) else float("nan"),
        **dict(zip(("gav_low", "gav_high"), _interval(gav, confidence), strict=True)),
    }
    return pd.DataFrame([row])


def effect_size_between(
    first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95, samples: int = 10_000, seed: int = 0
) -> pd.DataFrame:
    """Standardised difference between two groups of subjects, such as people and a model.

    Cohen's d is the difference of the means over the pooled standard deviation, Hedges' g takes off its bias in small
    samples. The interval is a bootstrap percentile interval, subjects drawn within each group.

    Parameters
    ----------
    first, second : array_like
        Scores, shape [subject], of different subjects; NaN are left out.
    confidence : float
        Of the interval.
    samples : int
        Bootstrap samples.
    seed : int
        Of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        One row: ``subjects_a``, ``subjects_b``, ``difference`` (of the means, first - second), ``p`` (Welch's t,
        two-sided), ``cohen_d``, ``hedges_g``, ``g_low``, ``g_high``. NaN where a group has one subject, or the scores
        have no spread.

    Raises
    ------
    ValueError
        If the scores of a group are no row of numbers, or none is there.

    References
    ----------
    Hedges (1981), Journal of Educational Statistics 6:107; Lakens (2013), Frontiers in Psychology 4:863.

    Examples
    --------
    >>> from engram.analysis import effect_size_between
    >>> table = effect_size_between([0.6, 0.7, 0.8, 0.9], [0.5, 0.6, 0.7, 0.8])
    >>> table[["subjects_a", "difference", "cohen_d", "hedges_g"]].round(3)
       subjects_a  difference  cohen_d  hedges_g
    0           4         0.1    0.775     0.673
    """
    a, b = _known(first, "first"), _known(second, "second")
    freedom = len(a) + len(b) - 2
    row = {
        "subjects_a": len(a),
        "subjects_b": len(b),
        "difference": a.mean() - b.mean(),
        **dict.fromkeys(("p", "cohen_d", "hedges_g", "g_low", "g_high"), float("nan")),
    }
    if min(len(a), len(b)) > 1:
        spread = np.sqrt(_pooled(a.var(ddof=1), b.var(ddof=1), len(a), len(b)))
        if spread > ROUNDING * max(1.0, np.abs(a).max(), np.abs(b).max()):  # else alike but for rounding
            rng = np.random.default_rng(seed)
            mean_a, variance_a = bootstrap_samples(a, _mean_and_variance, samples, rng).T
            mean_b, variance_b = bootstrap_samples(b, _mean_and_variance, samples, rng).T
            with np.errstate(divide="ignore", invalid="ignore"):
                drawn = (mean_a - mean_b) / np.sqrt(_pooled(variance_a, variance_b, len(a), len(b)))
            row["p"] = float(ttest_ind(a, b, equal_var=False).pvalue)
            row["cohen_d"] = row["difference"] / spread
            row["hedges_g"] = row["cohen_d"] * hedges_factor(freedom)
            row["g_low"], row["g_high"] = _interval(drawn * hedges_factor(freedom), confidence)
    return pd.DataFrame([row])


def _known(scores: ArrayLike, name: str) -> np.ndarray:
    values = np.asarray(scores, dtype=float)
    if values.ndim != 1 or not np.isfinite(values).any():
        raise ValueError(f"{name} has shape {values.shape}; expected the scores of one subject or more, [subject]")
    known: np.ndarray = values[np.isfinite(values)]
    return known


def _mean_and_variance(values: np.ndarray, axis: int) -> np.ndarray:
    return np.stack([values.mean(axis=axis), values.var(axis=axis, ddof=1)], axis=-1)


def _pooled(first: ArrayLike, second: ArrayLike, n_first: int, n_second: int) -> np.ndarray:
    return np.asarray(
        ((n_first - 1) * np.asarray(first) + (n_second - 1) * np.asarray(second)) / (n_first + n_second - 2)
    )


def _dz(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _in_spreads((a - b).mean(axis=-1), (a - b).std(axis=-1, ddof=1), a, b)


def _dav(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return _in_spreads((a - b).mean(axis=-1), (a.std(axis=-1, ddof=1) + b.std(axis=-1, ddof=1)) / 2, a, b)


def _in_spreads(difference: np.ndarray, spread: np.ndarray, a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """A difference over the spread of its subjects; NaN where they are alike but for rounding."""
    least = ROUNDING * np.maximum(1.0, np.maximum(np.abs(a).max(axis=-1), np.abs(b).max(axis=-1)))
    return np.asarray(difference / np.where(spread > least, spread, np.nan))


def _interval(drawn: np.ndarray, confidence: float) -> tuple[float, float]:
    sound = drawn[np.isfinite(drawn)]  # a sample of one subject over and over has no spread
    if len(sound) <= 0.5 * drawn.size:
        return float("nan"), float("nan")
    low, high = np.quantile(sound, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)
