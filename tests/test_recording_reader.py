"""What the reader makes of a recording."""

import re
from pathlib import Path

import h5py
import numpy as np
import pytest

from engram.data.recording import ModelLayout, ProjectionLayout, RecordingWriter, SubjectLayout, open_recording

MODELS = ("hybrid", "conventional")


def subject(k):
    columns = {"phase": [0, 2], "order": [0, 0], "item": [k, 1 - k], "label": [k, k], "wrong": [0.0, 1.0]}
    return SubjectLayout(seed=f"7/subject/{k}", items=[f"0{k}", f"1{k}"], presentations=columns)


def model(curve_rows=0, **options):
    given = {"spec": '{"f": 0.5}', "item_set": '{"name": "digits"}', "encoder": "lite0", "chance": 0.5, "slots": 2}
    return ModelLayout(subjects=[subject(0), subject(1)], curve_rows=curve_rows, **{**given, **options})


TIMELINE = {
    "index": [0, 1, 2, 3],
    "kind": ["wake", "probe", "wake", "probe"],
    "label": ["repetition", "repetition", "poisoning", "poisoning"],
    "repetition": [1, 1, 0, 0],
    "list": ["all", "all", "fillers", "fillers"],
    "lesion": ["none", "none", "none", "hippocampus"],
    "start": [0.0, 1.0, 1.0, 2.5],
    "stop": [1.0, 1.0, 2.5, 2.5],
}


def create(path, **layouts):
    return RecordingWriter.create(
        path,
        name="demo",
        protocol="name: demo\n",
        seed=7,
        timeline=TIMELINE,
        probe_steps=[1, 3],
        weight_steps=[0, 2],
        models=layouts or {name: model() for name in MODELS},
        settings={"device": "cpu"},
    )


def test_what_the_run_was(tmp_path):
    with create(tmp_path / "run.h5") as writer:
        writer.set_subject("hybrid", 1, status="failed", message="the loss is not finite", sensitivity=3e3)
        writer.log(command="engram run demo", machine={"cores": 2}, wall_s=1.5)
    recording = open_recording(tmp_path / "run.h5")
    assert (recording.status, recording.seed, recording.format_version) == ("running", 7, "1.3")
    assert (recording.protocol_name, recording.protocol_text) == ("demo", "name: demo\n")
    assert recording.settings == {"device": "cpu"}
    assert recording.versions["numpy"] == np.__version__
    assert list(recording.models) == ["hybrid", "conventional"]
    hybrid = recording.models["hybrid"]
    assert (hybrid.spec, hybrid.item_set, hybrid.encoder) == ({"f": 0.5}, {"name": "digits"}, "lite0")
    assert (hybrid.chance, hybrid.subjects, hybrid.statuses) == (0.5, 2, ("running", "failed"))
    log = recording.log
    assert (log["command"], log["machine"], log["wall_s"]) == ("engram run demo", {"cores": 2}, 1.5)
    assert "cpu_s" not in log
    assert "finished" not in log
    assert repr(recording) == (
        f"<engram.Recording {tmp_path / 'run.h5'}: demo, seed 7, running; "
        "hybrid (2 subjects), conventional (2 subjects)>"
    )
    subjects = recording.subjects()
    assert list(subjects.columns) == ["model", "subject", "seed", "status", "message", "sensitivity"]
    assert subjects.loc[1].tolist() == ["hybrid", 1, "7/subject/1", "failed", "the loss is not finite", 3000.0]
    assert np.isnan(subjects["sensitivity"][0])


def test_the_timeline(tmp_path):
    create(tmp_path / "run.h5").close()
    phases = open_recording(tmp_path / "run.h5").phases()
    assert phases.to_dict("list") == TIMELINE


