"""Binary patterns with a stated mean overlap of their pairs."""

from __future__ import annotations

from math import comb

import numpy as np
from numpy.typing import NDArray

from .wording import counted

TOLERANCE = 0.01
_AIM = 0.001  # how near the mean is brought, where single cells can do it
_MOVES = 5_000
_EXCHANGES = 12_000
_ROOM = 4  # so many times more subsets than patterns, so that drawing different ones is quick

Mask = NDArray[np.bool_]


def pairwise_overlap(patterns: Mask) -> NDArray[np.float64]:
    """Share of active cells that two patterns have in common, for every pair.

    Parameters
    ----------
    patterns : bool array [pattern, cell]
        All with equally many active cells.

    Returns
    -------
    float64 array [pair]

    Examples
    --------
    >>> pairwise_overlap(np.array([[True, True, False], [False, True, True]]))
    array([0.5])
    """
    cells = patterns.astype(np.float32)
    above = np.triu_indices(len(patterns), 1)
    shared: NDArray[np.float64] = (cells @ cells.T)[above].astype(np.float64)
    return shared / int(patterns[0].sum())


def draw_patterns(cells: int, active: int, count: int, overlap: float | None, rng: np.random.Generator) -> Mask:
    """Patterns that are all different, with a stated mean overlap.

    With an overlap they are drawn from as many cells as would give it by chance. Then cells of single patterns are
    exchanged until the mean over all pairs is met, and cells are exchanged between two patterns, which leaves the mean
    as it is, as long as that brings the pairs closer to it.

    Parameters
    ----------
    cells, active, count : int
        Cells, active cells of a pattern, patterns.
    overlap : float or None
        Mean over pairs of the share of active cells that two patterns have in common. None: independent patterns.
    rng : numpy.random.Generator

    Returns
    -------
    bool array [pattern, cell]

    Raises
    ------
    ValueError
        If the mean cannot be brought within .01 of `overlap`, or so many different patterns do not exist.

    Examples
    --------
    >>> patterns = draw_patterns(cells=100, active=10, count=8, overlap=0.3, rng=np.random.default_rng(0))
    >>> patterns.sum(axis=1)
    array([10, 10, 10, 10, 10, 10, 10, 10])
    >>> round(float(pairwise_overlap(patterns).mean()), 2)
    0.3
    """
    if overlap == 0:
        return _disjoint(cells, active, count, rng)
    if overlap is not None:
        _check(cells, active, count, overlap)
    among = cells if overlap is None else min(cells, max(active + 1, round(active / overlap)))
    while comb(among, active) < _ROOM * count and among < cells:
        among += 1
    if (possible := comb(among, active)) < count:
        raise ValueError(
            f"{counted(count, 'pattern')} asked for; there are only {possible:,} ways to choose {active} of "
            f"{counted(cells, 'cell')}. Give more cells, or fewer classes"
        )
    patterns = np.zeros((count, cells), bool)
    subsets = _different_subsets(rng.choice(cells, among, replace=False), active, count, rng)
    np.put_along_axis(patterns, np.array(subsets), True, axis=1)
    if overlap is not None:
        _meet_mean(patterns, overlap, rng)
        _narrow(patterns, rng)
        _check_result(patterns, overlap)
    return patterns


def _disjoint(cells: int, active: int, count: int, rng: np.random.Generator) -> Mask:
    patterns = np.zeros((count, cells), bool)
    members = rng.permutation(cells)[: count * active].reshape(count, active)
    np.put_along_axis(patterns, members, True, axis=1)
    return patterns


def _mean(uses: NDArray[np.int64], active: int, count: int) -> float:
    """Mean overlap over pairs, which follows from how many patterns use each cell."""
    return float((uses * (uses - 1)).sum() / (active * count * (count - 1)))


