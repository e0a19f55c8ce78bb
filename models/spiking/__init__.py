"""Spiking circuits without an engine: cells, synapse rules, connectivity, circuits and their brain states."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .benna_fusi import BennaFusi as BennaFusi
    from .cells import LIF as LIF
    from .cells import AdEx as AdEx
    from .cells import Cell as Cell
    from .cells import CellEquations as CellEquations
    from .circuit import BrainState as BrainState
    from .circuit import Circuit as Circuit
    from .circuit import Population as Population
    from .circuit import Projection as Projection
    from .circuit_model import CircuitModel as CircuitModel
    from .connectivity import AllToAll as AllToAll
    from .connectivity import Connectivity as Connectivity
    from .connectivity import InDegree as InDegree
    from .connectivity import OneToOne as OneToOne
    from .connectivity import Probability as Probability
    from .encoding import ImageCode as ImageCode
    from .hippocampus_cortex import cortex as cortex
    from .hippocampus_cortex import hippocampus as hippocampus
    from .hippocampus_cortex import two_stage as two_stage
    from .measures import communities as communities
    from .measures import degrees as degrees
    from .measures import distribution as distribution
    from .mechanisms import Decay as Decay
    from .mechanisms import DownScaling as DownScaling
    from .mechanisms import IncomingCap as IncomingCap
    from .mechanisms import Mechanism as Mechanism
    from .mechanisms import Process as Process
    from .own_equations import EquationCell as EquationCell
    from .own_equations import EquationRule as EquationRule
    from .presets import TwoStageParameters as TwoStageParameters
    from .presets import fixed_rate_two_stage_model as fixed_rate_two_stage_model
    from .presets import flexible_two_stage_model as flexible_two_stage_model
    from .presets import noiseless_two_stage_model as noiseless_two_stage_model
    from .presets import shuffled_two_stage_model as shuffled_two_stage_model
    from .presets import two_stage_model as two_stage_model
    from .procedure import Procedure as Procedure
    from .procedure import StateNames as StateNames
    from .stability import FixedRates as FixedRates
    from .stability import MixedStability as MixedStability
    from .stability import Stability as Stability
    from .stdp import InhibitoryPlasticity as InhibitoryPlasticity
    from .stdp import PairSTDP as PairSTDP
    from .stdp import TripletSTDP as TripletSTDP
    from .synapse_rules import PlasticRule as PlasticRule
    from .synapse_rules import RuleEquations as RuleEquations
    from .synapse_rules import Static as Static
    from .synapse_rules import SynapseRule as SynapseRule
    from .trace_rule import TraceRule as TraceRule

_MODULE_OF = {
    "AdEx": "cells",
    "AllToAll": "connectivity",
    "BennaFusi": "benna_fusi",
    "BrainState": "circuit",
    "Cell": "cells",
    "CellEquations": "cells",
    "Circuit": "circuit",
    "CircuitModel": "circuit_model",
    "Connectivity": "connectivity",
    "Decay": "mechanisms",
    "DownScaling": "mechanisms",
    "EquationCell": "own_equations",
    "EquationRule": "own_equations",
    "FixedRates": "stability",
    "ImageCode": "encoding",
    "InDegree": "connectivity",
    "IncomingCap": "mechanisms",
    "InhibitoryPlasticity": "stdp",
    "LIF": "cells",
    "Mechanism": "mechanisms",
    "MixedStability": "stability",
    "OneToOne": "connectivity",
    "PairSTDP": "stdp",
    "PlasticRule": "synapse_rules",
    "Population": "circuit",
    "Probability": "connectivity",
    "Procedure": "procedure",
    "Process": "mechanisms",
    "Projection": "circuit",
    "RuleEquations": "synapse_rules",
    "Stability": "stability",
    "StateNames": "procedure",
    "Static": "synapse_rules",
    "SynapseRule": "synapse_rules",
    "TraceRule": "trace_rule",
    "TripletSTDP": "stdp",
    "TwoStageParameters": "presets",
    "communities": "measures",
    "cortex": "hippocampus_cortex",
    "degrees": "measures",
    "distribution": "measures",
    "fixed_rate_two_stage_model": "presets",
    "flexible_two_stage_model": "presets",
    "hippocampus": "hippocampus_cortex",
    "noiseless_two_stage_model": "presets",
    "shuffled_two_stage_model": "presets",
    "two_stage": "hippocampus_cortex",
    "two_stage_model": "presets",
}

__all__ = sorted(_MODULE_OF)


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_MODULE_OF[name]}", __name__), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *_MODULE_OF])
