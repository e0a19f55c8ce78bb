"""Sleep replay consolidation (SRC): spiking noise and a Hebbian rule after each lesson."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from .backbone import MLP, AnyBackbone
from .learner import SMALL, DeepLearner
from .optimisation import NotNegative, Positive
from .plan import TrainingPlan

if TYPE_CHECKING:
    from ...protocols import Step


class SleepReplay(DeepLearner):
    """Learns each lesson; asleep, becomes a spiking network that noise drives and a local Hebbian rule changes.

    Nothing is stored but the mean image of what was seen and the largest activation of each layer. In every time step
    of sleep, inputs fire at random in proportion to the mean image; every unit adds up its synapses' spikes and fires
    above a threshold. A synapse grows when both of its cells fire, and shrinks when only the second does. Biases take
    no part. A night is ``steps`` long, whatever the protocol says of its length.

    Parameters
    ----------
    steps : int
        Time steps of a night. 0 leaves the network as it is, bit by bit.
    increase, decrease : float
        What a synapse gains, or loses, in a step.
    threshold : float
        Of firing, where 1 is a layer's largest activation.
    input_rate : float
        Chance that the brightest input fires in a step.

    Notes
    -----
    Source: Tadros et al. (2022), "Sleep-like unsupervised replay reduces catastrophic forgetting in artificial neural
    networks", algorithm 1. Layers have to be fully connected, as theirs are.

    Examples
    --------
    >>> SleepReplay().backbone
    MLP(kind='mlp', weights=None, hidden=(256,))
    """

    presets: ClassVar[dict[str, dict[str, Any]]] = {
        "small": {**SMALL, "optimiser": {"learning_rate": 0.02, "momentum": 0.5}},
        "paper": {
            "backbone": {"kind": "mlp", "hidden": [1200, 1200]},
            "optimiser": {"learning_rate": 0.02, "momentum": 0.5},
            "batch_size": 100,
        },
    }

    kind: Literal["sleep-replay"] = "sleep-replay"
    backbone: AnyBackbone = MLP()
    steps: Annotated[int, Field(ge=0, le=100_000_000)] = 1000
    increase: NotNegative = 0.0009
    decrease: NotNegative = 0.0012
    threshold: Positive = 0.13
    input_rate: Annotated[float, Field(gt=0, le=1)] = 0.08

    @model_validator(mode="after")
    def _is_fully_connected(self) -> Self:
        if not isinstance(self.backbone, MLP):
            raise ValueError(
                f'backbone: sleep replay needs fully connected layers, "mlp"; found "{self.backbone.kind}"'
            )
        return self

    def plan(self, step: Step, task: int) -> TrainingPlan | None:
        return self.learning() if step.kind == "wake" else None
