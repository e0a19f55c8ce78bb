"""Wake and sleep: the route through the hippocampus at test time, and REM sleep."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from ....models.deep.braincl import BrainCL
from ....models.deep.learner import HIPPOCAMPUS
from ..learner import Learner, learns
from ..lessons import Lesson, Night, Tick
from ..network import CorticalNetwork
from ..objective import Batch, CrossEntropy, Objective
from ..recognition import Episodes

if TYPE_CHECKING:
    from ....models.deep.braincl import Mixing
    from ....models.deep.plan import TrainingPlan
    from ..workbench import Workbench


class SleepStages(Objective):
    """Cross-entropy of recalled episodes, and in REM sleep of mixtures of them.

    Parameters
    ----------
    bench : Workbench
    night : Night
    mixing : Mixing
    """

    def __init__(self, bench: Workbench, night: Night, mixing: Mixing) -> None:
        self._bench, self._night, self._mixing = bench, night, mixing

    def loss(self, network: CorticalNetwork, batch: Batch) -> Tensor:
        if not self._is_rem(batch.share):
            return CrossEntropy().loss(network, batch)
        rng = self._bench.rng("rem", self._night.step.index, batch.update)
        first = float(rng.beta(self._mixing.alpha, self._mixing.alpha))
        partner = torch.from_numpy(rng.permutation(len(batch.labels))).to(batch.labels.device)
        mixed = replace(batch, images=torch.lerp(batch.images[partner], batch.images, first))
        logits = network.answer(mixed)
        return first * cross_entropy(logits, batch.labels) + (1 - first) * cross_entropy(logits, batch.labels[partner])

    def _is_rem(self, share: float) -> bool:
        if self._night.stages:
            return self._night.stage(share) == "rem"
        return share >= 1 - self._mixing.share


@learns(BrainCL)
class BrainCLLearner(Learner):
    """Writes and learns with the head awake, learns from recalled episodes asleep, and answers by both routes."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self._episodes: Episodes | None = None

    def objective(self, plan: TrainingPlan, lesson: Lesson | None = None, night: Night | None = None) -> Objective:
        model = self.bench.model
        assert isinstance(model, BrainCL)
        if night is None or model.rem is None:
            return super().objective(plan, lesson, night)
        return SleepStages(self.bench, night, model.rem)

    @property
    def answers_in_logits(self) -> bool:
        model = self.bench.model
        assert isinstance(model, BrainCL)
        return model.recognition is None

    def wake(self, lesson: Lesson) -> Iterator[Tick]:
        self._episodes = None
        yield from super().wake(lesson)

    def scores(self, images: Tensor) -> Tensor:
        bench, cortex = self.bench, super().scores(images)
        model, store = bench.model, bench.store
        assert isinstance(model, BrainCL)
        if model.recognition is None or bench.lesion == HIPPOCAMPUS or store is None or not len(store):
            return cortex
        if self._episodes is None:
            slots = len(bench.network.closed)
            self._episodes = Episodes(model.recognition, store, slots, bench.rng("recognition", len(store)))
        weight = model.recognition.weight
        votes = self._episodes.votes(images)
        answers = weight * votes + (1 - weight) * torch.nan_to_num(torch.softmax(cortex, dim=1))
        return answers.log() + bench.network.closed
