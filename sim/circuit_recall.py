"""How a cue is made from a pattern, and how well the rest of the pattern came back."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Cells = NDArray[np.bool_]


def cued_cells(members: Cells, fraction: float, noise: float, rng: np.random.Generator) -> Cells:
    """Cells that a cue drives.

    Parameters
    ----------
    members : bool array, [cell]
        Cells of the pattern.
    fraction : float
        Share of the members that a cue without noise drives.
    noise : float
        Share of those that are replaced by cells outside the pattern.
    rng : numpy.random.Generator

    Returns
    -------
    bool array, [cell]

    Examples
    --------
    >>> members = np.array([True] * 4 + [False] * 4)
    >>> cue = cued_cells(members, 0.5, 0.5, np.random.default_rng(0))
    >>> int((cue & members).sum()), int((cue & ~members).sum())
    (1, 1)
    """
    inside, outside = rng.permutation(np.flatnonzero(members)), rng.permutation(np.flatnonzero(~members))
    shown = round(fraction * len(inside))
    wrong = min(round(noise * shown), len(outside))
    cue = np.zeros_like(members)
    cue[inside[: shown - wrong]] = True
    cue[outside[:wrong]] = True
    return cue


def recall_auc(counts: NDArray[np.integer], members: Cells, cued: Cells) -> float:
    """Chance that an uncued member fired more than an uncued cell outside the pattern; ties count half.

    The area under the ROC curve of the spike counts: .5 where they tell nothing, 1 where every member fired more than
    every other cell.

    Parameters
    ----------
    counts : int array, [cell]
        Spikes during the cue.
    members, cued : bool array, [cell]

    Returns
    -------
    float
        NaN where no member, or no other cell, is left uncued.

    Examples
    --------
    >>> members = np.array([True, True, True, False, False])
    >>> recall_auc(np.array([9, 3, 1, 1, 0]), members, np.array([True, False, False, False, False]))
    0.875
    """
    inside, outside = counts[members & ~cued], counts[~members & ~cued]
    if not (len(inside) and len(outside)):
        return float("nan")
    difference = inside[:, None] - outside[None, :]
    return float(((difference > 0) + 0.5 * (difference == 0)).mean())


def best_match(counts: NDArray[np.integer], patterns: Cells, cued: Cells) -> int:
    """Slot whose pattern the recalled activity matches best, -1 where nothing tells them apart.

    Parameters
    ----------
    counts : int array, [cell]
    patterns : bool array, [slot, cell]
    cued : bool array, [cell]
        Cells that the cue drove; they tell nothing of recall.

    Returns
    -------
    int
        The slot with the largest `recall_auc`; -1 where no cell fired or the best slots are equal.

    Examples
    --------
    >>> patterns = np.array([[1, 1, 0, 0], [0, 0, 1, 1]], dtype=bool)
    >>> best_match(np.array([4, 0, 2, 1]), patterns, np.array([True, False, False, False]))
    1
    """
    scores = np.nan_to_num([recall_auc(counts, members, cued) for members in patterns])
    best = int(scores.argmax())
    return best if (scores == scores[best]).sum() == 1 else -1
