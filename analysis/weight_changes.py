"""What learning and sleep do to weights: by assembly, by flexibility and size, and in down-scaling."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from .assemblies import membership
from .probes import require_columns

KINDS = ("within", "between", "outside")


def weight_change_by_assembly(
    pre: ArrayLike,
    post: ArrayLike,
    before: ArrayLike,
    after: ArrayLike,
    assemblies: ArrayLike,
    post_assemblies: ArrayLike | None = None,
) -> pd.DataFrame:
    """Change of the synapses within an item, between items, and of all others.

    A synapse is *within* an item if some item has both of its cells, *between* items if both cells belong to items but
    to no common one, and *outside* otherwise.

    Parameters
    ----------
    pre, post : array_like
        Cells that each synapse joins, shape [synapse].
    before, after : array_like
        Weights, shape [synapse].
    assemblies : array_like
        Cells of each item in the source population, shape [item, cell], bool.
    post_assemblies : array_like, optional
        The same in the target population; that of the source unless given.

    Returns
    -------
    pandas.DataFrame
        Three rows: ``kind``, ``synapses``, ``before``, ``after``, ``change`` (means, units of the weights) and
        ``relative`` (change over before; NaN where before is 0). Kinds without synapses have NaN.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    Cells 0 and 1 are item 1, cell 2 is item 2, cell 3 belongs to none.

    >>> from engram.analysis import weight_change_by_assembly
    >>> assemblies = [[1, 1, 0, 0], [0, 0, 1, 0]]
    >>> weight_change_by_assembly([0, 0, 0], [1, 2, 3], [0.2, 0.2, 0.2], [0.5, 0.1, 0.2], assemblies)
          kind  synapses  before  after  change  relative
    0   within         1     0.2    0.5     0.3       1.5
    1  between         1     0.2    0.1    -0.1      -0.5
    2  outside         1     0.2    0.2     0.0       0.0
    """
    kind = synapse_kinds(pre, post, assemblies, post_assemblies)
    old, new = _weights(kind.size, before=before, after=after)
    number = np.bincount(kind, minlength=3)
    with np.errstate(divide="ignore", invalid="ignore"):
        first = np.bincount(kind, weights=old, minlength=3) / np.where(number, number, np.nan)
        then = np.bincount(kind, weights=new, minlength=3) / np.where(number, number, np.nan)
        change = np.round(then - first, 12)
        relative = np.where(first != 0, change / first, np.nan)
    return pd.DataFrame(
        {"kind": KINDS, "synapses": number, "before": first, "after": then, "change": change, "relative": relative}
    )


def synapse_kinds(
    pre: ArrayLike, post: ArrayLike, assemblies: ArrayLike, post_assemblies: ArrayLike | None = None
) -> np.ndarray:
    """Say of every synapse whether it lies within an item, between items, or outside.

    Parameters
    ----------
    pre, post : array_like
        Cells that each synapse joins, shape [synapse].
    assemblies : array_like
        Cells of each item in the source population, shape [item, cell], bool.
    post_assemblies : array_like, optional
        The same in the target population; that of the source unless given.

    Returns
    -------
    numpy.ndarray
        Shape [synapse], int: 0 if some item has both cells, 1 if both belong to items but no common one, 2 otherwise.

    Raises
    ------
    ValueError
        If the shapes do not fit.

    Examples
    --------
    >>> from engram.analysis import synapse_kinds
    >>> synapse_kinds([0, 0, 0], [1, 2, 3], [[1, 1, 0, 0], [0, 0, 1, 0]])
    array([0, 1, 2])
    """
    sources, targets = np.asarray(pre), np.asarray(post)
    if sources.ndim != 1 or sources.shape != targets.shape:
        raise ValueError(f"pre and post have shapes {sources.shape} and {targets.shape}; expected one cell per synapse")
    ours = membership(assemblies)
    theirs = ours if post_assemblies is None else membership(post_assemblies)
    if len(ours) != len(theirs):
        raise ValueError(f"there are assemblies of {len(ours)} and of {len(theirs)} items; expected the same items")
    for name, cells, member in (("pre", sources, ours), ("post", targets, theirs)):
        if cells.size and (cells.min() < 0 or cells.max() >= member.shape[1]):
            raise ValueError(f"{name} names cell {cells.max()}; the assemblies are of {member.shape[1]} cells")
    within = np.zeros(sources.size, dtype=bool)
    for own, other in zip(ours, theirs, strict=True):
        within |= own[sources] & other[targets]
    sources_in, targets_in = np.asarray(ours.any(axis=0)), np.asarray(theirs.any(axis=0))
    between = sources_in[sources] & targets_in[targets]
    return np.where(within, 0, np.where(between, 1, 2))


def flexibility_and_change(
    before: ArrayLike,
    after: ArrayLike,
    flexibility: ArrayLike,
    *,
    flexibilities: int = 5,
    sizes: int = 3,
) -> pd.DataFrame:
    """Relative change of weights against their flexibility and their size.

    Synapses fall into bins of flexibility of equal width from 0 to 1, and into bins of size that hold equally many
    (quantiles of the weight before). In a rule that gates a change by flexibility and displacement, that stable and
    displaced synapses change less is by construction; what is found here is by how much.

    Parameters
    ----------
    before, after : array_like
        Weights, shape [synapse], at both ends of a night or a stage. Weights of 0 before have no relative change and
        are left out.
    flexibility : array_like
        Shape [synapse], 0 to 1.
    flexibilities, sizes : int
        How many bins.

    Returns
    -------
    pandas.DataFrame
        One row per filled pair of bins: ``flexibility_low``, ``flexibility_high``, ``size`` (1 is the smallest),
        ``size_mean`` (mean weight before), ``synapses``, ``relative`` (sum of the changes over the sum before) and
        ``spread`` (standard deviation of the synapses' own relative changes).

    Raises
    ------
    ValueError
        If the shapes differ, a flexibility is not between 0 and 1, or a number of bins is below 1.

    Examples
    --------
    >>> from engram.analysis import flexibility_and_change
    >>> table = flexibility_and_change(
    ...     [1.0, 1.0, 1.0, 1.0], [0.9, 0.9, 0.5, 0.7], [0.1, 0.2, 0.8, 0.9], flexibilities=2, sizes=1
    ... )
    >>> table[["flexibility_low", "flexibility_high", "synapses", "relative"]]
       flexibility_low  flexibility_high  synapses  relative
    0              0.0               0.5         2      -0.1
    1              0.5               1.0         2      -0.4
    """
    if flexibilities < 1 or sizes < 1:
        raise ValueError(f"flexibilities is {flexibilities} and sizes {sizes}; expected at least 1 bin each")
    old, new, flexible = _weights(np.size(before), before=before, after=after, flexibility=flexibility)
    if flexible.size and not (flexible.min() >= 0 and flexible.max() <= 1):
        raise ValueError(f"flexibilities run from {flexible.min():g} to {flexible.max():g}; expected 0 to 1")
    there = np.flatnonzero(old > 0)
    old, new, flexible = old[there], new[there], flexible[there]
    table = pd.DataFrame(
        {
            "bin": np.minimum((flexible * flexibilities).astype(np.int64), flexibilities - 1),
            "size": _quantile_bins(old, sizes),
            "before": old,
            "change": new - old,
            "own": (new - old) / old,
        }
    )
    groups = table.groupby(["bin", "size"])
    found = groups.agg(
        size_mean=("before", "mean"),
        synapses=("before", "size"),
        total=("before", "sum"),
        change=("change", "sum"),
        spread=("own", lambda own: own.std(ddof=0)),
    ).reset_index()
    return pd.DataFrame(
        {
            "flexibility_low": found["bin"] / flexibilities,
            "flexibility_high": (found["bin"] + 1) / flexibilities,
            "size": found["size"],
            "size_mean": found["size_mean"],
            "synapses": found["synapses"],
            "relative": np.round(found["change"] / found["total"], 12),
            "spread": found["spread"],
        }
    )


def relative_change(before: ArrayLike, after: ArrayLike, initial: ArrayLike, *, above: float = 1.5) -> pd.DataFrame:
    """Change of the strong synapses, relative to their sum before: those above a multiple of their initial weight.

    Parameters
    ----------
    before, after, initial : array_like
        Weights, shape [synapse].
    above : float
        Synapses whose weight before exceeds this multiple of their initial weight; initial weights of 0 are left out.

    Returns
    -------
    pandas.DataFrame
        One row: ``strong`` (synapses), ``before``, ``after`` (means), ``change`` (relative; NaN without strong ones).

    Raises
    ------
    ValueError
        If the shapes differ.

    Examples
    --------
    Only the first two synapses are above 1.5 times .2.

    >>> from engram.analysis import relative_change
    >>> relative_change([0.4, 0.6, 0.2], [0.3, 0.5, 0.3], [0.2, 0.2, 0.2]).round(3)
       strong  before  after  change
    0       2     0.5    0.4    -0.2
    """
    old, new, start = _weights(np.size(before), before=before, after=after, initial=initial)
    strong = (start > 0) & (old > above * start)
    number = int(strong.sum())
    first, then = (float(w[strong].mean()) if number else float("nan") for w in (old, new))
    return pd.DataFrame([{"strong": number, "before": first, "after": then, "change": (then - first) / first}])


def downscaling(stages: pd.DataFrame, *, stage: str = "rem") -> pd.DataFrame:
    """Relative change of strong synapses across one stage of sleep alone, by night and projection.

    Parameters
    ----------
    stages : pandas.DataFrame
        One row per stage and projection: ``phase``, ``cycle``, ``stage``, ``projection``, ``strong`` (synapses above
        1.5 times their initial weight before the stage), ``before``, ``after`` (sums of their weights), as a
        recording's ``stages()`` gives it. A column ``subject`` or ``model`` is kept apart.
    stage : str
        Which stage: ``rem`` or ``nrem``.

    Returns
    -------
    pandas.DataFrame
        ``model``, ``subject`` (where given), ``phase``, ``projection``, ``stages`` (with strong synapses), ``strong``
        (their mean number) and ``change``: that of the whole night in this stage, the product over its stages of
        after / before, less 1.

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    Two stages of REM that take off a tenth each leave .81.

    >>> import pandas as pd
    >>> from engram.analysis import downscaling
    >>> stages = pd.DataFrame({
    ...     "phase": 3, "cycle": [0, 0, 1], "stage": ["nrem", "rem", "rem"], "projection": "C-C",
    ...     "strong": [10, 10, 10], "before": [4.0, 5.0, 6.0], "after": [5.0, 4.5, 5.4],
    ... })
    >>> downscaling(stages).round(3)
       phase projection  stages  strong  change
    0      3        C-C       2    10.0   -0.19
    """
    require_columns(stages, ("phase", "cycle", "stage", "projection", "strong", "before", "after"), "stages")
    keys = [name for name in ("model", "subject") if name in stages.columns] + ["phase", "projection"]
    found = stages[(stages["stage"] == stage) & (stages["strong"] > 0) & (stages["before"] > 0)]
    ratio = found.assign(ratio=found["after"] / found["before"])
    table = ratio.groupby(keys, sort=False).agg(
        stages=("ratio", "size"), strong=("strong", "mean"), kept=("ratio", "prod")
    )
    table = table.reset_index()
    return table.assign(change=table.pop("kept") - 1)


def _weights(synapses: int, **columns: ArrayLike) -> list[np.ndarray]:
    arrays = [np.asarray(values, dtype=float) for values in columns.values()]
    for name, values in zip(columns, arrays, strict=True):
        if values.shape != (synapses,):
            raise ValueError(f"{name} has shape {values.shape}; expected one number for each of {synapses:,} synapses")
    return arrays


def _quantile_bins(values: np.ndarray, number: int) -> np.ndarray:
    """Bins that hold about equally many, from 1; equal values share a bin."""
    if not values.size:
        return np.zeros(0, dtype=np.int64)
    edges = np.quantile(values, np.arange(1, number) / number)
    return 1 + np.searchsorted(edges, values, side="left").astype(np.int64)
