"""The log, and tables of any kind that grow."""

import h5py
import numpy as np
import pytest

from engram.data.recording import ModelLayout, RecordingWriter, StreamLayout, SubjectLayout, open_recording

IMAGES = StreamLayout(
    name="recollections",
    columns={"phase": "<i4", "label": "<i4", "original": "|u1", "recalled": "|u1"},
    widths={"original": 4, "recalled": 4},
    attributes={"height": 2, "width": 2, "channels": 1},
)
EVALUATIONS = StreamLayout(name="evaluations", columns={"phase": "<i4", "name": "S64", "value": "<f8"})
NOTHING = {"phase": [], "order": [], "item": [], "label": [], "wrong": []}
TIMELINE = {
    "index": [0, 1],
    "kind": ["wake", "probe"],
    "label": ["", ""],
    "repetition": [0, 0],
    "list": ["all", "all"],
    "lesion": ["none", "none"],
    "start": [0.0, 1.0],
    "stop": [1.0, 1.0],
}


def create(path, streams=(IMAGES, EVALUATIONS)):
    subjects = [SubjectLayout(seed="", items=["a", "b"], presentations=NOTHING) for _ in range(3)]
    layout = ModelLayout(spec="{}", item_set="{}", chance=0.5, subjects=subjects, slots=2, streams=streams)
    return RecordingWriter.create(
        path,
        name="demo",
        protocol="name: demo\n",
        seed=7,
        timeline=TIMELINE,
        probe_steps=[1],
        models={"net": layout},
        settings={},
    )


def test_seconds_are_added_and_shared_evenly_also_after_a_resume(tmp_path):
    path = tmp_path / "run.h5"
    with create(path) as writer:
        writer.write_seconds("net", [0, 1], 0, 3.0)
        writer.write_seconds("net", [0], 0, 0.25)
    assert np.array_equal(
        open_recording(path).seconds("net"), [[1.75, np.nan], [1.5, np.nan], [np.nan] * 2], equal_nan=True
    )
    with RecordingWriter.resume(path) as writer:
        writer.write_seconds("net", [0, 1, 2], 0, 6.0)
        writer.write_seconds("net", [2], 1, 0.0)
        writer.flush()
        assert open_recording(path).seconds("net")[:, 0].tolist() == [3.75, 3.5, 2.0]
    assert open_recording(path).seconds("net")[2, 1] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("net", [0], 2, 1.0), "step 2 of net: expected 0 to 1"),
        (("net", [0], 0, -1.0), "seconds: found -1.0"),
        (("net", [0], 0, float("nan")), "seconds: found nan"),
        (("net", [3], 0, 1.0), r"subjects \[3\] of net"),
        (("nett", [0], 0, 1.0), 'Did you mean "net"'),
    ],
)
def test_times_that_cannot_be_are_refused(tmp_path, arguments, words):
    with create(tmp_path / "run.h5") as writer:
        with pytest.raises(ValueError, match=words):
            writer.write_seconds(*arguments)
        assert np.isnan(open_recording(tmp_path / "run.h5").seconds("net")).all()


def test_a_recording_before_format_1_2_has_no_seconds(tmp_path):
    path = tmp_path / "run.h5"
    create(path).close()
    with h5py.File(path, "r+") as file:
        del file["log/seconds"]
        file.attrs.modify("format_version", np.bytes_(b"1.1"))
    with RecordingWriter.resume(path) as writer:
        writer.write_seconds("net", [0], 0, 1.0)
    found = open_recording(path).seconds("net")
    assert found.shape == (3, 2)
    assert np.isnan(found).all()


def test_seconds_of_another_shape_are_damage(tmp_path):
    path = tmp_path / "run.h5"
    create(path).close()
    with h5py.File(path, "r+") as file:
        del file["log/seconds/net"]
        file["log/seconds/net"] = np.zeros((3, 9))
    with pytest.raises(ValueError, match=r"log/seconds/net has the shape \(3, 9\), expected 3 x 2"):
        open_recording(path).seconds("net")
    with pytest.raises(ValueError, match="log/seconds/net has the shape"):
        RecordingWriter.resume(path)


def test_images_and_texts_come_back_as_they_were_given(tmp_path):
    path = tmp_path / "run.h5"
    images = np.arange(8, dtype=np.uint8).reshape(2, 4) * 36  # up to 252
    with create(path) as writer:
        writer.append(
            "net", 1, "recollections", {"phase": [0, 0], "label": [1, 0], "original": images, "recalled": 255 - images}
        )
        writer.append("net", 1, "evaluations", {"phase": [1], "name": ["corruption/fog/5"], "value": [0.25]})
    run = open_recording(path)
    table = run.table("net", 1, "recollections")
    assert table.attrs == {"height": 2, "width": 2, "channels": 1}
    assert table[["phase", "label"]].to_numpy().tolist() == [[0, 1], [0, 0]]
    assert np.stack(table["original"]).dtype == np.uint8
    assert np.array_equal(np.stack(table["original"]), images)
    assert np.array_equal(np.stack(table["recalled"]), 255 - images)
    assert run.table("net", 1, "evaluations").to_dict("list") == {
        "phase": [1],
        "name": ["corruption/fog/5"],
        "value": [0.25],
    }
    assert len(run.table("net", 0, "recollections")) == 0
    with pytest.raises(ValueError, match=r'no table "evaluation" of net in .*Did you mean "evaluations"'):
        run.table("net", 0, "evaluation")


@pytest.mark.parametrize("pixel", [-1, 256, 0.5])
def test_pixels_are_whole_numbers_of_one_byte(tmp_path, pixel):
    given = {"phase": [0], "label": [0], "original": [[0, 0, 0, pixel]], "recalled": [[0] * 4]}
    with create(tmp_path / "run.h5") as writer, pytest.raises(ValueError, match="recollections of net: original"):
        writer.append("net", 0, "recollections", given)


def test_a_row_that_names_no_step_is_damage(tmp_path):
    path = tmp_path / "run.h5"
    with create(path) as writer:
        writer.append("net", 0, "evaluations", {"phase": [2], "name": ["calibration/ece"], "value": [0.5]})
    with pytest.raises(ValueError, match="evaluations/phase names steps that the timeline does not have"):
        open_recording(path).table("net", 0, "evaluations")
