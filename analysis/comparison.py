"""Two models, or two conditions, compared subject by subject."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import ArrayLike
from scipy import stats
from scipy.special import gammaln

from ..data.wording import nearest, one_of
from .probes import require_columns
from .serial_position import final_scores


def compare_models(
    scores: xr.DataArray | pd.DataFrame, a: str, b: str, *, value: str | None = None,
    confidence: float = 0.95, samples: int = 10_000, seed: int = 0,
) -> pd.DataFrame:  # fmt: skip
    """Compare two models, paired over subjects.

    Subject k meets the same items, images and lists under every model, so the comparison is within subjects. Subjects
    that lack a score under either model are left out.

    Parameters
    ----------
    scores : xarray.DataArray or pandas.DataFrame
        Either performance, dimensions (model, subject, probe, item): compared is the mean over items at the last
        probe. Or a tidy table with the columns ``model``, ``subject`` and a score, one row per model and subject.
    a, b : str
        Names of the models; the difference is a - b.
    value : str, optional
        The column that holds the score. Not needed where the table has no other than the three.
    confidence : float
        Of the bootstrap interval.
    samples : int
        Bootstrap samples.
    seed : int
        Of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        One row: ``a``, ``b``, then the columns of `compare_paired`.

    Raises
    ------
    TypeError, ValueError
        If a model is not there, the score is not clear, or a subject has several.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import compare_models
    >>> scores = pd.DataFrame({
    ...     "model": ["hybrid"] * 4 + ["conventional"] * 4,
    ...     "subject": [0, 1, 2, 3] * 2,
    ...     "minimum": [0.3, 0.4, 0.5, 0.6, 0.1, 0.3, 0.2, 0.4],
    ... })
    >>> table = compare_models(scores, "hybrid", "conventional")
    >>> table[["a", "b", "subjects", "difference", "p_t", "cohen_dz"]].round(3)
            a             b  subjects  difference    p_t  cohen_dz
    0  hybrid  conventional         4         0.2  0.016      2.449
    """
    table = final_scores(scores) if isinstance(scores, xr.DataArray) else scores
    if not isinstance(table, pd.DataFrame):
        raise TypeError(f"scores is a {type(scores).__name__}; expected an xarray.DataArray or a pandas.DataFrame")
    require_columns(table, ("model", "subject"), "scores")
    value = _score_column(table, value)
    for name in (a, b):
        models = list(dict.fromkeys(table["model"]))
        if name not in models:
            raise ValueError(f'scores hold no model "{name}"; they hold {one_of(models)}.{nearest(name, models)}')
    if table.duplicated(["model", "subject"]).any():
        raise ValueError(
            "a subject has several scores; expected one row per model and subject: "
            "choose one repetition or item, or average over them"
        )
    wide = table.pivot(index="subject", columns="model", values=value)
    result = compare_paired(wide[a], wide[b], confidence=confidence, samples=samples, seed=seed)
    result.insert(0, "a", a)
    result.insert(1, "b", b)
    return result


def compare_paired(
    first: ArrayLike, second: ArrayLike, *, confidence: float = 0.95, samples: int = 10_000, seed: int = 0
) -> pd.DataFrame:
    """Compare two scores of the same subjects: two models, or two repetitions of one.

    Tests are two-sided. The effect size is Cohen's d_z, the mean difference over the SD of the differences; Hedges'
    correction takes off its bias in small samples. The interval of the mean difference is the bootstrap percentile
    interval over subjects.

    Parameters
    ----------
    first, second : array_like
        Scores, shape [subject], the same subject in the same place; pairs with a NaN are left out.
    confidence : float
        Of the bootstrap interval.
    samples : int
        Bootstrap samples.
    seed : int
        Of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        One row: ``subjects`` (pairs), ``mean_a``, ``mean_b``, ``difference`` (first - second), ``low``, ``high``,
        ``t``, ``p_t`` (paired t), ``p_wilcoxon`` (signed ranks), ``cohen_dz``, ``hedges_gz``. What one subject, or
        differences that are all alike, cannot give is NaN.

    Raises
    ------
    ValueError
        If the shapes differ or no pair is complete.

    References
    ----------
    Lakens (2013), Frontiers in Psychology 4:863, d_z and its correction; Hedges (1981), the exact factor.

    Examples
    --------
    >>> from engram.analysis import compare_paired
    >>> compare_paired([0.3, 0.4, 0.5, 0.6], [0.1, 0.3, 0.2, 0.4])[["difference", "t", "p_wilcoxon"]].round(3)
       difference      t  p_wilcoxon
    0         0.2  4.899       0.125
    """
    a, b = np.asarray(first, dtype=float), np.asarray(second, dtype=float)
    if a.ndim != 1 or a.shape != b.shape:
        raise ValueError(f"the scores have shapes {a.shape} and {b.shape}; expected one score per subject in both")
    complete = np.isfinite(a) & np.isfinite(b)
    if not complete.any():
        raise ValueError("no subject has both scores; expected at least one pair without NaN")
    a, b = a[complete], b[complete]
    difference = a - b
    result = {
        "subjects": difference.size,
        "mean_a": a.mean(),
        "mean_b": b.mean(),
        "difference": difference.mean(),
        **dict.fromkeys(("low", "high", "t", "p_t", "p_wilcoxon", "cohen_dz", "hedges_gz"), float("nan")),
    }
    if difference.size > 1:
        means = resample_subjects(difference[:, None], samples, seed)[:, 0]
        result["low"], result["high"] = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
        spread = difference.std(ddof=1)
        if spread > 1e-12 * max(1.0, np.abs(difference).max()):  # alike but for rounding: no spread to divide by
            result["t"], result["p_t"] = stats.ttest_rel(a, b)
            result["cohen_dz"] = difference.mean() / spread
            result["hedges_gz"] = result["cohen_dz"] * hedges_factor(difference.size - 1)
        ranked = np.round(difference, 12)  # .5 - .3 ties with .4 - .2
        if ranked.any():
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # ties and zeros make p approximate in small samples
                result["p_wilcoxon"] = stats.wilcoxon(ranked).pvalue
    return pd.DataFrame([result])


def resample_subjects(values: np.ndarray, samples: int, seed: int) -> np.ndarray:
    """Means of bootstrap samples of the subjects: values [subject, score] -> [sample, score]."""
    if samples < 1:
        raise ValueError(f"samples is {samples}; expected at least 1 bootstrap sample")
    n = len(values)
    times_drawn = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=samples)
    means: np.ndarray = times_drawn @ values / n
    return means


def hedges_factor(freedom: int) -> float:
    """Exact factor that takes the bias off a standardised difference; NaN with fewer than two degrees of freedom."""
    if freedom < 2:
        return float("nan")
    return float(np.exp(gammaln(freedom / 2) - gammaln((freedom - 1) / 2)) / np.sqrt(freedom / 2))


def _score_column(table: pd.DataFrame, value: str | None) -> str:
    others = [str(name) for name in table.columns if name not in ("model", "subject")]
    if value is None:
        if len(others) != 1:
            raise ValueError(
                f"scores have the columns {', '.join(others) or 'model and subject only'}; say which by value="
            )
        return others[0]
    if value not in others:
        raise ValueError(f"scores have no column {value!r}; they have {one_of(others)}.{nearest(value, others)}")
    return value
