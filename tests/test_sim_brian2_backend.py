"""Circuits taken through protocols by the engine: what is recorded, and the bits of resumed runs."""

import os
import re
import signal
from pathlib import Path

import numpy as np
import pytest

import engram as eg
from engram.data.patterns import Patterns
from engram.data.recording import open_recording
from engram.models.spiking import (
    LIF,
    AllToAll,
    BrainState,
    Circuit,
    DownScaling,
    IncomingCap,
    InDegree,
    MixedStability,
    Population,
    Probability,
    Projection,
    Static,
    TraceRule,
)
from engram.models.spiking.circuit_model import CircuitModel
from engram.protocols import Protocol, unroll
from engram.sim import resume
from engram.sim.brian2_backend import Brian2Simulator
from engram.sim.progress import Reporter
from engram.sim.session import Settings

CELLS, ACTIVE, SEED = 40, 8, 5
EXCITATORY = LIF(mu=0.3, sigma=0.2, b=0.05)
INHIBITORY = LIF(mu=0.2, sigma=0.2, tau_m="10 ms", tau_e="3 ms", refractory="2 ms", tau_a=None, tau_x=None)
LEARNING = {"C-C": 1.0, "C-H": 1.0, "H-H": 1.0}


def tiny_circuit():
    within = TraceRule(
        eta=0.01,
        initial=0.02,
        maximum=0.6,
        pre_threshold=0.2,
        post_threshold=0.0,
        stability=MixedStability(refresh="item"),
        mechanisms=(DownScaling("1 Hz"),),
    )
    recurrent = TraceRule(eta=0.1, maximum=0.5, pre_threshold=0.3, post_threshold=0.3, mechanisms=(IncomingCap(1.0),))
    bursting = {"H": {"mu": 0.8}}
    return Circuit(
        [
            Population("C", CELLS, EXCITATORY, "cortex", 0.6),
            Population("H", 20, EXCITATORY, "hippocampus"),
            Population("I", 10, INHIBITORY, "cortex"),
        ],
        [
            Projection("C", "C", within, Probability(0.5)),
            Projection("C", "H", TraceRule(eta=0.1, initial=0.5, post_threshold=0.2), InDegree(10), delay="2 ms"),
            Projection("H", "H", recurrent, AllToAll()),
            Projection("C", "I", Static(0.3), AllToAll()),
            Projection("I", "C", Static(0.1), AllToAll(), receptor="inhibitory"),
        ],
        [
            BrainState("wake", rates=LEARNING),
            BrainState("probe", cells={"C": {"mu": 0.9}}),  # cells that were not cued fire as well
            BrainState("reset", cells={"C": {"mu": -5.0}, "H": {"mu": -5.0}}),
            BrainState("nrem", {"C-H": 0.0}, {"C-C": 1.0}, bursting),
            BrainState("reactivation", {}, {"C-C": 1.0}, bursting),
            BrainState("rem"),
            BrainState("rest", {"H-H": 0.0}),
            BrainState("quiet-replay", {"C-H": 0.0}, {"C-C": 0.3}, bursting),
        ],
    )


PROCEDURE = {
    "time_scale": 36_000,
    "exposure": "100 ms",
    "gap": "20 ms",
    "cue": "50 ms",
    "cue_gap": "10 ms",
    "reset": "20 ms",
    "piece": "100 ms",
    "reactivation_every": "60 ms",
    "reactivation_cue": "10 ms",
    "target": "numpy",
}
TEXT = f"""
name: tiny
items: {{set: patterns, count: 3, options: {{cells: {CELLS}, active: {ACTIVE}, classes: 6}}}}
record: {{weights: snapshots, every: phase, rates: 70 ms, states: {{of: [C.v, H.x], every: 10 ms, cells: 2}}}}
schedule:
  - wake: {{present: all, exposures: 2}}
  - probe: {{of: all, lesions: [none, hippocampus]}}
  - sleep: {{stages: [{{nrem: 2 h}}, {{rem: 1 h}}], cue: [1]}}
    label: night
  - rest: {{duration: 2 h, replay: true}}
  - lesion: H
  - wake: [2]
  - lesion: none
  - probe: {{of: [0, 2], kind: cued, cue: {{fraction: 0.25, noise: 0.5}}}}
"""
# Presentations; 200 ms of NREM in pieces of 60 ms, since an item is cued, and 100 ms of REM; 200 ms of rest; one more
PIECES = [6, 4 + 1, 2, 1]


@pytest.fixture(scope="module")
def model():
    return CircuitModel(circuit=tiny_circuit(), procedure=PROCEDURE)


def run(model, path, **options):
    return eg.run(Protocol.from_yaml(TEXT), {"tiny": model}, **{"subjects": 1, "seed": SEED, "out": path, **options})


