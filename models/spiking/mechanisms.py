"""Named mechanisms that move weights besides a learning rule: down-scaling, decay, and a cap on a cell's input."""

from __future__ import annotations

from abc import ABC
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, PlainSerializer, PlainValidator, model_validator

from ..by_kind import read_kind, write_kind
from .quantities import Rate, Time, in_si
from .spec import Spec

EVERY = "100 ms"
"""Simulated time between two steps of a mechanism that is a process in time."""


@dataclass(frozen=True)
class Process:
    """Something that goes on in time, at a rate that the brain state switches on and off.

    Attributes
    ----------
    rate : str
        Name of the rate in the code.
    value : str
        The rate where it acts, such as ``"0.04 Hz"``.
    biological : bool
        Whether the rate is per biological time, rather than per simulated time.
    stages : tuple of str or None
        Brain states in which it acts; None is all of them.
    code : str
        One step of it, over ``rate`` and the synaptic variables, in Brian2's language.
    every : str
        Simulated time between two steps.
    """

    rate: str
    value: str
    biological: bool
    stages: tuple[str, ...] | None
    code: str
    every: str = EVERY


class Mechanism(Spec, ABC):
    """Something that happens to the weights of a projection; at most one of each kind.

    What goes on in time is said by `process`; what is applied between pieces of a protocol, by `capped`.
    """

    kind: str

    def process(self, factor: str) -> Process | None:
        """What goes on in time, or None.

        Parameters
        ----------
        factor : str
            Expression by which the steps of a synapse are scaled.

        Returns
        -------
        Process or None
        """
        return None

    def capped(self, weights: NDArray[np.float64], post: NDArray[np.int32], size: int) -> NDArray[np.float64]:
        """The weights after a bound that is applied between pieces of a protocol.

        Parameters
        ----------
        weights : numpy.ndarray
            [synapse].
        post : numpy.ndarray
            Target cell of each synapse.
        size : int
            Cells of the target population.

        Returns
        -------
        numpy.ndarray
            [synapse].
        """
        return weights


class DownScaling(Mechanism):
    """In some brain states, weights drift back to where they started: w -= rate · dt · gate · (w - w0).

    With ``gated``, a synapse is spared by construction where its gate is closed: a rigid one that has moved far.

    Parameters
    ----------
    rate : rate
        Per simulated time.
    stages : tuple of str
        Names of the brain states in which it acts.
    gated : bool
        Scale the drift by the same factor as learning (see `Stability`).

    Notes
    -----
    Source: synaptic homeostasis in sleep, Tononi & Cirelli (2014), Neuron 81, doi:10.1016/j.neuron.2013.12.025; large
    synapses are spared in de Vivo et al. (2017), Science 355, doi:10.1126/science.aah5982.

    Examples
    --------
    >>> DownScaling("0.05 Hz").stages
    ('rem',)
    """

    rate: Rate
    stages: Annotated[tuple[str, ...], Field(min_length=1)] = ("rem",)
    gated: bool = True
    kind: Literal["down-scaling"] = "down-scaling"

    @model_validator(mode="after")
    def _no_overshoot(self) -> DownScaling:
        if in_si(self.rate) * in_si(EVERY) > 1:
            raise ValueError(
                f"rate: found {self.rate}; expected at most {1 / in_si(EVERY):g} Hz, since it acts every {EVERY} and "
                "would overshoot the initial weights"
            )
        return self

    def process(self, factor: str) -> Process:
        drift = f"w -= downscaling*{in_si(EVERY)!r}*second*{factor if self.gated else 1}*(w - w0)"
        return Process("downscaling", self.rate, False, self.stages, drift)


class Decay(Mechanism):
    """Passive forgetting: what a weight has gained decays, w - w0 ~ exp(-t / tau), in biological time.

    Parameters
    ----------
    tau : time
        In biological time: a simulated second counts for as many as the time scale of the model says.
    stages : tuple of str or None
        Brain states in which it acts; None is all of them.

    Notes
    -----
    Source: decay of potentiation in the hippocampus over days, Abraham (2003), Philosophical Transactions B 358,
    doi:10.1098/rstb.2002.1222.

    Examples
    --------
    >>> Decay("8 d").tau
    '8 d'
    """

    tau: Time
    stages: Annotated[tuple[str, ...], Field(min_length=1)] | None = None
    kind: Literal["decay"] = "decay"

    def process(self, factor: str) -> Process:
        forget = f"w = w0 + (w - w0)*exp(-decay*{in_si(EVERY)!r}*second)"
        return Process("decay", f"{1 / in_si(self.tau)!r} Hz", True, self.stages, forget)


class IncomingCap(Mechanism):
    """Heterosynaptic cap: where the summed weight onto a cell exceeds ``total``, all of it is scaled down to that.

    Applied between pieces of a protocol, after a wake block, not at every step.

    Notes
    -----
    Source: a bound on the summed weight, Fiete, Senn, Wang & Hahnloser (2010), Neuron 65,
    doi:10.1016/j.neuron.2010.02.003; multiplicative scaling, Turrigiano et al. (1998), Nature 391, doi:10.1038/36103.

    Examples
    --------
    >>> IncomingCap(1.0).capped(np.array([1.0, 3.0, 0.5]), np.array([0, 0, 1]), 2).tolist()
    [0.25, 0.75, 0.5]
    """

    total: Annotated[float, Field(gt=0)]
    kind: Literal["incoming-cap"] = "incoming-cap"

    def capped(self, weights: NDArray[np.float64], post: NDArray[np.int32], size: int) -> NDArray[np.float64]:
        incoming = np.bincount(post, weights=weights, minlength=size)
        share: NDArray[np.float64] = np.minimum(1.0, self.total / np.maximum(incoming, self.total))
        return weights * share[post]


AnyMechanism = Annotated[Mechanism, PlainValidator(partial(read_kind, Mechanism)), PlainSerializer(write_kind)]
