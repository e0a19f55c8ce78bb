"""Fine-tuning: the baseline that forgets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from .learner import DeepLearner
from .plan import TrainingPlan

if TYPE_CHECKING:
    from ...protocols import Step


class FineTune(DeepLearner):
    """Learns each lesson when it is presented, and nothing else. Sleep leaves it unchanged.

    Parameters
    ----------
    As of `DeepLearner`.

    Examples
    --------
    >>> FineTune(epochs=2).epochs
    2.0
    """

    kind: Literal["finetune"] = "finetune"

    def plan(self, step: Step, task: int) -> TrainingPlan | None:
        return self.learning() if step.kind == "wake" else None
