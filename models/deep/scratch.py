"""Retraining from scratch on everything recalled."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Literal

from .learner import DeepLearner
from .plan import TrainingPlan

if TYPE_CHECKING:
    from ...protocols import Step


class Scratch(DeepLearner):
    """After each lesson, a new network learns everything that the store recalls. Sleep leaves it unchanged.

    Parameters
    ----------
    As of `DeepLearner`; needs a ``store``.

    Examples
    --------
    >>> Scratch(store="raw").writes
    'first'
    """

    abilities: ClassVar[frozenset[str]] = DeepLearner.abilities | {"lesion"}
    writes: ClassVar = "first"

    kind: Literal["scratch"] = "scratch"

    def plan(self, step: Step, task: int) -> TrainingPlan | None:
        return self.learning(source="recalled", fresh=True) if step.kind == "wake" else None
