"""What a spike does to a synapse: the family of rules, with the static synapse and the trace rule."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from functools import partial
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PlainSerializer, PlainValidator, model_validator

from ..by_kind import read_kind, write_kind
from .mechanisms import EVERY, AnyMechanism, Decay, DownScaling, Mechanism
from .quantities import in_si
from .spec import Spec
from .stability import AnyStability, Stability

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
    regular : tuple of (str, str, str)
        Processes in time: (shared rate that drives it, code, every so much simulated time).
    """

    model: str = ""
    on_pre: str = ""
    on_post: str = ""
    constants: dict[str, str] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    parameters: tuple[str, ...] = ()
    regular: tuple[tuple[str, str, str], ...] = ()


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
        What scales the steps of single synapses; None is nothing.
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

    def mechanism(self, kind: type[Mechanism]) -> Mechanism | None:
        """The mechanism of one kind, or None."""
        return next((m for m in self.mechanisms if isinstance(m, kind)), None)

    def equations(self) -> RuleEquations:
        learning = self.learning()
        stability: Stability | None = self.stability
        factor = stability.factor() if stability is not None else "1"
        regular, states = [], dict(learning.states)
        for mechanism in self.mechanisms:
            every = in_si(EVERY)
            if isinstance(mechanism, DownScaling):
                drift = f"downscaling*{every}*second*{factor if mechanism.gated else 1}"
                regular.append(("downscaling", f"w -= {drift}*(w - w0)", EVERY))
                states["downscaling"] = "0 Hz"
            elif isinstance(mechanism, Decay):
                regular.append(("decay", f"w = w0 + (w - w0)*exp(-decay*{every}*second)", EVERY))
                states["decay"] = "0 Hz"
        return RuleEquations(
            model=learning.model,
            on_pre=learning.on_pre,
            on_post=learning.on_post,
            constants={
                "w_max": repr(self.maximum),
                **learning.constants,
                **(stability.constants() if stability is not None else {}),
            },
            states=states,
            parameters=(
                () if stability is None else ("f", "alpha") if getattr(stability, "refresh", "") == "item" else ("f",)
            ),
            regular=(*learning.regular, *regular),
        )

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
        factor = "" if self.stability is None else f"*{self.stability.factor()}"
        return f"w = clip(w + eta{factor}*({step}), 0, w_max)"


class TraceRule(PlasticRule):
    """Hebbian learning from spike traces, with thresholds that make weakly active partners lose weight.

    ::

        at a spike of the source:  w += eta · alpha · (x_post - pre_threshold)
        at a spike of the target:  w += eta · alpha · (x_pre - post_threshold)

    Parameters
    ----------
    pre_threshold, post_threshold : float or None
        Traces below them depress; None leaves that half of the rule out. With only ``post_threshold`` this is the
        instar rule: a target cell moves its weights towards the sources that fired with it.
    eta, initial, maximum, spread, stability, mechanisms
        As for every `PlasticRule`.

    Notes
    -----
    Source: trace forms of Hebbian learning with heterosynaptic depression, Gerstner & Kistler (2002), Spiking neuron
    models, section 10.2; instar, Grossberg (1976), Biological Cybernetics 23.

    Examples
    --------
    >>> TraceRule(eta=0.1, post_threshold=0.2).equations().on_post
    'w = clip(w + eta*(trace_pre - 0.2), 0, w_max)'
    """

    pre_threshold: float | None = None
    post_threshold: float | None = None
    kind: Literal["trace"] = "trace"

    @model_validator(mode="after")
    def _learns(self) -> TraceRule:
        if self.pre_threshold is None and self.post_threshold is None:
            raise ValueError("a trace rule needs pre_threshold, post_threshold or both; found neither")
        return self

    def learning(self) -> RuleEquations:
        pre, post = self.pre_threshold, self.post_threshold
        return RuleEquations(
            on_pre="" if pre is None else self.changed(f"trace_post - {pre!r}"),
            on_post="" if post is None else self.changed(f"trace_pre - {post!r}"),
        )


AnyRule = Annotated[SynapseRule, PlainValidator(partial(read_kind, SynapseRule)), PlainSerializer(write_kind)]
