import json
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from engram.analysis import metrics, summary
from engram.data.recording import ModelLayout, RecordingWriter, SubjectLayout, open_recording

IMAGES = 20


def record(path, steps, sequence, performance, *, status="complete", failed=(), responses=True):
    """A recording of models {name: [subject, probe, item]}; `steps` are (kind, label, repetition)."""
    models = {name: np.asarray(values, dtype=float) for name, values in performance.items()}
    subjects, _, n = next(iter(models.values())).shape
    phases = [index for index, step in enumerate(steps) if step[0] == "wake"]
    shown = {
        "phase": phases,
        "order": [0] * len(phases),
        "item": sequence,
        "label": sequence,
        "wrong": [0.0] * len(phases),
    }
    layout = SubjectLayout(seed="7", items=[str(i) for i in range(n)], presentations=shown)
    layouts = {
        name: ModelLayout(
            spec="{}", item_set="{}", chance=1 / n, subjects=[layout] * subjects, slots=n, responses=responses
        )
        for name in models
    }
    kinds, labels, repetitions = zip(*steps, strict=True)
    place = np.arange(len(steps))
    timeline = {
        "index": place, "kind": kinds, "label": labels, "repetition": repetitions,
        "list": ["all"] * len(steps), "lesion": ["none"] * len(steps), "start": place, "stop": place,
    }  # fmt: skip
    probes = [index for index, step in enumerate(steps) if step[0] == "probe"]
    with RecordingWriter.create(
        path, name="demo", protocol="name: demo", seed=7, timeline=timeline, probe_steps=probes, weight_steps=[],
        models=layouts, settings={},
    ) as writer:  # fmt: skip
        for name, values in models.items():
            for row in range(len(probes)):
                for k in range(subjects):
                    if np.isfinite(values[k, row]).all():
                        counts = counts_of(values[k, row])[None] if responses else None
                        writer.write_probe(name, [k], row=row, performance=values[k, row][None], responses=counts)
            for k in range(subjects):
                writer.set_subject(name, k, status="failed" if (name, k) in failed else "complete")
        writer.set_status(status)
    return open_recording(path)


def counts_of(performance):
    """Wrong responses go to the next item, whole images only."""
    right = np.rint(performance * IMAGES).astype(int)
    return np.diag(right) + np.roll(np.diag(IMAGES - right), 1, axis=1)


HEBB = [(kind, "repetition", r) for r in (1, 2) for kind in ("wake", "probe")] + [
    ("wake", "poisoning", 0),
    ("probe", "poisoning", 0),
]
HYBRID = [
    [[0.5, 0.5, 0.5], [0.9, 0.6, 0.9], [0.7, 0.5, 0.6]],
    [[0.4, 0.5, 0.6], [0.5, 0.8, 0.8], [0.2, 0.8, 0.8]],
]


def test_metrics_of_repetition_and_poisoning_worked_out_by_hand(tmp_path):
    steps = [("wake", "", 0), ("wake", "", 0), *HEBB]
    recording = record(tmp_path / "run.h5", steps, [1, 2, 0, 1, 2], {"hybrid": HYBRID})
    found = metrics(recording)["hybrid"]
    assert found["final_performance"] == pytest.approx([0.45, 0.65, 0.7])
    assert found["average"] == pytest.approx(0.6)
    assert found["gross_memory"] == pytest.approx(1.8)
    assert found["minimum_by_repetition"] == pytest.approx([(0.5 + 0.4) / 2, (0.6 + 0.5) / 2])
    assert found["mean_by_repetition"] == pytest.approx([0.5, (0.8 + 0.7) / 2])
    assert found["after_poisoning"] == pytest.approx(0.6)
    assert found["retained_after_poisoning"] == pytest.approx((0.6 - 1 / 3) / (0.75 - 1 / 3), abs=1e-6)
    assert (
        found["memorised"] == 2.5
    )  # all of the first subject, not the first item of the second: 8 of 20 with 14 named
    assert list(found) == [
        "final_performance", "memorised", "average", "gross_memory", "minimum_by_repetition", "mean_by_repetition",
        "after_poisoning", "retained_after_poisoning", "rho_frequency", "rho_order",
    ]  # fmt: skip


