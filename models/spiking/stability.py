"""What makes a synapse's step smaller than its rule asks for: nothing, the mixed-stability gate, or a fixed rate."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import partial
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PlainSerializer, PlainValidator

from ..by_kind import read_kind, write_kind
from ..flexibility import Flexibility, Uniform
from ..synapses import BRIAN2_GATE
from .spec import Spec

AnyFlexibility = Annotated[Flexibility, PlainValidator(partial(read_kind, Flexibility)), PlainSerializer(write_kind)]


class Stability(Spec, ABC):
    """How the steps of single synapses are scaled; each synapse has a flexibility f, drawn once."""

    flexibility: AnyFlexibility
    kind: str

    @abstractmethod
    def factor(self) -> str:
        """Expression, in Brian2's language, over the synaptic variables w, w0 and f, that scales a synapse's step."""

    def constants(self) -> dict[str, str]:
        """Names in `factor` and their values."""
        return {}

    def sample(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Flexibilities of ``count`` synapses.

        Raises
        ------
        ValueError
            The distribution gave values outside [0, 1].
        """
        f = np.asarray(self.flexibility.sample((count,), rng), dtype=np.float64)
        if f.shape != (count,) or not (f.min(initial=1.0) >= 0 and f.max(initial=0.0) <= 1):
            raise ValueError(f"{self.flexibility} must give {count} flexibilities in [0, 1]; found shape {f.shape}")
        return f


class MixedStability(Stability):
    """The mixed-stability gate: the further a synapse has travelled from its initial weight, the smaller its step.

    Parameters
    ----------
    flexibility : Flexibility
        Distribution over synapses.
    sensitivity : float
        s of the rule, in units of 1 / weight.
    refresh : {"continuous", "item"}
        Read the gate at every step of a synapse, or hold it over an item and read it anew before the next.

    Notes
    -----
    Source: Cho, Lee, Baek & Paik (2025), Neural Networks 190, doi:10.1016/j.neunet.2025.107762; the gate itself is
    `engram.models.synapses.BRIAN2_GATE`.

    Examples
    --------
    >>> MixedStability(sensitivity=10.0).constants()
    {'s': '10.0'}
    """

    flexibility: AnyFlexibility = Uniform()
    sensitivity: Annotated[float, Field(gt=0)] = 10.0
    refresh: Literal["continuous", "item"] = "continuous"
    kind: Literal["mixed-stability"] = "mixed-stability"

    def factor(self) -> str:
        return f"({BRIAN2_GATE})" if self.refresh == "continuous" else "alpha"

    def constants(self) -> dict[str, str]:
        return {"s": repr(self.sensitivity)} if self.refresh == "continuous" else {}


class FixedRates(Stability):
    """The ablation: the same flexibilities as fixed rates, without a gate that closes.

    Examples
    --------
    >>> FixedRates().factor()
    'f'
    """

    flexibility: AnyFlexibility = Uniform()
    kind: Literal["fixed-rates"] = "fixed-rates"

    def factor(self) -> str:
        return "f"


AnyStability = Annotated[Stability, PlainValidator(partial(read_kind, Stability)), PlainSerializer(write_kind)]
