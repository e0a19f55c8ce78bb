"""What the writer puts into the file, seen with plain h5py."""

import json
import os
import time

import h5py
import numpy as np
import pytest

from engram.data.recording import ModelLayout, ProjectionLayout, RecordingWriter, SubjectLayout
from engram.data.recording import writer as writer_module
from engram.data.recording.disk_file import DiskFile

SLOTS = 3
PROBES = [1, 3]


def subject(k=0, names=("zéro", "one", "two")):
    columns = {"phase": [0, 2], "order": [0, 0], "item": [k % 3, 2], "label": [k % 3, 1], "wrong": [0.0, 1.0]}
    return SubjectLayout(seed=f"7/subject/{k}", items=list(names), presentations=columns)


def model(**options):
    given = {"subjects": [subject(0), subject(1)], "slots": SLOTS, "chance": 1 / 3, "curve_rows": 4, **options}
    return ModelLayout(spec='{"width": 8}', item_set='{"name": "digits"}', abilities=["order", "lesion"], **given)


def timeline():
    return {
        "index": [0, 1, 2, 3],
        "kind": ["wake", "probe", "wake", "probe"],
        "label": ["night é", "night é", "", ""],
        "repetition": [1, 1, 0, 0],
        "list": ["all"] * 4,
        "lesion": ["none", "none", "none", "hippocampus"],
        "start": [0.0, 1.0, 1.0, 2.5],
        "stop": [1.0, 1.0, 2.5, 2.5],
    }


def create(path, models=None, **options):
    given = {
        "protocol": "name: demo\n",
        "seed": 7,
        "timeline": timeline(),
        "probe_steps": PROBES,
        "settings": {"chunk": 5},
    }
    return RecordingWriter.create(path, name="demo", models=models or {"hybrid": model()}, **{**given, **options})


PROJECTION = ProjectionLayout(name="hidden1", shape=(2, 2), units="mV")


def weighing(**options):
    return model(projections=[PROJECTION], weight_rows=2, snapshots=True, **options)


def test_everything_known_before_the_run_is_in_the_file(tmp_path):
    path = tmp_path / "a" / "run.h5"
    create(path, {"hybrid": weighing(trials=5)}, weight_steps=[0, 2]).close()
    with h5py.File(path) as file:
        text = {name: file.attrs[name].decode() for name in ("format", "format_version", "status", "name", "protocol")}
        assert text == {
            "format": "engram",
            "format_version": "1.3",
            "status": "running",
            "name": "demo",
            "protocol": "name: demo\n",
        }
        assert file.attrs["seed"] == 7
        assert json.loads(file.attrs["settings"]) == {"chunk": 5}
        assert {"engram", "numpy", "h5py", "python"} <= set(json.loads(file.attrs["versions"]))
        assert json.loads(file.attrs["models"]) == ["hybrid"]
        for column, values in timeline().items():
            stored = file[f"phases/{column}"][...]
            assert [v.decode() if isinstance(v, bytes) else v for v in stored.tolist()] == values
        group = file["models/hybrid"]
        assert json.loads(group.attrs["spec"]) == {"width": 8}
        assert json.loads(group.attrs["abilities"]) == ["lesion", "order"]
        assert group.attrs["chance"] == 1 / 3
        one = group["subjects/1"]
        assert one.attrs["seed"].decode() == "7/subject/1"
        assert np.isnan(one.attrs["sensitivity"])
        assert [name.decode() for name in one["items"][...]] == ["zéro", "one", "two"]
        assert one["presentations/item"][...].tolist() == [1, 2]
        assert one["presentations/wrong"][...].tolist() == [0.0, 1.0]
        assert one["probes/phase"][...].tolist() == PROBES
        shapes = {
            "probes/performance": (2, 3),
            "probes/responses": (2, 3, 3),
            "probes/trials": (2, 3, 5),
            "curves/performance": (4, 3),
            "weights/hidden1/mean_gate": (2,),
            "weights/hidden1/snapshots": (2, 2, 2),
        }
        for table, shape in shapes.items():
            assert one[table].shape == shape
            missing = np.isnan if one[table].dtype.kind == "f" else np.vectorize(lambda value: value == -1)
            assert missing(one[table][...]).all()
        assert one["weights/hidden1"].attrs["units"].decode() == "mV"
        assert one["probes/performance"].dims[0][0] == one["probes/phase"]
        assert one["probes/performance"].dims[1][0] == one["items"]
        assert [axis.label for axis in one["probes/responses"].dims] == ["probe", "item", "response"]