def test_metrics_are_there_only_where_the_protocol_has_them(tmp_path):
    steps = [("wake", "", 0)] * 3 + [("probe", "", 0)]
    values = [[[0.5, 0.6, 0.7]]]
    found = metrics(record(tmp_path / "a.h5", steps, [0, 1, 2], {"hybrid": values}, responses=False))["hybrid"]
    assert set(found) == {"final_performance", "average", "gross_memory"}


def test_correlations_with_frequency_and_order(tmp_path):
    steps = [("wake", "", 0)] * 6 + [("probe", "", 0)]
    recording = record(tmp_path / "a.h5", steps, [2, 2, 1, 2, 0, 1], {"hybrid": [[[0.2, 0.5, 0.9]]]})
    found = metrics(recording)["hybrid"]
    assert found["rho_frequency"] == 1
    assert found["rho_order"] == -0.5


def test_failed_subjects_are_left_out_and_counted(tmp_path):
    both = {"hybrid": HYBRID, "conventional": HYBRID}
    recording = record(tmp_path / "run.h5", HEBB, [0, 1, 2], both, failed={("hybrid", 1)})
    found = summary(recording)["models"]
    assert (found["hybrid"]["subjects"], found["hybrid"]["failed"]) == (2, 1)
    assert (found["conventional"]["subjects"], found["conventional"]["failed"]) == (2, 0)
    assert found["hybrid"]["metrics"]["final_performance"] == pytest.approx([0.7, 0.5, 0.6])
    assert found["hybrid"]["metrics"]["memorised"] == 3
    assert found["conventional"]["metrics"]["final_performance"] == pytest.approx([0.45, 0.65, 0.7])


def test_a_running_recording_gives_what_is_there(tmp_path):
    values = np.array(HYBRID)
    values[:, 1:] = np.nan
    path = tmp_path / "run.h5"
    found = summary(record(path, HEBB, [0, 1, 2], {"hybrid": values, "stable": values * np.nan}, status="running"))
    assert found["status"] == "running"
    hybrid, stable = found["models"]["hybrid"]["metrics"], found["models"]["stable"]["metrics"]
    assert hybrid["final_performance"] == pytest.approx([0.45, 0.5, 0.55])
    assert hybrid["gross_memory"] == pytest.approx(0.45)  # one item trained
    assert hybrid["minimum_by_repetition"] == [pytest.approx(0.45), None]
    assert hybrid["retained_after_poisoning"] is None
    assert stable["final_performance"] == [None, None, None]
    assert stable["memorised"] is None
    assert json.loads(json.dumps(found, allow_nan=False)) == found


def test_summary_has_the_documented_fields(tmp_path):
    found = summary(record(tmp_path / "run.h5", HEBB, [0, 1, 2], {"hybrid": HYBRID}))
    assert set(found) == {"format", "format_version", "status", "protocol", "seed", "models"}
    assert (found["format"], found["status"], found["protocol"], found["seed"]) == ("engram", "complete", "demo", 7)


def test_no_probe_at_all_gives_empty_metrics():
    from xarray import DataArray

    from engram.analysis.probes import PROBE_DIMS

    coords = {name: ("probe", np.array([], dtype=object)) for name in ("label", "lesion", "repetition", "phase")}
    nothing = DataArray(
        np.zeros((1, 1, 0, 2)), dims=PROBE_DIMS, coords={"model": ["hybrid"], "item": [1, 2], "subject": [0], **coords}
    )
    stand_in = SimpleNamespace(
        performance=lambda: nothing,
        responses=lambda: nothing.expand_dims(response=[1, 2]),
        presentations=lambda: pd.DataFrame({"subject": [0], "phase": [0], "order": [0], "item": [1]}),
        subjects=lambda: pd.DataFrame({"model": ["hybrid"], "subject": [0], "status": ["complete"]}),
    )
    assert metrics(stand_in)["hybrid"]["final_performance"] == [None, None]