def _check(cells: int, active: int, count: int, overlap: float) -> None:
    # The mean is smallest where all cells are used equally often.
    often, rest = divmod(count * active, cells)
    least = _mean(np.array([often + 1] * rest + [often] * (cells - rest)), active, count)
    most = (active - 1) / active
    what = f"found overlap {overlap:g}; {counted(count, 'pattern')} of {active} of {counted(cells, 'cell')}"
    if overlap < least - TOLERANCE:
        raise ValueError(
            f"{what} have at least {least:.3f} of their cells in common on average. "
            "Give more cells, fewer active ones, fewer classes, or a larger overlap"
        )
    if overlap > most + TOLERANCE:
        raise ValueError(
            f"{what} that differ have at most {most:.3f} of their cells in common. Give more active cells, or a "
            "smaller overlap"
        )


def _meet_mean(patterns: Mask, overlap: float, rng: np.random.Generator) -> None:
    """Move active cells of single patterns to cells that more, or fewer, of the patterns use."""
    count, active = len(patterns), int(patterns[0].sum())
    uses = patterns.sum(axis=0)
    for _ in range(_MOVES):
        excess = _mean(uses, active, count) - overlap
        if abs(excess) <= _AIM:
            return
        pattern = patterns[rng.integers(count)]
        inside, outside = np.flatnonzero(pattern), np.flatnonzero(~pattern)
        inside_uses = uses[inside] + rng.random(len(inside))  # ties are broken at random
        outside_uses = uses[outside] + rng.random(len(outside))
        if excess > 0:
            left, joined = inside[inside_uses.argmax()], outside[outside_uses.argmin()]
        else:
            left, joined = inside[inside_uses.argmin()], outside[outside_uses.argmax()]
        step = 2 * (uses[joined] - uses[left] + 1) / (active * count * (count - 1))
        if abs(excess + step) >= abs(excess):
            # The largest step is too large by now; any other will do that brings the mean nearer.
            left, joined = rng.choice(inside), rng.choice(outside)
            step = 2 * (uses[joined] - uses[left] + 1) / (active * count * (count - 1))
            if abs(excess + step) >= abs(excess):
                continue
        pattern[left], pattern[joined] = False, True
        uses[left] -= 1
        uses[joined] += 1


def _narrow(patterns: Mask, rng: np.random.Generator) -> None:
    """Exchange cells between two patterns wherever that brings the overlaps of pairs closer together."""
    count = len(patterns)
    numbers = patterns.astype(np.int32)
    shared = numbers @ numbers.T
    others = np.ones(count, bool)
    for _ in range(_EXCHANGES if count > 2 else 0):
        i, j = rng.choice(count, 2, replace=False)
        only_i, only_j = np.flatnonzero(patterns[i] & ~patterns[j]), np.flatnonzero(patterns[j] & ~patterns[i])
        if len(only_i) < 2:
            continue
        c, d = rng.choice(only_i), rng.choice(only_j)
        others[[i, j]] = False
        change = numbers[:, d] - numbers[:, c]  # of what each other pattern shares with i; the opposite with j
        # Sum of squares over all pairs; the overlap of i with j stays as it is.
        worse = (2 * change * (shared[i] - shared[j]) + 2 * change**2)[others].sum()
        if worse < 0:
            patterns[[i, j], c], patterns[[i, j], d] = [False, True], [True, False]
            numbers[[i, j], c], numbers[[i, j], d] = [0, 1], [1, 0]
            for row, sign in ((i, 1), (j, -1)):
                shared[row, others] += sign * change[others]
                shared[others, row] += sign * change[others]
        others[[i, j]] = True


def _different_subsets(cells: NDArray[np.int64], active: int, count: int, rng: np.random.Generator) -> list[NDArray]:
    """Subsets of `active` cells, none twice."""
    drawn: dict[bytes, NDArray] = {}
    while len(drawn) < count:
        subset = np.sort(rng.choice(cells, active, replace=False))
        drawn.setdefault(subset.tobytes(), subset)
    return list(drawn.values())


def _check_result(patterns: Mask, overlap: float) -> None:
    shared = pairwise_overlap(patterns)
    if abs(shared.mean() - overlap) > TOLERANCE or shared.max() == 1:
        raise ValueError(
            f"found overlap {overlap:g}; {counted(len(patterns), 'pattern')} of {int(patterns[0].sum())} of "
            f"{counted(patterns.shape[1], 'cell')} came to {shared.mean():.3f} on average and {shared.max():.3f} at "
            "most. Give more cells, fewer classes, or a smaller overlap"
        )
