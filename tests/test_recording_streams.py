"""What only circuits record: what the writer was given, the reader gives back."""

import json
import sys
import tracemalloc
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.data.recording import (
    ModelLayout,
    RecordingWriter,
    StreamLayout,
    SubjectLayout,
    open_recording,
)
from engram.data.recording import writer as writer_module
from engram.data.recording.circuit_graph import check_graph

RECORDINGS = Path(__file__).parent / "recordings"
if str(RECORDINGS) not in sys.path:
    sys.path.insert(0, str(RECORDINGS))

from one_night import GRAPH, SEGMENTS, SPIKES, STATES, create, segments, spikes  # noqa: E402

RATES = StreamLayout(name="rates", columns={"time": "<f8", "C": "<f4"}, units={"C": "Hz"}, attributes={"bin": 0.05})
STAGES = StreamLayout(
    name="stages",
    columns={
        "phase": "<i4",
        "cycle": "<i4",
        "stage": "S16",
        "projection": "S64",
        "strong": "<i8",
        "before": "<f8",
        "after": "<f8",
    },
)
EVERY = (SPIKES, SEGMENTS, RATES, STATES, STAGES)
FIRST = "models/circuit/subjects/0"


def test_every_table_comes_back_as_it_was_given(tmp_path):
    path = tmp_path / "run.h5"
    with create(path, EVERY) as writer:
        writer.append("circuit", 0, "spikes/C", {"timestamps": [0.25, 0.5], "node_ids": [6, 0]})
        writer.append("circuit", 0, "spikes/C", {"timestamps": [0.75], "node_ids": np.array([3])})
        writer.append("circuit", 1, "spikes/C", {"timestamps": [9.0], "node_ids": [1]})
        two = {"phase": [0, 1], "cycle": [2, 0], "start": [0.0, 1.5], "stop": [1.5, 2.0], "item": [-1, 1]}
        writer.append("circuit", 0, "segments", {**two, "stage": ["nrem", "cue"], "lesion": ["none", "é"]})
        writer.append("circuit", 0, "rates", {"time": [0.0, 0.05], "C": [2.5, np.nan]})
        writer.append("circuit", 0, "states/C.v", {"time": [0.5], "values": [[1.0, 2.0, 3.0]]})
        stage = {"phase": [0], "cycle": [1], "stage": ["rem"], "projection": ["C-C"], "strong": [2]}
        writer.append("circuit", 0, "stages", {**stage, "before": [3.5], "after": [3.0]})
        writer.write_synapses("circuit", 0, "C-C", [0, 1, 2, 6], [1, 2, 3, 0], [0.5, 1, 1.5, 2], [0.25, 1, 0, np.nan])
        writer.write_assemblies("circuit", 0, "C", [[True, False] * 3 + [True], [False] * 7])
        assert writer.lengths("circuit", 0) == {
            "spikes/C": 3,
            "segments": 2,
            "rates": 2,
            "states/C.v": 1,
            "stages": 1,
        }
    run = open_recording(path)
    assert run.measure("circuit") == "auc"
    assert run.time_scale("circuit") == 1440.0
    assert run.circuit("circuit") == GRAPH
    assert run.populations("circuit") == {"C": 7}
    assert run.streams("circuit") == ("spikes/C", "segments", "rates", "states/C.v", "stages")
    times, cells = run.spikes("circuit", 0, "C")
    assert (times.dtype, cells.dtype) == (np.float64, np.int32)
    assert (times.tolist(), cells.tolist()) == ([0.25, 0.5, 0.75], [6, 0, 3])
    assert run.spikes("circuit", 1, "C")[1].tolist() == [1]
    assert run.segments("circuit", 0).to_dict("list") == {
        "phase": [0, 1],
        "stage": ["nrem", "cue"],
        "item": [0, 2],
        "lesion": ["none", "é"],
        "cycle": [2, 0],
        "start": [0.0, 1.5],
        "stop": [1.5, 2.0],
        "label": ["night", ""],
        "repetition": [1, 0],
        "kind": ["sleep", "probe"],
    }
    assert len(run.segments("circuit", 1)) == 0
    rates = run.rates("circuit", 0)
    assert rates["time"].tolist() == [0.0, 0.05]
    assert rates["C"].tolist()[0] == 2.5
    assert np.isnan(rates["C"].tolist()[1])
    assert rates.attrs == {"bin": 0.05}
    time, values, node_ids = run.states("circuit", 0, "C.v")
    assert (time.tolist(), values.tolist(), node_ids.tolist()) == ([0.5], [[1, 2, 3]], [0, 2, 4])
    assert run.stages("circuit", 0).to_dict("list") == {**stage, "before": [3.5], "after": [3.0]}
    synapses = run.synapses("circuit", 0, "C-C")
    assert synapses["pre"].tolist() == [0, 1, 2, 6]
    assert synapses["post"].tolist() == [1, 2, 3, 0]
    assert synapses["initial"].tolist() == [0.5, 1, 1.5, 2]
    assert synapses["flexibility"].tolist()[:3] == [0.25, 1, 0]
    members = run.assemblies("circuit", 0, "C")
    assert members.dtype == bool
    assert members.tolist() == [[True, False] * 3 + [True], [False] * 7]


