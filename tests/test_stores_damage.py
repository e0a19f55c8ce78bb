"""Files of stores that were cut, edited or lost, and disks that are full: named, refused, nothing lost."""

import errno
import os
import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.data.seeds import child_rng
from engram.models.stores import EpisodicStore, FeatureStore, JpegStore, RawStore

SHAPE = (8, 8)
IMAGES = np.random.default_rng(0).integers(0, 256, (60, *SHAPE), np.uint8)
FEATURES = np.random.default_rng(1).normal(size=(60, 4, 2, 2)).astype(np.float32)
SPECS = [RawStore(), JpegStore(), FeatureStore(codebooks=2, entries=4, iterations=2)]


def rng(*names):
    return child_rng(1, *names)


def written(folder, spec):
    store = EpisodicStore(spec, folder / "store", SHAPE, rng=rng)
    list(store.write(IMAGES, np.arange(30), np.arange(30) % 3, 0, features=FEATURES[:30]))
    return store


def added(folder, spec):
    store = EpisodicStore(spec, folder / "store", SHAPE, rng=rng)
    store.add(IMAGES[:30], np.arange(30) % 3, 0, features=FEATURES[:30])
    return store


def taken_up(folder, spec, state):
    again = EpisodicStore(spec, folder / "store", SHAPE, rng=rng)
    again.load_state(state)
    return again


@settings(max_examples=120)
@given(data=st.data())
def test_one_changed_byte_anywhere_is_found_when_a_store_is_taken_up(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("store")
    spec, make = data.draw(st.sampled_from(SPECS)), data.draw(st.sampled_from([written, added]))
    store = make(folder, spec)
    state = store.state()
    path = data.draw(st.sampled_from(sorted(store.folder.iterdir())))
    content = bytearray(path.read_bytes())
    place = data.draw(st.integers(0, len(content) - 1))
    content[place] ^= data.draw(st.integers(1, 255))
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(path.name)):
        taken_up(folder, spec, state)


@settings(max_examples=60)
@given(data=st.data())
def test_a_file_that_was_cut_is_found_when_a_store_is_taken_up(tmp_path_factory, data):
    folder = tmp_path_factory.mktemp("store")
    spec, make = data.draw(st.sampled_from(SPECS)), data.draw(st.sampled_from([written, added]))
    store = make(folder, spec)
    state = store.state()
    path = data.draw(st.sampled_from(sorted(store.folder.iterdir())))
    os.truncate(path, data.draw(st.integers(0, path.stat().st_size - 1)))
    with pytest.raises(ValueError, match=re.escape(path.name)):
        taken_up(folder, spec, state)


def test_the_item_that_is_damaged_is_named(tmp_path):
    store = written(tmp_path, RawStore())
    state = store.state()
    path = store.folder / "class-00001.0000.codes"
    with path.open("r+b") as file:
        file.seek(40 + 7 * (64 + 4) + 3)
        file.write(b"??")
    with pytest.raises(ValueError, match=r"class-00001\.0000\.codes is damaged at item 7; delete its folder"):
        taken_up(tmp_path, RawStore(), state)
    with pytest.raises(ValueError, match=r"class-00001\.0000\.codes is damaged at item 7"):
        store.read(np.arange(30))


@pytest.mark.parametrize("spec", SPECS)
def test_a_lost_file_is_named(tmp_path, spec):
    store = written(tmp_path, spec)
    state = store.state()
    path = sorted(store.folder.iterdir())[-1]
    path.unlink()
    with pytest.raises(ValueError, match=rf"{re.escape(path.name)} is missing"):
        taken_up(tmp_path, spec, state)


def test_a_file_of_another_run_is_refused_though_it_is_whole(tmp_path):
    state = written(tmp_path, RawStore()).state()
    for path in (tmp_path / "store").iterdir():
        path.unlink()
    other = EpisodicStore(RawStore(), tmp_path / "other", SHAPE, rng=rng)
    list(other.write(IMAGES, np.arange(30, 60), np.arange(30) % 3, 0))
    for path in other.folder.iterdir():
        path.rename(tmp_path / "store" / path.name)
    with pytest.raises(ValueError, match="does not hold the 10 items that the checkpoint names"):
        taken_up(tmp_path, RawStore(), state)


@pytest.mark.parametrize("change", ["edited", "cut", "gone"])
def test_what_items_were_made_from_is_checked_too(tmp_path, change):
    store = written(tmp_path, RawStore())
    state = store.state()
    path = sorted((tmp_path / "store.aside").glob("*.sources"))[0]
    data = path.read_bytes()
    path.unlink()
    if change != "gone":
        path.write_bytes(bytes([data[0] ^ 1]) + data[1:] if change == "edited" else data[:-8])
    words = "is missing" if change == "gone" else "is cut or damaged"
    with pytest.raises(ValueError, match=rf"{re.escape(path.name)} {words}"):
        taken_up(tmp_path, RawStore(), state)


