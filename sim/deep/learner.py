"""How a deep learner goes through a phase; the default does what its plan says."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from ...models.deep.learner import HIPPOCAMPUS
from .feature_maps import FeatureMaps, QuantisedMaps
from .lessons import Lesson, Night, Tick
from .objective import Batch, CrossEntropy, Objective
from .offering import Offer

if TYPE_CHECKING:
    from ...models.deep.learner import DeepLearner
    from ...models.deep.plan import TrainingPlan
    from .workbench import Workbench

_runtimes: dict[type[DeepLearner], type[Learner]] = {}
AnyLearner = TypeVar("AnyLearner", bound="type[Learner]")


class Learner:
    """One subject of a deep learner, as it learns and answers. Subclasses override what they do in their own way.

    Parameters
    ----------
    bench : Workbench

    Examples
    --------
    A learner that trains at a temperature of 2 whatever its plan says (answers of classes that were not taught are -∞,
    so a loss must not add them up):

    >>> from engram.models.deep import FineTune
    >>> class Warm(Objective):
    ...     def loss(self, network, batch):
    ...         return torch.nn.functional.cross_entropy(network.answer(batch) / 2, batch.labels)
    >>> class Cautious(FineTune):
    ...     kind: str = "cautious"
    >>> @learns(Cautious)
    ... class CautiousLearner(Learner):
    ...     def objective(self, plan, lesson=None, night=None):
    ...         return Warm()
    >>> runtime_of(Cautious()).__name__
    'CautiousLearner'
    """

    def __init__(self, bench: Workbench) -> None:
        self.bench = bench
        if bench.model.split_layer is not None:
            bench.network.split(bench.model.backbone, bench.model.split_layer)

    def wake(self, lesson: Lesson) -> Iterator[Tick]:
        """Learn a lesson; yields wherever the state may be taken (see `Workbench.piece`)."""
        bench, model = self.bench, self.bench.model
        bench.teach(lesson.slots)
        by_maps = model.split_layer is not None
        if by_maps and not bench.lessons_stored(lesson.step.index):
            yield from self._learn_first(lesson)
            return
        maps = None
        if by_maps and bench.lesion != HIPPOCAMPUS:
            maps = QuantisedMaps(bench, lesson)
            yield from bench.piece(maps.look)
        if model.writes == "first":
            yield from bench.remember(lesson, features=maps)
        plan = model.plan(lesson.step, lesson.task)
        if plan is not None:
            objective = self.objective(plan, lesson=lesson)
            if model.stores_online and bench.lesion != HIPPOCAMPUS:
                objective = StoredAsMet(objective, bench, lesson)
            yield from bench.train(plan, lesson, objective, maps=maps)
        if model.writes == "last" and not model.stores_online:
            yield from bench.remember(lesson, features=maps)

    def _learn_first(self, lesson: Lesson) -> Iterator[Tick]:
        """Learn the lesson after which the layers below are frozen, and store its feature maps."""
        bench = self.bench
        plan = bench.model.plan_of_first(lesson.step)
        if plan is not None:
            yield from bench.train(plan, lesson, self.objective(plan, lesson=lesson))
        yield from FeatureMaps(bench, lesson).remember_first(lesson)

    def sleep(self, night: Night) -> Iterator[Tick]:
        """Go through a night; yields wherever the state may be taken."""
        bench, plan = self.bench, self.bench.model.plan(night.step, night.task)
        learned_awake = bench.model.split_layer is not None and bench.lessons_stored(night.step.index) < 2
        if plan is not None and (not learned_awake or plan.limit_passes is not None):
            objective = self.objective(plan, night=night)
            yield from self.bench.train(plan, objective=objective, step=night.step.index, replayed=night.replayed)

    def objective(self, plan: TrainingPlan, lesson: Lesson | None = None, night: Night | None = None) -> Objective:
        """What a training of a phase is for."""
        if plan.objective != "cross-entropy":
            raise ValueError(
                f'{type(self.bench.model).__name__} plans the objective "{plan.objective}", and its learner gives none'
            )
        return CrossEntropy()

    def scores(self, images: Tensor) -> Tensor:
        """Answers to images.

        Parameters
        ----------
        images : float32 tensor, [image, channel, height, width]
            As `Workbench.to_input` gives them.

        Returns
        -------
        float32 tensor, [image, slot]
            Logits; -inf for slots that were not taught.
        """
        logits: Tensor = self.bench.network(images)
        return logits.float()

    @property
    def answers_in_logits(self) -> bool:
        """Whether scores are logits up to a constant; probabilities have no energy, by which the unknown is told."""
        return True

    def state(self) -> Mapping[str, NDArray]:
        """What the learner has beside its workbench."""
        return {}

    def load_state(self, state: Mapping[str, NDArray]) -> None:
        """Go back to a state."""


class StoredAsMet(Objective):
    """Another objective, and every batch of the lesson is stored after its update, in the first epoch."""

    def __init__(self, objective: Objective, bench: Workbench, lesson: Lesson) -> None:
        self._objective, self._offer = objective, Offer(bench, lesson.task)
        self._updates = -(-len(lesson) // bench.model.batch_size)
        self.uses_extra = objective.uses_extra  # type: ignore[misc]
        self.looks = objective.looks

    def loss(self, network: torch.nn.Module, batch: Batch) -> Tensor:
        return self._objective.loss(network, batch)  # type: ignore[arg-type]

    def penalty(self, network: torch.nn.Module) -> Tensor | None:
        return self._objective.penalty(network)  # type: ignore[arg-type]

    def exchange(self, batch: Batch) -> None:
        self._objective.exchange(batch)
        if batch.update < self._updates:
            self._offer.gather(batch, np.flatnonzero(~batch.is_recalled))

    def after_step(self, network: torch.nn.Module, batch: Batch) -> None:
        self._objective.after_step(network, batch)  # type: ignore[arg-type]
        self._offer.store()

    def state(self) -> Mapping[str, NDArray]:
        return self._objective.state()

    def load_state(self, state: Mapping[str, NDArray]) -> None:
        self._objective.load_state(state)


def learns(spec: type[DeepLearner]) -> Callable[[AnyLearner], AnyLearner]:
    """Decorator of the `Learner` that carries out a spec; specs that have none take that of their base class.

    Parameters
    ----------
    spec : subclass of DeepLearner
    """

    def register(learner: AnyLearner) -> AnyLearner:
        _runtimes[spec] = learner
        return learner

    return register


def runtime_of(model: DeepLearner) -> type[Learner]:
    """The class that carries out a model."""
    _load_ours()
    return next((_runtimes[cls] for cls in type(model).__mro__ if cls in _runtimes), Learner)  # type: ignore[index]


@cache
def _load_ours() -> None:
    package = import_module(".learners", __package__)
    for module in iter_modules(package.__path__):
        import_module(f"{package.__name__}.{module.name}")
