"""The recording of two learners, two subjects and two tasks, with all that deep learners record."""

import json

import numpy as np

from engram.data.recording import ModelLayout, RecordingWriter, StreamLayout, SubjectLayout, open_recording

COSTS = StreamLayout(
    name="costs", columns={"phase": "<i4", "updates": "<i8", "image_passes": "<i8", "forward_passes": "<i8"}
)
EPISODIC = StreamLayout(
    name="episodic",
    columns={
        "phase": "<i4",
        "items": "<i8",
        "classes": "<i4",
        **{f"{part}_bytes": "<i8" for part in ("codes", "parameter", "other", "total", "working")},
        "psnr": "<f4",
        "bits_per_pixel": "<f4",
    },
)
EVALUATIONS = StreamLayout(name="evaluations", columns={"phase": "<i4", "name": "S64", "value": "<f8"})
RECOLLECTIONS = StreamLayout(
    name="recollections",
    columns={"phase": "<i4", "label": "<i4", "original": "|u1", "recalled": "|u1"},
    widths={"original": 4, "recalled": 4},
    attributes={"height": 2, "width": 2, "channels": 1},
)
TIMELINE = {
    "index": [0, 1, 2, 3, 4, 5],
    "kind": ["wake", "sleep", "probe"] * 2,
    "label": [""] * 6,
    "repetition": [0] * 6,
    "list": ["a"] * 3 + ["b"] * 3,
    "lesion": ["none"] * 6,
    "start": [0.0] * 6,
    "stop": [0.0] * 6,
}
# Right answers to 4 test images of each of items 1-2 and 8 of item 3, [subject, probe, item]; -1: not asked for.
RIGHT = {
    "er": np.array([[[4, 3, -1], [2, 1, 8]], [[4, 4, -1], [4, 3, 4]]]),
    "finetune": np.array([[[4, 4, -1], [0, 0, 8]], [[4, 2, -1], [0, 0, 6]]]),
}
IMAGES = np.array([4, 4, 8])


def counts(right):
    """Wrong answers name the next item; [item, response]."""
    table = np.diag(right) + np.roll(np.diag(IMAGES - right), 1, axis=1)
    return np.where(right[:, None] < 0, -1, table)


def record(path, *, failed=(), psnr=30.0, status="complete", total=1000, right=RIGHT):
    """Bytes of subject k are `total` + 10 k; the passes of step s are 100 (s + 1).

    An infinite `psnr` recalls exactly.
    """
    presented = {"phase": [0, 0, 3], "order": [0, 1, 0], "item": [0, 1, 2], "label": [0, 1, 2], "wrong": [0.0] * 3}
    subjects = [SubjectLayout(seed="", items=["x", "y", "z"], presentations=presented) for _ in range(2)]
    streams = {"er": (COSTS, EPISODIC, EVALUATIONS, RECOLLECTIONS), "finetune": (COSTS, EVALUATIONS)}
    specs = {"er": {"kind": "er", "store": {"kind": "raw", "budget": 5000}}, "finetune": {"kind": "finetune"}}
    models = {
        name: ModelLayout(
            spec=json.dumps(specs[name]), item_set="{}", chance=1 / 3, subjects=subjects, slots=3, streams=streams[name]
        )
        for name in right
    }
    with RecordingWriter.create(
        path,
        name="demo",
        protocol="name: demo",
        seed=7,
        timeline=TIMELINE,
        probe_steps=[2, 5],
        models=models,
        settings={},
    ) as writer:
        for name, answers in right.items():
            for k in range(2):
                _write(writer, name, k, answers[k], total, psnr)
                writer.set_subject(name, k, status="failed" if (name, k) in failed else "complete")
        writer.set_status(status)
    return open_recording(path)


def _write(writer, name, k, right, total, psnr):
    for row in range(2):
        share = np.where(right[row] < 0, np.nan, right[row] / IMAGES)
        writer.write_probe(name, [k], row, share[None], counts(right[row])[None])
    for step in (0, 1, 3, 4):
        writer.write_seconds(name, [k], step, 2.0 + k)
        passes = {"phase": [step], "updates": [step + 1], "image_passes": [100 * (step + 1)], "forward_passes": [7]}
        writer.append(name, k, "costs", passes)
        if name == "er" and step in (0, 3):
            size = total + 10 * k if step == 3 else total // 2
            parts = {"codes_bytes": [size - 30], "parameter_bytes": [10], "other_bytes": [20], "total_bytes": [size]}
            row = {"phase": [step], "items": [step + 1], "classes": [2], "working_bytes": [0], **parts}
            writer.append(name, k, "episodic", {**row, "psnr": [psnr], "bits_per_pixel": [0.5]})
            images = np.arange(8).reshape(2, 4) * 30
            pairs = {
                "phase": [step] * 2,
                "label": [0, 1],
                "original": images,
                "recalled": images + 5 * np.isfinite(psnr),
            }
            writer.append(name, k, "recollections", pairs)
    values = {
        "accuracy/intact": 0.75,
        "corruption/fog/1": 0.5,
        "corruption/fog/2": 0.3,
        "corruption/snow/1": 0.7,
        "unknown/msp/auroc": 0.9 - 0.1 * k,
        "unknown/msp/aupr": 0.7,
        "unknown/msp/fpr95": 0.4,
        "unknown/energy/auroc": 0.1,
        "calibration/ece": 0.05,
    }
    old = {"phase": [2], "name": ["corruption/fog/1"], "value": [0.9]}
    writer.append(name, k, "evaluations", old)
    writer.append(
        name, k, "evaluations", {"phase": [5] * len(values), "name": list(values), "value": list(values.values())}
    )