def test_performance_is_labelled_and_counted_from_one(tmp_path):
    with create(tmp_path / "run.h5") as writer:
        writer.write_probe("hybrid", [0, 1], 1, np.array([[0.25, 0.5], [0.75, np.nan]]))
        writer.flush()
        performance = open_recording(tmp_path / "run.h5").performance()
    assert performance.dims == ("model", "subject", "probe", "item")
    assert performance.dtype == np.float32
    assert performance.sel(model="hybrid", subject=1, probe=1, item=1) == 0.75
    assert performance.sel(model="hybrid", subject=0, item=2).values.tolist()[1] == 0.5
    assert int(performance.notnull().sum()) == 3
    assert performance["phase"].values.tolist() == [1, 3]
    assert performance["label"].values.tolist() == ["repetition", "poisoning"]
    assert performance["repetition"].values.tolist() == [1, 0]
    assert performance["list"].values.tolist() == ["all", "fillers"]
    assert performance["lesion"].values.tolist() == ["none", "hippocampus"]
    assert performance["stop"].values.tolist() == [1.0, 2.5]
    assert performance["chance"].sel(model="hybrid") == 0.5
    assert performance["item"].values.tolist() == [1, 2]


def test_models_can_be_chosen(tmp_path):
    with create(tmp_path / "run.h5") as writer:
        writer.write_probe("conventional", [0], 0, np.array([[0.25, 0.5]]))
    recording = open_recording(tmp_path / "run.h5")
    chosen = recording.performance("conventional")
    assert chosen["model"].values.tolist() == ["conventional"]
    assert chosen[0, 0, 0].values.tolist() == [0.25, 0.5]
    assert recording.performance(["conventional", "hybrid"])["model"].values.tolist() == ["conventional", "hybrid"]
    with pytest.raises(ValueError, match=r'no model "hibrid".*Did you mean "hybrid"'):
        recording.performance("hibrid")
    with pytest.raises(ValueError, match="no model chosen"):
        recording.performance([])


def test_responses(tmp_path):
    layouts = {"hybrid": model(), "conventional": model(responses=False)}
    with create(tmp_path / "run.h5", **layouts) as writer:
        writer.write_probe("hybrid", [1], 0, np.ones((1, 2)), np.array([[[3, 1], [0, 4]]]))
    recording = open_recording(tmp_path / "run.h5")
    responses = recording.responses()
    assert responses.dims == ("model", "subject", "probe", "item", "response")
    assert responses["model"].values.tolist() == ["hybrid"]
    assert responses.sel(subject=1, probe=0, item=1, response=2).item() == 1
    assert responses.sel(subject=1, probe=0).values.tolist() == [[[3, 1], [0, 4]]]
    assert (responses.sel(subject=0) == -1).all()
    with pytest.raises(ValueError, match=r"holds no probes/responses: a protocol with record: \{responses: counts\}"):
        recording.responses("conventional")


def test_learning_curves_share_the_points_that_models_reach(tmp_path):
    layouts = {"hybrid": model(curve_rows=3), "conventional": model(curve_rows=2)}
    with create(tmp_path / "run.h5", **layouts) as writer:
        for row, (phase, epoch) in enumerate([(0, 0), (0, 1), (2, 0)]):
            writer.write_curve("hybrid", [0, 1], row, phase, 0, epoch, np.full((2, 2), row))
        for row, phase in enumerate([0, 2]):
            writer.write_curve("conventional", [1], row, phase, 0, 0, np.full((1, 2), 10 + row))
    curves = open_recording(tmp_path / "run.h5").learning_curves()
    assert curves.dims == ("model", "subject", "point", "item")
    points = list(zip(*[curves[c].values.tolist() for c in ("phase", "presentation", "epoch")], strict=True))
    assert points == [(0, 0, 0), (0, 0, 1), (2, 0, 0)]
    assert curves.sel(model="hybrid", subject=0, item=1).values.tolist() == [0, 1, 2]
    np.testing.assert_array_equal(curves.sel(model="conventional", subject=1, item=2).values, [10, np.nan, 11])
    assert curves.sel(model="conventional", subject=0).isnull().all()


def test_what_was_not_recorded_is_said(tmp_path):
    create(tmp_path / "run.h5").close()
    recording = open_recording(tmp_path / "run.h5")
    with pytest.raises(ValueError, match=r"every: epoch"):
        recording.learning_curves()
    with pytest.raises(ValueError, match=r"record: \{responses: trials\}"):
        recording.trials()
    with pytest.raises(ValueError, match=r"record: \{weights: summary\}"):
        recording.weights()
    with pytest.raises(ValueError, match=r"no projection \"hidden1\""):
        recording.snapshots("hybrid", 0, "hidden1")


