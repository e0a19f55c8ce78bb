"""Means over subjects with the confidence interval of Student's t."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import stdtrit


def half_width(
    error: NDArray[np.float64], subjects: NDArray[np.integer], confidence: float = 0.95
) -> NDArray[np.float64]:
    """Half of Student's interval: what lies on each side of a mean of so many subjects with that standard error."""
    return np.asarray(stdtrit(np.maximum(subjects - 1, 1), (1 + confidence) / 2) * error)


def mean_over_subjects(
    table: pd.DataFrame, value: str, by: Sequence[str] = ("model",), *, confidence: float = 0.95
) -> pd.DataFrame:
    """Mean over subjects with a confidence interval, for each group of rows.

    The interval is Student's: mean ± t(n - 1) · SD / √n, subjects being the sample. It is not cut at 0 and 1, and a
    single subject has none (NaN). Subjects without a value are left out.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per subject within each group.
    value : str
        Column to average.
    by : sequence of str
        Columns that make the groups, kept in their order of appearance.
    confidence : float
        Share of intervals that hold the true mean, between 0 and 1.

    Returns
    -------
    pandas.DataFrame
        Columns of `by`, then ``mean``, ``low``, ``high`` (units of `value`) and ``subjects`` (how many were averaged).

    Raises
    ------
    KeyError
        If a column is missing.
    ValueError
        If `confidence` is not between 0 and 1.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import mean_over_subjects
    >>> table = pd.DataFrame({"model": "hybrid", "subject": [0, 1, 2], "score": [0.2, 0.3, 0.4]})
    >>> mean_over_subjects(table, "score").round(3)
        model  mean    low   high  subjects
    0  hybrid   0.3  0.052  0.548         3
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; expected a number between 0 and 1, such as 0.95")
    missing = [name for name in [*by, value] if name not in table.columns]
    if missing:
        raise KeyError(f"the table has no column {missing[0]!r}; it has {', '.join(map(str, table.columns))}")
    groups = table.groupby(list(by), sort=False, observed=True, dropna=False)[value]
    stats = groups.agg(["mean", "std", "count"]).reset_index()
    subjects = stats.pop("count").to_numpy()
    spread = stats.pop("std").to_numpy(dtype=float)  # NaN for one subject, which then has no interval
    half = half_width(spread / np.sqrt(np.maximum(subjects, 1)), subjects, confidence)
    return stats.assign(low=stats["mean"] - half, high=stats["mean"] + half, subjects=subjects)
