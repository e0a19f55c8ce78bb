"""Registered circuits: the two-stage model, the variants it is compared with, and its controls."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, Any, Literal

from pydantic import Field

from ...data.wording import at_most, nearest, one_of
from ..flexibility import Fixed, Uniform
from .circuit import BrainState, Circuit
from .circuit_model import CircuitModel
from .hippocampus_cortex import cortex, hippocampus, two_stage
from .procedure import Procedure
from .spec import Spec
from .stability import AnyFlexibility, FixedRates, MixedStability, Stability

Cells = Annotated[int, Field(ge=1, le=1_000_000)]


class TwoStageParameters(Spec):
    """What of the two-stage circuit may be set by name, as in ``--set two-stage.sensitivity=5``.

    The defaults are tuned together. Other numbers of cells change how strongly a cell is driven.

    Parameters
    ----------
    flexibility : Flexibility
        Distribution over the synapses within the cortex.
    sensitivity : float
        Of their gate, in units of 1 / weight.
    refresh : {"continuous", "item"}
        Whether their gate is read at every step of a synapse, or held over an item.
    cells, hippocampal_cells : int
        Excitatory cells of each cortical area, and of H. Items that are patterns must lie over as many cells as an
        area has.
    areas, separation, output : int
        Cortical areas; cells of DG and of O, 0 for none (see `cortex` and `hippocampus`).

    Examples
    --------
    >>> TwoStageParameters(flexibility="rising", sensitivity=5).flexibility
    Rising(a=0.5, kind='rising')
    """

    flexibility: AnyFlexibility = Uniform(low=0.05, high=1.0)
    sensitivity: Annotated[float, Field(gt=0)] = 10.0
    refresh: Literal["continuous", "item"] = "continuous"
    cells: Cells = 500
    hippocampal_cells: Cells = 300
    areas: Annotated[int, Field(ge=1, le=100)] = 1
    separation: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    output: Annotated[int, Field(ge=0, le=1_000_000)] = 0


def two_stage_model(**settings: Any) -> CircuitModel:
    """Hippocampus and cortex, with mixed-stability synapses within the cortex.

    Parameters
    ----------
    **settings
        Fields of `TwoStageParameters` and of `CircuitModel`, in the place of the defaults. A circuit of one's own has
        no parameters of the first kind.

    Raises
    ------
    ValueError
        There is no such parameter, or its value is impossible.

    Examples
    --------
    >>> two_stage_model(procedure={"time_scale": 720}).procedure.time_scale
    720.0
    >>> two_stage_model(sensitivity=5).circuit.sensitivity("C-C")
    5.0
    """
    return _model(settings, lambda p: MixedStability(p.flexibility, p.sensitivity, p.refresh))


def flexible_two_stage_model(**settings: Any) -> CircuitModel:
    """The same circuit with ordinary synapses: every flexibility is 1, so no gate ever closes.

    Parameters
    ----------
    **settings
        As for `two_stage_model`, but for flexibility, sensitivity and refresh.

    Examples
    --------
    >>> flexible_two_stage_model().circuit.projection("C-C").rule.stability.flexibility
    Fixed(value=1.0, kind='fixed')
    """
    return _model(settings, lambda p: MixedStability(flexibility=Fixed(1.0)), "flexibility", "sensitivity", "refresh")


def fixed_rate_two_stage_model(**settings: Any) -> CircuitModel:
    """The same circuit with flexibilities as fixed rates of learning, without the gate.

    Parameters
    ----------
    **settings
        As for `two_stage_model`, but for sensitivity and refresh.

    Examples
    --------
    >>> fixed_rate_two_stage_model().circuit.projection("C-C").rule.stability.kind
    'fixed-rates'
    """
    return _model({"flexibility": Uniform(), **settings}, lambda p: FixedRates(p.flexibility), "sensitivity", "refresh")


def noiseless_two_stage_model(**settings: Any) -> CircuitModel:
    """Control: without noise in the cells of the hippocampus in NREM, nothing starts a burst there.

    Parameters
    ----------
    **settings
        As for `two_stage_model`; a circuit of one's own loses the noise as well.

    Examples
    --------
    >>> noiseless_two_stage_model().circuit.state("nrem").cells["H"]["sigma"]
    0.0
    """
    made = two_stage_model(**settings)
    circuit = made.circuit
    nrem = circuit.state("nrem")
    quiet = BrainState(**{**nrem.model_dump(), "cells": {**nrem.cells, "H": {**nrem.cells["H"], "sigma": 0.0}}})
    states = tuple(quiet if state is nrem else state for state in circuit.states)
    return CircuitModel(circuit=Circuit(**{**dict(circuit), "states": states}), procedure=made.procedure)


def shuffled_two_stage_model(**settings: Any) -> CircuitModel:
    """Control: the weights from hippocampus to cortex are permuted when a sleep begins, so bursts carry no item across.

    Parameters
    ----------
    **settings
        As for `two_stage_model`.

    Examples
    --------
    >>> shuffled_two_stage_model(procedure={"time_scale": 720}).procedure.shuffled
    ('H-C',)
    """
    given = settings.get("procedure", {})
    if not isinstance(given, dict | Procedure):
        return two_stage_model(**settings)  # which says what is wrong with it
    fields = given.model_dump(exclude_unset=True) if isinstance(given, Procedure) else given
    area = settings.get("areas", 1)
    back = f"{'O' if settings.get('output') else 'H'}-C{'' if area == 1 else area}"
    return two_stage_model(**{**settings, "procedure": {"shuffled": (back,), **fields}})


def _model(settings: dict[str, Any], stability: Callable[[TwoStageParameters], Stability], *fixed: str) -> CircuitModel:
    """The model of these settings; those that are fixed here are no parameters."""
    known = [name for name in TwoStageParameters.model_fields if name not in fixed]
    own = {name: value for name, value in settings.items() if name in known}
    others = {name: value for name, value in settings.items() if name not in known}
    for name in others:
        if name not in CircuitModel.model_fields:
            names = [*known, "circuit", "procedure"]
            raise ValueError(
                f"{name}: the two-stage model has no such parameter, but {one_of(names)}.{nearest(name, names)}"
            )
    if "circuit" in others:
        if own:
            raise ValueError(f"{at_most(own)}: a circuit is given as a whole; set this in it")
        return CircuitModel(**others)
    p = TwoStageParameters(**own)
    return CircuitModel(
        circuit=two_stage(
            hippocampus(p.hippocampal_cells, separation=p.separation, output=p.output),
            cortex(p.cells, areas=p.areas, stability=stability(p)),
        ),
        **others,
    )
