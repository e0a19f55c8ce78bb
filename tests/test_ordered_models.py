"""Specs of models with order: fields, JSON, what they refuse."""

from __future__ import annotations

import pytest

from engram.data.patterns import Patterns
from engram.models import Fixed, Uniform
from engram.models.ordered import SIMPLE, PositionalNetwork, PrimacyModel, presets
from engram.protocols import ItemSpec, Protocol, load, probe, wake

MODELS = [PositionalNetwork(flexibility=Fixed(0.4), kappa=0.2), SIMPLE(threshold=0.6), PrimacyModel(decay=0.1)]
POOL = Patterns(cells=60, active=6, classes=8).pool()


def recall_of(**how) -> Protocol:
    schedule = [wake("all"), probe("all", kind="recall", **how)]
    return Protocol(name="short", items=ItemSpec(set="patterns", count=3), schedule=schedule)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.kind)
def test_a_spec_survives_json(model):
    spec = model.spec()
    assert type(model)(**spec) == model
    assert spec["kind"] == model.kind


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.kind)
def test_the_measure_is_recall_and_nobody_recalls_by_chance(model):
    assert (model.measure, model.chance(8), model.backend) == ("proportion recalled", 0.0, "ordered")
    assert {"recall", "order", "time"} <= model.abilities


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.kind)
def test_recognition_is_refused_with_its_place(model):
    protocol = Protocol(name="look", items=ItemSpec(set="patterns", count=3), schedule=[wake("all"), probe("all")])
    with pytest.raises(ValueError, match=r'"look" tests by recognition \(schedule\[1\]\.probe\)'):
        model.check(protocol, POOL)


def test_the_primacy_model_refuses_free_recall_and_the_others_do_not():
    with pytest.raises(ValueError, match="says nothing of recall in any order"):
        PrimacyModel().check(recall_of(scoring="free"), POOL)
    for model in MODELS[:2]:
        model.check(recall_of(scoring="free"), POOL)


def test_only_the_network_learns_pairs_and_from_recall():
    for name in ("ab-ac", "ab-dc"):
        PositionalNetwork().check(load(name), POOL)
        with pytest.raises(ValueError, match='"pairs"'):
            SIMPLE().check(load(name), POOL)
    PositionalNetwork().check(recall_of(scoring="strict", learn=True), POOL)
    with pytest.raises(ValueError, match='"learning-recall"'):
        PrimacyModel().check(recall_of(scoring="strict", learn=True), POOL)


def test_sleep_and_lesions_are_refused():
    for name in ("sleep-vs-wake", "systems-consolidation"):
        with pytest.raises(ValueError, match="needs what the model PositionalNetwork lacks"):
            PositionalNetwork().check(load(name), POOL)


@pytest.mark.parametrize(
    ("field", "value"),
    [("noise", -0.1), ("similarity", 1.5), ("context_size", 46), ("drift", 0), ("kappa", float("nan")), ("spread", -1)],
)
def test_impossible_parameters_are_refused(field, value):
    with pytest.raises(ValueError, match=field):
        PositionalNetwork(**{field: value})


def test_presets_differ_in_flexibility_alone():
    mixed, flexible, stable = presets.positional(), presets.positional_flexible(), presets.positional_stable()
    assert (mixed.flexibility, flexible.flexibility, stable.flexibility) == (Uniform(), Fixed(1.0), Fixed(0.3))
    assert mixed == flexible.model_copy(update={"flexibility": Uniform()})
    assert mixed == stable.model_copy(update={"flexibility": Uniform()})
    assert presets.positional(noise=0.1).noise == 0.1
