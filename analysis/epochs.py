"""Learning within an item, epoch by epoch."""

from __future__ import annotations

import pandas as pd
import xarray as xr

from .confidence import mean_over_subjects
from .probes import require_dims

CURVE_DIMS = ("model", "subject", "point", "item")


def learning_curves(curves: xr.DataArray, *, confidence: float = 0.95) -> pd.DataFrame:
    """Mean performance of every item after every epoch, with a confidence band over subjects.

    The band is Student's t interval of the mean, see `mean_over_subjects`.

    Parameters
    ----------
    curves : xarray.DataArray
        Performance, dimensions (model, subject, point, item), a point being one epoch; NaN: not measured. The
        coordinates ``phase``, ``presentation`` and ``epoch`` of the points are kept where they are given.
    confidence : float
        Of the band.

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``point`` (epochs since the start, from 1), those of ``phase``, ``presentation`` and
        ``epoch`` that `curves` has, ``item``, ``mean``, ``low``, ``high``, ``subjects``.

    Raises
    ------
    TypeError, ValueError
        If `curves` is not such a table.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import learning_curves
    >>> curves = xr.DataArray(
    ...     [[[[0.5, 0.0], [0.7, 0.0]]]],
    ...     dims=("model", "subject", "point", "item"),
    ...     coords={"model": ["hybrid"], "subject": [0], "item": [1, 2], "epoch": ("point", [0, 1])},
    ... )
    >>> learning_curves(curves)[["model", "point", "epoch", "item", "mean"]]
        model  point  epoch  item  mean
    0  hybrid      1      0     1   0.5
    1  hybrid      1      0     2   0.0
    2  hybrid      2      1     1   0.7
    3  hybrid      2      1     2   0.0
    """
    require_dims(curves, CURVE_DIMS, "learning_curves")
    counted = curves.transpose(*CURVE_DIMS).assign_coords(point=range(1, curves.sizes["point"] + 1))
    table = counted.to_dataframe(name="performance").reset_index().dropna(subset=["performance"])
    when = [name for name in ("phase", "presentation", "epoch") if name in table.columns]
    return mean_over_subjects(table, "performance", ("model", "point", *when, "item"), confidence=confidence)
