"""Specs of the baselines: what they keep, what they refuse, and that they survive JSON."""

import numpy as np
import pytest

from engram.data.items import ImagePart, Pool
from engram.models.by_kind import read_kind
from engram.models.deep import EWC, SIESTA, DarkExperienceReplay, ICaRL, SleepReplay
from engram.models.deep.learner import DeepLearner
from engram.protocols import ItemSpec, Protocol, probe, wake


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


def test_a_store_of_images_cannot_be_rehearsed_as_features():
    with pytest.raises(ValueError, match='rehearses feature maps, and a store of kind "jpeg" gives images'):
        SIESTA(store="jpeg")


@pytest.mark.parametrize(
    ("settings", "message"),
    [({"layer": "blok2"}, 'Did you mean "block2"'), ({"backbone": "mlp"}, "kind mlp cannot be split")],
)
def test_a_layer_that_is_not_there_is_refused_before_the_run(settings, message):
    rng = np.random.default_rng(0)
    part = ImagePart(rng.integers(0, 255, (4, 8, 8), dtype=np.uint8), np.array([0, 0, 1, 1]))
    protocol = Protocol(name="two", items=ItemSpec(set="digits", count=2), schedule=[wake("all"), probe("all")])
    with pytest.raises(ValueError, match=message):
        SIESTA(**settings).check(protocol, Pool("two", ("a", "b"), part, part, "made here"))


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
    assert (model.backbone.kind, model.split_layer) == ("resnet", "layer3")