def test_curves_of_a_run_that_has_not_begun_are_empty(tmp_path):
    create(tmp_path / "run.h5", hybrid=model(curve_rows=3)).close()
    assert open_recording(tmp_path / "run.h5").learning_curves().sizes == {
        "model": 1,
        "subject": 2,
        "point": 0,
        "item": 2,
    }


def test_presentations(tmp_path):
    create(tmp_path / "run.h5").close()
    table = open_recording(tmp_path / "run.h5").presentations()
    assert table.to_dict("list") == {
        "subject": [0, 0, 1, 1],
        "phase": [0, 2, 0, 2],
        "order": [0, 0, 0, 0],
        "item": [1, 2, 2, 1],
        "label": [1, 1, 2, 2],
        "wrong": [0.0, 1.0, 0.0, 1.0],
        "phase_label": ["repetition", "poisoning", "repetition", "poisoning"],
        "repetition": [1, 0, 1, 0],
    }


def test_trials(tmp_path):
    with create(tmp_path / "run.h5", hybrid=model(trials=2)) as writer:
        given = np.array([[[0, 1], [-1, -1]]])  # the second item was not asked for
        writer.write_probe("hybrid", [1], 1, np.array([[0.5, np.nan]]), trials=given)
    trials = open_recording(tmp_path / "run.h5").trials()
    assert trials.to_dict("list") == {
        "model": ["hybrid", "hybrid"],
        "subject": [1, 1],
        "list": ["fillers", "fillers"],
        "probe": [1, 1],
        "input_position": [1, 1],
        "output_position": [1, 2],
        "item": ["01", "01"],
        "response": [1, 2],
        "correct": [True, False],
    }


def test_items(tmp_path):
    create(tmp_path / "run.h5", hybrid=model()).close()
    items = open_recording(tmp_path / "run.h5").items()
    assert items.to_dict("list") == {
        "model": ["hybrid"] * 4,
        "subject": [0, 0, 1, 1],
        "item": [1, 2, 1, 2],
        "name": ["00", "10", "01", "11"],
    }


def test_weights_and_snapshots(tmp_path):
    projection = ProjectionLayout(name="hidden1", shape=(2, 3), units="mV")
    layouts = {"hybrid": model(projections=[projection], weight_rows=2, snapshots=True), "conventional": model()}
    with create(tmp_path / "run.h5", **layouts) as writer:
        summary = {"mean_displacement": [0.1, 0.2], "mean_gate": [0.5, 1.0]}
        snapshot = np.arange(12.0).reshape(2, 2, 3)
        writer.write_weights("hybrid", [0, 1], 1, "hidden1", summary, snapshot)
    recording = open_recording(tmp_path / "run.h5")
    weights = recording.weights()
    assert weights["subject"].tolist() == [0, 1]
    assert weights["phase"].tolist() == [2, 2]
    assert weights["label"].tolist() == ["poisoning"] * 2
    assert weights["mean_displacement"].tolist() == [0.1, 0.2]
    assert weights["rms_displacement"].isna().all()
    assert weights["units"].tolist() == ["mV", "mV"]
    snapshots = recording.snapshots("hybrid", 1, "hidden1")
    assert snapshots.shape == (2, 2, 3)
    np.testing.assert_array_equal(snapshots[1], snapshot[1])
    assert np.isnan(snapshots[0]).all()
    with pytest.raises(ValueError, match="subject 2 of hybrid: expected 0 to 1"):
        recording.snapshots("hybrid", 2, "hidden1")
    with pytest.raises(ValueError, match=r'"hidden2".*it has hidden1\. Did you mean "hidden1"'):
        recording.snapshots("hybrid", 0, "hidden2")


