"""Dark experience replay (DER++), as it runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from ....models.deep.dark_experience import DarkExperienceReplay
from ..learner import Learner, learns
from ..lessons import Lesson, Tick
from ..network import CorticalNetwork
from ..objective import Batch, Objective
from ..offering import Offer
from ..planned import most_epochs
from .dark_logits import dark_distances, kept_answers

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
        self._bench = bench
        self._per_epoch = -(-len(lesson) // plan.batch_size)
        epochs: float = lesson.exposures * plan.epochs
        if plan.limit_passes is not None:
            epochs = plan.limit_passes / (len(lesson) + self._per_epoch * plan.replay_batch_size)
        whole = max(1, int(min(epochs, most_epochs(lesson))))
        drawn = bench.rng("stored in epoch", lesson.step.index).integers(whole, size=len(lesson))
        order = np.argsort(lesson.indices, kind="stable")
        self._indices, self._stored_in = lesson.indices[order], drawn[order]
        self._offer = Offer(bench, lesson.task)
        self._met: list[tuple[NDArray[np.int64], Tensor]] = []

    def loss(self, network: CorticalNetwork, batch: Batch) -> Tensor:
        logits = network.answer(batch).float()
        lesson, recalled = np.flatnonzero(~batch.is_recalled), np.flatnonzero(batch.is_recalled)
        # The halves are those of the whole batch, whichever share or part of it this is.
        is_dark = (batch.places[recalled] - (batch.size - batch.recalled)) % 2 == 0
        loss = _cross_entropies(logits[lesson], batch.labels[lesson]) / max(1, batch.size - batch.recalled)
        if len(recalled):
            assert batch.extra is not None
            distances = dark_distances(logits[recalled[is_dark]], batch.extra[is_dark])
            loss = loss + self._alpha * distances.sum() / ((batch.recalled + 1) // 2)
            labelled = recalled[~is_dark]
            again = _cross_entropies(logits[labelled], batch.labels[labelled])
            loss = loss + self._beta * again / max(1, batch.recalled // 2)
        due = self._due(batch)
        self._met.append((batch.places[due], kept_answers(logits[due], torch.isfinite(network.closed))))
        return loss * (batch.size / len(batch.labels))

    def exchange(self, batch: Batch) -> None:
        met, self._met = self._met, []
        due = self._due(batch)
        if self._bench.store_in_use is None or (self._bench.group.size == 1 and not len(due)):
            return
        answers = np.full((len(batch.labels), len(self._bench.network.closed)), np.nan, np.float32)
        for places, given in met:  # of each part in which the batch went through the network; places rise
            answers[np.searchsorted(batch.places, places)] = given.cpu().numpy()
        self._offer.gather(batch, due, answers[due])

    def _due(self, batch: Batch) -> NDArray[np.int64]:
        """Rows of a batch that are to be stored in this epoch."""
        lesson = np.flatnonzero(~batch.is_recalled)
        stored_in = self._stored_in[np.searchsorted(self._indices, batch.sources[lesson])]
        due: NDArray[np.int64] = lesson[stored_in == batch.update // self._per_epoch]
        return due

    def after_step(self, network: CorticalNetwork, batch: Batch) -> None:
        self._offer.store()


def _cross_entropies(logits: Tensor, labels: Tensor) -> Tensor:
    """Their sum: 0 where there is no image, as may be in a part of a batch."""
    return cross_entropy(logits, labels, reduction="sum")
