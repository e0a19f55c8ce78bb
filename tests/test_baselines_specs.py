"""Specs of the baselines: what they keep, what they refuse, and that they survive JSON."""

import pytest

from engram.models.by_kind import read_kind
from engram.models.deep import EWC, SIESTA, DarkExperienceReplay, ICaRL, SleepReplay
from engram.models.deep.learner import DeepLearner


@pytest.mark.parametrize("model", [EWC(), DarkExperienceReplay(), ICaRL(), SIESTA(), SleepReplay()])
def test_specs_survive_json(model):
    assert read_kind(DeepLearner, model.spec()) == model


@pytest.mark.parametrize(("model", "keep"), [(DarkExperienceReplay, "reservoir"), (ICaRL, "herding")])
def test_stores_keep_as_the_paper_does(model, keep):
    assert model().store.keep == keep
    assert model(store="jpeg").store.keep == keep
    assert model(store={"kind": "raw", "per_class": 3}).store.per_class == 3


def test_herding_may_be_left_for_chance():
    assert ICaRL(store={"kind": "raw", "keep": "random"}).store.keep == "random"


def test_a_store_that_cannot_take_batches_is_refused():
    with pytest.raises(ValueError, match='"herding" cannot be done batch by batch; this learner needs "reservoir"'):
        DarkExperienceReplay(store={"kind": "raw", "keep": "herding"})


def test_sleep_replay_needs_fully_connected_layers():
    with pytest.raises(ValueError, match='needs fully connected layers, "mlp"; found "small-conv-net"'):
        SleepReplay(backbone="small-conv-net")


@pytest.mark.parametrize(
    ("model", "field", "value"),
    [(EWC, "stiffness", -1), (DarkExperienceReplay, "alpha", float("nan")), (SleepReplay, "input_rate", 1.5)],
)
def test_impossible_values_are_refused(model, field, value):
    with pytest.raises(ValueError, match=field):
        model(**{field: value})


def test_the_paper_preset_of_siesta_splits_a_resnet():
    model = SIESTA(preset="paper")
    assert (model.backbone.kind, model.layer) == ("resnet", "layer3")
