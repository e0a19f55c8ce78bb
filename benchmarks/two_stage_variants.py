"""What the two-stage circuit is compared with, and the protocols that the library does not have."""

from __future__ import annotations

from engram.models import Fixed
from engram.models.spiking import Circuit, CircuitModel, FixedRates, MixedStability, two_stage
from engram.models.spiking.stability import Stability
from engram.protocols import Cue, ItemSpec, Protocol, RecordSpec, lesion, load, probe, repeat, rest, sleep, wake

CORTEX = "C-C"
NIGHT = sleep(cycles=4, stages=[{"nrem": "60 min"}, {"rem": "30 min"}])
HALF = Cue(fraction=0.5)
BOTH = ("none", "hippocampus")
SNAPSHOTS = RecordSpec(weights="snapshots", every="phase", spikes="none")


def subject(circuit: Circuit | None = None, **procedure: object) -> CircuitModel:
    """The two-stage model, or one of another circuit, with changes of its procedure."""
    return CircuitModel(circuit=circuit or two_stage(), procedure=procedure)


def with_rule(circuit: Circuit, projection: str, **fields: object) -> Circuit:
    """A circuit in which the rule of one projection has other fields."""
    rule = circuit.projection(projection).rule
    changed = type(rule)(**{**dict(rule), **fields})
    projections = tuple(
        p.model_copy(update={"rule": changed}) if p.name == projection else p for p in circuit.projections
    )
    return Circuit(**{**dict(circuit), "projections": projections})


def with_cells(circuit: Circuit, state: str, population: str, **values: float) -> Circuit:
    """A circuit in which a brain state gives the cells of one population other parameters."""
    states = tuple(
        s.model_copy(update={"cells": {**s.cells, population: {**s.cells.get(population, {}), **values}}})
        if s.name == state
        else s
        for s in circuit.states
    )
    return Circuit(**{**dict(circuit), "states": states})


def without_replay_noise() -> CircuitModel:
    """In NREM the hippocampus gets no noise, so that nothing starts a burst."""
    return subject(with_cells(two_stage(), "nrem", "H", sigma=0.0))


def without_what_was_learned_between() -> CircuitModel:
    """The weights from hippocampus to cortex are permuted when a sleep begins: replay reaches the wrong cells."""
    return subject(shuffled=("H-C",))


def mixed(sensitivity: float) -> Stability:
    """The two-stage circuit's own flexibilities, with another sensitivity."""
    flexibility = two_stage().projection(CORTEX).rule.stability.flexibility
    return MixedStability(flexibility, sensitivity)


def flexible() -> Stability:
    """No gate ever closes."""
    return MixedStability(Fixed(1.0))


def fixed_rates() -> Stability:
    """The same flexibilities as rates, without a gate."""
    return FixedRates(two_stage().projection(CORTEX).rule.stability.flexibility)


def learner(
    stability: Stability, eta: float | None = None, *, downscaling: bool = True, **procedure: object
) -> CircuitModel:
    """The two-stage model whose cortical synapses learn with this stability and rate."""
    circuit = two_stage()
    rule = circuit.projection(CORTEX).rule
    mechanisms = tuple(m for m in rule.mechanisms if downscaling or m.kind != "down-scaling")
    fields = {"stability": stability, "eta": rule.eta if eta is None else eta, "mechanisms": mechanisms}
    return subject(with_rule(circuit, CORTEX, **fields), **procedure)


def own_rate() -> float:
    """Learning rate of the cortical synapses of the two-stage circuit."""
    return float(two_stage().projection(CORTEX).rule.eta)


# Protocols ------------------------------------------------------------------------------------------------------------


def two_lists(overlap: float) -> ItemSpec:
    """Lists A and B of four patterns each; any two patterns share so much of their cells."""
    return ItemSpec(set="patterns", count=8, options={"overlap": overlap}, lists={"A": {"size": 4}, "B": {"size": 4}})


def list_a_alone(overlap: float) -> Protocol:
    """A day and a night of list A: how strongly a model learns."""
    schedule = [wake("A", exposures=3, order="shuffled"), NIGHT]
    return Protocol(name="list-a-alone", items=two_lists(overlap), schedule=schedule, record=SNAPSHOTS)


def overwriting(overlap: float, blocks: int = 6, exposures: int = 10) -> Protocol:
    """After a night with A the hippocampus is lesioned, and B is presented to the cortex again and again."""
    return Protocol(
        name="overwriting",
        about="List A and a night; then, without a hippocampus that could replay A, list B in blocks of exposures.",
        items=two_lists(overlap),
        schedule=[
            wake("A", exposures=3, order="shuffled"),
            NIGHT,
            lesion("hippocampus"),
            probe("A", kind="cued", cue=HALF, label="before B"),
            repeat(
                blocks,
                [
                    wake("B", exposures=exposures, order="shuffled"),
                    probe("A", kind="cued", cue=HALF),
                    probe("B", kind="cued", cue=HALF),
                ],
                label="block",
            ),
        ],
        record=SNAPSHOTS,
    )


def interference() -> Protocol:
    """The library's list A, then list B, with the weights."""
    return load("list-a-list-b").model_copy(update={"record": SNAPSHOTS})


def ordered_list() -> Protocol:
    """Systems consolidation with the items learned in the same order each round."""
    return Protocol(
        name="ordered-list",
        about="Eight items learned one after another, three times in the same order, then three nights.",
        items=ItemSpec(set="patterns", count=8),
        schedule=[wake("all", exposures=3), repeat(3, [NIGHT, probe("all", kind="cued", cue=HALF)], label="night")],
    )


def rem_alone() -> Protocol:
    """A night, then two hours of nothing but REM: four times that of one cycle, what a night has."""
    return Protocol(
        name="rem-alone",
        about="Eight items and a night, then a sleep of REM alone, with the weights around both.",
        items=ItemSpec(set="patterns", count=8),
        schedule=[wake("all", exposures=3, order="shuffled"), NIGHT, sleep(stages=[{"rem": "120 min"}])],
        record=SNAPSHOTS,
    )


RESTS = (1, 1, 2, 4, 8, 16)
"""Days between probes: tested after 1, 2, 4, 8, 16 and 32 days."""


def long_rests() -> Protocol:
    """Rests of days to weeks. A probe teaches nothing, so one subject is tested at all of them."""
    tested = {"kind": "cued", "cue": HALF, "lesions": BOTH}
    schedule = [wake("all", exposures=3, order="shuffled"), probe("all", **tested, label="0")]
    for day, days in zip((1, 2, 4, 8, 16, 32), RESTS, strict=True):
        schedule += [rest(f"{days} d"), probe("all", **tested, label=str(day))]
    return Protocol(name="long-rests", items=ItemSpec(set="patterns", count=8), schedule=schedule)
