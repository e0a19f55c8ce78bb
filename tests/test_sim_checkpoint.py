"""Checkpoints: the last one is always whole, and a damaged one is told."""

import dataclasses
import errno
import json
import os
import random
import struct
import uuid
import zipfile

import numpy as np
import pytest

from engram.sim import checkpoint
from engram.sim.checkpoint import (
    Place,
    checkpoint_lanes,
    checkpoint_path,
    load_checkpoint,
    remove_checkpoint,
    save_checkpoint,
)

PLACE = Place(run="abc", model="hybrid", chunk=1, step=7, curve_row=35, pieces=2, rows={"3": {"spikes/C": 4}})
# Names that a session is free to choose, even those that numpy.savez takes for itself.
STATE = {
    "place": np.array([2, 0]),
    "file": np.array([1.5, np.nan, -0.0], dtype=np.float32),
    "why_stopped": np.array(["loss was not finite – really"]),
    "empty": np.zeros((0, 3)),
}


@pytest.fixture
def recording(tmp_path):
    return tmp_path / "run.h5"


def test_what_is_saved_comes_back_bit_by_bit(recording):
    save_checkpoint(recording, PLACE, STATE)
    place, state = load_checkpoint(recording)
    assert place == PLACE
    assert list(state) == list(STATE)
    for name, array in STATE.items():
        assert (state[name].dtype, state[name].shape) == (array.dtype, array.shape)
        assert state[name].tobytes() == array.tobytes()
    assert os.listdir(recording.parent) == ["run.h5.checkpoint"]


def test_there_may_be_none(recording):
    assert load_checkpoint(recording) is None


def test_every_lane_has_a_file_of_its_own(recording):
    assert checkpoint_lanes(recording) == []
    for lane in (10, 0, 2):
        save_checkpoint(recording, dataclasses.replace(PLACE, chunk=lane), STATE, lane)
    for other in ("run.h5.checkpoint.x", "run.h5.checkpoint.02", "run.h5.checkpoint.1.part", "run.h5.checkpoint.1.h5"):
        recording.with_name(other).touch()
    assert checkpoint_lanes(recording) == [0, 2, 10]
    assert [load_checkpoint(recording, lane)[0].chunk for lane in (0, 2, 10)] == [0, 2, 10]
    assert load_checkpoint(recording, 1) is None
    remove_checkpoint(recording, 2)
    assert checkpoint_lanes(recording) == [0, 10]


def test_a_failed_write_keeps_the_last_one_and_leaves_nothing_else(recording, monkeypatch):
    save_checkpoint(recording, PLACE, STATE)

    def full(_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(checkpoint.os, "fsync", full)
    with pytest.raises(
        OSError, match=r"cannot write the checkpoint .*run\.h5\.checkpoint: No space left on device"
    ) as told:
        save_checkpoint(recording, Place(run="abc", model="hybrid", chunk=9), {})
    assert told.value.errno == errno.ENOSPC
    assert load_checkpoint(recording)[0] == PLACE
    assert os.listdir(recording.parent) == ["run.h5.checkpoint"]


def test_removing_takes_along_what_a_killed_write_left(recording):
    save_checkpoint(recording, PLACE, STATE)
    checkpoint_path(recording).with_name("run.h5.checkpoint.0123abcd.part").write_bytes(b"half")
    remove_checkpoint(recording)
    remove_checkpoint(recording)
    assert os.listdir(recording.parent) == []


def test_damage_anywhere_is_told_or_does_no_harm(recording):
    """Checkpoints cut short, with a byte changed, or of random bytes: refused, or read as they were written."""
    save_checkpoint(recording, PLACE, STATE)
    path = checkpoint_path(recording)
    whole = path.read_bytes()
    draw = random.Random(3)
    damaged = [whole[: draw.randrange(len(whole))] for _ in range(40)]
    for _ in range(150):
        at = draw.randrange(len(whole))
        damaged.append(whole[:at] + bytes([whole[at] ^ (1 << draw.randrange(8))]) + whole[at + 1 :])
    damaged += [draw.randbytes(size) for size in (0, 1, 7, 100, 5000)] + [b"PK\x03\x04" + draw.randbytes(200)]
    told = []
    for content in damaged:
        path.write_bytes(content)
        try:
            place, state = load_checkpoint(recording)
        except ValueError as error:
            told.append(str(error))
        else:  # the byte that was changed carries no content
            assert (place, list(state)) == (PLACE, list(STATE))
            assert all(state[name].tobytes() == STATE[name].tobytes() for name in state)
    assert len(told) > 150
    for words in told:
        assert words.startswith(f"the checkpoint {path} is damaged (")
        assert words.endswith("delete it, and resuming begins its subjects again")


def test_pickled_objects_are_refused(recording):
    with open(checkpoint_path(recording), "wb") as file:
        np.savez(file, place=np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="damaged"):
        load_checkpoint(recording)


def test_a_checkpoint_is_not_written_through_a_link_to_another_file(recording, monkeypatch):
    """Whoever guesses the temporary name can only stop the checkpoint, not have another file written."""
    precious = recording.with_name("precious")
    precious.write_text("mine")
    monkeypatch.setattr(checkpoint, "uuid4", lambda: uuid.UUID(int=0))
    recording.with_name("run.h5.checkpoint.00000000.part").symlink_to(precious)
    with pytest.raises(FileExistsError, match="cannot write the checkpoint"):
        save_checkpoint(recording, PLACE, STATE)
    assert precious.read_text() == "mine"


def test_arrays_that_would_unpack_to_more_than_the_file_are_refused(recording):
    with open(checkpoint_path(recording), "wb") as file:
        np.savez_compressed(file, **{"state/x": np.zeros(10**6)})
    with pytest.raises(ValueError, match=r"is damaged \(state/x.npy is compressed\)"):
        load_checkpoint(recording)


@pytest.mark.parametrize(
    ("header", "words"),
    [
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}", "other numbers than it declares"),
        ("{'descr': '<U0', 'fortran_order': False, 'shape': (1000000000000,)}", "parts of no size"),
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1)}", "."),
    ],
)
def test_arrays_that_declare_more_than_they_have_are_refused(recording, header, words):
    content = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header) + 1) + header.encode() + b"\n"
    with zipfile.ZipFile(checkpoint_path(recording), "w") as file:
        file.writestr("state/x.npy", content + bytes(8 if "-1" in header else 0))
    with pytest.raises(ValueError, match=f"is damaged .*{words}"):
        load_checkpoint(recording)


@pytest.mark.parametrize(
    "change",
    [
        *({"run": 3}, {"model": None}, {"chunk": True}, {"step": -1}, {"curve_row": 1.5}, {"step": "2"}, {"at": 1}),
        *({"rows": 3}, {"rows": {"3": 4}}, {"rows": {"3": {"a": -1}}}, {"rows": {"3": {"a": "1"}}}, {"pieces": -1}),
    ],
)
def test_places_of_other_kinds_are_refused(recording, change):
    place = {**dataclasses.asdict(PLACE), **change}
    with open(checkpoint_path(recording), "wb") as file:
        np.savez(file, place=np.array(json.dumps(place)))
    with pytest.raises(ValueError, match=f"is damaged .*{next(iter(change))}"):
        load_checkpoint(recording)
