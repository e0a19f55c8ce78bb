"""A recording of a circuit with planted replay: eight cells for each of four items, two nights."""

import json
from functools import cache
from pathlib import Path
from tempfile import mkdtemp

import numpy as np
import pytest

from engram.analysis import (
    downscaling,
    metrics,
    plot_recording,
    recorded_spikes,
    recorded_stages,
    replay_by_night,
    replay_events,
    weights_by_assembly,
)
from engram.analysis.recorded_circuits import replaying_population
from engram.data.recording import (
    ModelLayout,
    ProjectionLayout,
    RecordingWriter,
    StreamLayout,
    SubjectLayout,
    open_recording,
)

ITEMS, CELLS, MODEL = 4, 100, "two-stage"
MEMBER = np.kron(np.eye(ITEMS), np.ones(8)).astype(bool)
MEMBER = np.pad(MEMBER, ((0, 0), (0, CELLS - MEMBER.shape[1])))
KINDS = ["wake", "probe", "probe", "sleep", "probe", "probe", "sleep", "probe", "probe"]
LESIONS = ["none", *["none", "hippocampus", "none"] * 2, "none", "hippocampus"]
PLAYED = {3: [1, 2, 3, 4, 1, 2, 3, 4, 1, 2], 6: [4, 4, 4, 3, 2, 1]}  # items of the bursts of each night
SPIKES = {"timestamps": "<f8", "node_ids": "<i4"}
SEGMENTS = {
    "phase": "<i4", "stage": "S16", "item": "<i4", "lesion": "S64", "cycle": "<i4", "start": "<f8", "stop": "<f8",
}  # fmt: skip
STAGES = {
    "phase": "<i4", "cycle": "<i4", "stage": "S8", "projection": "S64", "strong": "<i8", "before": "<f8", "after": "<f8"
}  # fmt: skip
GRAPH = {
    "nodes": [
        {"name": "C", "size": CELLS, "module": "cortex", "cell": "lif"},
        {"name": "H", "size": CELLS, "module": "hippocampus", "cell": "lif"},
        {"name": "HI", "size": 10, "module": "hippocampus", "cell": "lif"},
    ],
    "edges": [
        {"source": a, "target": b, "name": f"{a}-{b}", "synapses": 6, "rule": "trace", "receptor": receptor,
         "mean_weight": 0.1, "delay": 0.0}
        for a, b, receptor in (("C", "C", "excitatory"), ("C", "H", "excitatory"), ("H", "H", "excitatory"),
                               ("HI", "H", "inhibitory"))
    ],
}  # fmt: skip