def test_every_table_is_contiguous_allocated_and_untimed(tmp_path):
    create(tmp_path / "run.h5", {"hybrid": weighing(trials=5)}, weight_steps=[0, 2]).close()
    with h5py.File(tmp_path / "run.h5") as file:
        tables = []
        file.visititems(lambda _, part: tables.append(part) if isinstance(part, h5py.Dataset) else None)
        for table in tables:
            assert table.chunks is None
            assert table.id.get_storage_size() == table.nbytes
            assert h5py.h5o.get_info(table.id).ctime == 0
    assert len(tables) == 8 + 1 + 2 * (1 + 5 + 4 + 4 + 6)


def test_rows_are_written_where_they_belong_and_nowhere_else(tmp_path):
    path = tmp_path / "run.h5"
    writer = create(path, {"hybrid": weighing(trials=2)}, weight_steps=[0, 2])
    performance = np.array([[0.5, np.nan, 1.0], [0.25, 0.125, 0.0]])
    responses = np.arange(18).reshape(2, 3, 3)
    writer.write_probe("hybrid", [1, 0], 1, performance, responses, np.full((2, 3, 2), 2))
    writer.write_curve("hybrid", [0], 3, 2, 0, 4, np.array([[0.1, 0.2, 0.3]]))
    writer.write_weights("hybrid", [1], 1, "hidden1", {"mean_gate": 0.5}, np.arange(4.0).reshape(1, 2, 2))
    writer.close()
    with h5py.File(path) as file:
        zero, one = file["models/hybrid/subjects/0"], file["models/hybrid/subjects/1"]
        np.testing.assert_array_equal(one["probes/performance"][1], performance[0].astype("f4"))
        np.testing.assert_array_equal(zero["probes/performance"][1], performance[1].astype("f4"))
        np.testing.assert_array_equal(zero["probes/responses"][1], responses[1])
        assert np.isnan(zero["probes/performance"][0]).all()
        assert (zero["probes/responses"][0] == -1).all()
        assert zero["probes/trials"][1].tolist() == [[2, 2]] * 3
        assert [zero[f"curves/{c}"][3] for c in ("phase", "presentation", "epoch")] == [2, 0, 4]
        assert zero["curves/phase"][:3].tolist() == [-1, -1, -1]
        assert zero["curves/performance"][3].tolist() == pytest.approx([0.1, 0.2, 0.3])
        assert one["weights/hidden1/mean_gate"][1] == 0.5
        assert np.isnan(one["weights/hidden1/rms_displacement"][...]).all()
        assert one["weights/hidden1/snapshots"][1].tolist() == [[0, 1], [2, 3]]
        assert np.isnan(zero["weights/hidden1/snapshots"][...]).all()


def test_a_run_changes_no_structure_of_the_file(tmp_path):
    """Every byte outside the tables and the texts that may change stays as it was created."""
    path = tmp_path / "run.h5"
    writer = create(path)
    writer.flush()
    before = path.read_bytes()
    with h5py.File(path, "r", locking=False) as file:
        tables = []
        file.visititems(lambda _, part: tables.append(part) if isinstance(part, h5py.Dataset) else None)
        places = [(table.id.get_offset(), table.nbytes) for table in tables]
    for row in (1, 0):
        writer.write_probe("hybrid", [0, 1], row, np.full((2, 3), 0.5), np.full((2, 3, 3), 4))
        writer.write_curve("hybrid", [0, 1], row, 0, 0, row, np.full((2, 3), 0.5))
    writer.close()
    after = path.read_bytes()
    assert len(after) == len(before)
    changed = np.nonzero(np.frombuffer(before, "u1") != np.frombuffer(after, "u1"))[0]
    inside = np.zeros(len(before), dtype=bool)
    for offset, size in places:
        inside[offset : offset + size] = True
    assert changed.size > 0
    assert inside[changed].all()


def test_two_recordings_of_the_same_rows_differ_only_in_the_log(tmp_path):
    """Bit by bit: neither the order of writing nor the time of day is left in the file."""
    contents = []
    for name, rows in (("a", [0, 1]), ("b", [1, 0])):
        with create(tmp_path / f"{name}.h5") as writer:
            for row in rows:
                writer.write_probe("hybrid", [0, 1], row, np.full((2, 3), row / 4))
            writer.set_status("complete")
            writer.log(created="", finished="")
        contents.append((tmp_path / f"{name}.h5").read_bytes())
    assert contents[0] == contents[1]


