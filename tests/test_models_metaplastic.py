"""The spec of the mixed-stability network, its presets, and the paper's sizes for one item."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

import engram as eg
from engram.data import DigitPairs
from engram.models import AlexNet, MetaplasticNetwork, Pixels, model, model_names, register_model
from engram.models.flexibility import Flexibility
from engram.models.registry import model_from_spec
from engram.protocols import ItemSpec, Protocol, load, probe, wake


def test_cho2024_has_the_papers_sizes_and_optimiser() -> None:
    network = MetaplasticNetwork(preset="cho2024")
    assert network.hidden == (4096, 4096)
    assert network.encoder == AlexNet(norm=875.0)
    assert (network.learning_rate, network.batch_size, network.epochs_per_exposure) == (1e-4, 1024, 5)
    assert network.sensitivity == 4e5
    assert network.gate_refresh == "item"
    assert network.nontarget


def test_cho2024_learns_one_item_at_full_width(tmp_path: Path) -> None:
    items = ItemSpec(count=4, train=60, test=20)
    protocol = Protocol(name="one-item", items=items, schedule=[probe("all"), wake([0]), probe("all")])
    network = MetaplasticNetwork(preset="cho2024", encoder=Pixels(norm=875.0))
    run = eg.run(protocol, {"cho2024": network}, subjects=1, seed=3, out=tmp_path / "one.h5")
    before, after = run.performance().isel(model=0, subject=0).values
    assert after[0] > 0.8 > before[0]
    weights = run.weights().set_index("projection")
    assert list(weights.index) == ["hidden1", "hidden2", "output"]
    assert (weights.mean_displacement > 0).all()
    assert (weights.mean_gate < 1).all()


def test_a_preset_is_overridden_by_what_is_given() -> None:
    network = MetaplasticNetwork(preset="cho2024", hidden=(8,), encoder="pixels")
    assert network.hidden == (8,)
    assert network.encoder == Pixels()
    assert network.batch_size == 1024


@pytest.mark.parametrize("name", ["conventional", "hybrid", "stable", "rising", "falling", "fixed-rate"])
def test_registered_networks_survive_json(name: str) -> None:
    assert name in model_names()
    assert model_from_spec(model(name).spec()) == model(name)


def test_networks_of_the_paper() -> None:
    assert model("conventional").flexibility == eg.Fixed(1.0)
    assert model("stable").flexibility == eg.Fixed(0.3)
    assert model("hybrid").flexibility == eg.Uniform(0.0, 1.0)
    assert model("rising").flexibility == eg.Rising(0.5)
    assert model("falling").flexibility == eg.Falling(0.5)
    assert model("fixed-rate").rule == "rate"


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"hiden": (8,)}, r'there is no such parameter. Did you mean "hidden"\?'),
        ({"hidden": (0,)}, r"hidden\.0: found 0; should be greater than or equal to 1"),
        ({"sensitivity": -1.0}, r"sensitivity: found -1\.0; should be greater than 0 or should be 'auto'"),
        ({"sensitivity": float("inf")}, "sensitivity: found inf"),
        ({"flexibility": "rasing"}, r'no flexibility is called "rasing".*Did you mean "rising"\?'),
        ({"flexibility": {"kind": "fixed"}}, r"flexibility\.value: is missing"),
        ({"encoder": "alexnett"}, r'no encoder is called "alexnett".*Did you mean "alexnet"\?'),
        ({"preset": "cho"}, "preset: found 'cho'; should be 'default' or 'cho2024'"),
        ({"batch_size": "many"}, "batch_size: found 'many'"),
    ],
)
def test_impossible_parameters_are_told_in_words(fields: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message) as told:
        MetaplasticNetwork(**fields)
    assert "pydantic" not in str(told.value)


def test_protocols_that_ask_for_more_are_refused() -> None:
    with pytest.raises(ValueError, match=r'needs what the model MetaplasticNetwork lacks: "recall".*"order"'):
        model("hybrid").check(load("hebb-and-fillers"), DigitPairs().pool())
    two = Protocol(name="two", items=ItemSpec(count=2), schedule=[wake("all"), probe("all")])
    with pytest.raises(ValueError, match="at least 3 items"):
        model("hybrid").check(two, DigitPairs().pool())
    model("hybrid", nontarget=False).check(two, DigitPairs().pool())


@dataclass(frozen=True)
class TwoKinds(Flexibility):
    """Half of the synapses frozen, half ordinary: a user's own distribution."""

    kind: str = "two-kinds"

    def sample(self, shape: tuple[int, ...], rng: np.random.Generator) -> np.ndarray:
        return rng.integers(0, 2, shape).astype(float)


def test_a_flexibility_of_ones_own_is_used_and_recorded(tmp_path: Path) -> None:
    protocol = Protocol(name="own", items=ItemSpec(count=3, train=6, test=3), schedule=[wake("all"), probe("all")])
    network = MetaplasticNetwork(flexibility=TwoKinds(), hidden=(8,))
    assert model_from_spec(network.spec()) == network
    run = eg.run(protocol, {"mine": network}, subjects=1, out=tmp_path / "own.h5")
    assert run.models["mine"].spec["flexibility"] == {"kind": "two-kinds"}
    assert run.weights().mean_gate.between(0.3, 0.7).all()


def test_registering_what_cannot_be_called_is_refused() -> None:
    with pytest.raises(TypeError, match="expected a Model class"):
        register_model("broken", 3)  # type: ignore[arg-type]