def test_an_open_recording_follows_the_run(tmp_path):
    with create(tmp_path / "run.h5") as writer:
        recording = open_recording(tmp_path / "run.h5")
        assert recording.performance().isnull().all()
        writer.write_probe("hybrid", [0], 0, np.ones((1, 2)))
        writer.flush()
        assert int(recording.performance().notnull().sum()) == 2
        writer.set_status("complete")
        assert recording.status == "complete"


def test_a_long_protocol_is_read_from_its_dataset(tmp_path):
    text = "# é\n" * 30_000
    writer = RecordingWriter.create(
        tmp_path / "run.h5",
        protocol=text,
        seed=1,
        timeline=TIMELINE,
        probe_steps=[1],
        models={"a": model()},
        settings={},
    )
    writer.close()
    assert open_recording(tmp_path / "run.h5").protocol_text == text


def test_a_protocol_without_probes_has_no_rows(tmp_path):
    writer = RecordingWriter.create(
        tmp_path / "run.h5", protocol="", seed=1, timeline=TIMELINE, probe_steps=[], models={"a": model()}, settings={}
    )
    writer.close()
    assert open_recording(tmp_path / "run.h5").performance().shape == (1, 2, 0, 2)


def test_a_recording_packed_by_gzip_reads_the_same(tmp_path):
    with create(tmp_path / "run.h5") as writer:
        writer.write_probe("hybrid", [0], 0, np.ones((1, 2)))
    before = open_recording(tmp_path / "run.h5").performance()
    with h5py.File(tmp_path / "run.h5", "r+") as file:
        for name in MODELS:
            for k in range(2):
                probes = file[f"models/{name}/subjects/{k}/probes"]
                values = probes["performance"][...]
                del probes["performance"]
                probes.create_dataset("performance", data=values, chunks=(1, 2), compression="gzip", shuffle=True)
    assert open_recording(tmp_path / "run.h5").performance().equals(before)


def test_the_example_for_plain_h5py_runs_as_printed(tmp_path, monkeypatch, capsys):
    with create(tmp_path / "run.h5") as writer:
        writer.write_probe("hybrid", [0, 1], 0, np.array([[0.25, 0.5], [0.75, 0.5]]))
        writer.write_probe("hybrid", [0, 1], 1, np.zeros((2, 2)))  # labelled poisoning
    page = Path(__file__).parents[1] / "docs" / "recording-format.md"
    example = re.search(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    monkeypatch.chdir(tmp_path)
    exec(example.group(1), {})
    assert capsys.readouterr().out == "1.3 running 7\n[0.5 0.5]\n"


def test_recordings_of_the_first_format_are_read(tmp_path):
    """Format 1.0 had no streams, circuits or measures."""
    path = tmp_path / "run.h5"
    with create(path) as writer:
        writer.write_probe("hybrid", [0, 1], 0, np.array([[0.25, 0.5], [0.75, 1.0]]))
    with h5py.File(path, "r+") as file:
        file.attrs.modify("format_version", np.bytes_(b"1.0"))
        for name in MODELS:
            for added in ("measure", "streams", "time_scale"):
                del file[f"models/{name}"].attrs[added]
    recording = open_recording(path)
    assert recording.format_version == "1.0"
    assert recording.performance().sel(model="hybrid", subject=1, probe=0).values.tolist() == [0.75, 1.0]
    assert recording.measure("hybrid") == "share correct"
    assert np.isnan(recording.time_scale("hybrid"))
    assert recording.streams("hybrid") == ()
    assert recording.populations("hybrid") == {}
    with pytest.raises(ValueError, match=r"hybrid in .*run\.h5 is no circuit"):
        recording.circuit("hybrid")
    with pytest.raises(ValueError, match="holds no spikes of hybrid"):
        recording.spikes("hybrid", 0, "C")
    with RecordingWriter.resume(path) as writer:
        assert writer.lengths("hybrid", 0) == {}
        writer.write_probe("hybrid", [0], 1, np.array([[0.5, 0.5]]))
        writer.set_subject("hybrid", 0, status="complete")
    assert open_recording(path).performance().sel(model="hybrid", subject=0, probe=1).values.tolist() == [0.5, 0.5]
