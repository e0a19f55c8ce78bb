"""A lesson and all that is stored, as one set of images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch

from ....models.deep.learner import HIPPOCAMPUS
from ..lessons import Lesson
from ..sources import Drawn, Source

if TYPE_CHECKING:
    from ..workbench import Workbench


class JoinedSource(Source):
    """Every image of a lesson and every item of the store once in an epoch, in one random order."""

    def __init__(self, bench: Workbench, lesson: Lesson, batch_size: int) -> None:
        self._bench, self._lesson = bench, lesson
        self._store = None if bench.lesion == HIPPOCAMPUS else bench.store
        stored = 0 if self._store is None else len(self._store)
        self.length, self.batch_size = len(lesson) + stored, batch_size

    def epoch(self, rng: np.random.Generator, start: int) -> Iterator[Drawn]:
        lesson, presented = self._lesson, len(self._lesson)
        order = rng.permutation(self.length)
        mine, sizes, recalled = [], [], []
        for first in range(start * self.batch_size, self.length, self.batch_size):
            whole = order[first : first + self.batch_size]
            sizes.append(len(whole))
            recalled.append(int((whole >= presented).sum()))
            mine.append(whole[self._bench.group.rows()])
        read = self._bench.loader.read([lesson.indices[part[part < presented]] for part in mine])
        for part, size, of_store, images in zip(mine, sizes, recalled, read, strict=True):
            places, items = part[part < presented], part[part >= presented] - presented
            labels = lesson.labels[places]
            if self._store is not None and len(items):
                images = torch.cat([images, self._store.read(items)])
                labels = np.concatenate([labels, self._store.labels[items]])
            rows = np.arange(size)[self._bench.group.rows()]
            yield Drawn(
                images=images,
                labels=labels,
                sources=np.concatenate([lesson.indices[places], np.full(len(items), -1)]),
                items=np.concatenate([np.full(len(places), -1), items]),
                size=size,
                rows=np.concatenate([rows[part < presented], rows[part >= presented]]),
                recalled=of_store,
            )
