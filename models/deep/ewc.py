"""Elastic weight consolidation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from .learner import PAPER, SMALL, DeepLearner
from .optimisation import NotNegative
from .plan import TrainingPlan

if TYPE_CHECKING:
    from ...protocols import Step


class EWC(DeepLearner):
    """Learns each lesson while a spring holds every weight where it mattered to the lessons before.

    After a lesson, the diagonal Fisher information says how much each weight mattered; its labels are drawn from the
    network's own answers. Nothing is stored but these two numbers for each weight. Sleep leaves it unchanged. Gradients
    are clipped at a norm of 1, unless an optimiser is given that says otherwise: stiff springs swing up without end.

    Parameters
    ----------
    stiffness : float
        λ of equation 3. 0 is fine-tuning, bit by bit.
    fisher_images : int
        Images, drawn from the lesson, that the Fisher information is estimated from, one gradient each.

    Notes
    -----
    Source: Kirkpatrick et al. (2017), "Overcoming catastrophic forgetting in neural networks", equation 3:
    L(θ) = L_B(θ) + Σ_i λ/2 F_i (θ_i - θ*_A,i)², with a penalty for each earlier lesson.

    Examples
    --------
    >>> EWC().stiffness
    1000.0
    """

    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {**SMALL, "optimiser": {"clip": 1.0}},
        "paper": {**PAPER, "optimiser": {**PAPER["optimiser"], "clip": 1.0}},
    }

    kind: Literal["ewc"] = "ewc"
    stiffness: NotNegative = 1000.0
    fisher_images: Annotated[int, Field(ge=1, le=10_000_000)] = 1000

    def plan(self, step: Step, task: int) -> TrainingPlan | None:
        return self.learning(objective="elastic") if step.kind == "wake" else None
