"""Registered circuits: the two-stage model, and the variants that it is compared with."""

from __future__ import annotations

from typing import Any

from ..flexibility import Fixed
from .circuit_model import CircuitModel
from .hippocampus_cortex import cortex, two_stage
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
