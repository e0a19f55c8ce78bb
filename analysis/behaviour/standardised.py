"""Scores on the scale of an effect size, for data sets that have no other."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..effect_sizes import effect_size

Floats = NDArray[np.float64]


def is_effect_size(measure: str) -> bool:
    """Whether a data set's means are effect sizes, such as those of a meta-analysis.

    Examples
    --------
    >>> is_effect_size("effect size g"), is_effect_size("proportion correct")
    (True, False)
    """
    return measure.startswith("effect size")


def standardised(scores: Floats, human: Floats, seed: int) -> tuple[Floats, Floats, Floats]:
    """Hedges' g of every condition against the one where people's effect is 0, with its 95 % interval.

    The difference is taken over the mean of the two standard deviations (g_av), which does not grow with the
    correlation of the conditions, as meta-analyses of groups and of repeated measures do.

    Parameters
    ----------
    scores : ndarray, shape [subject, condition]
    human : ndarray, shape [condition]
        People's effect sizes; exactly one is 0.
    seed : int
        Of the bootstrap.

    Returns
    -------
    effect, low, high : ndarray, shape [condition]
        0 for the condition that the others are compared with.

    Raises
    ------
    ValueError
        It is not clear which condition that is.

    Examples
    --------
    >>> import numpy as np
    >>> scores = np.array([[0.8, 0.7], [0.9, 0.6], [0.7, 0.6], [0.8, 0.7]])
    >>> standardised(scores, np.array([0.44, 0.0]), seed=0)[0].round(3)
    array([1.557, 0.   ])
    """
    reference = np.flatnonzero(human == 0)
    if len(reference) != 1:
        raise ValueError(
            f"{len(reference)} conditions have an effect of 0; expected one, that others are compared with"
        )
    effect, low, high = np.zeros((3, len(human)))
    for condition in range(len(human)):
        if condition == reference[0]:
            continue
        row = effect_size(scores[:, condition], scores[:, reference[0]], seed=seed).iloc[0]
        effect[condition], low[condition], high[condition] = row[["hedges_gav", "gav_low", "gav_high"]]
    return effect, low, high
