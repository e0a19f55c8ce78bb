"""Memorised items, by the exact distribution of the shuffle test."""

from __future__ import annotations

import numpy as np
import pandas as pd
import xarray as xr
from scipy.stats import hypergeom

from .confidence import mean_over_subjects
from .probes import require_dims

RESPONSE_DIMS = ("model", "subject", "probe", "item", "response")


def memorised(responses: xr.DataArray, *, alpha: float = 0.05) -> pd.DataFrame:
    """Test whether each item is memorised: named more often than if the test labels were shuffled.

    Of all test images of a probe, K were given the label of an item; the item has T test images, and x of them were
    given its label. Were the labels shuffled, x would be hypergeometric, so the one-sided p = P[X ≥ x] is exact and
    nothing needs to be shuffled.

    Parameters
    ----------
    responses : xarray.DataArray
        How many of an item's test images were given each label: counts, dimensions
        (model, subject, probe, item, response), label i in place i; -1: not measured.
    alpha : float
        An item is memorised where p ≤ alpha.

    Returns
    -------
    pandas.DataFrame
        One row per measured item of a probe: ``model``, ``subject``, ``probe`` (row of the probe), ``item`` (from 1),
        ``p``, ``memorised`` and ``false_positive``, the exact probability that the item passes by guessing. It is at
        most alpha, mostly less, since counts are discrete.

    Raises
    ------
    TypeError, ValueError
        If `responses` is not such a table, or alpha not between 0 and 1.

    References
    ----------
    Cho, Lee, Baek & Paik (2025), Neural Networks 190: 1,000 shuffles of the test labels, p < .05, one-sided.

    Examples
    --------
    Item 1 is named in 3 of its 4 images and in none of the other 8: P[X ≥ 3] = C(4, 3) · C(8, 0) / C(12, 3) = 4/220.

    >>> import xarray as xr
    >>> from engram.analysis import memorised
    >>> responses = xr.DataArray(
    ...     [[[[[3, 1, 0], [0, 2, 2], [0, 2, 2]]]]],
    ...     dims=("model", "subject", "probe", "item", "response"),
    ...     coords={"model": ["hybrid"], "subject": [0], "item": [1, 2, 3]},
    ... )
    >>> memorised(responses)[["item", "p", "memorised", "false_positive"]].round(4)
       item       p  memorised  false_positive
    0     1  0.0182       True          0.0182
    1     2  0.5758      False          0.0101
    2     3  0.4061      False          0.0020
    """
    require_dims(responses, RESPONSE_DIMS, "responses")
    if not 0 < alpha < 1:
        raise ValueError(f"alpha is {alpha}; expected a number between 0 and 1, such as 0.05")
    if responses.sizes["item"] != responses.sizes["response"]:
        raise ValueError(
            f"responses have {responses.sizes['item']} items and {responses.sizes['response']} labels; "
            "expected as many labels as items"
        )
    ordered = responses.transpose(*RESPONSE_DIMS).assign_coords(probe=np.arange(responses.sizes["probe"]))
    counts = ordered.values.astype(np.int64)
    asked: np.ndarray = np.all(counts >= 0, axis=-1)  # [model, subject, probe, item]
    counts = np.where(asked[..., None], counts, 0)
    images = counts.sum(axis=-1)
    named = counts.sum(axis=-2)  # K, [model, subject, probe, response]
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    total = np.broadcast_to(images.sum(axis=-1, keepdims=True), images.shape)

    where = np.nonzero(asked & (images > 0))
    cases = np.stack([right[where], total[where], named[where], images[where]])
    distinct, back = np.unique(cases, axis=1, return_inverse=True)  # many cells of a table share their counts
    p = _at_least(*distinct)[back.ravel()]
    margins, back = np.unique(cases[1:], axis=1, return_inverse=True)
    false_positive = _passing_by_chance(margins[0], margins[1], margins[2], alpha)[back.ravel()]
    labels = [np.asarray(ordered[dim].values) for dim in RESPONSE_DIMS[:4]]
    return pd.DataFrame(
        {dim: label[index] for dim, label, index in zip(RESPONSE_DIMS[:4], labels, where, strict=True)}
        | {"p": p, "memorised": p <= alpha, "false_positive": false_positive}
    )


def count_memorised(responses: xr.DataArray, *, alpha: float = 0.05, confidence: float = 0.95) -> pd.DataFrame:
    """Mean number of memorised items at each probe, with the number expected from guessing alone.

    Parameters
    ----------
    responses : xarray.DataArray
        Counts, dimensions (model, subject, probe, item, response), see `memorised`.
    alpha : float
        An item is memorised where p ≤ alpha.
    confidence : float
        Of the interval over subjects.

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``probe``, ``mean`` (items), ``low``, ``high``, ``subjects``,
        ``expected_false_positives`` (exact, mean over subjects) and ``bound`` (items tested × alpha, what the exact
        number cannot exceed).

    Raises
    ------
    TypeError, ValueError
        If `responses` is not such a table, or alpha not between 0 and 1.

    Examples
    --------
    >>> import xarray as xr
    >>> from engram.analysis import count_memorised
    >>> responses = xr.DataArray(
    ...     [[[[[3, 1, 0], [0, 2, 2], [0, 2, 2]]]]],
    ...     dims=("model", "subject", "probe", "item", "response"),
    ...     coords={"model": ["hybrid"], "subject": [0], "item": [1, 2, 3]},
    ... )
    >>> count_memorised(responses)[["model", "probe", "mean", "expected_false_positives", "bound"]].round(3)
        model  probe  mean  expected_false_positives  bound
    0  hybrid      0   1.0                      0.03   0.15
    """
    counts = count_by_subject(memorised(responses, alpha=alpha))
    keys = ["model", "probe"]
    table = mean_over_subjects(counts, "memorised", keys, confidence=confidence)
    guessed = counts.groupby(keys, sort=False)[["false_positive", "items"]].mean().reset_index(drop=True)
    return table.assign(expected_false_positives=guessed["false_positive"], bound=guessed["items"] * alpha)


def count_by_subject(tested: pd.DataFrame) -> pd.DataFrame:
    """Memorised items of each subject and probe: model, subject, probe, memorised, false_positive, items."""
    groups = tested.groupby(["model", "subject", "probe"], sort=False)
    return groups.agg(
        memorised=("memorised", "sum"), false_positive=("false_positive", "sum"), items=("item", "size")
    ).reset_index()


def _at_least(right: np.ndarray, total: np.ndarray, named: np.ndarray, images: np.ndarray) -> np.ndarray:
    return np.asarray(hypergeom.sf(right - 1, total, named, images))


def _passing_by_chance(total: np.ndarray, named: np.ndarray, images: np.ndarray, alpha: float) -> np.ndarray:
    """P[p ≤ alpha] under shuffling: the tail from the smallest count that passes, found by bisection."""
    low, high = np.zeros_like(images), np.minimum(named, images) + 1  # a tail from `high` has probability 0
    while (low < high).any():
        middle = (low + high) // 2
        passes = _at_least(middle, total, named, images) <= alpha
        low, high = np.where(passes, low, np.minimum(middle + 1, high)), np.where(passes, middle, high)
    return _at_least(high, total, named, images)
