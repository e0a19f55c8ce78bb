"""How many items of each class a budget holds, so that no class has more than one above another that could have it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush

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


class FilesByClass:
    """Stored files by their class, and the classes in the order of how many items they hold.

    What a lesson costs does not grow with the classes that are stored: only those whose share changes are looked at.

    Parameters
    ----------
    files : iterable of Segment

    Attributes
    ----------
    nbytes : int
        Of all files that hold items.
    """

    def __init__(self, files: Iterable[Segment] = ()) -> None:
        self.nbytes = 0
        self._files: dict[int, list[Segment]] = {}
        self._bytes_of: dict[int, int] = {}
        self._held: dict[int, int] = {}
        self._by_size: list[tuple[int, int]] = []  # (-items, -label), with entries that are no longer true
        for file in files:
            self._files.setdefault(file.head.label, []).append(file)
        for label in list(self._files):
            self.changed(label)

    def of(self, label: int) -> list[Segment]:
        """Files of a class that hold items."""
        return self._files.get(label, [])

    def add(self, file: Segment) -> None:
        """Take up a file."""
        self._files.setdefault(file.head.label, []).append(file)
        self.changed(file.head.label)

    def changed(self, label: int) -> None:
        """Files of a class have got longer or shorter; those without items are forgotten."""
        files = self._files[label] = [file for file in self._files[label] if file.items]
        nbytes = sum(file.nbytes for file in files)
        self.nbytes += nbytes - self._bytes_of.get(label, 0)
        self._bytes_of[label] = nbytes
        self._set(label, sum(file.items for file in files))

    def equal_shares(
        self, room: int | None, most: int | None, labels: Iterable[int], class_items: Callable[[int], ClassItems]
    ) -> dict[int, ClassShare]:
        """Items of each class that fit in a number of bytes, where they are fewer than it holds.

        While they do not fit, the class that has most gives one up; of several, the one with the highest label.

        Parameters
        ----------
        room : int or None
            Bytes.
        most : int or None
            Items that a class may have at most.
        labels : iterable of int
            Classes that may have more than ``most``.
        class_items : callable
            Gives the items of a class.

        Returns
        -------
        dict of int to ClassShare
            By label; empty where not one item fits.
        """
        shares: dict[int, ClassShare] = {}
        nbytes = self.nbytes

        def cut(label: int, count: int) -> int:
            if label not in shares:
                items = class_items(label)
                shares[label] = ClassShare(items, items.held)
            share = shares[label]
            freed = share.items.bytes_for(share.count) - share.items.bytes_for(count)
            share.count = count
            self._set(label, count)
            return freed

        for label in labels:
            if most is not None and self._held.get(label, 0) > most:
                nbytes -= cut(label, most)
        while room is not None and nbytes > room:
            largest = self.largest()
            if largest is None:
                break
            nbytes -= cut(largest, self._held[largest] - 1)
        return shares

    def largest(self) -> int | None:
        """The class with most items, of several the one with the highest label; None where there are no items."""
        while self._by_size:
            items, label = (-number for number in self._by_size[0])
            if items and self._held[label] == items:
                return label
            heappop(self._by_size)
        return None

    def _set(self, label: int, items: int) -> None:
        self._held[label] = items
        heappush(self._by_size, (-items, -label))


@dataclass
class ClassShare:
    """Items of a class, and how many of them it may keep."""

    items: ClassItems
    count: int
