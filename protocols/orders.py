"""Random orders: shuffles, derangements, and sequences with given frequencies."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import permutations

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]

_EXACT_UP_TO = 7
_TRIES = 200
_BATCHES = 2_000


def derangement(n: int, rng: np.random.Generator) -> Ints:
    """A random permutation of ``0 … n-1`` that moves every number.

    Parameters
    ----------
    n : int
        How many numbers, at least 2.
    rng : numpy.random.Generator

    Returns
    -------
    int64 array [n]
        Uniformly drawn among all derangements.

    Raises
    ------
    ValueError
        If `n` is below 2: nothing can be exchanged.

    Examples
    --------
    >>> derangement(2, np.random.default_rng(0))
    array([1, 0])
    """
    if n < 2:
        raise ValueError(f"found {n} item; expected at least 2, since a derangement exchanges labels between items")
    # Rejection keeps the draw uniform; a share of 1/e of all permutations is accepted.
    while True:
        order = rng.permutation(n)
        if not np.any(order == np.arange(n)):
            return order.astype(np.int64)


def rounds(counts: Sequence[int]) -> Ints:
    """Listed order with frequencies: rounds through the items that have occurrences left.

    Examples
    --------
    >>> rounds([1, 3, 2])
    array([0, 1, 2, 1, 2, 1])
    """
    sizes = np.asarray(counts, dtype=np.int64)
    item = np.repeat(np.arange(len(sizes)), sizes)
    turn = np.arange(len(item)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    in_turn: Ints = item[np.lexsort((item, turn))]
    return in_turn


def shuffled(counts: Sequence[int], rng: np.random.Generator) -> Ints:
    """A random sequence in which item k occurs ``counts[k]`` times.

    Examples
    --------
    >>> sorted(shuffled([1, 2], np.random.default_rng(0)).tolist())
    [0, 1, 1]
    """
    return rng.permutation(np.repeat(np.arange(len(counts)), counts)).astype(np.int64)


def balanced(counts: Sequence[int], bound: float, rng: np.random.Generator) -> Ints:
    """A random sequence in which frequency and position of last occurrence are nearly uncorrelated.

    The order of last occurrences is drawn uniformly among the permutations whose Spearman correlation with the
    frequencies is at most `bound` in absolute value. The sequence is then drawn uniformly among those in which
    item k occurs ``counts[k]`` times and the last occurrences have that order.

    Parameters
    ----------
    counts : sequence of int [item]
        How often each item occurs, at least once.
    bound : float
        Largest absolute correlation.
    rng : numpy.random.Generator

    Returns
    -------
    int64 array [sum of counts]
        Item numbers in order of presentation.

    Raises
    ------
    ValueError
        If no such order was found; the message names the best correlation reached.

    Examples
    --------
    >>> sequence = balanced(range(1, 11), 0.1, np.random.default_rng(0))
    >>> np.bincount(sequence)
    array([ 1,  2,  3,  4,  5,  6,  7,  8,  9, 10])
    """
    last = _last_occurrences(counts, bound, rng)
    backwards = np.empty(0, dtype=np.int64)
    for item in last:
        others = len(backwards) + counts[item] - 1
        places = rng.choice(others, size=counts[item] - 1, replace=False, shuffle=False)
        merged = np.empty(others, dtype=np.int64)
        is_item = np.zeros(others, dtype=bool)
        is_item[places] = True
        merged[is_item], merged[~is_item] = item, backwards
        # Read backwards, an item's last occurrence comes before anything of the items that end earlier.
        backwards = np.concatenate(([item], merged))
    return backwards[::-1].copy()


def spearman(values: Sequence[int], places: Ints) -> NDArray[np.float64]:
    """Spearman correlation of values (ties share a rank) with places that are all different.

    Parameters
    ----------
    values : sequence of int [item]
    places : int64 array [draw, item]
        Places 0 … n-1.

    Returns
    -------
    float64 array [draw]
        0 where all values are equal.

    Examples
    --------
    >>> spearman([10, 20, 30], np.array([[0, 1, 2], [2, 1, 0]]))
    array([ 1., -1.])
    """
    _, inverse, sizes = np.unique(np.asarray(values), return_inverse=True, return_counts=True)
    rank = (np.cumsum(sizes) - (sizes + 1) / 2)[inverse]
    rank -= rank.mean()
    place = places - (places.shape[1] - 1) / 2
    scale = np.sqrt((rank**2).sum() * (place[0] ** 2).sum())
    return (place @ rank) / scale if scale > 0 else np.zeros(len(places))


@lru_cache(maxsize=256)
def best_balance(counts: tuple[int, ...], bound: float) -> float:
    """Smallest absolute correlation of frequency and last position found, exact up to 7 items.

    The search among more items stops at `bound`.

    Examples
    --------
    >>> best_balance((1, 2), 0.1)
    1.0
    """
    if len(counts) <= _EXACT_UP_TO:
        return float(np.abs(spearman(counts, np.array(list(permutations(range(len(counts))))))).min())
    rng = np.random.default_rng(0)
    best = 1.0
    for _ in range(_BATCHES):
        best = min(best, float(np.abs(spearman(counts, _permutations(len(counts), rng))).min()))
        if best <= bound:
            break
    return best


def _last_occurrences(counts: Sequence[int], bound: float, rng: np.random.Generator) -> Ints:
    best = 1.0
    for _ in range(_BATCHES):
        places = _permutations(len(counts), rng)
        rho = np.abs(spearman(counts, places))
        if np.any(met := rho <= bound + 1e-12):
            return np.argsort(places[np.argmax(met)])
        best = min(best, float(rho.min()))
    raise ValueError(
        f"found no order of {len(counts)} items in which frequency and last position correlate by at most {bound:g}; "
        f"the best reached is {best:.3g}"
    )


def _permutations(n: int, rng: np.random.Generator) -> Ints:
    tries = max(1, min(_TRIES, 1_000_000 // n))
    return rng.permuted(np.tile(np.arange(n), (tries, 1)), axis=1)
