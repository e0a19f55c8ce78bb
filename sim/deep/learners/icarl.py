"""iCaRL, as it runs."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ....models.deep.icarl import ICaRL
from ..learner import Learner, learns
from ..lessons import Lesson, Tick
from ..network import CorticalNetwork
from ..objective import Batch, Objective
from .exemplar_means import classification_and_distillation, exemplar_means, nearest_mean_scores
from .joined_source import JoinedSource

if TYPE_CHECKING:
    from ..workbench import Workbench


@learns(ICaRL)
class ICaRLLearner(Learner):
    """Keeps the network as it was before a lesson while the lesson lasts, and answers from the exemplars."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self._before: CorticalNetwork | None = None
        self._means: tuple[int, Tensor] | None = None

    def wake(self, lesson: Lesson) -> Iterator[Tick]:
        bench, plan = self.bench, self.bench.model.plan(lesson.step, lesson.task)
        assert plan is not None
        yield from bench.piece(self._look_back)
        bench.teach(lesson.slots)
        source = JoinedSource(bench, lesson, plan.batch_size)
        # A phase that is resumed at its very end has forgotten it already, and trains no more.
        objective = Distillation(self._before or bench.network, lesson)
        yield from bench.train(plan, lesson, objective, source=source)
        yield from bench.remember(lesson)
        yield from bench.piece(self._forget)

    def scores(self, images: Tensor) -> Tensor:
        store = self.bench.store
        if store is None or not len(store):
            return super().scores(images)
        return nearest_mean_scores(self.bench.network.features(images).float(), self._class_means())

    def _look_back(self) -> Iterator[Tick]:
        self._before = copy.deepcopy(self.bench.network).eval().requires_grad_(False)
        yield from ()

    def _forget(self) -> Iterator[Tick]:
        self._before = self._means = None
        yield from ()

    @torch.no_grad()
    def _class_means(self) -> Tensor:
        """Of the exemplars in the features of now, worked out again where the network has learned since."""
        updates = self.bench.cost.updates
        if self._means is None or self._means[0] != updates:
            self._means = updates, exemplar_means(self._exemplars(), len(self.bench.network.closed))
        return self._means[1]

    def _exemplars(self) -> Iterator[tuple[Tensor, Tensor]]:
        bench, store = self.bench, self.bench.store
        assert store is not None
        labels = torch.tensor(store.labels, device=bench.device)
        for first in range(0, len(store), bench.model.evaluation_batch_size):
            items = np.arange(first, min(first + bench.model.evaluation_batch_size, len(store)))
            yield bench.network.features(bench.to_input(store.read(items))).float(), labels[items]

    def state(self) -> Mapping[str, NDArray]:
        if self._before is None:
            return {}
        return {f"before/{n}": t.cpu().numpy().copy() for n, t in self._before.state_dict().items()}

    def load_state(self, state: Mapping[str, NDArray]) -> None:
        self._before = self._means = None
        weights = {n.removeprefix("before/"): torch.from_numpy(a.copy()) for n, a in state.items()}
        if weights:
            before = copy.deepcopy(self.bench.network).eval().requires_grad_(False)
            before.load_state_dict(weights)
            self._before = before


class Distillation(Objective):
    """New classes by their labels, old ones by what the network answered before the lesson.

    A class that is presented again counts as new.
    """

    def __init__(self, before: CorticalNetwork, lesson: Lesson) -> None:
        self._before = before
        self._kept = torch.isfinite(before.closed)
        self._kept[torch.from_numpy(lesson.slots).to(self._kept.device)] = False
        self.looks = int(self._kept.any())

    def loss(self, network: CorticalNetwork, batch: Batch) -> Tensor:
        logits = network.answer(batch).float()
        taught = torch.isfinite(network.closed)
        before = torch.zeros_like(logits)
        if self.looks:
            with torch.no_grad():
                before = self._before.head(self._before.features(batch.images)).float()
        return classification_and_distillation(logits, batch.labels, taught, before, self._kept)
