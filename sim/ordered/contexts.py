"""Contexts that items are associated with: places in a list, and time."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


@lru_cache(maxsize=4096)
def position_context(
    position: int, length: int, size: int, start_decay: float, end_strength: float, end_decay: float, similarity: float
) -> NDArray[np.float32]:
    """Context of a place in a list: a start marker that fades along it and an end marker that grows, side by side.

    The markers' strengths are those of the start-end model (Henson 1998, Cognitive Psychology 36, 73-137): from the
    start S^(i-1), from the end E0 · E^(N-i). Each strength is the length of a vector whose direction drifts from place
    to place, so that the contexts of neighbours resemble each other: by the cosine ``similarity`` at distance 1, by its
    square at distance 2, and so on.

    Parameters
    ----------
    position : int
        From 0.
    length : int
        Of the list.
    size : int
        Elements of the context, even; each marker has half of them. Directions resemble earlier ones again in lists
        longer than that half.
    start_decay, end_strength, end_decay, similarity : float
        S, E0, E, and the cosine of neighbours.

    Returns
    -------
    float32 array [size]

    Examples
    --------
    >>> first, second = (position_context(k, 6, 24, 0.8, 0.6, 0.5, 0.7) for k in (0, 1))
    >>> round(float(np.linalg.norm(first[:12])), 2), round(float(np.linalg.norm(second[:12])), 2)
    (1.0, 0.8)
    >>> round(float(first[:12] @ second[:12]) / 0.8, 2)
    0.7
    """
    directions = _drifting(max(position, length - 1 - position) + 1, size // 2, similarity)
    start = start_decay**position * directions[position]
    end = end_strength * end_decay ** (length - 1 - position) * directions[length - 1 - position]
    context: NDArray[np.float32] = np.concatenate([start, end]).astype(np.float32)
    return context


@lru_cache(maxsize=256)
def _drifting(count: int, size: int, similarity: float) -> NDArray[np.float64]:
    """Unit vectors of which each is turned from the one before towards a new axis, [place, size]."""
    directions = np.zeros((count, size))
    directions[0, 0] = 1.0
    for place in range(1, count):
        directions[place] = similarity * directions[place - 1]
        directions[place, place % size] += np.sqrt(1.0 - similarity**2)
        directions[place] /= np.linalg.norm(directions[place])
    return directions


def drift(context: NDArray[np.float32], towards: NDArray[np.float32], share: float) -> None:
    """Turn unit vectors towards others, in place, and keep their length.

    The temporal context model (Howard & Kahana 2002, Journal of Mathematical Psychology 46, 269-299): the new context
    is ρ · the old one + β · what comes in, with ρ such that its length stays 1.

    Parameters
    ----------
    context : float32 array [subject, element]
        Unit vectors; changed.
    towards : float32 array [subject, element]
        Unit vectors.
    share : float
        β, in [0, 1].

    Examples
    --------
    >>> context, towards = np.array([[1.0, 0.0]], np.float32), np.array([[0.0, 1.0]], np.float32)
    >>> drift(context, towards, 0.6)
    >>> context.round(3).tolist()
    [[0.800000011920929, 0.6000000238418579]]
    """
    cosine = np.einsum("se,se->s", context, towards)[:, None]
    rho = np.sqrt(1.0 + share**2 * (cosine**2 - 1.0)) - share * cosine
    context *= rho
    context += share * towards
    context /= np.linalg.norm(context, axis=1, keepdims=True)
