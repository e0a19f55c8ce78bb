"""Elastic weight consolidation, as it runs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

import torch
from numpy.typing import NDArray
from torch import Tensor

from ....models.deep.ewc import EWC
from ..learner import Learner, learns
from ..lessons import Lesson, Night, Tick
from ..network import CorticalNetwork
from ..objective import CrossEntropy, Objective
from .fisher import QuadraticPenalty, diagonal_fisher, named_parameters

if TYPE_CHECKING:
    from ....models.deep.plan import TrainingPlan
    from ..workbench import Workbench


class Elastic(CrossEntropy):
    """Cross-entropy, and λ times the springs of the lessons before."""

    def __init__(self, springs: QuadraticPenalty, stiffness: float) -> None:
        self._springs, self._stiffness = springs, stiffness

    def penalty(self, network: CorticalNetwork) -> Tensor | None:
        if not self._springs.curvature or self._stiffness == 0:
            return None
        return self._stiffness * self._springs(named_parameters(network))


@learns(EWC)
class ElasticLearner(Learner):
    """Attaches springs after each lesson."""

    def __init__(self, bench: Workbench) -> None:
        super().__init__(bench)
        self.model: EWC = bench.model  # type: ignore[assignment]
        self.springs = QuadraticPenalty()

    def objective(self, plan: TrainingPlan, lesson: Lesson | None = None, night: Night | None = None) -> Objective:
        return Elastic(self.springs, self.model.stiffness)

    def wake(self, lesson: Lesson) -> Iterator[Tick]:
        bench, plan = self.bench, self.model.plan(lesson.step, lesson.task)
        assert plan is not None
        bench.teach(lesson.slots)
        measured = min(self.model.fisher_images, len(lesson)) if self.model.stiffness > 0 else 0
        if plan.limit_passes is not None:
            plan = replace(plan, limit_passes=max(0, plan.limit_passes - measured))
        yield from bench.train(plan, lesson, self.objective(plan, lesson))
        if measured:
            yield from bench.piece(lambda: self._attach_springs(lesson))

    def _attach_springs(self, lesson: Lesson) -> Iterator[Tick]:
        bench, network = self.bench, self.bench.network
        rng = bench.rng("fisher", lesson.step.index)
        chosen = rng.permutation(lesson.indices)[: self.model.fisher_images]
        generator = torch.Generator().manual_seed(int(rng.integers(2**63)))
        bench.set_learning("all")
        parameters = named_parameters(network)
        total = {name: torch.zeros_like(weight) for name, weight in parameters.items()}
        measured = 0
        for batch in bench.inputs(chosen):
            part = diagonal_fisher(
                parameters, lambda x: network.head(network.features(x)) + network.closed, batch.split(1), generator
            )
            for name, information in part.items():
                total[name] += information * (len(batch) / len(chosen))
            measured += len(batch)
            if measured < len(chosen):
                yield Tick(f"Fisher information of {measured:,} images", measured, len(chosen))
        self.springs.add(total, parameters)
        bench.cost.image_passes += len(chosen)

    def state(self) -> Mapping[str, NDArray]:
        kept = {"curvature": self.springs.curvature, "lowest": self.springs.lowest}
        return {
            f"{part}/{name}": t.cpu().numpy().copy() for part, weights in kept.items() for name, t in weights.items()
        }

    def load_state(self, state: Mapping[str, NDArray]) -> None:
        self.springs = QuadraticPenalty()
        for key, array in state.items():
            part, _, name = key.partition("/")
            getattr(self.springs, part)[name] = torch.from_numpy(array.copy()).to(self.bench.device)