def life(rng):
    """Segments and the spikes of H: exposures, then two nights of bursts 250 ms apart."""
    rows, times, cells, now = [], [], [], 0.0

    def fire(start, stop, member, rate):
        number = rng.poisson(np.where(member, rate, 0.5) * (stop - start))
        cells.append(np.repeat(np.arange(CELLS), number))
        times.append(rng.uniform(start, stop, number.sum()))

    for item in list(range(ITEMS)) * 3:
        rows.append((0, "exposure", item, 0, now, now + 0.4))
        fire(now, now + 0.4, MEMBER[item], 30)
        now += 0.6
    for phase, items in PLAYED.items():
        for cycle in (1, 2):
            half = items[: len(items) // 2] if cycle == 1 else items[len(items) // 2 :]
            rows.append((phase, "nrem", -1, cycle, now, now + 0.3 * len(half)))
            for item in half:
                fire(now, now + 0.3, np.zeros(CELLS, dtype=bool), 0)
                fire(now + 0.1, now + 0.17, MEMBER[item - 1], 80)
                now += 0.3
            rows.append((phase, "rem", -1, cycle, now, now + 0.5))
            now += 0.5
    return rows, np.concatenate(times), np.concatenate(cells)


@cache
def recorded(status="complete", failed=(), spikes=True, subjects=2, nights=2):
    path = Path(mkdtemp()) / "run.h5"
    shown = {
        "phase": [0] * 4, "order": range(4), "item": range(4), "label": range(4), "wrong": [0.0] * 4
    }  # fmt: skip
    streams = [StreamLayout(name="segments", columns=SEGMENTS), StreamLayout(name="stages", columns=STAGES)]
    streams += [StreamLayout(name=f"spikes/{p}", columns=SPIKES) for p in ("C", "H", "HI") if spikes]
    layout = ModelLayout(
        spec="{}", item_set="{}", chance=0.5, slots=ITEMS, measure="auc", time_scale=1440.0, circuit=json.dumps(GRAPH),
        subjects=[SubjectLayout(seed="7", items=list("abcd"), presentations=shown)] * subjects, streams=streams,
        projections=[ProjectionLayout(name="C-C", shape=(6,))], weight_rows=3, snapshots=True,
    )  # fmt: skip
    place = np.arange(len(KINDS))
    timeline = {
        "index": place, "kind": KINDS, "label": [""] * 9, "repetition": [0] * 9, "list": ["all"] * 9,
        "lesion": LESIONS, "start": place, "stop": place,
    }  # fmt: skip
    probes = [index for index, kind in enumerate(KINDS) if kind == "probe"]
    with RecordingWriter.create(
        path, name="demo", protocol="name: demo", seed=7, timeline=timeline, probe_steps=probes,
        weight_steps=[0, 3, 6], models={MODEL: layout}, settings={},
    ) as writer:  # fmt: skip
        for k in range(subjects):
            fill(writer, k, spikes, nights)
            writer.set_subject(MODEL, k, status="failed" if k in failed else status)
        writer.set_status(status)
    return open_recording(path)


def fill(writer, k, spikes, nights):
    rows, times, cells = life(np.random.default_rng(k))
    last = [3, 6][nights - 1] if nights else 0
    rows = [row for row in rows if row[0] <= last]
    phase, stage, item, cycle, start, stop = zip(*rows, strict=True)
    segments = {
        "phase": phase, "stage": stage, "item": item, "lesion": ["none"] * len(rows), "cycle": cycle, "start": start,
        "stop": stop,
    }  # fmt: skip
    writer.append(MODEL, k, "segments", {name: np.array(column) for name, column in segments.items()})
    if spikes:
        seen = times < max(stop)
        writer.append(MODEL, k, "spikes/H", {"timestamps": times[seen], "node_ids": cells[seen]})
    for number, night in enumerate([3, 6][:nights]):
        stages = {
            "phase": night, "cycle": 1, "stage": "rem", "projection": "C-C", "strong": 2, "before": 2.0,
            "after": 1.8 if number == 0 else 1.6,
        }  # fmt: skip
        writer.append(MODEL, k, "stages", {name: np.array([value]) for name, value in stages.items()})
    writer.write_assemblies(MODEL, k, "C", MEMBER)
    pre, post = (
        np.array([0, 1, 8, 8, 50, 51]),
        np.array([1, 0, 0, 16, 51, 50]),
    )  # within, within, between twice, outside
    writer.write_synapses(MODEL, k, "C-C", pre, post, np.full(6, 0.1), np.full(6, 0.5))
    for row in range(nights + 1):
        weights = np.array([0.1 + 0.2 * row] * 2 + [0.1] * 4)[None]
        summary = {name: [0.0] for name in ("mean_displacement", "rms_displacement", "mean_abs_weight", "mean_gate")}
        writer.write_weights(MODEL, [k], row, "C-C", summary, weights)
    for row in range(2 * (nights + 1)):
        value = 0.9 if row % 2 == 0 else 0.5 + 0.1 * row
        writer.write_probe(MODEL, [k], row=row, performance=np.full((1, ITEMS), value))


def test_replay_of_each_night_is_found_and_matched():
    events = replay_events(recorded(), MODEL, 0)
    for night, phase in enumerate(PLAYED, start=1):
        rows = events[events["night"] == night]
        assert rows["item"].tolist() == PLAYED[phase]
        assert set(rows["phase"]) == {phase}
        assert rows["cycle"].tolist() == sorted([1] * (len(rows) // 2) + [2] * (len(rows) // 2))
    assert set(events["stage"]) == {"nrem"}
    assert events["duration_ms"].median() == pytest.approx(76, abs=10)


def test_nights_are_summed_up_by_subject():
    table = replay_by_night(recorded())
    assert table[["subject", "night", "events"]].to_numpy().tolist() == [[0, 1, 10], [0, 2, 6], [1, 1, 10], [1, 2, 6]]
    first = table.iloc[0]
    assert first["seconds"] == pytest.approx(3.0)
    assert first["per_simulated_second"] == pytest.approx(10 / 3)
    assert first["per_biological_second"] == pytest.approx(10 / 3 / 1440)
    counts = np.array([3, 3, 2, 2])
    assert first["cv"] == pytest.approx(counts.std() / counts.mean())
    assert (first["matched"], first["within"], first["items"], first["replayed"]) == (1, 1, 4, 4)


def test_a_population_without_assemblies_is_refused_only_if_unknown():
    with pytest.raises(ValueError, match='no population "CA3"; it has C, H or HI'):
        replay_events(recorded(), MODEL, 0, population="CA3")
    assert replay_events(recorded(), MODEL, 0, population="C").empty  # it has no spikes
    with pytest.raises(ValueError, match="spikes"):
        replay_events(recorded(spikes=False), MODEL, 0)


def test_replay_is_looked_for_in_the_hippocampus_or_else_where_cells_excite_themselves():
    assert replaying_population(GRAPH) == "H"
    alone = {**GRAPH, "nodes": [{**node, "module": "cortex"} for node in GRAPH["nodes"]]}
    assert replaying_population(alone) == "C"
    inhibitory = {**GRAPH, "edges": [edge for edge in GRAPH["edges"] if edge["receptor"] == "inhibitory"]}
    with pytest.raises(ValueError, match="no excitatory population"):
        replaying_population(inhibitory)


def test_weights_by_assembly_over_nights():
    table = weights_by_assembly(recorded(), MODEL, 0).set_index(["kind", "night"])["mean_weight"]
    np.testing.assert_allclose(table["within"], [0.1, 0.3, 0.5])
    np.testing.assert_allclose(table["between"], 0.1)
    synapses = weights_by_assembly(recorded(), MODEL, 0).drop_duplicates("kind").set_index("kind")["synapses"]
    assert synapses.to_dict() == {"within": 2, "between": 2, "outside": 2}


def test_metrics_of_a_circuit_worked_out_by_hand():
    found = metrics(recorded())[MODEL]
    assert found["intact_recall"] == pytest.approx([0.9, 0.9, 0.9])
    assert found["lesioned_recall"] == pytest.approx([0.6, 0.8, 1.0])
    assert found["burst_rate"] == pytest.approx(10 / 3, abs=1e-5)
    assert found["burst_match"] == 1
    assert found["burst_match_null"] < 0.15
    assert found["burst_median_ms"] == pytest.approx(76, abs=10)
    cv = [np.std(counts) / np.mean(counts) for counts in ([3, 3, 2, 2], [1, 1, 1, 3])]
    assert found["replay_cv"] == pytest.approx(np.mean(cv), abs=1e-5)
    assert found["downscaling"] == pytest.approx(((1.8 / 2 - 1) + (1.6 / 2 - 1)) / 2)
    assert "memorised" not in found  # an AUC has no shuffled labels


def test_failed_subjects_are_left_out():
    broken = recorded(failed=(0,))
    assert set(replay_by_night(broken)["subject"]) == {1}
    assert set(recorded_stages(broken)["subject"]) == {1}
    nobody = recorded(failed=(0, 1))
    assert metrics(nobody)[MODEL]["burst_rate"] is None
    assert metrics(nobody)[MODEL]["lesioned_recall"] == [None, None, None]


@pytest.mark.parametrize("nights", [0, 1])
def test_a_running_recording_gives_what_is_there(nights):
    found = metrics(recorded("running", nights=nights))[MODEL]
    assert found["intact_recall"] == [0.9] * (nights + 1) + [None] * (2 - nights)
    assert (found["burst_rate"] is None) == (nights == 0)
    assert (found["downscaling"] is None) == (nights == 0)
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_without_spikes_there_is_no_metric_of_bursts():
    found = metrics(recorded(spikes=False))[MODEL]
    assert not [name for name in found if name.startswith(("burst", "replay"))]
    assert found["downscaling"] == pytest.approx(-0.15)
    assert downscaling(recorded_stages(recorded(spikes=False)))["change"].round(6).tolist() == [-0.1, -0.2] * 2


def test_spikes_of_all_populations():
    spikes = recorded_spikes(recorded(), MODEL, 1)
    assert list(spikes) == ["C", "H", "HI"]
    assert len(spikes["H"][0]) == len(spikes["H"][1]) > 1000
    assert not len(spikes["C"][0])


def test_lists_that_are_probed_by_themselves_get_a_panel_each():
    run = recorded()
    performance = run.performance()
    lists = ["", "", "old", "old", "new", "new"]
    run.performance = lambda: performance.assign_coords(list=("probe", lists))
    axes = plot_recording(run).axes
    assert [ax.get_title() for ax in axes[:3]] == ["old", "new", MODEL]
    recorded.cache_clear()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    ("options", "panels"),
    [
        ({}, ["a", "b", "c", "d", "e", "f"]),
        ({"spikes": False}, ["a", "b", "c", "d"]),
        ({"status": "running", "nights": 1}, ["a", "b", "c", "d", "e", "f"]),
        ({"status": "running", "nights": 0}, ["a", "b", "c"]),
        ({"failed": (0, 1)}, ["a", "b"]),
    ],
)
def test_a_recording_of_a_circuit_gets_its_panels(options, panels, tmp_path):
    figure = plot_recording(recorded(**options))
    figure.savefig(tmp_path / "run.png", dpi=40)
    assert [ax.get_title(loc="left") for ax in figure.axes] == panels
    assert figure.axes[0].get_ylabel() == "recall (AUC)"
