"""Where the batches of a training come from: a lesson, the store, or both."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

if TYPE_CHECKING:
    from ...models.stores.store import EpisodicStore
    from .distributed import Group
    from .loading import BatchLoader

Ints = NDArray[np.int64]


@dataclass(eq=False, slots=True)
class Drawn:
    """One process's share of a batch, as it was drawn: images of a lesson first, recalled ones last.

    Attributes
    ----------
    images : uint8 tensor, [image, channel, height, width]; or float32 where the store gives features
    labels : int64 array, [image]
    sources : int64 array, [image]
        Images of the pool; -1 for recalled ones.
    items : int64 array, [image]
        Items of the store; -1 for images of the lesson.
    size : int
        Images of the whole batch, over all processes.
    rows : int64 array, [image]
        Their places in it.
    recalled : int
        Images of the whole batch that are recalled.
    """

    images: Tensor
    labels: Ints
    sources: Ints
    items: Ints
    size: int
    rows: Ints
    recalled: int = 0


class Source(ABC):
    """Batches of one epoch after another (abstract).

    Attributes
    ----------
    length : int
        Images of an epoch.
    batch_size : int
        Of those, in a batch.
    replay : int
        Recalled images that come with each batch.
    """

    length: int
    batch_size: int
    replay: int = 0

    @property
    def per_epoch(self) -> int:
        """Batches of an epoch."""
        return -(-self.length // self.batch_size)

    @property
    def passes_per_epoch(self) -> int:
        """Image passes of an epoch."""
        return self.length + self.replay * self.per_epoch

    @abstractmethod
    def epoch(self, rng: np.random.Generator, start: int) -> Iterator[Drawn]:
        """Batches of one epoch.

        Parameters
        ----------
        rng : numpy.random.Generator
            Of this epoch.
        start : int
            First batch to give.
        """


class LessonSource(Source):
    """Images of the pool with the labels that were given."""

    def __init__(self, loader: BatchLoader, group: Group, indices: Ints, labels: Ints, batch_size: int) -> None:
        self.length, self.batch_size = len(indices), batch_size
        self._loader, self._group = loader, group
        self._indices, self._labels = indices, labels

    def epoch(self, rng: np.random.Generator, start: int) -> Iterator[Drawn]:
        order = rng.permutation(self.length)
        labels = self._labels[order]
        batches = self._loader.epoch(
            self._indices[order], self.batch_size, start=start, rank=self._group.rank, ranks=self._group.size
        )
        for batch in batches:
            first = batch.number * self.batch_size
            size = min(self.batch_size, self.length - first)
            given = labels[first + batch.rows]
            yield Drawn(batch.images, given, batch.indices, np.full(len(given), -1), size, batch.rows)


def recalled(store: EpisodicStore, items: Ints) -> Tensor:
    """Items of a store, or none of them, where a process has no share of a small batch."""
    return store.read(items) if len(items) else store.read(np.zeros(1, np.int64))[:0]


class RecalledSource(Source):
    """Items of the store, each once in an epoch."""

    def __init__(self, store: EpisodicStore, group: Group, items: Ints, batch_size: int) -> None:
        self.length, self.batch_size = len(items), batch_size
        self._store, self._group, self._items = store, group, items
        self._labels = store.labels[items]

    def epoch(self, rng: np.random.Generator, start: int) -> Iterator[Drawn]:
        order = rng.permutation(self.length)
        for first in range(start * self.batch_size, self.length, self.batch_size):
            whole = order[first : first + self.batch_size]
            rows = self._group.rows_of(self._items[whole])
            chosen = whole[rows]
            items = self._items[chosen]
            images = recalled(self._store, items)
            unknown = np.full(len(items), -1)
            yield Drawn(images, self._labels[chosen], unknown, items, len(whole), rows, recalled=len(whole))


class MixedSource(Source):
    """Images of a lesson, and with every batch as many from the store, drawn evenly.

    Parameters
    ----------
    lesson : Source
        Of images or of feature maps, as the store gives them.
    store : EpisodicStore
        Items that come into it meanwhile may be drawn as soon as they are there.
    replay : int
        Recalled images of a batch, over all processes.
    """

    def __init__(self, lesson: Source, store: EpisodicStore, group: Group, replay: int) -> None:
        self.length, self.batch_size, self.replay = lesson.length, lesson.batch_size, replay
        self._lesson, self._store, self._group = lesson, store, group

    def epoch(self, rng: np.random.Generator, start: int) -> Iterator[Drawn]:
        chances = rng.spawn(1)[0].random((self.per_epoch, self.replay))
        for number, drawn in enumerate(self._lesson.epoch(rng, start), start):
            if not len(self._store):
                yield drawn
                continue
            whole = (chances[number] * len(self._store)).astype(np.int64)
            mine = self._group.rows_of(whole)
            items, places = whole[mine], drawn.size + mine
            unknown = np.full(len(items), -1)
            yield Drawn(
                torch.cat([drawn.images, recalled(self._store, items)]),
                np.concatenate([drawn.labels, self._store.labels[items]]),
                np.concatenate([drawn.sources, unknown]),
                np.concatenate([drawn.items, items]),
                drawn.size + self.replay,
                np.concatenate([drawn.rows, places]),
                recalled=self.replay,
            )