@pytest.fixture(scope="module")
def whole(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("whole") / "whole.h5"
    run(model, path, subjects=2)
    return path


def test_the_recording_of_a_circuit_holds_what_it_is_and_what_it_did(whole):
    recording = open_recording(whole)
    assert recording.status == "complete"
    assert recording.measure("tiny") == "auc"
    assert recording.time_scale("tiny") == 36_000
    assert recording.populations("tiny") == {"C": CELLS, "H": 20, "I": 10}
    assert recording.models["tiny"].chance == 0.5
    performance = recording.performance().sel(model="tiny").values
    assert performance.shape == (2, 3, 3)
    assert np.isnan(performance[:, 2]).tolist() == [[False, True, False]] * 2
    assert np.nanmin(performance) >= 0
    assert np.nanmax(performance) <= 1
    assert len(np.unique(performance[np.isfinite(performance)])) > 5
    responses = recording.responses("tiny").values[0]
    answers = responses[np.isfinite(performance)].sum(axis=1)
    assert set(answers) <= {0, 1}  # none where two items match equally well
    assert answers.mean() > 0.5


def test_segments_tile_the_simulated_time(whole):
    recording = open_recording(whole)
    segments = recording.segments("tiny", 0)
    start, stop = segments["start"].values, segments["stop"].values
    assert start[0] == 0
    assert np.allclose(start[1:], stop[:-1])
    length = (segments["stop"] - segments["start"]).groupby(segments["phase"]).sum()
    probe = 0.02 + 0.05 + 0.01
    expected = {0: 6 * 0.12, 1: 3 * probe, 2: 3 * probe, 3: 0.3, 4: 0.2, 6: 0.12, 8: 2 * probe}
    assert length.to_dict() == pytest.approx(expected)
    assert set(segments.loc[segments["phase"] == 3, "stage"]) == {"cue", "nrem", "rem"}
    assert set(segments.loc[segments["phase"] == 3, "kind"]) == {"sleep"}


def test_lesioned_populations_are_silent_for_as_long_as_the_lesion(whole):
    recording = open_recording(whole)
    segments = recording.segments("tiny", 1)
    times, _ = recording.spikes("tiny", 1, "H")
    assert len(times) > 0
    lesioned = segments[segments["lesion"] != "none"]
    assert sorted(set(lesioned["phase"])) == [2, 6]
    for start, stop in zip(lesioned["start"], lesioned["stop"], strict=True):
        assert not ((times > start + 1e-9) & (times < stop - 1e-9)).any()


def test_members_of_an_item_fire_more_while_it_is_presented(whole):
    recording = open_recording(whole)
    assemblies = recording.assemblies("tiny", 0, "C")
    assert assemblies.sum(axis=1).tolist() == [ACTIVE] * 3
    segments = recording.segments("tiny", 0)
    times, cells = recording.spikes("tiny", 0, "C")
    shown = segments[segments["stage"] == "exposure"]
    assert len(shown) == 7
    for item, start, stop in zip(shown["item"], shown["start"], shown["stop"], strict=True):
        counts = np.bincount(cells[(times >= start) & (times < stop)], minlength=CELLS)
        members = assemblies[item - 1]
        assert counts[members].mean() > 2 * counts[~members].mean()


def test_rates_are_those_of_the_spikes(whole):
    recording = open_recording(whole)
    rates, (times, _) = recording.rates("tiny", 0), recording.spikes("tiny", 0, "C")
    edges = 0.07 * np.arange(len(rates) + 1) - 1e-7
    assert np.allclose(rates["C"], np.histogram(times, edges)[0] / (0.07 * CELLS), rtol=1e-6)


def test_states_are_recorded_as_often_as_asked_through_probes_and_all(whole):
    recording = open_recording(whole)
    time, values, cells = recording.states("tiny", 0, "H.x")
    stop = recording.segments("tiny", 0)["stop"].max()
    assert cells.tolist() == [0, 1]
    assert values.shape == (len(time), 2)
    assert len(time) == round(stop / 0.01)
    assert (np.diff(time) > 0).all()


def test_synapses_and_snapshots_are_lists_of_the_plastic_projections(whole, model):
    recording = open_recording(whole)
    circuit = model.circuit
    for name in circuit.plastic():
        synapses = recording.synapses("tiny", 0, name)
        assert len(synapses) == circuit.synapses(circuit.projection(name))
    assert (recording.synapses("tiny", 0, "C-C")["initial"] == np.float32(0.02)).all()
    assert recording.synapses("tiny", 0, "C-C")["flexibility"].between(0, 1).all()
    stages = recording.stages("tiny", 0)
    assert stages["stage"].tolist() == ["nrem"] * 3 + ["rem"] * 3
    down = stages[(stages["stage"] == "rem") & (stages["projection"] == "C-C")]
    assert (down["after"] < down["before"]).all()


def spikes_of_a_sleep(model, path, between):
    """Milliseconds after its beginning, and cells, of the spikes of the hippocampus in a sleep."""
    head, _, schedule = TEXT.partition("schedule:\n")
    wake = schedule.split("\n")[0]
    text = f"{head}schedule:\n{wake}\n{between}\n  - sleep: 5 h\n"
    recording = eg.run(Protocol.from_yaml(text), {"tiny": model}, subjects=1, seed=SEED, out=path)
    segments = recording.segments("tiny", 0)
    start = segments.loc[segments["stage"] == "nrem", "start"].iloc[0]
    times, cells = recording.spikes("tiny", 0, "H")
    slept = times > start - 1e-9
    return np.round((times[slept] - start) * 1e3), cells[slept]


def test_a_probe_leaves_the_rest_of_the_run_as_it_would_be_without_it(model, tmp_path):
    probed = spikes_of_a_sleep(model, tmp_path / "probed.h5", "  - probe: all")
    spared = spikes_of_a_sleep(model, tmp_path / "spared.h5", "  - rest: 0 s")
    assert len(probed[0]) > 20
    assert np.array_equal(probed[0], spared[0])
    assert np.array_equal(probed[1], spared[1])


class Interrupting(Reporter):
    def __init__(self, at):
        self.left = at

    def work(self, model, phase, doing, *rest, **more):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGINT)


