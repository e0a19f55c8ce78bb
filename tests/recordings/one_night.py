"""The recording of two subjects of a small circuit, for the tests of the tables that grow."""

import json

import numpy as np

from engram.data.recording import ModelLayout, ProjectionLayout, RecordingWriter, StreamLayout, SubjectLayout

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