def test_the_tables_seen_with_plain_h5py(tmp_path):
    """While the run goes on, the attribute says how many rows are valid and what follows is missing; then it is cut."""
    path = tmp_path / "run.h5"
    with create(path) as writer:
        writer.append("circuit", 0, "spikes/C", spikes(0, 5))
        writer.append("circuit", 0, "segments", segments(0, 2))
        writer.flush()
        with h5py.File(path, "r", locking=False) as file:
            group = file[f"{FIRST}/spikes/C"]
            assert group.attrs["rows"] == 5
            assert group["timestamps"].shape == group["node_ids"].shape == (16384,)
            assert np.isnan(group["timestamps"][5:]).all()
            assert (group["node_ids"][5:] == -1).all()
            assert group["timestamps"].attrs["units"] == b"s"
            assert file[f"{FIRST}/segments/stage"][:3].tolist() == [b"nrem", b"nrem", b""]
        writer.set_subject("circuit", 0, status="complete")
        writer.flush()
        with h5py.File(path, "r", locking=False) as file:
            assert file[f"{FIRST}/spikes/C/timestamps"][:].tolist() == [0, 0.125, 0.25, 0.375, 0.5]
            assert file[f"{FIRST}/segments/stage"][:].tolist() == [b"nrem", b"nrem"]
            assert file[f"{FIRST}/states/C.v/values"].shape == (0, 3)
            assert file[f"{FIRST}/states/C.v"].attrs["node_ids"].tolist() == [0, 2, 4]
        writer.append("circuit", 0, "spikes/C", spikes(5, 3))  # a subject that is tried once more
        writer.set_subject("circuit", 0, status="failed")
    assert open_recording(path).spikes("circuit", 0, "C")[0].tolist() == spikes(0, 8)["timestamps"].tolist()


@settings(max_examples=25)
@given(st.lists(st.integers(0, 40), max_size=12), st.data())
def test_rows_follow_each_other_however_they_are_cut(tmp_path_factory, pieces, data):
    """Appended in any pieces, flushed or taken back in between, the table is the first rows and nothing else."""
    path = tmp_path_factory.mktemp("pieces") / "run.h5"
    rows = 0
    with create(path, [SPIKES]) as writer:
        for piece in pieces:
            writer.append("circuit", 1, "spikes/C", spikes(rows, piece))
            rows += piece
            deed = data.draw(st.sampled_from(["nothing", "flush", "truncate", "trim"]))
            if deed == "flush":
                writer.flush()
            elif deed == "truncate":
                rows = data.draw(st.integers(0, rows))
                writer.truncate("circuit", 1, {"spikes/C": rows})
            elif deed == "trim":
                writer.set_subject("circuit", 1, status="failed")
            assert writer.lengths("circuit", 1) == {"spikes/C": rows}
    times, cells = open_recording(path).spikes("circuit", 1, "C")
    assert times.tolist() == spikes(0, rows)["timestamps"].tolist()
    assert cells.tolist() == spikes(0, rows)["node_ids"].tolist()


