"""Feature maps of a lesson's images: what the layers below give, where the store keeps maps instead of images."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .lessons import Lesson, Tick
from .sources import Drawn, Source

if TYPE_CHECKING:
    from ...models.stores.features import FeatureCodec
    from .distributed import Group
    from .workbench import Workbench

Ints = NDArray[np.int64]


class FeatureMaps:
    """Feature maps of a lesson's images, [image, channel, height, width], worked out where they are asked for.

    Parameters
    ----------
    bench : Workbench
        Its network is split at a layer.
    lesson : Lesson
    """

    def __init__(self, bench: Workbench, lesson: Lesson) -> None:
        self._bench, self._indices = bench, lesson.indices

    def __len__(self) -> int:
        return len(self._indices)

    @torch.no_grad()
    def __getitem__(self, places: Ints) -> NDArray[np.float32]:
        network = self._bench.network
        maps = [network.lower(batch).float().cpu() for batch in self._bench.inputs(self._indices[places])]
        return torch.cat(maps).numpy()

    def remember_first(self, lesson: Lesson) -> Iterator[Tick]:
        """Write the first lesson to the store, which learns its codebooks from it; all looks at images are counted."""
        bench = self._bench
        yield from bench.remember(lesson, features=self)
        yield from bench.piece(self._count)

    def _count(self) -> Iterator[Tick]:
        store = self._bench.store_in_use
        if store is not None:
            codec: FeatureCodec = store.codec  # type: ignore[assignment]
            height, width = self[np.zeros(1, np.int64)].shape[2:]
            self._bench.cost.forward_passes += len(self) + codec.learned_from(len(self), height, width)
        yield from ()


class QuantisedMaps(FeatureMaps):
    """Feature maps as the store would give them back. Each image is looked at once, and its codes are held.

    Parameters
    ----------
    bench : Workbench
        Its store has codebooks.
    lesson : Lesson
    """

    def __init__(self, bench: Workbench, lesson: Lesson) -> None:
        super().__init__(bench, lesson)
        assert bench.store is not None
        self._codec, self._held = bench.store.codec, torch.zeros(0)

    def __getitem__(self, places: Ints) -> NDArray[np.float32]:
        return self.read(places).cpu().numpy()

    def look(self) -> Iterator[Tick]:
        """Send all images through the layers below: a piece of a phase."""
        for done in self._coded():
            yield Tick(f"feature maps of {done:,} images", done, len(self))
        self._bench.cost.forward_passes += len(self)

    def read(self, places: Ints) -> Tensor:
        """Maps of some of the images, float32 [image, channel, height, width], on the device."""
        if len(self._held) < len(self):  # looked at before the run was gone on with: counted already
            for _ in self._coded():
                pass
        return self._codec.reconstruct(self._held[torch.from_numpy(places)].to(self._bench.device), self._codec.version)

    def _coded(self) -> Iterator[int]:
        codes, size, codec = [], self._bench.model.evaluation_batch_size, self._codec
        for start in range(0, len(self), size):
            maps = super().__getitem__(np.arange(start, min(start + size, len(self))))
            codes.append(codec.working(codec.quantise(maps), codec.version))
            if start + size < len(self):
                yield start + size
        self._held = torch.cat(codes)


class LessonMapsSource(Source):
    """Feature maps of a lesson, each once in an epoch, with the labels that were given."""

    def __init__(self, maps: QuantisedMaps, group: Group, lesson: Lesson, batch_size: int) -> None:
        self.length, self.batch_size = len(lesson), batch_size
        self._maps, self._group, self._lesson = maps, group, lesson

    def epoch(self, rng: np.random.Generator, start: int) -> Iterator[Drawn]:
        order = rng.permutation(self.length)
        for first in range(start * self.batch_size, self.length, self.batch_size):
            whole = order[first : first + self.batch_size]
            rows = np.arange(len(whole))[self._group.rows()]
            places = whole[rows]
            yield Drawn(
                images=self._maps.read(places),
                labels=self._lesson.labels[places],
                sources=self._lesson.indices[places],
                items=np.full(len(places), -1),
                size=len(whole),
                rows=rows,
            )
