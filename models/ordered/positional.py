"""A positional network: contexts associated with items through mixed-stability synapses."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import Field

from ..flexibility import Uniform
from ..metaplastic import AnyFlexibility
from .ordered_model import AtLeast0, OrderedModel, Positive, Share


class PositionalNetwork(OrderedModel):
    """Context vectors associated with item vectors, one update per presentation, through mixed-stability synapses."""

    abilities: ClassVar[frozenset[str]] = frozenset({"recall", "order", "time", "pairs", "learning-recall"})
    traits: ClassVar[tuple[str, ...]] = ("learning_rate", "noise", "threshold")

    kind: Literal["positional"] = "positional"
    flexibility: AnyFlexibility = Uniform()
    sensitivity: Positive | Literal["auto"] = "auto"
    kappa: Positive = 0.1
    learning_rate: Positive = 0.8
    start_decay: Share = 0.85
    end_strength: AtLeast0 = 0.6
    end_decay: Share = 0.5
    similarity: Share = 0.4
    temporal: AtLeast0 = 0.6
    drift: Annotated[float, Field(gt=0, le=1)] = 0.5
    noise: AtLeast0 = 0.06
    threshold: AtLeast0 = 0.24
    release: Share = 0.8
    reinstatement: Share = 0.6
    monitor: Annotated[float, Field(ge=-1, le=1)] = 0.2
    attempts: Annotated[int, Field(ge=1, le=1000)] = 4
    stable_time: Positive = 30 * 86400.0
    flexible_time: Positive = 600.0
    context_time: Positive = 300.0
    item_size: Annotated[int, Field(ge=4, le=4096)] = 64
    context_size: Annotated[int, Field(ge=8, le=4096, multiple_of=4)] = 48