def test_a_run_that_was_resumed_equals_one_that_was_not(tmp_path, contents):
    for name, interrupted in (("straight", False), ("resumed", True)):
        path = tmp_path / f"{name}.h5"
        writer = create(path)
        writer.append("circuit", 0, "spikes/C", spikes(0, 20_000))
        writer.append("circuit", 0, "segments", segments(0, 3))
        if interrupted:
            writer.flush()
            lengths = writer.lengths("circuit", 0)
            writer.append("circuit", 0, "spikes/C", spikes(0, 40_000))  # lost work, after the checkpoint
            writer.append("circuit", 0, "states/C.v", {"time": [0.0], "values": np.ones((1, 3))})
            writer.close()
            writer = RecordingWriter.resume(path)
            writer.truncate("circuit", 0, lengths)
            writer.truncate("circuit", 1, {})
            assert writer.lengths("circuit", 0) == lengths
            with h5py.File(path, "r", locking=False) as file:
                assert np.isnan(file[f"{FIRST}/spikes/C/timestamps"][20_000:]).all()
        writer.append("circuit", 0, "spikes/C", spikes(20_000, 5000))
        for subject in range(2):
            writer.set_subject("circuit", subject, status="complete")
        writer.set_status("complete")
        writer.close()
    assert contents(tmp_path / "straight.h5") == contents(tmp_path / "resumed.h5")


def test_a_stream_taken_back_without_lengths_is_empty(tmp_path):
    with create(tmp_path / "run.h5") as writer:
        writer.append("circuit", 0, "spikes/C", spikes(0, 9))
        writer.truncate("circuit", 0, {})
        assert set(writer.lengths("circuit", 0).values()) == {0}


def test_what_is_given_may_change_afterwards(tmp_path):
    block = spikes(0, 4)
    with create(tmp_path / "run.h5") as writer:
        writer.append("circuit", 0, "spikes/C", block)
        block["timestamps"][:] = 99
    assert open_recording(tmp_path / "run.h5").spikes("circuit", 0, "C")[0].tolist() == [0, 0.125, 0.25, 0.375]


