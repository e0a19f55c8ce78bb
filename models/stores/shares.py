"""How many items of each class a budget holds, so that no class has more than one above another that could have it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from .segment import Segment


class ClassItems:
    """All stored items of one class, in one order of keeping over its lessons.

    Parameters
    ----------
    segments : sequence of Segment
    priorities : sequence of float array
        For each segment, what its items are ordered by within the class; ascending.
    most : int or None
        Items that the class may have at most.
    """

    def __init__(
        self, segments: Sequence[Segment], priorities: Sequence[NDArray[np.float64]], most: int | None = None
    ) -> None:
        self.segments = segments
        self.held = sum(segment.items for segment in segments)
        self.count = self.held if most is None else min(self.held, most)
        self._priorities = priorities
        self._lesson_of: NDArray[np.intp] | None = None
        self._bytes_for = np.zeros(1, np.int64)

    def split(self, items: int) -> list[int]:
        """How many of the first ``items`` to be kept lie in each segment."""
        if items >= self.held:
            return [segment.items for segment in self.segments]
        if len(self.segments) == 1:
            return [items]
        self._put_in_order()
        assert self._lesson_of is not None
        counts: list[int] = np.bincount(self._lesson_of[:items], minlength=len(self.segments)).tolist()
        return counts

    def bytes_for(self, items: int) -> int:
        """Bytes of the files that hold so many items; an upper estimate where a block is cut within."""
        if items >= self.held:
            return sum(segment.nbytes for segment in self.segments)
        if len(self.segments) == 1:
            return self.segments[0].bytes_for(items)
        self._put_in_order()
        return int(self._bytes_for[items])

    def _put_in_order(self) -> None:
        """Items of several lessons by priority, as if all had been met at once."""
        if self._lesson_of is None:
            held = [segment.items for segment in self.segments]
            order = np.argsort(np.concatenate([p[:n] for n, p in zip(held, self._priorities, strict=True)]))
            self._lesson_of = np.repeat(np.arange(len(held)), held)[order]
            bytes_of = np.concatenate([segment.bytes_of_items() for segment in self.segments])
            self._bytes_for = np.concatenate([[0], np.cumsum(bytes_of[order])])


def fits(classes: Sequence[ClassItems], level: int, room: int) -> bool:
    """Whether every class can have as many items as ``level``, or all it has."""
    return sum(items.bytes_for(min(level, items.count)) for items in classes) <= room


def equal_shares(classes: Sequence[ClassItems], room: int) -> list[int]:
    """Items of each class that fit in a number of bytes.

    Parameters
    ----------
    classes : sequence of ClassItems
    room : int
        Bytes.

    Returns
    -------
    list of int
        For each class, all of its items or an equal share; the first classes one more, where that fits.
    """
    low, high = 0, max((items.count for items in classes), default=0)
    while low < high:
        middle = (low + high + 1) // 2
        if fits(classes, middle, room):
            low = middle
        else:
            high = middle - 1
    shares = [min(low, items.count) for items in classes]
    left = room - sum(items.bytes_for(n) for items, n in zip(classes, shares, strict=True))
    for place, items in enumerate(classes):
        if items.count > low:
            more = items.bytes_for(low + 1) - items.bytes_for(low)
            if more <= left:
                shares[place] += 1
                left -= more
    return shares
