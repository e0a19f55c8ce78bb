"""Items remembered better than by guessing, over subjects."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from scipy.special import stdtr

from .serial_position import chance_level, final_performance


def above_chance(performance: xr.DataArray, *, alpha: float = 0.05) -> pd.DataFrame:
    """Test whether subjects remember each item better than chance at the last probe.

    One-sample t-test over subjects against 1/N, right tail, for each model and item; N is the number of items. The
    tests are not corrected for their number. One subject alone cannot be tested (NaN, not above).

    Parameters
    ----------
    performance : xarray.DataArray
        Dimensions (model, subject, probe, item).
    alpha : float
        Level of the test.

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``item``, ``mean``, ``chance``, ``subjects``, ``t``, ``p``, ``above``.

    Raises
    ------
    TypeError, ValueError
        If `performance` is not such a table.

    References
    ----------
    Cho, Lee, Baek & Paik (2025), Neural Networks 190: the paper's test against chance.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import above_chance
    >>> performance = xr.DataArray(
    ...     [[[[0.8, 0.4]], [[0.9, 0.6]], [[0.7, 0.5]]]],
    ...     dims=("model", "subject", "probe", "item"),
    ...     coords={"model": ["hybrid"], "subject": [0, 1, 2], "item": [1, 2]},
    ... )
    >>> above_chance(performance)[["item", "mean", "t", "p", "above"]].round(3)
       item  mean      t      p  above
    0     1   0.8  5.196  0.018   True
    1     2   0.5  0.000  0.500  False
    """
    table = final_performance(performance)
    chance = chance_level(performance)
    stats = table.groupby(["model", "item"], sort=False)["performance"].agg(["mean", "std", "count"]).reset_index()
    subjects = stats.pop("count").to_numpy()
    spread = stats.pop("std").to_numpy(dtype=float)
    excess = stats["mean"].to_numpy() - chance
    with np.errstate(divide="ignore", invalid="ignore"):  # no spread: t is infinite, or NaN exactly at chance
        t = excess / (spread / np.sqrt(subjects))
    p = stdtr(np.maximum(subjects - 1, 1), -t)
    return stats.assign(chance=chance, subjects=subjects, t=t, p=p, above=p < alpha)