def test_memory_stays_flat_however_much_is_appended(tmp_path):
    """60 MB of spikes pass through a few."""
    with create(tmp_path / "run.h5", [SPIKES]) as writer:
        rows = spikes(0, 50_000)
        writer.append("circuit", 0, "spikes/C", rows)
        tracemalloc.start()
        try:
            for _ in range(100):
                writer.append("circuit", 0, "spikes/C", rows)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert writer.lengths("circuit", 0)["spikes/C"] == 5_050_000
    assert peak < 5 * writer_module.BUFFERED_BYTES


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda w: w.append("circuit", 0, "spikes/D", {}), r'no stream "spikes/D".*Did you mean "spikes/C"'),
        (lambda w: w.append("circuit", 2, "spikes/C", spikes(0, 1)), "from 0 to 1"),
        (lambda w: w.append("circuit", 0, "spikes/C", {"timestamps": [1.0]}), "expected timestamps or node_ids"),
        (lambda w: w.append("circuit", 0, "spikes/C", {**spikes(0, 2), "node_ids": [1]}), "different lengths"),
        (lambda w: w.append("circuit", 0, "spikes/C", {**spikes(0, 1), "node_ids": [0.5]}), "expected whole numbers"),
        (
            lambda w: w.append("circuit", 0, "spikes/C", {**spikes(0, 1), "node_ids": [2**31]}),
            "expected -2147483648 to",
        ),
        (lambda w: w.append("circuit", 0, "spikes/C", {**spikes(0, 1), "timestamps": ["x"]}), "expected numbers"),
        (lambda w: w.append("circuit", 0, "spikes/C", {**spikes(0, 1), "timestamps": 1.0}), r"shape \(\), expected n$"),
        (lambda w: w.append("circuit", 0, "states/C.v", {"time": [1.0], "values": [1.0]}), "expected n x 3"),
        (lambda w: w.truncate("circuit", 0, {"spikes/C": 2}), "has 1 rows, cannot keep 2"),
        (lambda w: w.truncate("circuit", 0, {"spikes/C": -1}), "cannot keep -1"),
        (lambda w: w.truncate("circuit", 0, {"rates": 0}), 'no stream "rates"'),
        (lambda w: w.write_synapses("circuit", 0, "C-C", [0], [0], [0], [0]), r"found shape \(1,\), expected \(4,\)"),
        (lambda w: w.write_synapses("circuit", 0, "C-D", [0], [0], [0], [0]), "no room for weights/C-D/pre"),
        (lambda w: w.write_assemblies("circuit", 0, "C", [[1]]), r"found shape \(1, 1\), expected \(2, 7\)"),
    ],
)
def test_what_does_not_fit_is_refused_and_costs_no_rows(tmp_path, write, message):
    path = tmp_path / "run.h5"
    with create(path) as writer:
        writer.append("circuit", 0, "spikes/C", spikes(0, 1))
        with pytest.raises(ValueError, match=message):
            write(writer)
    with pytest.raises(ValueError, match="is closed"):
        writer.append("circuit", 0, "spikes/C", spikes(1, 1))
    assert open_recording(path).spikes("circuit", 0, "C")[0].tolist() == [0]


@pytest.mark.parametrize("given", [["x" + "é" * 9], np.array(["x" + "é" * 9]), np.array([("x" + "é" * 9).encode()])])
def test_texts_are_cut_between_characters(tmp_path, given):
    with create(tmp_path / "run.h5") as writer:
        writer.append("circuit", 0, "segments", {**segments(0, 1), "stage": given})
    assert open_recording(tmp_path / "run.h5").segments("circuit", 0)["stage"].tolist() == ["x" + "é" * 7]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"name": "weights/C"}, "not beginning with items"),
        ({"name": "a/b/c"}, "one or two names"),
        ({"name": "../C"}, "cannot name a part"),
        ({"columns": {}}, "at least one column"),
        ({"columns": {"a/b": "<f8"}}, "cannot name a part"),
        ({"columns": {"a": "O"}}, "column a of kind 'O'"),
        ({"widths": {"b": 2}}, 'widths of "b", it has a'),
        ({"widths": {"a": 0}}, "a with 0 values per row"),
        ({"columns": {"a": "S4"}, "widths": {"a": 2}}, "expected numbers"),
        ({"attributes": {"rows": 1}}, "attribute rows cannot be stored"),
        ({"attributes": {"ids": np.zeros(10_000)}}, "80000 bytes, expected at most 60000"),
    ],
)
def test_streams_that_cannot_be_stored_are_refused(given, message):
    with pytest.raises(ValueError, match=message):
        StreamLayout(**{"name": "x", "columns": {"a": "<f8"}, **given})


