"""Files that are no recordings, or not whole ones: one clear error each, never a crash.

Run as a script, this file is the process in which damaged files are read, so that a crash of HDF5 itself is noticed.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engram.data.recording import (
    ModelLayout,
    ProjectionLayout,
    RecordingWriter,
    StreamLayout,
    SubjectLayout,
    open_recording,
)
from engram.data.recording.checked_file import open_checked

FIRST = "models/hybrid/subjects/0"
GRAPH = {
    "nodes": [{"name": "C", "size": 3}],
    "edges": [{"source": "C", "target": "C", "name": "C-C", "synapses": 2}],
}
STREAMS = [
    StreamLayout(name="spikes/C", columns={"timestamps": "<f8", "node_ids": "<i4"}),
    StreamLayout(
        name="segments",
        columns={
            "phase": "<i4",
            "stage": "S8",
            "item": "<i4",
            "lesion": "S8",
            "cycle": "<i4",
            "start": "<f8",
            "stop": "<f8",
        },
    ),
    StreamLayout(name="rates", columns={"time": "<f8", "C": "<f4"}, attributes={"bin": 0.05}),
    StreamLayout(
        name="states/C.v",
        columns={"time": "<f8", "values": "<f4"},
        widths={"values": 2},
        attributes={"node_ids": np.array([0, 2])},
    ),
]


def create(path):
    columns = {"phase": [0], "order": [0], "item": [0], "label": [0], "wrong": [0.0]}
    subjects = [SubjectLayout(seed=f"7/subject/{k}", items=["a", "b"], presentations=columns) for k in range(2)]
    model = ModelLayout(
        spec="{}",
        item_set="{}",
        chance=0.5,
        subjects=subjects,
        slots=2,
        curve_rows=2,
        trials=2,
        projections=[ProjectionLayout(name="hidden1", shape=(2, 2)), ProjectionLayout(name="C-C", shape=(2,))],
        weight_rows=1,
        snapshots=True,
        streams=STREAMS,
        circuit=json.dumps(GRAPH),
        measure="auc",
        time_scale=1440.0,
    )
    timeline = {
        "index": [0, 1],
        "kind": ["wake", "probe"],
        "label": ["", ""],
        "repetition": [0, 0],
        "list": ["all", "all"],
        "lesion": ["none", "none"],
        "start": [0.0, 1.0],
        "stop": [1.0, 1.0],
    }
    with RecordingWriter.create(
        path,
        name="demo",
        protocol="name: demo\n",
        seed=7,
        timeline=timeline,
        probe_steps=[1],
        weight_steps=[0],
        models={"hybrid": model},
        settings={},
        overwrite=True,
    ) as writer:
        writer.write_probe(
            "hybrid", [0, 1], 0, np.ones((2, 2)), np.ones((2, 2, 2), dtype=int), np.ones((2, 2, 2), dtype=int)
        )
        writer.write_curve("hybrid", [0, 1], 0, 0, 0, 0, np.ones((2, 2)))
        writer.write_weights("hybrid", [0], 0, "hidden1", {"mean_gate": 0.5}, np.ones((1, 2, 2)))
        writer.write_synapses("hybrid", 0, "C-C", [0, 1], [1, 2], [0.5, 0.5], [1.0, 0.0])
        writer.write_assemblies("hybrid", 0, "C", [[1, 0, 0], [0, 1, 1]])
        writer.append("hybrid", 0, "spikes/C", {"timestamps": [0.5, 0.75], "node_ids": [0, 2]})
        numbers = {column: [0] for column in ("phase", "item", "cycle", "start", "stop")}
        writer.append("hybrid", 0, "segments", {**numbers, "stage": ["nrem"], "lesion": ["none"]})
        writer.append("hybrid", 0, "rates", {"time": [0.0], "C": [5.0]})
        writer.append("hybrid", 0, "states/C.v", {"time": [0.0], "values": [[1.0, 2.0]]})


def read_everything(path):
    recording = open_recording(path)
    recording.performance()
    recording.responses()
    recording.learning_curves()
    recording.snapshots("hybrid", 0, "hidden1")
    recording.spikes("hybrid", 0, "C")
    recording.segments("hybrid", 0)
    recording.rates("hybrid", 0)
    recording.states("hybrid", 0, "C.v")
    recording.synapses("hybrid", 0, "C-C")
    recording.assemblies("hybrid", 0, "C")
    for table in ("phases", "presentations", "trials", "weights", "subjects", "items"):
        getattr(recording, table)()
    return recording.status, recording.log, recording.models, repr(recording)


def read_or_refuse(path):
    """Read a file and try to resume it: all goes well, or the file is named in a ValueError or OSError."""
    for attempt in (read_everything, lambda path: RecordingWriter.resume(path).close()):
        try:
            attempt(path)
        except (ValueError, OSError) as error:
            if str(path) not in str(error):
                raise AssertionError(f"{error!r} does not name the file") from error


# ------------------------------------------------------------------- hand-made damage


def attribute(group, name, value):
    def damage(file):
        file[group].attrs[name] = value

    return damage


def text(group, name, value):
    return attribute(group, name, np.bytes_(value))


def without(part):
    def damage(file):
        del file[part]

    return damage


def without_attribute(group, name):
    def damage(file):
        del file[group].attrs[name]

    return damage


def instead(part, **options):
    def damage(file):
        del file[part]
        file.create_dataset(part, **options)

    return damage


def linked(part, link):
    def damage(file):
        del file[part]
        file[part] = link

    return damage


def virtual(file):
    layout = h5py.VirtualLayout(shape=(1, 2), dtype="f4")
    layout[:] = h5py.VirtualSource("other.h5", "x", shape=(1, 2))
    del file[f"{FIRST}/probes/performance"]
    file.create_virtual_dataset(f"{FIRST}/probes/performance", layout)


def undefined_type(file):
    del file[f"{FIRST}/probes/performance"]
    file[f"{FIRST}/probes/performance"] = np.dtype("f4")


def shared_subjects(file):
    """Many subjects that are all the same one: little on disk, much in memory."""
    instead(f"{FIRST}/items", data=np.full(2, b"x" * 1_000_000))(file)
    group = file["models/hybrid/subjects"]
    for k in range(2, 40):
        group[str(k)] = group["0"]
    file["models/hybrid"].attrs["subjects"] = len(group)


SPIKES = f"{FIRST}/spikes/C"
PERFORMANCE = f"{FIRST}/probes/performance"
BOMB = {"shape": (1, 2**31), "dtype": "f4", "chunks": (1, 2**20), "compression": "gzip"}
DAMAGE = {
    "no format": (without_attribute("/", "format"), "not an engram recording"),
    "foreign format": (text("/", "format", b"nwb"), "not an engram recording"),
    "newer version": (text("/", "format_version", b"2.0"), r"newer engram \(format 2.0, this one reads up to 1.3\)"),
    "no version": (text("/", "format_version", b"first"), "format_version is damaged: found 'first'"),
    "number for text": (attribute("/", "format_version", 1.0), "format_version is of another kind"),
    "text for number": (text("/", "seed", b"7"), "seed is of another kind"),
    "text of any size": (attribute("/", "protocol", "name: demo"), "protocol is of another kind"),
    "not UTF-8": (text("/", "protocol", b"\xff\xfe"), "protocol is damaged: it is not UTF-8"),
    "unknown status": (text("/", "status", b"done"), "status 'done' is damaged"),
    "broken json": (text("/", "settings", b'{"a":'), "settings is damaged"),
    "deep json": (text("/", "settings", b"[" * 50_000), "settings is damaged"),
    "list for mapping": (text("/", "settings", b"[]"), "found a JSON list"),
    "no models": (text("/", "models", b"[]"), "holds no models"),
    "model outside": (text("/", "models", b'["../hybrid"]'), "cannot name a part"),
    "absent model": (text("/", "models", b'["stable"]'), "the group models/stable/subjects is missing"),
    "no phases": (without("phases"), "phases/index is missing"),
    "no column": (without("phases/stop"), "phases/stop is missing"),
    "short column": (instead("phases/stop", data=[1.0]), r"phases/stop has the shape \(1,\), expected 2"),
    "group for table": (lambda file: [without(PERFORMANCE)(file), file.create_group(PERFORMANCE)], "is missing"),
    "type for table": (undefined_type, "is missing"),
    "wrong type": (instead(PERFORMANCE, data=np.ones((1, 2), dtype="i4")), "holds something else than floats"),
    "wrong shape": (instead(PERFORMANCE, data=np.ones((1, 3), dtype="f4")), r"shape \(1, 3\), expected 1 x 2"),
    "strings of any size": (instead(f"{FIRST}/items", data=["a", "b"]), "else than texts of fixed size"),
    "compound": (instead(PERFORMANCE, data=np.zeros((1, 2), dtype=[("a", "f4")])), "else than floats"),
    "null space": (instead(PERFORMANCE, data=h5py.Empty("f4")), "is missing"),
    "steps beyond the timeline": (instead(f"{FIRST}/probes/phase", data=[9]), "names steps"),
    "too many subjects": (attribute("models/hybrid", "subjects", 10**9), "expected a whole number of at most 2"),
    "missing subject": (without("models/hybrid/subjects/1"), "expected a whole number of at most 1"),
    "shared tables": (shared_subjects, "tables share their bytes"),
    "soft link": (linked(PERFORMANCE, h5py.SoftLink("/phases/start")), "links are not followed"),
    "external link": (linked("models/hybrid", h5py.ExternalLink("/etc/passwd", "/")), "links are not followed"),
    "virtual table": (virtual, "in other files"),
    "external table": (
        instead(PERFORMANCE, shape=(1, 2), dtype="f4", external=[("/etc/passwd", 0, 8)]),
        "in other files",
    ),
    "bomb": (instead(PERFORMANCE, **BOMB), "would unpack to 8589934592 bytes"),
    "declared, not there": (instead(f"{FIRST}/items", shape=(2**33,), dtype="S8"), "cut short"),
    "scarce filter": (instead(PERFORMANCE, data=np.ones((1, 2), "f4"), chunks=(1, 2), compression="lzf"), "filters"),
    "giant text": (
        lambda file: [
            without_attribute("/", "protocol")(file),
            file.create_dataset("protocol", data=np.array(b"x" * (17 * 2**20))),
        ],
        "of at most 16777216 bytes",
    ),
    "rows beyond the columns": (attribute(SPIKES, "rows", 10**6), r"1000000 rows, but only \d+ of timestamps"),
    "rows of no number": (attribute(SPIKES, "rows", -1), "rows is -1, expected a whole number"),
    "rows of another kind": (attribute(SPIKES, "rows", 1.5), "rows is 1.5, expected a whole number"),
    "no rows": (without_attribute(SPIKES, "rows"), "rows is missing"),
    "no column of a stream": (without(f"{SPIKES}/node_ids"), "spikes/C/node_ids is missing"),
    "a column too short": (instead(f"{SPIKES}/node_ids", data=[1]), "has 2 rows, but only 1 of node_ids"),
    "a column of another kind": (instead(f"{SPIKES}/node_ids", data=[0.5] * 2), "else than whole numbers"),
    "a column of another width": (instead(f"{FIRST}/states/C.v/values", data=np.ones((1, 3))), "expected any x 2"),
    "no such cells": (instead(f"{SPIKES}/node_ids", data=[0, 3]), "names cells from 0 to 3, there are 3"),
    "cells below 0": (instead(f"{SPIKES}/node_ids", data=[-1, 0]), "names cells from -1 to 0"),
    "linked stream": (linked(SPIKES, h5py.SoftLink("/phases")), "links are not followed"),
    "linked column": (linked(f"{SPIKES}/node_ids", h5py.ExternalLink("/etc/passwd", "/")), "links are not followed"),
    "giant stream": (instead(f"{SPIKES}/timestamps", shape=(2**33,), dtype="f8", chunks=(2**20,)), "would unpack to"),
    "giant packed stream": (
        instead(f"{SPIKES}/timestamps", shape=(2**33,), dtype="f8", chunks=(2**20,), compression="gzip"),
        "would unpack to 68719476736 bytes",
    ),
    "steps of segments": (instead(f"{FIRST}/segments/phase", data=[2]), "segments/phase names steps"),
    "segments not in UTF-8": (
        instead(f"{FIRST}/segments/stage", data=np.array([b"\xff"])),
        "segments is damaged: it is not UTF-8",
    ),
    "no bin": (without_attribute(f"{FIRST}/rates", "bin"), "rates/bin is missing"),
    "cells of states": (attribute(f"{FIRST}/states/C.v", "node_ids", [0, 1, 2]), "has 3 node_ids for its values"),
    "cells of states in words": (text(f"{FIRST}/states/C.v", "node_ids", b"0"), "expected a list of whole numbers"),
    "synapses without ends": (without(f"{FIRST}/weights/C-C/post"), "weights/C-C/post is missing"),
    "synapses of no cells": (instead(f"{FIRST}/weights/C-C/post", data=[0, 3]), "names cells from 0 to 3"),
    "assemblies of other size": (instead(f"{FIRST}/assemblies/C", data=np.zeros((2, 4), "u1")), "expected 2 x 3"),
    "assemblies of other numbers": (
        instead(f"{FIRST}/assemblies/C", data=np.full((2, 3), 2, "u1")),
        "no assemblies of C are written",
    ),
    "streams in words": (text("models/hybrid", "streams", b'["spikes"]'), "streams is damaged"),
    "stream outside": (
        text("models/hybrid", "streams", b'[{"name": "../x", "columns": {"a": "<f8"}, "widths": {}}]'),
        "streams is damaged: stream '..' cannot name",
    ),
    "stream of objects": (
        text("models/hybrid", "streams", b'[{"name": "x", "columns": {"a": ["<f8"]}, "widths": {}}]'),
        "streams is damaged",
    ),
    "stream of endless width": (
        text("models/hybrid", "streams", b'[{"name": "x", "columns": {"a": "<f8"}, "widths": {"a": 1e999}}]'),
        "streams is damaged: stream x: a with inf values per row",
    ),
    "circuit in pieces": (text("models/hybrid", "circuit", b'{"nodes": []}'), "circuit is damaged: .* no populations"),
    "circuit in words": (text("models/hybrid", "circuit", b'"C"'), "found a JSON str"),
    "unknown measure": (text("models/hybrid", "measure", b"d-prime"), "the measure 'd-prime' is damaged"),
    "time scale in words": (text("models/hybrid", "time_scale", b"fast"), "time_scale is of another kind"),
    "damaged projections": (text("models/hybrid", "projections", b'[{"name": 3}]'), "projections is damaged"),
}


@pytest.mark.parametrize("case", DAMAGE)
def test_each_damage_is_told_in_words(tmp_path, case):
    damage, message = DAMAGE[case]
    path = tmp_path / "run.h5"
    create(path)
    with h5py.File(path, "r+") as file:
        damage(file)
    with pytest.raises(ValueError, match=message) as told:
        read_everything(path)
    assert str(path) in str(told.value)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (without("models/hybrid/subjects/1/spikes/C/node_ids"), "subjects/1/spikes/C/node_ids is missing"),
        (attribute("models/hybrid/subjects/1/segments", "rows", 7), "segments has 7 rows, but only 0 of phase"),
        (instead(f"{SPIKES}/timestamps", data=[0.5, 0.75]), "timestamps cannot grow; was the recording repacked"),
        (instead(f"{SPIKES}/timestamps", data=[0.5, 0.75], chunks=(2,), maxshape=(4,)), "cannot grow"),
    ],
)
def test_resume_finds_damage_in_every_stream(tmp_path, damage, message):
    create(tmp_path / "run.h5")
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        damage(file)
    with pytest.raises(ValueError, match=message):
        RecordingWriter.resume(tmp_path / "run.h5")


def test_resume_finds_damage_in_every_subject(tmp_path):
    create(tmp_path / "run.h5")
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        del file["models/hybrid/subjects/1/probes/responses"]
    with pytest.raises(ValueError, match="subjects/1/probes/responses is missing"):
        RecordingWriter.resume(tmp_path / "run.h5")


@pytest.mark.parametrize("link", [h5py.ExternalLink("other.h5", "/"), h5py.SoftLink("/phases"), None])
def test_resume_looks_at_the_log_as_at_every_other_part(tmp_path, link):
    create(tmp_path / "run.h5")
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        del file["log"]
        if link is not None:
            file["log"] = link
    with pytest.raises(ValueError, match=r"run\.h5: .*log" if link is None else "log is a link to elsewhere"):
        RecordingWriter.resume(tmp_path / "run.h5")


def test_a_sparse_file_does_not_make_the_reader_take_memory(tmp_path):
    """16 GiB that were never written take no place on the disk, and must not take any in memory."""
    path = tmp_path / "run.h5"
    create(path)
    with h5py.File(path, "r+") as file:
        del file[PERFORMANCE]
        properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
        properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
        properties.set_fill_time(h5py.h5d.FILL_TIME_NEVER)
        file.create_dataset(PERFORMANCE, (1, 2**32), "f4", dcpl=properties)
    if path.stat().st_blocks * 512 > 2**30:
        pytest.skip("the file system here has no sparse files")
    with open_checked(path) as file, pytest.raises(ValueError, match="17179869184 bytes of which the disk holds"):
        file.table(PERFORMANCE, "f", (1, None))


@pytest.mark.parametrize("opening", [open_recording, RecordingWriter.resume])
def test_what_is_no_recording(tmp_path, opening):
    with pytest.raises(FileNotFoundError, match=r"absent\.h5: there is no such recording"):
        opening(tmp_path / "absent.h5")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        opening(tmp_path)
    (tmp_path / "empty.h5").touch()
    with pytest.raises(ValueError, match=r"empty\.h5 is empty"):
        opening(tmp_path / "empty.h5")
    (tmp_path / "table.csv").write_text("item,performance\n")
    with pytest.raises(ValueError, match=r"table\.csv is not an HDF5 file"):
        opening(tmp_path / "table.csv")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ValueError, match="pipe is not a regular file"):
        opening(tmp_path / "pipe")
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["x"] = [1]
    with pytest.raises(ValueError, match=r"other\.h5: is an HDF5 file but not an engram recording"):
        opening(tmp_path / "other.h5")


def test_a_recording_cut_short_at_any_length_is_refused(tmp_path):
    create(tmp_path / "run.h5")
    whole = (tmp_path / "run.h5").read_bytes()
    for length in np.linspace(1, len(whole) - 1, 25, dtype=int):
        (tmp_path / "cut.h5").write_bytes(whole[:length])
        with pytest.raises(ValueError, match=r"cut\.h5"):
            open_recording(tmp_path / "cut.h5")


# ------------------------------------------------------------------- random damage, in a process of its own


@st.composite
def damages(draw):
    """Changes to a file: places as shares of its length, so that they fit any length."""
    place = st.floats(0, 1, exclude_max=True)
    changes = draw(st.lists(st.tuples(place, st.binary(min_size=1, max_size=8)), max_size=4))
    return changes, draw(st.one_of(st.just(1.0), st.just(1.0), place))


def damaged(whole, changes, kept):
    data = bytearray(whole)
    for place, change in changes:
        start = int(place * len(data))
        data[start : start + len(change)] = change[: len(data) - start]
    return bytes(data[: int(kept * len(data))])


def read_random_files(folder):
    path = Path(folder) / "run.h5"
    create(path)
    whole = path.read_bytes()
    quietly = settings(deadline=None, database=None, suppress_health_check=list(HealthCheck), derandomize=True)

    @settings(quietly, max_examples=30)
    @given(st.binary(max_size=200), st.booleans())
    def random_bytes(data, signed):
        path.write_bytes(whole[:8] + data if signed else data)
        read_or_refuse(path)

    @settings(quietly, max_examples=100)
    @given(damages())
    def random_changes(damage):
        path.write_bytes(damaged(whole, *damage))
        read_or_refuse(path)

    random_bytes()
    random_changes()


def test_random_damage_never_crashes_hangs_or_raises_anything_else():
    outcome = subprocess.run(
        [sys.executable, "-X", "faulthandler", __file__], capture_output=True, text=True, timeout=120, check=False
    )
    assert outcome.returncode == 0, outcome.stderr[-3000:]


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        read_random_files(scratch)
