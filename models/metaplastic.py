"""The mixed-stability network: a classifier whose synapses each have their own flexibility."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, PlainSerializer, PlainValidator, model_validator

from .base import Model
from .by_kind import read_kind, write_kind
from .features import Encoder
from .flexibility import Flexibility, Uniform
from .synapses import AUTO_KAPPA

if TYPE_CHECKING:
    from ..data.items import Pool
    from ..protocols import Protocol, Step

AnyFlexibility = Annotated[Flexibility, PlainValidator(partial(read_kind, Flexibility)), PlainSerializer(write_kind)]
AnyEncoder = Annotated[Encoder, PlainValidator(partial(read_kind, Encoder)), PlainSerializer(write_kind)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]

PRESETS: dict[str, dict[str, Any]] = {
    "default": {
        "encoder": {"kind": "pixels"},
        "hidden": (256, 256),
        "learning_rate": 1e-4,
        "batch_size": 512,
        "epochs_per_exposure": 5,
        "sensitivity": "auto",
    },
    "cho2024": {
        # The paper's AlexNet takes 0..255; torchvision's takes smaller numbers, on whose features a rate of 1e-4
        # learns nothing. 875 is the mean norm of another ImageNet network's features of images of 0..255.
        "encoder": {"kind": "alexnet", "norm": 875.0},
        "hidden": (4096, 4096),
        "learning_rate": 1e-4,
        "batch_size": 1024,
        "epochs_per_exposure": 5,
        "sensitivity": 4e5,
    },
}


@dataclass(frozen=True)
class LearningPlan:
    """What is learned in a wake phase; the backend knows how.

    Attributes
    ----------
    parameters : str
        Which parameters learn.
    epochs : int
        Passes over the images of each presented item.
    batch_size : int
    learning_rate : float
    nontarget : bool
        Whether images of the other items, with other wrong labels, are mixed in.
    """

    parameters: str
    epochs: int
    batch_size: int
    learning_rate: float
    nontarget: bool


class MetaplasticNetwork(Model):
    """Frozen features, then fully connected ReLU layers of mixed-stability synapses, then softmax.

    Trained by plain SGD, one item after another. Weights are gated, biases are not. Weights start from
    N(0, 2 / (fan_in + fan_out)), biases from 0.

    Parameters
    ----------
    flexibility : Flexibility
        Distribution over synapses; ``Fixed(1.0)`` is the conventional network, ``Fixed(0.3)`` the stable one,
        ``Uniform()`` the hybrid one. A subclass of one's own will do.
    sensitivity : float or "auto"
        s of the rule, in units of 1 / weight. ``"auto"`` calibrates it for each subject from how far its weights travel
        while the first item is learned, s = ``kappa`` / rms(w - w0), and the recording keeps the value.
    kappa : float
        Scale of the automatic sensitivity.
    rule : {"gate", "rate"}
        ``"gate"`` is the mixed-stability rule. ``"rate"`` is the ablation: the same flexibilities as fixed learning
        rates, Δw = -lr · ``rate`` · f · ∂L/∂w, without the tanh gate.
    rate : float
        Factor of the fixed learning rates, to match the mean displacement of a gated network.
    gate_refresh : {"item", "step"}
        Read the gate once per item, before its epochs (the paper), or before every step.
    nontarget : bool
        Mix in images of the other items with other wrong labels, as in the paper; needs at least three items.
    encoder : Encoder
        Frozen features of the images: `Pixels`, `EfficientNetLite0`, `AlexNet`, or a subclass of one's own.
    hidden : tuple of int
        Widths of the hidden layers.
    learning_rate, batch_size, epochs_per_exposure
        Plain SGD without momentum.
    preset : {"default", "cho2024"}
        Fills what is not given: ``cho2024`` has the sizes and the optimiser of the paper, and its sensitivity for lists
        of ten (4e5; the paper takes 2e5 for thirty). Where other features take the place of the paper's, that number
        means nothing: use ``"auto"``.

    Notes
    -----
    Source: Cho, Lee, Baek & Paik (2025), Neural Networks 190, doi:10.1016/j.neunet.2025.107762.

    Examples
    --------
    >>> from engram.models import Fixed
    >>> MetaplasticNetwork(flexibility=Fixed(1.0)).hidden
    (256, 256)
    >>> MetaplasticNetwork(preset="cho2024", batch_size=512).learning_rate
    0.0001
    """

    backend: ClassVar[str] = "torch"
    abilities: ClassVar[frozenset[str]] = frozenset({"labels"})

    kind: Literal["metaplastic"] = "metaplastic"
    preset: Literal["default", "cho2024"] = "default"
    flexibility: AnyFlexibility = Uniform()
    sensitivity: Positive | Literal["auto"]
    kappa: Positive = AUTO_KAPPA
    rule: Literal["gate", "rate"] = "gate"
    rate: Positive = 1.0
    gate_refresh: Literal["item", "step"] = "item"
    nontarget: bool = True
    encoder: AnyEncoder
    hidden: Annotated[tuple[Annotated[int, Field(ge=1, le=65536)], ...], Field(max_length=16)]
    learning_rate: Positive
    batch_size: Annotated[int, Field(ge=1, le=1_000_000)]
    epochs_per_exposure: Annotated[int, Field(ge=1, le=100_000)]

    @model_validator(mode="before")
    @classmethod
    def _fill_from_preset(cls, given: Any) -> Any:
        if not isinstance(given, dict):
            return given
        preset = PRESETS.get(given.get("preset", "default"), PRESETS["default"])
        filled = {**preset, **given}
        if isinstance(filled["encoder"], dict) and "kind" not in filled["encoder"]:
            filled["encoder"] = {**preset["encoder"], **filled["encoder"]}  # a change to the preset's encoder
        elif filled["encoder"] == "none":
            filled["encoder"] = "pixels"
        return filled

    def check(self, protocol: Protocol, pool: Pool) -> None:
        super().check(protocol, pool)
        if self.nontarget and protocol.items.slots < 3:
            raise ValueError(
                f"non-target images need at least 3 items, since they carry labels of other wrong items; protocol "
                f'"{protocol.name}" has {protocol.items.slots} (items.count). Give more items, or set nontarget: false'
            )

    def plan(self, step: Step) -> LearningPlan:
        """What is learned in a wake step: every weight and bias, by plain SGD.

        Parameters
        ----------
        step : Step

        Returns
        -------
        LearningPlan
        """
        return LearningPlan(
            parameters="all",
            epochs=self.epochs_per_exposure,
            batch_size=self.batch_size,
            learning_rate=self.learning_rate,
            nontarget=self.nontarget,
        )