@pytest.fixture(scope="module")
def alone(model, tmp_path_factory):
    path = tmp_path_factory.mktemp("alone") / "alone.h5"
    run(model, path)
    return path


@pytest.mark.parametrize("at", [3, 8, 12])  # awake, in NREM between two cues, at rest
def test_an_interrupted_subject_resumes_to_the_same_bits(model, alone, tmp_path, contents, at):
    with pytest.raises(KeyboardInterrupt):
        run(model, tmp_path / "x.h5", reporter=Interrupting(at))
    resume(tmp_path / "x.h5")
    assert contents(tmp_path / "x.h5") == contents(alone)


@pytest.mark.slow
def test_subjects_in_processes_of_their_own_have_the_same_bits(model, whole, tmp_path, contents):
    run(model, tmp_path / "x.h5", subjects=2, workers=2)
    assert contents(tmp_path / "x.h5") == contents(whole)


def test_progress_counts_the_pieces_of_every_phase(model):
    protocol = Protocol.from_yaml(TEXT)
    pool = Patterns(**protocol.items.options).pool()
    simulator = Brian2Simulator(model, pool, 3, Settings(record=protocol.record))
    steps = [step for step in unroll(protocol).steps if step.kind in ("wake", "sleep", "rest")]
    found = [simulator.points(step, presentations) for step, presentations in zip(steps, [6, 0, 0, 1], strict=True)]
    assert found == PIECES


def test_other_models_and_devices_are_refused(model):
    pool = Patterns(cells=CELLS, active=ACTIVE, classes=6).pool()
    with pytest.raises(ValueError, match='on the cpu; found device "cuda"'):
        Brian2Simulator(model, pool, 3, Settings(device="cuda"))
    with pytest.raises(ValueError, match="simulates CircuitModel; found MetaplasticNetwork"):
        Brian2Simulator(eg.MetaplasticNetwork(), pool, 3, Settings())


def test_the_code_of_the_page_on_circuits_runs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parent.parent / "docs/circuits.md").read_text(encoding="utf-8")
    names = {}
    for block in re.findall(r"^```python\n(.*?)^```$", page, re.S | re.M):
        exec(block, names)
    performance, driven, share = capsys.readouterr().out.strip().split("\n")
    assert performance.startswith("[[[")
    rate, gained = (float(number) for number in driven.split())
    assert rate > 10
    assert gained > 0
    assert float(share) > 0.5


def told_of(path):
    return open_recording(path).subjects()[["status", "message"]].iloc[0].tolist()


def test_a_recording_says_what_its_subject_was_warned_of_also_after_it_was_resumed(tmp_path, contents):
    limited = CircuitModel(circuit=tiny_circuit(), procedure={**PROCEDURE, "rate_limits": {"C": "1 Hz"}})
    run(limited, tmp_path / "whole.h5")
    status, message = told_of(tmp_path / "whole.h5")
    assert status == "complete"
    assert message.startswith("population C ran away in phase 0 (wake)")
    assert "; population C ran away in phase 1 (probe)" in message
    with pytest.raises(KeyboardInterrupt):
        run(limited, tmp_path / "x.h5", reporter=Interrupting(8))
    resume(tmp_path / "x.h5")
    assert contents(tmp_path / "x.h5") == contents(tmp_path / "whole.h5")


def test_a_recording_says_why_its_subject_was_stopped(tmp_path):
    procedure = {**PROCEDURE, "rate_limits": {"C": "1 Hz"}, "on_runaway": "stop"}
    run(CircuitModel(circuit=tiny_circuit(), procedure=procedure), tmp_path / "x.h5")
    status, message = told_of(tmp_path / "x.h5")
    assert status == "failed"
    assert re.match(r"population C ran away in phase 0 \(wake\): \d+ Hz in the mean over 0.12 s, limit 1 Hz", message)
