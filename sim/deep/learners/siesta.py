"""SIESTA, as it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....models.deep.learner import HIPPOCAMPUS
from ....models.deep.siesta import SIESTA
from ....models.stores.codec import Codec
from ..feature_maps import FeatureMaps
from ..learner import Learner, learns
from ..lessons import Lesson, Night, Tick
from ..sources import Drawn, Source
from .class_means import add_to_class_means, balanced_draw
from .cosine_head import CosineCrossEntropy, cosine_logits

if TYPE_CHECKING:
    from ....models.stores.features import FeatureCodec
    from ....models.stores.store import EpisodicStore
    from ....protocols import Sleep
    from ..distributed import Group
    from ..workbench import Workbench

NOT_YET = -1


@learns(SIESTA)
class SIESTALearner(Learner):
    """Running class means awake, rehearsal of stored feature maps asleep."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self.model: SIESTA = bench.model  # type: ignore[assignment]
        self.counts = torch.zeros(len(bench.network.closed), dtype=torch.int64, device=bench.device)
        """How many features the weight of each class stands for."""
        self._first_lesson = NOT_YET
        """The step whose lesson trains the whole network."""

    def wake(self, lesson: Lesson) -> Iterator[Tick]:
        bench = self.bench
        bench.teach(lesson.slots)
        if self._first_lesson == NOT_YET:
            self._first_lesson = lesson.step.index
        plan = self.model.plan(lesson.step, lesson.task)
        if plan is not None and self._first_lesson == lesson.step.index:
            yield from bench.train(plan, lesson, CosineCrossEntropy(self.model.temperature))
        yield from bench.remember(lesson, features=FeatureMaps(bench, lesson))
        yield from bench.piece(lambda: self._take_means(lesson))

    def sleep(self, night: Night) -> Iterator[Tick]:
        bench, store = self.bench, self.bench.store
        plan = self.model.plan(night.step, night.task)
        if plan is None or store is None or not len(store) or bench.lesion == HIPPOCAMPUS:
            return
        items = np.arange(len(store)) if night.replayed is None else np.flatnonzero(night.replayed[store.labels])
        updates = self.model.sleep_updates
        sleep: Sleep = night.step.phase  # type: ignore[assignment]
        if sleep.passes is not None or (self.model.passes_per_hour is not None and sleep.seconds):
            updates = round(plan.epochs * len(items) / plan.batch_size)
        if len(items) and updates:
            source = BalancedSource(store, bench.group, items, plan.batch_size, updates)
            objective = CosineCrossEntropy(self.model.temperature)
            yield from bench.train(replace(plan, epochs=1), None, objective, step=night.step.index, source=source)

    def scores(self, images: Tensor) -> Tensor:
        network = self.bench.network
        features = network.features(images).float()
        return cosine_logits(features, network.head.weight, network.closed, self.model.temperature)

    @torch.no_grad()
    def _take_means(self, lesson: Lesson) -> Iterator[Tick]:
        """Take the features of a lesson, as they will be recalled, into the weights of their classes."""
        bench, network = self.bench, self.bench.network
        codec: FeatureCodec | None = None
        looked = len(lesson)
        if bench.store is not None and bench.lesion != HIPPOCAMPUS:
            codec = bench.store.codec  # type: ignore[assignment]
            looked += len(lesson)  # for the store
        is_first = not self.counts.any()
        means, counts, done = network.head.weight.detach().clone(), self.counts.clone(), 0
        for batch in bench.inputs(lesson.indices):
            labels = torch.from_numpy(lesson.labels[done : done + len(batch)]).to(bench.device)
            maps = _as_recalled(network.lower(batch), codec)
            add_to_class_means(means, counts, network.upper(maps), labels)
            done += len(batch)
            if done < len(lesson):
                yield Tick(f"class means of {done:,} images", done, len(lesson))
        network.head.weight.copy_(means)
        self.counts = counts
        if codec is not None and is_first:
            looked += codec.learned_from(len(lesson), *maps.shape[2:])
        bench.cost.forward_passes += looked

    def state(self) -> Mapping[str, NDArray]:
        return {"counts": self.counts.cpu().numpy().copy(), "first_lesson": np.array(self._first_lesson)}

    def load_state(self, state: Mapping[str, NDArray]) -> None:
        self.counts = torch.from_numpy(state["counts"].copy()).to(self.bench.device)
        self._first_lesson = int(state["first_lesson"])


class BalancedSource(Source):
    """Feature maps from the store, every class as often as any other."""

    def __init__(
        self, store: EpisodicStore, group: Group, items: NDArray[np.int64], batch_size: int, updates: int
    ) -> None:
        self.length, self.batch_size = updates * batch_size, batch_size
        self._store, self._group, self._items = store, group, items
        self._labels = torch.from_numpy(store.labels[items])

    def epoch(self, rng: np.random.Generator, start: int) -> Iterator[Drawn]:
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        order = self._items[balanced_draw(self._labels, self.length, generator).numpy()]
        rows = np.arange(self.batch_size)[self._group.rows()]
        for first in range(start * self.batch_size, self.length, self.batch_size):
            items = order[first + rows]
            yield Drawn(
                images=self._store.read(items),
                labels=self._store.labels[items],
                sources=np.full(len(items), -1),
                items=items,
                size=self.batch_size,
                rows=rows,
                recalled=self.batch_size,
            )


def _as_recalled(maps: Tensor, codec: Codec | None) -> Tensor:
    """Feature maps as the store will give them back."""
    if codec is None:
        return maps
    symbols = codec.quantise(maps.float().cpu().numpy())
    return codec.reconstruct(codec.working(symbols, codec.version).to(maps.device), codec.version)
