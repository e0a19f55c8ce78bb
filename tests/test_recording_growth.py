"""Tables that grow: whenever writing stops, the file opens and holds the first rows of what was written."""

import io
import json
import os

import h5py
import numpy as np

from engram.data.recording import (
    ModelLayout,
    ProjectionLayout,
    RecordingWriter,
    StreamLayout,
    SubjectLayout,
    open_recording,
    stream_layout,
)
from engram.data.recording import writer as writer_module

GRAPH = {
    "nodes": [{"name": "C", "size": 7, "module": "cortex", "cell": "LIF"}],
    "edges": [
        {
            "source": "C",
            "target": "C",
            "name": "C-C",
            "synapses": 4,
            "rule": "trace",
            "receptor": "excitatory",
            "mean_weight": 0.1,
            "delay": "1 ms",
        }
    ],
}
SPIKES = StreamLayout(name="spikes/C", columns={"timestamps": "<f8", "node_ids": "<i4"}, units={"timestamps": "s"})
SEGMENTS = StreamLayout(
    name="segments",
    columns={
        "phase": "<i4",
        "stage": "S16",
        "item": "<i4",
        "lesion": "S64",
        "cycle": "<i4",
        "start": "<f8",
        "stop": "<f8",
    },
)
STATES = StreamLayout(
    name="states/C.v",
    columns={"time": "<f8", "values": "<f4"},
    widths={"values": 3},
    attributes={"node_ids": np.array([0, 2, 4])},
)


def create(path, streams=(SPIKES, SEGMENTS, STATES)):
    nothing = {column: [] for column in ("phase", "order", "item", "label", "wrong")}
    model = ModelLayout(
        spec="{}",
        item_set="{}",
        chance=0.5,
        subjects=[SubjectLayout(seed="", items=["a", "b"], presentations=nothing) for _ in range(2)],
        slots=2,
        projections=[ProjectionLayout(name="C-C", shape=(4,))],
        weight_rows=1,
        snapshots=True,
        streams=streams,
        circuit=json.dumps(GRAPH),
        measure="auc",
        time_scale=1440.0,
    )
    timeline = {
        "index": [0, 1],
        "kind": ["sleep", "probe"],
        "label": ["night", ""],
        "repetition": [1, 0],
        "list": ["", "all"],
        "lesion": ["none", "none"],
        "start": [0.0, 9.0],
        "stop": [9.0, 9.0],
    }
    return RecordingWriter.create(
        path,
        name="demo",
        protocol="name: demo\n",
        seed=7,
        timeline=timeline,
        probe_steps=[1],
        weight_steps=[0],
        models={"circuit": model},
        settings={},
    )


def spikes(first, count):
    """Spike n comes at n/8 s from cell n mod 7."""
    number = np.arange(first, first + count)
    return {"timestamps": number / 8, "node_ids": number % 7}


def segments(first, count):
    number = np.arange(first, first + count)
    names = {"phase": number * 0, "stage": ["nrem"] * count, "lesion": ["none"] * count}
    return {**names, "item": number % 2, "cycle": number, "start": number / 8, "stop": (number + 1) / 8}


def check_prefix(path):
    """Rows of both subjects, after a look at each of their numbers."""
    recording = open_recording(path)
    found = []
    for subject in range(2):
        times, cells = recording.spikes("circuit", subject, "C")
        expected = spikes(0, len(times))
        np.testing.assert_array_equal(times, expected["timestamps"])
        np.testing.assert_array_equal(cells, expected["node_ids"])
        table = recording.segments("circuit", subject)
        expected = segments(0, len(table))
        for column in ("cycle", "start", "stop", "stage", "lesion"):
            assert table[column].tolist() == list(expected[column])
        assert table["item"].tolist() == (expected["item"] + 1).tolist()
        found += [len(times), len(table)]
    return found


class Watched(io.FileIO):
    """A file that notes what is done to it."""

    log: list

    def write(self, data):
        Watched.log.append((self.tell(), bytes(data)))
        return super().write(data)

    def truncate(self, size):
        Watched.log.append((size, None))
        return super().truncate(size)


def states_of(before, log):
    """The file after each write, and within one that crosses pages.

    Whole nodes are taken to be written at once. Blocks of rows are skipped, but for the last of several.
    """
    data = bytearray(before)
    for number, (place, written) in enumerate(log):
        if written is None:
            data = data[:place] + bytes(max(0, place - len(data)))
            yield data
            continue
        pages = () if written[:4] == b"TREE" else range((place // 4096 + 1) * 4096, place + len(written), 4096)
        ends = [*pages, place + len(written)]
        for end in ends:
            data += bytes(max(0, end - len(data)))
            data[place:end] = written[: end - place]
            following = log[number + 1][1] if number + 1 < len(log) else None
            if len(written) not in BLOCKS or following is None or len(following) not in BLOCKS:
                yield data


BLOCKS = (8 * 8, 8 * 4)  # bytes of a block of spikes, where one has eight rows


def test_every_moment_of_growing_and_trimming_leaves_a_file_that_opens(tmp_path, monkeypatch):
    """Not kills at random, but one after each single write: blocks so small that the index of blocks splits."""
    monkeypatch.setattr(stream_layout, "BLOCK_BYTES", 100)
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)
    path = tmp_path / "run.h5"
    create(path, [SPIKES, SEGMENTS]).close()
    before = path.read_bytes()
    Watched.log = []
    with monkeypatch.context() as patch:
        patch.setattr(io, "FileIO", Watched)
        patch.setattr(writer_module, "BUFFERED_SECONDS", -1.0)
        writer = RecordingWriter.resume(path)
        for number in range(4):
            writer.append("circuit", 1, "spikes/C", spikes(180 * number, 180))
            writer.append("circuit", 0, "spikes/C", spikes(10 * number, 10))
            writer.append("circuit", 0, "segments", segments(number, 1))
        writer.truncate("circuit", 1, {"spikes/C": 500})
        writer.set_subject("circuit", 1, status="complete")
        writer.set_status("complete")
        writer.close()
    after = path.read_bytes()
    seen = []
    for state in states_of(before, Watched.log):
        path.write_bytes(state)
        seen.append(check_prefix(path))
        if len(seen) % 20 == 0 and open_recording(path).status != "complete":
            with RecordingWriter.resume(path) as writer:
                zero, events, one, _ = seen[-1]
                writer.append("circuit", 0, "spikes/C", spikes(zero, 25))
                writer.append("circuit", 1, "spikes/C", spikes(one, 500))
            assert check_prefix(path) == [zero + 25, events, one + 500, 0]
    assert state == after
    grown = seen[: seen.index([40, 4, 720, 0])]
    assert grown == sorted(grown)
    assert seen[-1] == [40, 4, 500, 0]
    with h5py.File(path) as file:
        assert file["models/circuit/subjects/1/spikes/C/node_ids"].shape == (500,)