def test_a_block_is_a_power_of_two_and_no_larger_than_said():
    for width in (1, 3, 1000, 100_000):
        stream = StreamLayout(name="x", columns={"a": "<f8"}, widths={"a": width})
        assert stream.row_bytes == 8 * width
        assert stream.block == 1 or stream.block * stream.row_bytes <= 2**18 < 2 * stream.block * stream.row_bytes


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"streams": [SPIKES, SPIKES]}, "streams need different names"),
        ({"streams": [RATES, StreamLayout(name="rates/C", columns={"a": "<f8"})]}, "lies within the stream rates"),
        ({"measure": "acu"}, 'Did you mean "auc"'),
        ({"time_scale": 0.0}, "time_scale: found 0.0, expected more than 0"),
        ({"circuit": "[]"}, "circuit: expected a JSON object"),
        ({"circuit": "{}"}, "needs a list of nodes"),
    ],
)
def test_layouts_that_do_not_fit_are_refused(given, message):
    nothing = {column: [] for column in ("phase", "order", "item", "label", "wrong")}
    subject = SubjectLayout(seed="", items=["a"], presentations=nothing)
    with pytest.raises(ValueError, match=message):
        ModelLayout(spec="{}", item_set="{}", chance=0.5, subjects=[subject], slots=1, **given)


def changed(part, **change):
    graph = json.loads(json.dumps(GRAPH))
    graph[part][0].update(change)
    return graph


@pytest.mark.parametrize(
    ("graph", "message"),
    [
        ([], "found a list"),
        ({"nodes": [3], "edges": []}, "each a JSON object"),
        ({"nodes": [], "edges": []}, "no populations"),
        (changed("nodes", name="a/b"), "cannot name a part"),
        (changed("nodes", name=None), "cannot name a part"),
        (changed("nodes", size=0), "size is 0"),
        (changed("nodes", size=2**31), "size is 2147483648"),
        (changed("nodes", size=7.0), "size is 7.0"),
        (changed("nodes", module=[]), r"module is \[\], expected text"),
        (changed("edges", source="D"), "source 'D' is no population"),
        (changed("edges", target=["C"]), "target"),
        (changed("edges", synapses=True), "synapses is True"),
        (changed("edges", mean_weight="much"), "mean_weight is 'much', expected a number"),
        ({**GRAPH, "nodes": GRAPH["nodes"] * 2}, "two populations C"),
        ({**GRAPH, "edges": GRAPH["edges"] * 2}, "two projections C-C"),
    ],
)
def test_what_is_no_graph_of_a_circuit_is_refused(graph, message):
    with pytest.raises(ValueError, match=message):
        check_graph(graph)


def test_what_was_not_recorded_is_told(tmp_path):
    create(tmp_path / "run.h5", [SPIKES]).close()
    run = open_recording(tmp_path / "run.h5")
    for read, message in (
        (lambda: run.spikes("circuit", 0, "D"), r'no spikes "D" of circuit in .*run\.h5, it has C'),
        (lambda: run.spikes("circuit", 2, "C"), "expected 0 to 1"),
        (lambda: run.segments("circuit", 0), "holds no segments of circuit: circuits record them"),
        (lambda: run.rates("circuit", 0), r"circuits do with record: \{rates"),
        (lambda: run.states("circuit", 0, "C.v"), r"circuits do with record: \{states"),
        (lambda: run.stages("circuit", 0), "holds no stages"),
        (lambda: run.synapses("circuit", 0, "C-C"), "C-C of subject 0 of circuit are not written yet"),
        (lambda: run.synapses("circuit", 0, "C-D"), 'no projection "C-D"'),
        (lambda: run.assemblies("circuit", 0, "C"), "no assemblies of C are written"),
        (lambda: run.assemblies("circuit", 0, "H"), 'no population "H"'),
    ):
        with pytest.raises(ValueError, match=message):
            read()


def test_a_stream_of_few_rows_grows_by_less():
    assert StreamLayout(name="few", columns={"time": "<f8"}, block_bytes=1000).block == 64
    assert StreamLayout(name="few", columns={"time": "<f8"}, block_bytes=1).block == 1
    for size in (0, 2**18 + 1):
        with pytest.raises(ValueError, match=f"stream few: grows by {size} bytes, expected 1 to 262144"):
            StreamLayout(name="few", columns={"time": "<f8"}, block_bytes=size)
