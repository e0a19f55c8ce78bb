"""Which item is taken for which."""

from __future__ import annotations

from typing import Literal

import numpy as np
import xarray as xr

from .probes import intact, require_dims


def confusion(responses: xr.DataArray, *, normalise: Literal["none", "item"] = "none") -> xr.DataArray:
    """Confusion matrix of every subject at the last probe.

    Parameters
    ----------
    responses : xarray.DataArray
        Counts of responses, dimensions (model, subject, probe, item, response), -1 where an item was not asked for.
    normalise : {"none", "item"}
        Counts of test images, or their share among those of the item.

    Returns
    -------
    xarray.DataArray, dims (model, subject, item, response)
        The last probe of a model is the last one of the intact subject that any of its subjects has answered. NaN where
        an item was not asked for.

    Raises
    ------
    TypeError, ValueError
        If `responses` is not such a table, or `normalise` is neither.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import confusion
    >>> responses = xr.DataArray(
    ...     [[[[[3, 1], [2, 2]]]]],
    ...     dims=("model", "subject", "probe", "item", "response"),
    ...     coords={"model": ["er"], "subject": [0], "item": [1, 2], "response": [1, 2]},
    ... )
    >>> confusion(responses, normalise="item").values[0, 0]
    array([[0.75, 0.25],
           [0.5 , 0.5 ]])
    """
    if normalise not in ("none", "item"):
        raise ValueError(f"normalise is {normalise!r}; expected none or item")
    require_dims(responses, ("model", "subject", "probe", "item", "response"), "responses")
    counts = responses.transpose("model", "subject", "probe", "item", "response")
    asked = (counts >= 0).all("response")
    found = np.full((*counts.shape[:2], *counts.shape[3:]), np.nan)
    for m, by_probe in enumerate(asked.any(["subject", "item"]).values & intact(responses)):
        if by_probe.any():
            row = int(np.flatnonzero(by_probe)[-1])
            found[m] = np.where(asked.values[m, :, row, :, None], counts.values[m, :, row], np.nan)
    if normalise == "item":
        with np.errstate(invalid="ignore", divide="ignore"):
            found = found / found.sum(axis=-1, keepdims=True)
    coords = {name: counts[name].values for name in ("model", "subject", "item", "response") if name in counts.coords}
    return xr.DataArray(found, dims=("model", "subject", "item", "response"), coords=coords, name="confusion")
