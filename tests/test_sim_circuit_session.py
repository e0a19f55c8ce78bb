"""A session of a circuit, on a scripted network whose spikes are known beforehand."""

import numpy as np
import pytest

from engram.data.items import draw_items
from engram.data.patterns import Patterns
from engram.data.seeds import child_rng
from engram.models.spiking import (
    LIF,
    AllToAll,
    BrainState,
    Circuit,
    MixedStability,
    OneToOne,
    Population,
    Projection,
    Static,
    TraceRule,
)
from engram.models.spiking.circuit_model import CircuitModel
from engram.models.spiking.encoding import ImageCode
from engram.protocols import Protocol, RecordSpec, unroll
from engram.sim.circuit_session import CircuitSession
from engram.sim.session import Settings, Subjects

CELLS, ACTIVE = 20, 4
STATES = ("wake", "probe", "reset", "nrem", "rem", "reactivation", "rest", "quiet-replay")


def circuit(**rule):
    cortex = Population("C", CELLS, LIF(), "cortex", 0.6)
    return Circuit(
        [cortex, Population("H", 10, LIF(), "hippocampus")],
        [
            Projection(
                "C", "C", TraceRule(initial=0.1, post_threshold=0.2, stability=MixedStability(), **rule), OneToOne()
            ),
            Projection("C", "H", Static(0.5), AllToAll()),
            Projection("H", "H", TraceRule(initial=0.0, post_threshold=0.2), AllToAll()),
        ],
        [BrainState(name) for name in STATES],
    )


class ScriptedNetwork:
    """Driven cells fire every ten milliseconds, one other cell of C and one of H never more than once.

    Awake, weights of C-C grow by .01 in each run; in REM they shrink by a tenth. All of it is multiplied by a random
    number near 1, so that runs with other seeds, or in another order, are not alike.
    """

    target, notice = "cython", ""

    def __init__(self, circuit):
        self.circuit, self.time, self.time_scale = circuit, 0.0, 1.0
        self.w = {name: np.full(circuit.synapses(circuit.projection(name)), 0.1) for name in circuit.plastic()}
        self.fired = {p.name: np.zeros(p.size, dtype=np.int64) for p in circuit.populations}
        self.taken = {}
        self.log = []
        self.rate = {}  # Hz of whole populations, to make them run away
        self.mute = False

    def set_state(self, name):
        self.state_name = self.circuit.state(name).name

    def silence(self, parts):
        self.silenced = list(parts)

    def drive(self, population, rates):
        assert population == "C"
        self.rates = rates.copy()

    def watch(self, population, variable, cells, every):
        self.watched = population, variable, cells, every

    def take_states(self):
        return {"C.v": (np.array([self.time]), np.arange(3.0)[None])}

    def run(self, seconds, seed):
        self.log.append((self.state_name, round(seconds, 6), self.silenced, np.flatnonzero(self.rates).tolist()))
        noise = np.random.default_rng(seed)
        start, self.time = self.time, self.time + seconds
        for name, counts in self.fired.items():
            counts[:] = round(self.rate.get(name, 0) * seconds)
        if not self.mute:
            self.fired["C"][self.rates > 0] += round(100 * seconds)
            self.fired["C"][0] += 1
            self.fired["H"][0] += 1
        for name, counts in self.fired.items():
            cells = np.repeat(np.arange(len(counts)), counts).astype(np.int32)
            times = np.sort(start + seconds * noise.random(len(cells)))
            old_times, old_cells = self.taken.get(name, (np.zeros(0), np.zeros(0, np.int32)))
            self.taken[name] = np.concatenate([old_times, times]), np.concatenate([old_cells, cells])
        change = {"wake": lambda w: w + 0.01, "rem": lambda w: 0.9 * w, "probe": lambda w: w + 7}.get(self.state_name)
        if change:
            self.w["C-C"] = change(self.w["C-C"]) * noise.uniform(0.999, 1.001)

    def counts(self, population):
        return self.fired[population].copy()

    def take_spikes(self):
        taken, self.taken = self.taken, {}
        return taken

    def apply_caps(self):
        self.log.append("caps")

    def refresh_gates(self):
        self.log.append("gates")

    def weights(self, projection):
        return self.w[projection]

    def set_weights(self, projection, weights):
        self.w[projection] = weights.copy()

    def synapses(self, projection):
        count = len(self.w[projection])
        index = np.arange(count, dtype=np.int32)
        return index, index, np.full(count, 0.1), np.full(count, 0.5)

    def state(self):
        return {"time": np.array(self.time), **{name: w.copy() for name, w in self.w.items()}}

    def load_state(self, state):
        self.time = float(state["time"])
        self.w = {name: state[name].copy() for name in self.w}