def test_rows_reach_the_file_when_many_have_come_or_a_second_has_passed(tmp_path, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(writer_module, "BUFFERED_ROWS", 2)
    path = tmp_path / "run.h5"
    writer = create(path, {"hybrid": model(responses=False)})

    def written():
        with h5py.File(path, "r", locking=False) as file:
            return (~np.isnan(file["models/hybrid/subjects/0/probes/performance"][:, 0])).tolist()

    writer.write_probe("hybrid", [0], 0, np.zeros((1, 3)))
    assert written() == [False, False]
    writer.write_probe("hybrid", [0], 1, np.zeros((1, 3)))
    assert written() == [True, True]
    writer.write_probe("hybrid", [1], 0, np.zeros((1, 3)))
    clock[0] = 1.5
    writer.write_probe("hybrid", [0], 0, np.ones((1, 3)))
    with h5py.File(path, "r", locking=False) as file:
        assert file["models/hybrid/subjects/0/probes/performance"][0].tolist() == [1, 1, 1]
        assert file["models/hybrid/subjects/1/probes/performance"][0].tolist() == [0, 0, 0]
    writer.close()


def test_a_row_written_again_has_the_later_values_and_given_arrays_may_change(tmp_path):
    path = tmp_path / "run.h5"
    block = np.zeros((1, 3))
    with create(path) as writer:
        for value in (0.25, 0.5, 0.75):
            block[:] = value
            writer.write_probe("hybrid", [0], 0, block)
        block[:] = 9
    with h5py.File(path) as file:
        assert file["models/hybrid/subjects/0/probes/performance"][0].tolist() == [0.75] * 3


def test_texts_change_in_place_and_are_cut_between_characters(tmp_path):
    path = tmp_path / "run.h5"
    with create(path) as writer:
        size = path.stat().st_size
        writer.set_subject("hybrid", 1, status="failed", message="é" * 300, sensitivity=4e5)
        writer.log(command="x" * 9000, machine={"cores": 2}, wall_s=1.5, resumed=2)
        writer.set_status("failed")
    assert path.stat().st_size == size
    with h5py.File(path) as file:
        one = file["models/hybrid/subjects/1"]
        assert one.attrs["message"].decode() == "é" * 256
        assert one.attrs["status"] == b"failed"
        assert one.attrs["sensitivity"] == 4e5
        assert file.attrs["status"] == b"failed"
        assert len(file["log"].attrs["command"]) == 4096
        assert file["log"].attrs["finished"].startswith(b"20")
        assert np.isnan(file["log"].attrs["cpu_s"])


@pytest.mark.parametrize("length", [10, 60_000, 60_001, 300_000])
def test_a_protocol_of_any_length_fits(tmp_path, length):
    text = "é" + "x" * (length - 2)
    create(tmp_path / "run.h5", protocol=text).close()
    with h5py.File(tmp_path / "run.h5") as file:
        stored = file.attrs["protocol"] if "protocol" in file.attrs else file["protocol"][()]
    assert stored.decode() == text


def test_resume_writes_on(tmp_path):
    path = tmp_path / "run.h5"
    with create(path) as writer:
        writer.write_probe("hybrid", [0, 1], 0, np.full((2, 3), 0.25))
    with RecordingWriter.resume(path) as writer:
        writer.write_probe("hybrid", [0, 1], 1, np.full((2, 3), 0.5))
    with h5py.File(path) as file:
        assert file["models/hybrid/subjects/1/probes/performance"][:, 0].tolist() == [0.25, 0.5]


def test_resume_refuses_what_is_complete_or_being_written(tmp_path):
    path = tmp_path / "run.h5"
    with create(path) as writer, pytest.raises(BlockingIOError, match=r"run\.h5 is being written by another process"):
        RecordingWriter.resume(path)
    with RecordingWriter.resume(path) as writer:
        writer.set_status("complete")
    with pytest.raises(ValueError, match=r"run\.h5 is complete"):
        RecordingWriter.resume(path)


def test_an_error_in_the_run_keeps_the_rows_and_the_status(tmp_path):
    path = tmp_path / "run.h5"
    writer = create(path)
    writer.write_probe("hybrid", [0], 0, np.full((1, 3), 0.5))
    with pytest.raises(ZeroDivisionError), writer:
        raise ZeroDivisionError
    with h5py.File(path) as file:
        assert file.attrs["status"] == b"running"
        assert file["models/hybrid/subjects/0/probes/performance"][0, 0] == 0.5


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda w: w.write_probe("hybird", [0], 0, np.zeros((1, 3))), 'no model "hybird".*Did you mean "hybrid"'),
        (lambda w: w.write_probe("hybrid", [2], 0, np.zeros((1, 3))), "from 0 to 1"),
        (lambda w: w.write_probe("hybrid", [0, 0], 0, np.zeros((2, 3))), "different numbers"),
        (lambda w: w.write_probe("hybrid", [0], 2, np.zeros((1, 3))), "row 2 .* expected 0 to 1"),
        (lambda w: w.write_probe("hybrid", [0], -1, np.zeros((1, 3))), "row -1"),
        (lambda w: w.write_probe("hybrid", [0], 0, np.zeros(3)), r"shape \(3,\), expected \(1, 3\)"),
        (lambda w: w.write_probe("hybrid", [0], 0, np.zeros((1, 3)), np.zeros((1, 3, 3))), "expected whole numbers"),
        (lambda w: w.write_probe("hybrid", [0], 0, np.zeros((1, 3)), None, np.zeros((1, 3, 2), int)), "no room"),
        (lambda w: w.write_weights("hybrid", [0], 0, "hidden1", {"mean_gat": 1.0}), 'Did you mean "mean_gate"'),
        (lambda w: w.write_weights("hybrid", [0], 0, "hidden1", {"mean_gate": 1.0}), "no room"),
        (lambda w: w.set_subject("hybrid", 0, status="done"), 'found "done", allowed: running, complete or failed'),
        (lambda w: w.set_status("compleet"), 'Did you mean "complete"'),
        (lambda w: w.log(machine={"names": "x" * 9000}), "at most 8192"),
    ],
)
def test_wrong_input_is_refused_and_costs_no_rows(tmp_path, write, message):
    path = tmp_path / "run.h5"
    with create(path) as writer:
        writer.write_probe("hybrid", [0], 0, np.full((1, 3), 0.5))
        with pytest.raises(ValueError, match=message):
            write(writer)
    with h5py.File(path) as file:
        assert file["models/hybrid/subjects/0/probes/performance"][0].tolist() == [0.5] * 3
        assert np.isnan(file["models/hybrid/subjects/0/probes/performance"][1]).all()
        assert file.attrs["status"] == b"running"
    with pytest.raises(ValueError, match="is closed"):
        writer.write_probe("hybrid", [0], 0, np.zeros((1, 3)))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": -1}, "seed: found -1"),
        ({"seed": 2**64}, "seed"),
        ({"models": {"a/b": model()}}, "model 'a/b' cannot name"),
        ({"models": {"..": model()}}, "cannot name"),
        ({"timeline": {**timeline(), "stop": [0.0]}}, "timeline: .* one length"),
        ({"timeline": {**timeline(), "colour": [0] * 4}}, 'unknown column "colour"'),
        ({"timeline": {"index": [0]}}, "missing column"),
        ({"probe_steps": [9]}, "probe_steps: found 9"),
        ({"models": {"a": model(), "b": model(subjects=[subject()])}}, "equally many subjects"),
        ({"models": {"a": weighing()}, "weight_steps": [0]}, "weight_rows = 2, expected 0 or 1"),
    ],
)
def test_layouts_that_do_not_fit_are_refused_before_a_file_is_made(tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        create(tmp_path / "run.h5", **options)
    assert os.listdir(tmp_path) == []


def test_a_subject_with_other_items_than_its_model_is_refused():
    with pytest.raises(ValueError, match="subject 0 has 2 items, the model 3"):
        model(subjects=[subject(names=("one", "two"))])


@pytest.mark.parametrize("text", ["", "{", "[]", "3"])
def test_a_specification_that_is_no_json_object_is_refused(text):
    with pytest.raises(ValueError, match="item_set: expected"):
        ModelLayout(spec="{}", item_set=text, chance=1 / 3, subjects=[subject()], slots=3)


def test_an_interrupt_while_writing_loses_nothing(tmp_path, monkeypatch):
    path = tmp_path / "run.h5"
    writer = create(path)
    writer.write_probe("hybrid", [0], 0, np.full((1, 3), 0.5))
    with monkeypatch.context() as patch:
        patch.setattr(DiskFile, "write", interrupt)
        with pytest.raises(KeyboardInterrupt):
            writer.flush()
    writer.close()
    with h5py.File(path) as file:
        assert file["models/hybrid/subjects/0/probes/performance"][0].tolist() == [0.5] * 3


def interrupt(*_):
    raise KeyboardInterrupt("Ctrl-C")


def test_recording_a_row_is_cheap(tmp_path):
    """Ten subjects with ten items: well below a millisecond of processor time per probe."""
    subjects = [subject(k, names=[str(i) for i in range(10)]) for k in range(10)]
    steps = 200
    long = {name: np.resize(np.asarray(values), steps) for name, values in timeline().items()}
    with create(
        tmp_path / "run.h5", {"hybrid": model(subjects=subjects, slots=10)}, timeline=long, probe_steps=range(steps)
    ) as writer:
        performance, responses = np.ones((10, 10)), np.ones((10, 10, 10), dtype=int)
        start = time.process_time()
        for row in range(steps):
            writer.write_probe("hybrid", range(10), row, performance, responses)
        writer.flush()
        assert (time.process_time() - start) / steps < 1e-3
