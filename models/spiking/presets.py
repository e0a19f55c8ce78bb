"""Registered circuits: the two-stage model, the variants it is compared with, and its controls."""

from __future__ import annotations

from typing import Any

from ..flexibility import Fixed
from .circuit import BrainState, Circuit
from .circuit_model import CircuitModel
from .hippocampus_cortex import cortex, two_stage
from .procedure import Procedure
from .stability import FixedRates, MixedStability


def two_stage_model(**settings: Any) -> CircuitModel:
    """Hippocampus and cortex, with mixed-stability synapses within the cortex.

    Parameters
    ----------
    **settings
        Fields of `CircuitModel`, in the place of the defaults.

    Examples
    --------
    >>> two_stage_model(procedure={"time_scale": 720}).procedure.time_scale
    720.0
    """
    return CircuitModel(**{"circuit": two_stage(), **settings})


def flexible_two_stage_model(**settings: Any) -> CircuitModel:
    """The same circuit with ordinary synapses: every flexibility is 1, so no gate ever closes.

    Examples
    --------
    >>> flexible_two_stage_model().circuit.projection("C-C").rule.stability.flexibility
    Fixed(value=1.0, kind='fixed')
    """
    stability = MixedStability(flexibility=Fixed(1.0))
    return CircuitModel(**{"circuit": two_stage(cortex_=cortex(stability=stability)), **settings})


def fixed_rate_two_stage_model(**settings: Any) -> CircuitModel:
    """The same circuit with flexibilities as fixed rates of learning, without the gate.

    Examples
    --------
    >>> fixed_rate_two_stage_model().circuit.projection("C-C").rule.stability.kind
    'fixed-rates'
    """
    return CircuitModel(**{"circuit": two_stage(cortex_=cortex(stability=FixedRates())), **settings})


def noiseless_two_stage_model(**settings: Any) -> CircuitModel:
    """Control: without noise in the cells of the hippocampus in NREM, nothing starts a burst there.

    Examples
    --------
    >>> noiseless_two_stage_model().circuit.state("nrem").cells["H"]["sigma"]
    0.0
    """
    circuit = two_stage()
    nrem = circuit.state("nrem")
    quiet = BrainState(**{**nrem.model_dump(), "cells": {**nrem.cells, "H": {**nrem.cells["H"], "sigma": 0.0}}})
    states = tuple(quiet if state is nrem else state for state in circuit.states)
    return CircuitModel(**{"circuit": Circuit(**{**dict(circuit), "states": states}), **settings})


def shuffled_two_stage_model(**settings: Any) -> CircuitModel:
    """Control: the weights from hippocampus to cortex are permuted when a sleep begins, so bursts carry no item across.

    Examples
    --------
    >>> shuffled_two_stage_model(procedure={"time_scale": 720}).procedure.shuffled
    ('H-C',)
    """
    given = settings.get("procedure", {})
    fields = given.model_dump(exclude_unset=True) if isinstance(given, Procedure) else given
    return two_stage_model(**{**settings, "procedure": {"shuffled": ("H-C",), **fields}})
