"""Orders in which an item comes back after so many other presentations.

The items are taken in groups, and each group comes in as many rounds as there are exposures. In a group of g items
whose rounds have the same order, g - 1 others stand between two presentations of one item; where the lag may vary, each
round is the one before it with its items moved by no more places than the lag allows.
"""

from __future__ import annotations

import numpy as np

from .orders import Ints


def fits(items: int, least: int, most: int) -> bool:
    """Whether so many items can be divided into groups of ``least + 1`` to ``most + 1``.

    For a lag that does not vary this is necessary, too: an interval is covered by equal steps of d only in groups of d.

    Examples
    --------
    >>> fits(30, 5, 5), fits(30, 5, 19), fits(30, 6, 6)
    (True, True, False)
    """
    return -(-items // (most + 1)) * (least + 1) <= items


def spaced(items: int, exposures: int, least: int, most: int, rng: np.random.Generator) -> Ints:
    """An order of presentation with `least` to `most` other presentations between two of one item.

    Parameters
    ----------
    items : int
        How many items.
    exposures : int
        Presentations of each.
    least, most : int
        How many presentations of other items stand between two of one; 0 and 0 is massed. Sizes of groups are drawn
        evenly from those that leave a rest that can be divided.
    rng : numpy.random.Generator
        Not used where the lag does not vary.

    Returns
    -------
    int64 array [items * exposures]
        Numbers of items; each first comes in its turn.

    Raises
    ------
    ValueError
        If the items cannot be divided into groups for these lags.

    Examples
    --------
    >>> spaced(4, 2, 1, 1, np.random.default_rng(0))
    array([0, 1, 0, 1, 2, 3, 2, 3])
    """
    if not fits(items, least, most):
        raise ValueError(f"{items} items cannot be spaced by {least} to {most} others")
    rows = []
    first = 0
    for size in _group_sizes(items, least + 1, most + 1, rng):
        turns = np.arange(first, first + size)
        freedom = min(size - 1 - least, most - size + 1)
        for turn in range(exposures):
            if turn and freedom:
                turns = turns[np.argsort(np.arange(size) + rng.random(size) * (freedom + 1))]
            rows.append(turns)
        first += size
    return np.concatenate(rows)


def _group_sizes(items: int, smallest: int, largest: int, rng: np.random.Generator) -> list[int]:
    sizes = []
    while items:
        if smallest == largest:
            allowed = [smallest]
        else:
            allowed = [
                n for n in range(smallest, min(largest, items) + 1) if fits(items - n, smallest - 1, largest - 1)
            ]
        sizes.append(allowed[int(rng.integers(len(allowed)))] if len(allowed) > 1 else allowed[0])
        items -= sizes[-1]
    return [sizes[k] for k in rng.permutation(len(sizes))] if smallest < largest else sizes