def session(schedule, record=None, spec=None, options=None, items=3, **procedure):
    spec = spec or circuit()
    pool = Patterns(cells=CELLS, active=ACTIVE, classes=8, **(options or {})).pool()
    head = f"name: short\nitems: {{set: patterns, count: {items}}}\nschedule:\n"
    protocol = Protocol.from_yaml(head + schedule)
    model = CircuitModel(circuit=spec, procedure={"time_scale": 3600, **procedure})
    model.check(protocol, pool)
    timeline = unroll(protocol)
    subjects = Subjects(
        numbers=(4,),
        seed=7,
        pool=pool,
        draws=(draw_items(pool, items, None, None, child_rng(7, "subject", 4, "items")),),
        presentations=(timeline.presentations(child_rng(7, "subject", 4, "schedule")),),
        timeline=timeline,
    )
    made = CircuitSession(
        model,
        subjects,
        Settings(record=record or RecordSpec()),
        ImageCode(pool, CELLS, 0.2),
        ScriptedNetwork(spec),
    )
    return made, timeline.steps


def rows(session):
    """Everything drained, stream by stream."""
    return {stream: columns for _, stream, columns in session.drain()}


def members(session, slot):
    return np.flatnonzero(session.assemblies()[0]["C"][slot]).tolist()


def asked(count=3):
    return np.ones((1, count), dtype=bool)


# Wake -----------------------------------------------------------------------------------------------------------------


def test_a_presentation_is_an_exposure_and_a_gap_and_caps_follow_the_last():
    subject, steps = session("- wake: [2, 0]")
    done = list(subject.wake(steps[0]))
    assert [(p.doing, p.done, p.total, round(p.seconds, 9)) for p in done] == [
        ("item 3", 1, 2, 0.6),
        ("item 1", 2, 2, 0.6),
    ]
    assert subject._network.log == [
        *("gates", ("wake", 0.4, [], members(subject, 2)), ("wake", 0.2, [], [])),
        *("gates", ("wake", 0.4, [], members(subject, 0)), ("wake", 0.2, [], [])),
        "caps",
    ]
    segments = rows(subject)["segments"]
    assert segments["stage"].tolist() == ["exposure", "gap"] * 2
    assert segments["item"].tolist() == [2, -1, 0, -1]
    assert np.allclose(segments["start"], [0, 0.4, 0.6, 1.0])
    assert np.allclose(segments["stop"], [0.4, 0.6, 1.0, 1.2])
    assert segments["phase"].tolist() == [0] * 4


def test_every_exposure_shows_the_next_training_image_and_a_probe_the_prototype():
    options = {"noise": 0.25, "train_per_class": 3}
    subject, steps = session(
        "- wake: {present: [1], exposures: 2}\n- wake: {present: [1], exposures: 2}", None, None, options
    )
    for step in steps:
        list(subject.wake(step))
    shown = [entry[3] for entry in subject._network.log if entry[0] == "wake" and entry[3]]
    images = subject.subjects.pool.train.images[subject.subjects.draws[0].train[1]]
    assert shown == [np.flatnonzero(images[exposure]).tolist() for exposure in (0, 1, 2, 0)]
    assert members(subject, 1) not in shown


def test_rates_are_counted_in_bins_of_recorded_time():
    subject, steps = session("- wake: [0]", RecordSpec(rates="250 ms"))
    list(subject.wake(steps[0]))
    recorded = rows(subject)
    rates, times = recorded["rates"], recorded["spikes/C"]["timestamps"]
    assert rates["time"].tolist() == [0, 0.25]
    for start, rate in zip(rates["time"], rates["C"], strict=True):
        inside = ((times >= start) & (times < start + 0.25)).sum()
        assert rate == pytest.approx(inside / 0.25 / CELLS)
    assert len(times) == ACTIVE * 40 + 2


