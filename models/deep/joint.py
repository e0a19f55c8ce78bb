"""Joint training: the yardstick that sees everything again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, Self

from pydantic import model_validator

from .learner import DeepLearner
from .plan import TrainingPlan

if TYPE_CHECKING:
    from ...protocols import Step


class Joint(DeepLearner):
    """After each lesson, learns all images presented so far, as they were or as they are recalled.

    It goes on from the weights it has; the last task leaves a network that has been trained on everything together.
    Sleep leaves it unchanged.

    Parameters
    ----------
    recalled : bool
        Learn what the store gives back instead of the images themselves; needs a ``store``.

    Examples
    --------
    >>> Joint().plan(step=None, task=0).source
    'seen'
    >>> Joint(recalled=True, store="raw").recalled
    True
    """

    kind: Literal["joint"] = "joint"
    recalled: bool = False

    @model_validator(mode="after")
    def _recalls_from_a_store(self) -> Self:
        if self.recalled and self.store is None:
            raise ValueError('store: none is given, and recalled images come from one; give one, such as "jpeg"')
        return self

    @property
    def writes(self) -> str:  # type: ignore[override]
        return "first" if self.recalled else "never"

    def plan(self, step: Step, task: int) -> TrainingPlan | None:
        if step is not None and step.kind != "wake":
            return None
        return self.learning(source="recalled" if self.recalled else "seen")
