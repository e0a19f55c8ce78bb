"""The registered circuits take the parameters that a scientist would set by name."""

import pytest

from engram.models import model
from engram.models.spiking import CircuitModel, two_stage
from engram.settings import models_from

VARIANTS = ("two-stage", "two-stage-flexible", "two-stage-fixed-rate", "two-stage-noiseless", "two-stage-shuffled")


def test_the_defaults_are_those_of_the_builders():
    assert model("two-stage").spec() == CircuitModel(circuit=two_stage()).spec()


def test_parameters_reach_the_circuit_from_the_command_line():
    settings = [
        "two-stage.sensitivity=5",
        "two-stage.flexibility.kind=beta",
        "two-stage.flexibility.a=2",
        "two-stage.flexibility.b=3",
        "two-stage.refresh=item",
        "two-stage.cells=400",
        "two-stage.hippocampal_cells=200",
        "two-stage.separation=90",
        "two-stage.procedure.time_scale=720",
    ]
    made = models_from("two-stage", settings)["two-stage"]
    gate = made.circuit.projection("C-C").rule.stability
    assert (gate.sensitivity, gate.flexibility.a, gate.flexibility.b, gate.refresh) == (5.0, 2.0, 3.0, "item")
    sizes = {p.name: p.size for p in made.circuit.populations}
    assert (sizes["C"], sizes["H"], sizes["DG"]) == (400, 200, 90)
    assert made.procedure.time_scale == 720


@pytest.mark.parametrize("name", VARIANTS)
def test_every_variant_takes_sizes_and_a_procedure(name):
    made = model(name, cells=300, procedure={"cues_per_item": 2})
    assert (made.cells, made.procedure.cues_per_item) == (300, 2)


def test_the_control_shuffles_whatever_leads_from_the_hippocampus_to_the_cortex():
    assert model("two-stage-shuffled", areas=2, output=50).procedure.shuffled == ("O-C2",)


@pytest.mark.parametrize(
    ("name", "settings", "message"),
    [
        ("two-stage", {"sensitivty": 5}, 'sensitivty: the two-stage model has no such .* Did you mean "sensitivity"'),
        ("two-stage", {"sensitivity": -5}, "sensitivity: found -5; should be greater than 0"),
        ("two-stage", {"flexibility": "unifrom"}, 'Did you mean "uniform"'),
        ("two-stage", {"cells": 40}, 'projection "C-H": an in-degree of 75 needs as many source cells'),
        ("two-stage", {"circuit": two_stage(), "cells": 400}, "cells: a circuit is given as a whole"),
        ("two-stage-fixed-rate", {"sensitivity": 5}, "sensitivity: the two-stage model has no such parameter"),
        ("two-stage-flexible", {"flexibility": "rising"}, "flexibility: the two-stage model has no such parameter"),
        ("two-stage-shuffled", {"procedure": 3}, "procedure: found 3"),
    ],
)
def test_impossible_parameters_are_refused_in_words(name, settings, message):
    with pytest.raises(ValueError, match=message):
        model(name, **settings)