def test_files_that_are_not_the_stores_own_are_left_alone(tmp_path):
    (tmp_path / "store").mkdir()
    (tmp_path / "store" / "notes.txt").write_text("mine")
    store = written(tmp_path, RawStore())
    taken_up(tmp_path, RawStore(), store.state())
    assert (tmp_path / "store" / "notes.txt").read_text() == "mine"


class FullDisk:
    """Refuses to write after so many more bytes to files whose names match."""

    def __init__(self, monkeypatch, room):
        self.room = room
        plain = Path.open

        def opened(path, mode="r", *args, **kwargs):
            file = plain(path, mode, *args, **kwargs)
            return _Limited(file, self) if mode in ("ab", "wb") else file

        monkeypatch.setattr(Path, "open", opened)


class _Limited:
    def __init__(self, file, disk):
        self._file, self._disk = file, disk

    def __enter__(self):
        return self

    def __exit__(self, *problem):
        self._file.close()

    def write(self, data):
        if len(data) > self._disk.room:
            self._file.write(data[: self._disk.room])
            self._disk.room = 0
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._disk.room -= len(data)
        return self._file.write(data)

    def writelines(self, parts):
        for part in parts:
            self.write(part)


@pytest.mark.parametrize("spec", SPECS)
@pytest.mark.parametrize("room", [0, 10, 300])
def test_a_disk_that_is_full_while_a_lesson_is_stored_loses_nothing(tmp_path, monkeypatch, spec, room):
    spec = spec.model_copy(update={"budget": 2000})
    store = written(tmp_path, spec)
    items = np.arange(len(store))
    before = (store.labels.tolist(), store.sources.tolist(), store.read(items).numpy(), store.nbytes)
    with monkeypatch.context() as patch:
        FullDisk(patch, room)
        with pytest.raises(OSError, match="No space left"):
            list(store.write(IMAGES, np.arange(30, 60), np.arange(30) % 3 + 3, 1, features=FEATURES[30:]))
    assert (store.labels.tolist(), store.sources.tolist(), store.nbytes) == (before[0], before[1], before[3])
    np.testing.assert_array_equal(store.read(items).numpy(), before[2])
    list(store.write(IMAGES, np.arange(30, 60), np.arange(30) % 3 + 3, 1, features=FEATURES[30:]))
    undisturbed = EpisodicStore(spec, tmp_path / "undisturbed", SHAPE, rng=rng)
    for task, rows in enumerate((np.arange(30), np.arange(30, 60))):
        list(undisturbed.write(IMAGES, rows, rows % 3 + 3 * task, task, features=FEATURES[rows]))
    np.testing.assert_array_equal(store.sources, undisturbed.sources)


def test_a_disk_that_is_full_while_an_online_store_is_written_loses_nothing(tmp_path, monkeypatch):
    store = added(tmp_path, RawStore())
    state, held = store.state(), store.read(np.arange(30)).numpy()
    store.add(IMAGES[30:], np.arange(30) % 3, 1)
    with monkeypatch.context() as patch:
        FullDisk(patch, 500)
        with pytest.raises(OSError, match="No space left"):
            store.state()
    assert len(store) == 60
    again = taken_up(tmp_path, RawStore(), state)
    np.testing.assert_array_equal(again.read(np.arange(30)).numpy(), held)


def test_a_disk_that_is_full_while_old_items_are_cut_leaves_a_checkpoint_to_go_back_to(tmp_path, monkeypatch):
    spec = RawStore(budget=1500)
    store = written(tmp_path, spec)
    state, sources = store.state(), store.sources.tolist()
    pieces = store.write(IMAGES, np.arange(30, 60), np.arange(30) % 3 + 3, 1)
    for doing in pieces:
        if doing.startswith("30 of"):
            break
    with monkeypatch.context() as patch:
        FullDisk(patch, 100)  # not enough for what would be saved of the items that go
        with pytest.raises(OSError, match="No space left"):
            list(pieces)
    assert taken_up(tmp_path, spec, state).sources.tolist() == sources


def test_more_classes_than_files_that_may_be_open(tmp_path):
    resource = pytest.importorskip("resource")
    store = EpisodicStore(RawStore(cache=1), tmp_path / "store", SHAPE, rng=rng)
    list(store.write(IMAGES, np.arange(60), np.arange(60), 0))
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    lowest = os.open(os.devnull, os.O_RDONLY)  # the first number that is free
    os.close(lowest)
    resource.setrlimit(resource.RLIMIT_NOFILE, (lowest + 20, before[1]))
    try:
        recalled = store.read(np.arange(60))
        Path(os.devnull).open("rb").close()
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)
    assert (recalled[:, 0].numpy() == IMAGES[store.sources]).all()
    store.close()


def test_an_online_store_of_another_subject_is_refused_though_it_is_whole(tmp_path):
    state = added(tmp_path, RawStore()).state()
    other = EpisodicStore(RawStore(), tmp_path / "other", SHAPE, rng=rng)
    other.add(IMAGES[30:], np.arange(30) % 3, 0)
    other.close()
    for path in other.folder.iterdir():
        path.rename(tmp_path / "store" / path.name)
    with pytest.raises(ValueError, match="does not hold the 30 items that the checkpoint names"):
        taken_up(tmp_path, RawStore(), state)
