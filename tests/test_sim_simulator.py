"""Backends by name."""

from types import SimpleNamespace
from typing import ClassVar, Literal

import pytest

from engram.data import item_set
from engram.models import MetaplasticNetwork
from engram.models.base import Model
from engram.sim import Session, Settings, register_backend
from engram.sim.simulator import prepare
from engram.sim.torch_backend import TorchSimulator


class Plain(Model):
    kind: Literal["plain"] = "plain"
    backend: ClassVar[str] = "plain"


class PlainSession(Session):
    def probe(self, step, asked):
        raise NotImplementedError

    def state(self):
        return {}

    def load_state(self, state):
        pass


@pytest.fixture
def pool():
    return item_set("digit-pairs").pool(None)


def test_the_torch_backend_is_found_by_its_entry_point(pool):
    simulator = prepare(MetaplasticNetwork(hidden=(8,)), pool, 3, Settings())
    assert isinstance(simulator, TorchSimulator)
    pixels = simulator.features.train.shape[1]
    assert simulator.projections == {"hidden1": (pixels, 8), "output": (8, 3)}


def test_a_session_class_is_a_backend(pool):
    register_backend("plain", PlainSession)
    simulator = prepare(Plain(), pool, 3, Settings(threads=2))
    session = simulator.session("subjects")
    assert (session.model, session.subjects, session.settings) == (Plain(), "subjects", Settings(threads=2))
    assert (dict(simulator.projections), simulator.points(None, 7)) == ({}, 7)


def test_phases_that_a_session_does_not_have_are_told(pool):
    register_backend("plain", PlainSession)
    session = prepare(Plain(), pool, 3, Settings()).session("subjects")
    for phase in ("wake", "sleep", "rest", "lesion"):
        with pytest.raises(ValueError, match=f"PlainSession has no {phase}; its model's check should have refused"):
            getattr(session, phase)(SimpleNamespace(lesion="hippocampus"))
    assert list(session.lesion(SimpleNamespace(lesion="none"))) == []  # lifting what was never there
    with pytest.raises(ValueError, match="PlainSession has no weight snapshots"):
        session.weight_snapshot("output")
    assert (session.weight_summaries(), session.sensitivities()) == ({}, None)


def test_an_unknown_backend_is_told_with_the_nearest_word(pool):
    class Lost(Plain):
        backend: ClassVar[str] = "troch"

    with pytest.raises(
        ValueError, match=r'Lost asks for the backend "troch"; known backends: .*torch.* Did you mean "torch"\?'
    ):
        prepare(Lost(), pool, 3, Settings())


def test_what_is_no_backend_is_not_registered():
    with pytest.raises(
        TypeError, match="backend 'x': expected a subclass of Simulator or Session; found <class 'int'>"
    ):
        register_backend("x", int)


def test_the_torch_backend_simulates_networks_only(pool):
    with pytest.raises(ValueError, match="the torch backend simulates MetaplasticNetwork; found Plain"):
        TorchSimulator(Plain(), pool, 3, Settings())


def test_memory_that_is_not_there_is_told_in_words(pool, monkeypatch):
    simulator = prepare(MetaplasticNetwork(hidden=(8,)), pool, 3, Settings())

    def full(*_):
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 99 bytes.")

    monkeypatch.setattr("engram.sim.torch_backend.MetaplasticSession", full)
    with pytest.raises(
        MemoryError, match=r"5 subjects together need about 0.0 GiB, more than there is; give a smaller chunk"
    ):
        simulator.session(range(5))
