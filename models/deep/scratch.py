"""Retraining from scratch on everything recalled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

from pydantic import model_validator

from .learner import PAPER, SMALL, SMALL_CUES, DeepLearner
from .plan import TrainingPlan

if TYPE_CHECKING:
    from ...protocols import Step


class Scratch(DeepLearner):
    """After each lesson, a new network learns everything that the store recalls. Sleep leaves it unchanged.

    Parameters
    ----------
    As of `DeepLearner`; by default with a store of learned cues.

    Examples
    --------
    >>> Scratch(store="raw").writes
    'first'
    """

    abilities: ClassVar[frozenset[str]] = DeepLearner.abilities | {"lesion"}
    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {**SMALL, "store": SMALL_CUES},
        "paper": {**PAPER, "store": {"kind": "cues"}},
    }
    writes: ClassVar = "first"

    kind: Literal["scratch"] = "scratch"

    @model_validator(mode="after")
    def _begins_anew(self) -> Self:
        if self.mixed_stability is not None:
            raise ValueError(
                "mixed_stability: a network that is drawn anew for each task has no weights that could harden"
            )
        return self

    def plan(self, step: Step, task: int) -> TrainingPlan | None:
        return self.learning(source="recalled", fresh=True) if step.kind == "wake" else None
