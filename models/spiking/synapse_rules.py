"""What a spike does to a synapse: the family of rules, and the synapse that does not change."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PlainSerializer, PlainValidator, model_validator

from ..by_kind import read_kind, write_kind
from .mechanisms import AnyMechanism, Process
from .spec import Spec
from .stability import AnyStability, MixedStability

Weight = Annotated[float, Field(ge=0)]


@dataclass(frozen=True)
class RuleEquations:
    """Text of a plastic synapse's equations, in Brian2's language.

    A spike is transmitted without being mentioned here. In the text, ``w`` is the weight, ``w0`` the initial one,
    ``eta`` the learning rate of the present brain state, and ``trace_pre`` and ``trace_post`` the cells' spike traces.

    Attributes
    ----------
    model : str
        Further variables of a synapse.
    on_pre, on_post : str
        What learning does at a spike of the source and of the target cell.
    constants : dict
        Names in the text and their values, such as ``{"tau": "20 ms"}``.
    states : dict
        Further parameters shared by all synapses, with the value they start from.
    parameters : tuple of str
        Which fixed quantities each synapse has besides w0: ``f``, ``alpha``.
    processes : tuple of Process
        What happens to the weights as time goes by, spikes or none.
    """

    model: str = ""
    on_pre: str = ""
    on_post: str = ""
    constants: dict[str, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    processes: tuple[Process, ...] = ()


class SynapseRule(Spec, ABC):
    """What spikes do to the synapses of a projection."""

    kind: str

    @property
    @abstractmethod
    def plastic(self) -> bool:
        """Whether weights change, so that each synapse has its own and recordings keep them."""

    @abstractmethod
    def start(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        """Initial weights of ``count`` synapses, float64."""

    @abstractmethod
    def mean_initial(self) -> float:
        """Mean initial weight."""

    @abstractmethod
    def equations(self) -> RuleEquations:
        """Text of what learning does.

        Returns
        -------
        RuleEquations
        """


class Static(SynapseRule):
    """Synapses of one weight that never changes.

    Parameters
    ----------
    weight : float
        In the unit of the target cell's receptor.

    Examples
    --------
    >>> Static(0.5).start(2, np.random.default_rng(0)).tolist()
    [0.5, 0.5]
    """

    weight: Weight
    kind: Literal["static"] = "static"

    @property
    def plastic(self) -> bool:
        return False

    def start(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        return np.full(count, self.weight)

    def mean_initial(self) -> float:
        return self.weight

    def equations(self) -> RuleEquations:
        return RuleEquations()


class PlasticRule(SynapseRule):
    """A rule that changes weights between 0 and a maximum.

    Parameters
    ----------
    initial : float
        Mean initial weight, in the unit of the target cell's receptor.
    maximum : float
        Upper bound of a weight.
    spread : float
        Standard deviation of initial weights, as a share of ``initial``; drawn values are kept within the bounds.
    stability : Stability or None
        What scales the steps of single synapses, by α between 0 and 1; None is nothing, α = 1.
    mechanisms : tuple of Mechanism
        What else moves the weights.
    eta : float
        Learning rate; a brain state says what share of it acts.
    """

    eta: Weight = 1.0
    initial: Weight = 0.0
    maximum: Annotated[float, Field(gt=0)] = 1.0
    spread: Weight = 0.0
    stability: AnyStability | None = None
    mechanisms: tuple[AnyMechanism, ...] = ()

    @model_validator(mode="after")
    def _consistent(self) -> PlasticRule:
        if self.initial > self.maximum:
            raise ValueError(f"initial weight {self.initial:g} lies above the maximum, {self.maximum:g}")
        kinds = [mechanism.kind for mechanism in self.mechanisms]
        if len(set(kinds)) < len(kinds):
            raise ValueError(f"mechanisms: {', '.join(kinds)}; expected at most one of each kind")
        return self

    @property
    def plastic(self) -> bool:
        return True

    def start(self, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
        if self.spread == 0:
            return np.full(count, self.initial)
        return np.clip(rng.normal(self.initial, self.spread * self.initial, count), 0.0, self.maximum)

    def mean_initial(self) -> float:
        return self.initial

    def equations(self) -> RuleEquations:
        learning, stability = self.learning(), self.stability
        held = isinstance(stability, MixedStability) and stability.refresh == "item"
        drifts = (mechanism.process(self.factor()) for mechanism in self.mechanisms)
        return replace(
            learning,
            constants={
                "w_max": repr(self.maximum),
                **learning.constants,
                **({} if stability is None else stability.constants()),
            },
            parameters=() if stability is None else ("f", "alpha") if held else ("f",),
            processes=(*learning.processes, *(drift for drift in drifts if drift is not None)),
        )

    def factor(self) -> str:
        """Expression by which a synapse's step is scaled: 1 without a stability."""
        return "1" if self.stability is None else self.stability.factor()

    @abstractmethod
    def learning(self) -> RuleEquations:
        """Text of the rule alone, without mechanisms and without what stability adds.

        Returns
        -------
        RuleEquations
        """

    def changed(self, step: str) -> str:
        """Code that adds ``step`` to a weight: scaled by learning rate and stability, kept between the bounds.

        Parameters
        ----------
        step : str
            Expression in Brian2's language.

        Returns
        -------
        str
        """
        return f"w = clip(w + eta*{self.factor()}*({step}), 0, w_max)"


AnyRule = Annotated[SynapseRule, PlainValidator(partial(read_kind, SynapseRule)), PlainSerializer(write_kind)]
