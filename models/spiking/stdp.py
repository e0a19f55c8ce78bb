"""Spike-timing-dependent plasticity: pairs, triplets, and inhibitory synapses that balance excitation.

Their traces belong to the synapse and run while it learns, with the rules' own time constants.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .quantities import Rate, Time, in_si
from .synapse_rules import PlasticRule, RuleEquations

Amplitude = Annotated[float, Field(ge=0)]


class PairSTDP(PlasticRule):
    """Additive pair rule: a source spike before a target spike potentiates, after it depresses.

    ::

        at a spike of the source:  w -= eta · α · A_minus · o1;   r1 += 1
        at a spike of the target:  w += eta · α · A_plus · r1;    o1 += 1

    Parameters
    ----------
    A_plus, A_minus : float
        Steps of a pair without delay, in units of weight.
    tau_plus, tau_minus : time
        Windows of potentiation and depression: decay of r1 and o1.
    eta, initial, maximum, spread, stability, mechanisms
        As for every `PlasticRule`.

    Notes
    -----
    Source: Song, Miller & Abbott (2000), Nature Neuroscience 3, doi:10.1038/78829; depression slightly outweighs
    potentiation, as there (1.05).

    Examples
    --------
    >>> PairSTDP(A_plus=0.01, A_minus=0.0105).equations().constants["tau_plus"]
    '20 ms'
    """

    A_plus: Amplitude = 0.005
    A_minus: Amplitude = 0.00525
    tau_plus: Time = "20 ms"
    tau_minus: Time = "20 ms"
    kind: Literal["pair-stdp"] = "pair-stdp"

    def learning(self) -> RuleEquations:
        return RuleEquations(
            model="dr1/dt = -r1/tau_plus : 1 (event-driven)\ndo1/dt = -o1/tau_minus : 1 (event-driven)\n",
            on_pre=f"{self.changed('-A_minus*o1')}\nr1 += 1",
            on_post=f"{self.changed('A_plus*r1')}\no1 += 1",
            constants={
                "A_plus": repr(self.A_plus),
                "A_minus": repr(self.A_minus),
                "tau_plus": self.tau_plus,
                "tau_minus": self.tau_minus,
            },
        )


class TripletSTDP(PlasticRule):
    """Triplet rule: potentiation grows with the target cell's recent rate, depression with the source cell's.

    ::

        at a spike of the source:  w -= eta · α · o1 · (A2_minus + A3_minus · r2);   r1 += 1;  r2 += 1
        at a spike of the target:  w += eta · α · r1 · (A2_plus + A3_plus · o2);     o1 += 1;  o2 += 1

    All spikes interact; r2 and o2 are read before their own spike is added.

    Parameters
    ----------
    A2_plus, A3_plus, A2_minus, A3_minus : float
        Steps of pairs and of triplets, in units of weight.
    tau_plus, tau_x, tau_minus, tau_y : time
        Decay of r1, r2, o1 and o2.
    eta, initial, maximum, spread, stability, mechanisms
        As for every `PlasticRule`.

    Notes
    -----
    Source: Pfister & Gerstner (2006), Journal of Neuroscience 26, doi:10.1523/JNEUROSCI.1425-06.2006, equations 3 and
    4; defaults: the minimal model with all-to-all interactions, fitted to visual cortex.

    Examples
    --------
    >>> TripletSTDP().equations().constants["A3_plus"]
    '0.0065'
    """

    A2_plus: Amplitude = 0.0
    A3_plus: Amplitude = 6.5e-3
    A2_minus: Amplitude = 7.1e-3
    A3_minus: Amplitude = 0.0
    tau_plus: Time = "16.8 ms"
    tau_x: Time = "101 ms"
    tau_minus: Time = "33.7 ms"
    tau_y: Time = "114 ms"
    kind: Literal["triplet-stdp"] = "triplet-stdp"

    def learning(self) -> RuleEquations:
        decays = (("r1", "tau_plus"), ("r2", "tau_x"), ("o1", "tau_minus"), ("o2", "tau_y"))
        return RuleEquations(
            model="".join(f"d{trace}/dt = -{trace}/{tau} : 1 (event-driven)\n" for trace, tau in decays),
            on_pre=f"{self.changed('-o1*(A2_minus + A3_minus*r2)')}\nr1 += 1\nr2 += 1",
            on_post=f"{self.changed('r1*(A2_plus + A3_plus*o2)')}\no1 += 1\no2 += 1",
            constants={
                **{name: repr(getattr(self, name)) for name in ("A2_plus", "A3_plus", "A2_minus", "A3_minus")},
                **{tau: getattr(self, tau) for _, tau in decays},
            },
        )


class InhibitoryPlasticity(PlasticRule):
    """Inhibitory synapses that grow until their target cells fire at a target rate.

    ::

        at a spike of the source:  w += eta · α · (o1 - 2 · target_rate · tau);   r1 += 1
        at a spike of the target:  w += eta · α · r1;                             o1 += 1

    Parameters
    ----------
    target_rate : rate
        At which the target cells settle.
    tau : time
        Decay of both traces.
    eta, initial, maximum, spread, stability, mechanisms
        As for every `PlasticRule`.

    Notes
    -----
    Source: Vogels, Sprekeler, Zenke, Clopath & Gerstner (2011), Science 334, doi:10.1126/science.1211095.

    Examples
    --------
    >>> InhibitoryPlasticity(target_rate="5 Hz").equations().constants["depression"]
    '0.2'
    """

    target_rate: Rate = "5 Hz"
    tau: Time = "20 ms"
    kind: Literal["inhibitory"] = "inhibitory"

    def learning(self) -> RuleEquations:
        return RuleEquations(
            model="dr1/dt = -r1/tau : 1 (event-driven)\ndo1/dt = -o1/tau : 1 (event-driven)\n",
            on_pre=f"{self.changed('o1 - depression')}\nr1 += 1",
            on_post=f"{self.changed('r1')}\no1 += 1",
            constants={"depression": repr(2 * in_si(self.target_rate) * in_si(self.tau)), "tau": self.tau},
        )
