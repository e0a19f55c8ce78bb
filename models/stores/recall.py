"""Recalling items of a store: from working memory where they have been before, from the files otherwise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .working import WorkingCopies

if TYPE_CHECKING:
    from .codec import Codec, Symbols
    from .lessons import LessonItems
    from .online import OnlineItems


class Recall:
    """Which items have a copy in working memory, and how the others get one.

    Parameters
    ----------
    codec : Codec
    lessons : LessonItems
    online : OnlineItems
        One of the two is empty.
    cache : int
        Bytes that working copies may take.
    device : torch.device
    """

    def __init__(
        self, codec: Codec, lessons: LessonItems, online: OnlineItems, cache: int, device: torch.device
    ) -> None:
        self._codec, self._lessons, self._online, self._device = codec, lessons, online, device
        self._cache, self._copies = cache, WorkingCopies(cache, device)
        self._rows = np.empty(0, np.int64)  # of the working copies, by item; -1 for none
        self._rows_lie_as: list[tuple[str, int]] = []  # file and items, in the order of the rows
        self._rows_are_old = False
        self._versions: set[int] = set()
        self._version_of: NDArray[np.int64] | None = None

    @property
    def working_bytes(self) -> int:
        """Bytes that copies of all items take, or of as many as there is room for."""
        held = len(self._row_of())
        if not held:
            return 0
        _, one = self._unpacked(np.zeros(1, np.int64))
        row = max(1, one.element_size() * math.prod(one.shape[1:]))
        return row * min(held, self._cache // row)

    def read(self, items: NDArray[np.int64]) -> Tensor:
        """See `EpisodicStore.read`."""
        rows = self._row_of()[items]
        if not len(items):
            raise IndexError("no items to recall were named")
        working = self._copies.take(rows) if rows.min() >= 0 else self._fetch(items, rows)
        if len(known := self._known_versions()) == 1:
            return self._codec.reconstruct(working, next(iter(known)))
        assert self._version_of is not None
        versions = self._version_of[items]
        parts = [(np.flatnonzero(versions == v), int(v)) for v in np.unique(versions)]
        recalled = [self._codec.reconstruct(working[torch.from_numpy(where)], v) for where, v in parts]
        back = np.argsort(np.concatenate([where for where, _ in parts]))
        return torch.cat(recalled)[torch.from_numpy(back).to(self._device)]

    def renumber(self) -> None:
        """Lessons were added or cut: items have other numbers now."""
        self._rows_are_old, self._versions, self._version_of = True, set(), None

    def changed(self, places: set[int]) -> None:
        """Some places of an online store have got other items."""
        moved = np.array(sorted(places), np.int64)
        held = moved[moved < len(self._rows)]
        self._copies.free(self._rows[held])
        self._rows[held] = -1
        n = len(self._online)
        self._rows = np.concatenate([self._rows[:n], np.full(max(0, n - len(self._rows)), -1, np.int64)])
        self._versions, self._version_of = {self._codec.version}, None

    def forget(self) -> None:
        """The store went back to another state: nothing that is held is known to be right."""
        self._copies.clear()
        self._rows, self._rows_lie_as = np.full(len(self._online), -1, np.int64), []
        self.renumber()

    def _known_versions(self) -> set[int]:
        if not self._versions:
            self._version_of = (self._online if len(self._online) else self._lessons).column("version")
            self._versions = set(np.unique(self._version_of).tolist())
        return self._versions

    def _row_of(self) -> NDArray[np.int64]:
        """Row among the working copies of every item, -1 for none."""
        if len(self._online):
            return self._rows
        if self._rows_are_old:
            lie_as = self._lessons.layout()
            ends = np.cumsum([items for _, items in self._rows_lie_as])
            parts = np.split(self._rows, ends[:-1]) if len(ends) else []
            old = {name: rows for (name, _), rows in zip(self._rows_lie_as, parts, strict=True)}
            new = []
            for name, items in lie_as:
                rows = old.pop(name, np.empty(0, np.int64))
                self._copies.free(rows[items:])
                new += [rows[:items], np.full(max(0, items - len(rows)), -1, np.int64)]
            for rows in old.values():
                self._copies.free(rows)
            self._rows = np.concatenate([np.empty(0, np.int64), *new])
            self._rows_lie_as, self._rows_are_old = lie_as, False
        return self._rows

    def _fetch(self, items: NDArray[np.int64], rows: NDArray[np.int64]) -> Tensor:
        """Working copies of items of which some have no row yet: those are read from the files, and given one."""
        missing = np.unique(items[rows < 0])
        numbers, copies = self._unpacked(missing)
        self._rows[numbers] = self._copies.put(copies)
        rows = self._rows[items]
        if rows.min() >= 0:
            return self._copies.take(rows)
        place = np.searchsorted(numbers, items)
        fetched = copies.to(self._device)[torch.from_numpy(np.minimum(place, len(numbers) - 1))]
        if rows.max() >= 0:
            held = np.flatnonzero(rows >= 0)
            fetched[torch.from_numpy(held).to(self._device)] = self._copies.take(rows[held])
        return fetched

    def _unpacked(self, items: NDArray[np.int64]) -> tuple[NDArray[np.int64], Tensor]:
        """Numbers, ascending, and working copies of items without a row, those of the same blocks included."""
        if len(self._online):
            found: list[tuple[int, int, int, bytes | memoryview]]
            found = [(item, 1, version, codes) for item, version, codes in self._online.codes(items)]
        else:
            found = [record[:4] for record in self._lessons.records(items)]
        numbers = np.concatenate([np.arange(first, first + count) for first, count, _, _ in found])
        copies = []
        for version in sorted({record[2] for record in found}):
            same = [(codes, count) for _, count, of_version, codes in found if of_version == version]
            copies.append(self._codec.working(self._symbols(same, version), version))
        if len(copies) > 1:
            of = np.concatenate([np.full(count, version) for _, count, version, _ in found])
            copies = [torch.cat(copies)[torch.from_numpy(np.argsort(np.argsort(of, kind="stable"), kind="stable"))]]
        lacking = self._rows[numbers] < 0
        return numbers[lacking], copies[0] if lacking.all() else copies[0][torch.from_numpy(lacking)]

    def _symbols(self, records: Sequence[tuple[bytes | memoryview, int]], version: int) -> Symbols:
        if self._codec.record_bytes:
            return self._codec.unpack(b"".join(codes for codes, _ in records), len(records), version)
        parts: list[Any] = [self._codec.unpack(bytes(codes), count, version) for codes, count in records]
        if isinstance(parts[0], np.ndarray):
            joined: NDArray = np.concatenate(parts)
            return joined
        return [symbols for part in parts for symbols in part]
