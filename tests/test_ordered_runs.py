"""Models with order in whole runs: recordings, resuming, workers."""

from __future__ import annotations

import numpy as np
import pytest

from engram.models.ordered import SIMPLE, PositionalNetwork, PrimacyModel, presets
from engram.models.registry import model_from_spec, register_model
from engram.protocols import ItemSpec, Protocol, each, load, probe, repeat, rest, wake
from engram.sim import register_backend, resume, run
from engram.sim.ordered.simulator import OrderedSimulator
from engram.sim.progress import Reporter

register_backend("ordered", OrderedSimulator)
for name in ("positional", "simple", "primacy"):
    register_model(name, getattr(presets, name))

MODELS = {"positional": PositionalNetwork(), "simple": SIMPLE(), "primacy": PrimacyModel()}
STRICT = {"kind": "recall", "scoring": "strict"}
LISTS = Protocol(
    name="lists",
    items=ItemSpec(
        set="patterns", count=6, lists={"one": {"size": 4}, "other": {"permutes": "one"}, "two": {"size": 2}}
    ),
    schedule=[
        repeat(2, [each("list", [wake("current"), probe("current", **STRICT)], of=["one", "other"])], label="cycle"),
        rest("1 h"),
        probe("one", **STRICT),
        wake("two", exposures=2),
        probe("all", kind="recall"),
    ],
    record={"weights": "summary", "every": "phase"},
)


class Stopping(Reporter):
    def __init__(self, at):
        self.left = at

    def work(self, *_):
        self.left -= 1
        if self.left == 0:
            raise KeyboardInterrupt


def test_recalls_are_recorded_as_they_are_scored(tmp_path):
    recording = run(LISTS, MODELS, subjects=3, seed=100, out=tmp_path / "x.h5")
    for name in MODELS:
        recalls, studied = recording.recalls(name), recording.studied(name)
        strict = recalls[recalls["trial"] < 5]
        assert (strict.groupby(["subject", "trial"]).size() == 4).all()
        right = strict["error_type"] == "correct"
        assert (strict["response"] == strict["expected"])[right].all()
        performance = recording.performance().sel(model=name).values
        for trial in range(5):
            for subject in range(3):
                here = strict[(strict["trial"] == trial) & (strict["subject"] == subject)]
                share = (here["error_type"] == "correct").mean()
                assert np.nanmean(performance[subject, trial]) == pytest.approx(share)
        assert (studied.groupby(["subject", "trial"]).size() == [4] * 5 + [6] + ([4] * 5 + [6]) * 2).all()


def test_weights_and_sensitivities_are_recorded(tmp_path):
    recording = run(LISTS, {"positional": MODELS["positional"]}, subjects=2, seed=100, out=tmp_path / "x.h5")
    assert model_from_spec(recording.models["positional"].spec) == MODELS["positional"]
    assert (recording.subjects()["sensitivity"] > 0).all()
    weights = recording.weights()
    assert set(weights["projection"]) == {"association"}
    assert (weights["rms_displacement"] > 0).all()
    assert weights["mean_gate"].between(0, 1, inclusive="neither").all()


@pytest.mark.parametrize("name", MODELS)
def test_a_run_stopped_again_and_again_ends_in_the_same_bits(name, tmp_path, contents):
    options = {"subjects": 3, "seed": 100, "chunk": 2}
    whole = contents(run(LISTS, {name: MODELS[name]}, out=tmp_path / "whole.h5", **options).path)
    path = tmp_path / "stopped.h5"
    with pytest.raises(KeyboardInterrupt):
        run(LISTS, {name: MODELS[name]}, out=path, checkpoint_every=0, reporter=Stopping(1), **options)
    for _ in range(20):
        try:
            resume(path, checkpoint_every=0, reporter=Stopping(2))
            break
        except KeyboardInterrupt:
            continue
    assert contents(path) == whole


def test_a_subject_recalls_the_same_in_any_chunk(tmp_path):
    tables = [
        run(LISTS, MODELS, subjects=3, seed=100, chunk=chunk, out=tmp_path / f"{chunk}.h5").recalls("positional")
        for chunk in (1, 3)
    ]
    assert tables[0].equals(tables[1])


@pytest.mark.parametrize("name", ["serial-recall", "hebb-and-fillers"])
def test_protocols_of_the_library_run_with_every_model(name, tmp_path):
    recording = run(load(name), MODELS, subjects=2, seed=100, out=tmp_path / "x.h5")
    for model in MODELS:
        performance = recording.performance().sel(model=model)
        assert 0 < float(performance.mean()) <= 1


@pytest.mark.parametrize("name", ["forgetting", "free-recall-12", "spacing", "ab-ac", "ab-dc"])
def test_protocols_of_the_library_run_with_the_network(name, tmp_path):
    recording = run(load(name), {"positional": MODELS["positional"]}, subjects=2, seed=100, out=tmp_path / "x.h5")
    assert 0 < float(recording.performance().mean()) <= 1