def test_without_spikes_nothing_of_them_is_streamed():
    subject, steps = session("- wake: [0]", RecordSpec(spikes="none"))
    list(subject.wake(steps[0]))
    assert set(rows(subject)) == {"segments"}


def test_states_are_watched_and_streamed():
    record = RecordSpec(states={"of": ["C.v"], "every": "5 ms", "cells": 3})
    subject, steps = session("- wake: [0]", record)
    name, variable, cells, every = subject._network.watched
    assert (name, variable, cells.tolist(), every) == ("C", "v", [0, 1, 2], 0.005)
    list(subject.wake(steps[0]))
    assert rows(subject)["states/C.v"]["values"].tolist() == [[0, 1, 2]] * 2


# Probes ---------------------------------------------------------------------------------------------------------------


def test_a_probe_cues_half_and_changes_nothing():
    subject, steps = session("- wake: [0]\n- probe: all")
    list(subject.wake(steps[0]))
    before, log = subject._network.state(), len(subject._network.log)
    subject.drain()
    responses = subject.probe(steps[1], asked())
    after = subject._network.state()
    assert before.keys() == after.keys()
    assert all(np.array_equal(before[name], after[name]) for name in before)
    cues = [entry for entry in subject._network.log[log:] if entry[3]]
    assert len(cues) == 3
    for slot, (state, seconds, _, cells) in enumerate(cues):
        assert (state, seconds, len(cells)) == ("probe", 0.18, ACTIVE // 2)
        assert set(cells) <= set(members(subject, slot))
    # Uncued, only cell 0 fires, once: it is above all others of its side, and level with none.
    for slot in range(3):
        inside = set(members(subject, slot)) - set(cues[slot][3])
        outside = set(range(CELLS)) - set(members(subject, slot))
        if 0 in cues[slot][3]:
            expected = 0.5
        elif 0 in inside:
            expected = 0.5 + 0.5 / len(inside)
        else:
            expected = 0.5 - 0.5 / len(outside)
        assert responses.performance[0, slot] == pytest.approx(expected)


def test_recorded_time_goes_on_through_probes():
    subject, steps = session("- wake: [0]\n- probe: [1]\n- wake: [0]")
    for step in steps[:1]:
        list(subject.wake(step))
    subject.probe(steps[1], np.array([[False, True, False]]))
    list(subject.wake(steps[2]))
    recorded = rows(subject)
    segments = recorded["segments"]
    assert segments["stage"].tolist() == ["exposure", "gap", "reset", "cue", "gap", "exposure", "gap"]
    assert np.allclose(segments["start"][1:], segments["stop"][:-1])
    assert segments["stop"][-1] == pytest.approx(2 * 0.6 + 0.08 + 0.18 + 0.17)
    times = recorded["spikes/C"]["timestamps"]
    within = [((times >= a) & (times < b)).any() for a, b in zip(segments["start"], segments["stop"], strict=True)]
    assert all(within)


def test_two_lesions_of_a_probe_meet_the_same_state_and_the_same_cues():
    subject, steps = session("- wake: [0]\n- probe: {of: all, lesions: [none, H]}")
    list(subject.wake(steps[0]))
    log = []
    for step in steps[1:]:
        first = len(subject._network.log)
        subject.probe(step, asked())
        log.append(subject._network.log[first:])
    assert [entry[3] for entry in log[0]] == [entry[3] for entry in log[1]]
    assert {tuple(entry[2]) for entry in log[0]} == {()}
    assert {tuple(entry[2]) for entry in log[1]} == {("H",)}


def test_only_what_is_asked_is_probed():
    subject, steps = session("- wake: [0]\n- probe: [1]")
    responses = subject.probe(steps[1], np.array([[False, True, False]]))
    assert np.isnan(responses.performance).tolist() == [[True, False, True]]
    assert (responses.counts[0, [0, 2]] == -1).all()


def test_what_else_is_probed_plays_no_role():
    subject, steps = session("- wake: [0]\n- probe: all")
    list(subject.wake(steps[0]))
    every = subject.probe(steps[1], asked())
    first = rows(subject)["spikes/C"]["timestamps"]
    alone = subject.probe(steps[1], np.array([[False, False, True]]))
    again = rows(subject)["spikes/C"]["timestamps"]
    assert alone.performance[0, 2] == every.performance[0, 2]
    assert np.allclose(np.diff(again), np.diff(first[-len(again) :]))


def test_a_learning_curve_has_the_cue_of_its_probe():
    subject, steps = session("- wake: [0]\n- probe: {kind: cued, cue: {fraction: 0.25}, every: epoch}")
    list(subject.wake(steps[0]))
    first = len(subject._network.log)
    subject.probe(steps[0], asked())
    assert [len(entry[3]) for entry in subject._network.log[first:] if entry[3]] == [1, 1, 1]


def test_a_noisy_cue_drives_cells_outside_the_pattern():
    subject, steps = session("- wake: [0]\n- probe: {kind: cued, cue: {fraction: 0.5, noise: 0.5}}")
    subject.probe(steps[1], asked())
    cues = [entry[3] for entry in subject._network.log if entry[3]]
    assert [len(set(cells) & set(members(subject, slot))) for slot, cells in enumerate(cues)] == [1, 1, 1]
    assert [len(cells) for cells in cues] == [2, 2, 2]


# Sleep and rest -------------------------------------------------------------------------------------------------------

NIGHT = "- sleep: {cycles: 2, stages: [{nrem: 90 min}, {rem: 30 min}]}"


def test_a_sleep_goes_through_its_stages_at_the_time_scale():
    subject, steps = session(NIGHT)
    done = list(subject.sleep(steps[0]))
    runs = [entry[:2] for entry in subject._network.log[1:]]
    assert runs == [("nrem", 1.0), ("nrem", 0.5), ("rem", 0.5)] * 2
    assert [p.seconds for p in done] == [3600, 1800, 1800] * 2
    segments = rows(subject)["segments"]
    assert segments["stage"].tolist() == ["nrem", "rem"] * 2
    assert segments["cycle"].tolist() == [1, 1, 2, 2]
    assert np.allclose(segments["start"], [0, 1.5, 2, 3.5])
    assert subject._network.time_scale == 3600


def test_stages_of_sleep_say_what_became_of_strong_synapses():
    subject, steps = session("- sleep: {stages: [{nrem: 30 min}, {rem: 30 min}]}")
    subject._network.w["C-C"][:3] = [0.3, 0.2, 0.149]  # the first two are above 1.5 times their initial weight
    list(subject.sleep(steps[0]))
    stages = rows(subject)["stages"]
    assert stages["stage"].tolist() == ["nrem", "nrem", "rem", "rem"]
    assert stages["projection"].tolist() == ["C-C", "H-H"] * 2
    assert stages["strong"].tolist() == [2, 0, 2, 0]
    assert np.allclose(stages["before"][::2], 0.5)
    assert np.allclose(stages["after"][::2], [0.5, 0.45], atol=1e-3)


def test_cued_items_are_driven_in_turn_in_nrem_alone():
    schedule = "- wake: [0, 2]\n- sleep: {stages: [{nrem: 90 min}, {rem: 30 min}], cue: [0, 2]}"
    subject, steps = session(schedule, reactivation_every="500 ms", reactivation_cue="50 ms")
    list(subject.sleep(steps[1]))
    driven = [(entry[0], entry[1], entry[3]) for entry in subject._network.log[1:]]
    expected = []
    for slot in (0, 2, 0):
        expected += [("reactivation", 0.05, members(subject, slot)), ("nrem", 0.45, [])]
    assert driven == [*expected, ("rem", 0.5, [])]
    segments = rows(subject)["segments"]
    assert segments["item"].tolist() == [0, -1, 2, -1, 0, -1, -1]
    assert np.allclose(segments["start"][1:], segments["stop"][:-1])


def test_a_sleep_without_stages_repeats_the_default_cycle():
    subject, steps = session("- sleep: 2 h")
    list(subject.sleep(steps[0]))
    assert rows(subject)["segments"]["stage"].tolist() == ["nrem", "rem", "nrem"]


def test_the_shuffled_control_permutes_weights_when_a_sleep_begins():
    subject, steps = session("- sleep: {stages: [{nrem: 2 h}]}", shuffled=("C-C",))
    before = np.arange(CELLS) / 100
    subject._network.w["C-C"] = before.copy()
    pieces = subject.sleep(steps[0])
    next(pieces)
    shuffled = subject._network.w["C-C"].copy()
    assert sorted(shuffled) == sorted(before)
    assert (shuffled != before).any()
    list(pieces)
    assert np.array_equal(subject._network.w["C-C"], shuffled)


def test_rest_replays_only_where_it_is_asked_to():
    subject, steps = session("- rest: 30 min\n- rest: {duration: 90 min, replay: true}")
    for step in steps:
        list(subject.rest(step))
    assert [entry[:2] for entry in subject._network.log] == [
        ("rest", 0.5),
        ("quiet-replay", 1.0),
        ("quiet-replay", 0.5),
    ]
    segments = rows(subject)["segments"]
    assert segments["stage"].tolist() == ["rest", "quiet"]
    assert np.allclose(segments["stop"], [0.5, 2.0])


def test_a_lesion_lasts_until_it_is_lifted():
    subject, steps = session("- lesion: hippocampus\n- wake: [0]\n- lesion: none\n- wake: [0]")
    for step in steps:
        list(getattr(subject, step.kind)(step))
    silenced = [entry[2] for entry in subject._network.log if isinstance(entry, tuple)]
    assert silenced == [["hippocampus"]] * 2 + [[]] * 2
    assert rows(subject)["segments"]["lesion"].tolist() == ["hippocampus"] * 2 + ["none"] * 2


# Limits ---------------------------------------------------------------------------------------------------------------


def test_a_runaway_is_told_once_for_each_kind_of_phase():
    subject, steps = session("- wake: [0, 1]\n- sleep: 30 min\n- wake: [0]")
    subject._network.rate["H"] = 120
    list(subject.wake(steps[0]))
    ((place, text),) = subject.warnings()
    assert place == 0
    assert "population H ran away in phase 0 (wake): 120 Hz" in text
    assert "limit 80 Hz" in text
    assert subject.warnings() == []
    list(subject.sleep(steps[1]))
    assert len(subject.warnings()) == 1
    list(subject.wake(steps[2]))
    assert subject.warnings() == []
    assert subject.stopped == {}


def test_a_runaway_stops_the_subject_where_that_was_chosen():
    subject, steps = session("- wake: [0, 1]\n- probe: all", on_runaway="stop")
    subject._network.rate["H"] = 120
    assert len(list(subject.wake(steps[0]))) == 1
    assert "ran away" in subject.stopped[0]
    assert np.isnan(subject.probe(steps[1], asked()).performance).all()


def test_limits_of_single_populations_go_before_the_common_one():
    subject, steps = session("- wake: [0]", rate_limits={"H": "200 Hz"})
    subject._network.rate["H"] = 120
    list(subject.wake(steps[0]))
    assert subject.warnings() == []


def test_a_driven_population_that_stays_silent_is_told():
    subject, steps = session("- wake: [0, 1]")
    subject._network.mute = True
    list(subject.wake(steps[0]))
    ((_, text),) = subject.warnings()
    assert text.startswith("population C fired no spike (0 Hz) in phase 0 (wake) while item 1 drove it")


def test_a_recurrent_population_that_stays_silent_in_nrem_is_told_once_unless_it_is_lesioned():
    subject, steps = session("- sleep: {stages: [{nrem: 3 h}]}")
    subject._network.mute = True
    list(subject.sleep(steps[0]))
    told = [text for _, text in subject.warnings()]
    assert [text.partition(" fired")[0] for text in told] == ["population C", "population H"]
    assert "no spike (0 Hz) in phase 0 (sleep) for 1 s of NREM: nothing replays" in told[0]
    fresh, steps = session("- lesion: H\n- sleep: {stages: [{nrem: 3 h}]}")
    fresh._network.mute = True
    list(fresh.sleep(steps[1]))
    assert not any("population H" in text for _, text in fresh.warnings())


# State ----------------------------------------------------------------------------------------------------------------

LONG = """
- wake: {present: all, exposures: 2}
- probe: {of: all, lesions: [none, H]}
- sleep: {cycles: 2, stages: [{nrem: 90 min}, {rem: 90 min}]}
- rest: {duration: 90 min, replay: true}
- wake: all
- probe: all
"""
RECORD = RecordSpec(rates="70 ms")


def collected(streams):
    whole = {}
    for drained in streams:
        for name, columns in drained.items():
            for column, values in columns.items():
                whole.setdefault(f"{name}/{column}", []).append(values)
    return {name: np.concatenate(parts) for name, parts in whole.items()}


def test_from_any_point_of_the_way_a_new_session_goes_on_with_the_same_bits():
    def work(subject, steps, first):
        """Yields the index of the step wherever the state may be taken."""
        for step in steps[first:]:
            if step.kind == "probe":
                answers.append((step.index, subject.probe(step, asked()).performance))
            else:
                for _ in getattr(subject, step.kind)(step):
                    yield step.index
            yield step.index + 1

    answers, points, streams = [], [], []
    subject, steps = session(LONG, RECORD)
    for place in work(subject, steps, 0):
        streams.append(rows(subject))
        points.append((place, subject.state(), len(streams), len(answers)))
    expected, expected_answers = collected(streams), list(answers)
    for place, state, drained, answered in points[:: len(points) // 7]:
        other, _ = session(LONG, RECORD)
        other.load_state({name: array.copy() for name, array in state.items()})
        answers = []
        resumed = streams[:drained]
        for _ in work(other, steps, place):
            resumed.append(rows(other))
        found = collected(resumed)
        assert found.keys() == expected.keys()
        assert all(np.array_equal(found[name], expected[name]) for name in expected)
        assert [index for index, _ in answers] == [index for index, _ in expected_answers[answered:]]
        for (_, a), (_, b) in zip(answers, expected_answers[answered:], strict=True):
            assert np.array_equal(a, b)


def test_a_state_of_another_circuit_is_refused():
    subject, steps = session(NIGHT)
    next(subject.sleep(steps[0]))
    state = subject.state()
    state["stage/C-C"] = np.zeros(3)
    with pytest.raises(ValueError, match="stage/C-C has shape"):
        subject.load_state(state)


def test_a_state_of_another_target_is_refused():
    subject, _ = session(NIGHT)
    state = subject.state()
    subject._network.target = "numpy"
    with pytest.raises(ValueError, match="by the target cython, and here by numpy, whose"):
        subject.load_state(state)


def test_what_a_network_has_to_tell_is_told(monkeypatch):
    monkeypatch.setattr(ScriptedNetwork, "notice", "no compiler works here")
    subject, _ = session(NIGHT)
    assert subject.warnings() == [(0, "no compiler works here")]


def test_weights_are_summarised_with_the_gate_of_the_rule():
    subject, _ = session("- wake: [0]")
    subject._network.w["C-C"][:] = 0.2
    summary = subject.weight_summaries()["C-C"]
    assert summary["mean_displacement"] == pytest.approx([0.1])
    assert summary["mean_gate"] == pytest.approx([1 / np.cosh(10 * 1 * 0.1) ** 2])  # f = .5, s = 10
    assert subject.weight_summaries()["H-H"]["mean_gate"] == [1.0]
    assert subject.weight_snapshot("C-C").shape == (1, CELLS)
    assert {name: len(entry) for name, entry in subject.synapses()[0].items()} == {"C-C": 4, "H-H": 4}


def test_a_circuit_is_one_subject():
    subject, _ = session("- wake: [0]")
    two = Subjects(
        numbers=(0, 1),
        seed=7,
        pool=subject.subjects.pool,
        draws=subject.subjects.draws * 2,
        presentations=subject.subjects.presentations * 2,
    )
    with pytest.raises(ValueError, match="found 2 together"):
        CircuitSession(subject.model, two, Settings(), subject._code, subject._network)


def test_the_sensitivity_that_all_gates_share_is_told():
    subject, _ = session("- wake: [0]")  # one gate, with the default sensitivity; other plastic synapses have none
    assert subject.sensitivities().tolist() == [10.0]
