"""Dark experience replay (DER++), as it runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ....models.deep.dark_experience import DarkExperienceReplay
from ....models.deep.learner import HIPPOCAMPUS
from ..learner import Learner, learns
from ..lessons import Lesson, Tick
from ..network import CorticalNetwork
from ..objective import Batch, Objective
from ..planned import most_epochs
from .dark_logits import dark_distance, kept_answers

if TYPE_CHECKING:
    from ....models.deep.plan import TrainingPlan
    from ..workbench import Workbench


@learns(DarkExperienceReplay)
class DarkExperienceLearner(Learner):
    """Stores every image of a lesson with its answer, in the middle of learning it."""

    def wake(self, lesson: Lesson) -> Iterator[Tick]:
        bench = self.bench
        bench.teach(lesson.slots)
        plan = bench.model.plan(lesson.step, lesson.task)
        assert plan is not None
        yield from bench.train(plan, lesson, DarkExperience(bench, lesson, plan))


class DarkExperience(Objective):
    """Labels of the lesson, former answers of one half of the recalled images, labels of the other half.

    Every image of the lesson is offered to the store once, after an update in an epoch that is drawn for it.
    """

    uses_extra = True

    def __init__(self, bench: Workbench, lesson: Lesson, plan: TrainingPlan) -> None:
        model: DarkExperienceReplay = bench.model  # type: ignore[assignment]
        self._alpha, self._beta = model.alpha, model.beta
        self._bench, self._task = bench, lesson.task
        self._per_epoch = -(-len(lesson) // plan.batch_size)
        epochs: float = lesson.exposures * plan.epochs
        if plan.limit_passes is not None:
            epochs = plan.limit_passes / (len(lesson) + self._per_epoch * plan.replay_batch_size)
        whole = max(1, int(min(epochs, most_epochs(lesson))))
        drawn = bench.rng("stored in epoch", lesson.step.index).integers(whole, size=len(lesson))
        order = np.argsort(lesson.indices, kind="stable")
        self._indices, self._stored_in = lesson.indices[order], drawn[order]
        self._met: list[tuple[Batch, Tensor, Tensor]] = []

    def loss(self, network: CorticalNetwork, batch: Batch) -> Tensor:
        logits = network.answer(batch).float()
        is_recalled = torch.from_numpy(batch.is_recalled).to(logits.device)
        recalled, lesson = is_recalled.nonzero().flatten(), (~is_recalled).nonzero().flatten()
        self._met.append((batch, lesson, kept_answers(logits[lesson], torch.isfinite(network.closed))))
        loss = _mean_cross_entropy(logits[lesson], batch.labels[lesson])
        if len(recalled):
            assert batch.extra is not None
            dark, labelled = recalled[0::2], recalled[1::2]
            loss = loss + self._alpha * dark_distance(logits[dark], batch.extra[0::2])
            loss = loss + self._beta * _mean_cross_entropy(logits[labelled], batch.labels[labelled])
        return loss

    def after_step(self, network: CorticalNetwork, batch: Batch) -> None:
        for part, lesson, answers in self._met:
            self._store(part, lesson, answers)
        self._met.clear()

    def _store(self, batch: Batch, lesson: Tensor, answers: Tensor) -> None:
        store = self._bench.store
        if store is None or self._bench.lesion == HIPPOCAMPUS or batch.raw is None:
            return
        sources = batch.sources[~batch.is_recalled]
        due = self._stored_in[np.searchsorted(self._indices, sources)] == batch.update // self._per_epoch
        if not due.any():
            return
        rows = torch.from_numpy(due).to(lesson.device)
        images = batch.raw[lesson[rows]].permute(0, 2, 3, 1).cpu().numpy()
        store.add(
            images[..., 0] if images.shape[3] == 1 else images,
            batch.labels[lesson[rows]].cpu().numpy(),
            self._task,
            extra=answers[rows].cpu().numpy(),
            sources=sources[due],
        )


def _mean_cross_entropy(logits: Tensor, labels: Tensor) -> Tensor:
    """0 where there is no image, as may be in a part of a batch."""
    return cross_entropy(logits, labels, reduction="sum") / max(1, len(labels))
