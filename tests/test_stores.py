"""Episodic stores: what is written is what is read, bytes are those on disk, budgets hold, classes stay equal."""

import gc
import os

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.data.seeds import child_rng
from engram.models.by_kind import read_kind, write_kind
from engram.models.stores import EpisodicStore, FeatureStore, JpegStore, RawStore, Store, herd
from engram.models.stores.codec import Codec
from engram.models.stores.segment import OpenFiles

SHAPE = (6, 5)
GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (120, *SHAPE), np.uint8)
COLOUR = GENERATOR.integers(0, 256, (40, 8, 9, 3), np.uint8)
RECORD, HEAD = 6 * 5 + 4, 40
"""Bytes of a raw item with its checksum, and of the head of a class's file."""


def rng(*names):
    return child_rng(3, *names)


def bytes_on_disk(store):
    return sum(path.stat().st_size for path in store.folder.rglob("*") if path.is_file())


def write(store, indices, labels, task=0, images=IMAGES, **more):
    return list(store.write(images, np.asarray(indices), np.asarray(labels), task, **more))


def store_of(folder, spec, shape=SHAPE):
    return EpisodicStore(spec, folder / "store", shape, rng=rng)


class Blocks(Codec):
    """Four items at a time, as bytes of differing length: every pixel less the one before it, in runs."""

    block = 4

    def quantise(self, originals):
        return np.asarray(originals) // 64

    def pack(self, symbols, version):
        flat = np.asarray(symbols).ravel()
        starts = np.flatnonzero(np.r_[True, flat[1:] != flat[:-1]])
        runs = np.diff(np.r_[starts, flat.size])
        return b"".join(bytes([int(v), *int(n).to_bytes(2, "little")]) for v, n in zip(flat[starts], runs, strict=True))

    def unpack(self, data, count, version):
        runs = np.frombuffer(data, np.uint8).reshape(-1, 3).astype(int)
        return np.repeat(runs[:, 0], runs[:, 1] + 256 * runs[:, 2]).astype(np.uint8).reshape(count, *SHAPE)

    def working(self, symbols, version):
        return torch.from_numpy(np.asarray(symbols))

    def reconstruct(self, working, version):
        return (working * 64)[:, None]


class BlockStore(Store):
    kind: str = "blocks-of-four"

    def codec(self, shape, rng, device="cpu", threads=1):
        return Blocks()


class Shifted(Blocks):
    """Blocks whose every task has a version of its own: pixels are kept as they were plus its number."""

    block = 1
    version = -1

    def fit(self, read, n, task):
        self.version += 1
        yield "fitted"

    def quantise(self, originals):
        return np.asarray(originals) + np.uint8(self.version)

    def reconstruct(self, working, version):
        return (working - version)[:, None]

    def parameters(self, version):
        return b"shifted by %d" % version


class ShiftedStore(Store):
    kind: str = "shifted"

    def codec(self, shape, rng, device="cpu", threads=1):
        return Shifted()


def test_raw_items_come_back_bit_by_bit_in_any_order_with_their_labels_tasks_and_sources(tmp_path):
    store = store_of(tmp_path, RawStore())
    write(store, [5, 3, 8, 1], [2, 0, 2, 0], task=4)
    write(store, [9], [1], task=5)
    assert sorted(zip(store.labels, store.tasks, store.sources, strict=True)) == [
        (0, 4, 1),
        (0, 4, 3),
        (1, 5, 9),
        (2, 4, 5),
        (2, 4, 8),
    ]
    items = np.array([4, 0, 4, 2])
    recalled = store.read(items)
    assert recalled.shape == (4, 1, *SHAPE)
    assert recalled.dtype == torch.uint8
    np.testing.assert_array_equal(recalled[:, 0].numpy(), IMAGES[store.sources[items]])


def test_colour_comes_back_with_channels_first(tmp_path):
    store = store_of(tmp_path, RawStore(), (8, 9, 3))
    write(store, np.arange(10), np.zeros(10, int), images=COLOUR)
    np.testing.assert_array_equal(store.read(np.arange(10)).numpy(), COLOUR[store.sources].transpose(0, 3, 1, 2))


def test_bytes_of_raw_items_are_pixels_checksums_and_one_head_for_each_class(tmp_path):
    store = store_of(tmp_path, RawStore())
    write(store, np.arange(7), [0, 0, 0, 1, 1, 1, 1])
    assert store.nbytes == bytes_on_disk(store) == 7 * RECORD + 2 * HEAD
    assert store.bytes_by_part() == {
        "codes": 7 * 30,
        "labels": 2 * 4,
        "index": 7 * 4 + 2 * (HEAD - 4),
        "extra": 0,
        "parameters": 0,
    }


def test_a_budget_is_shared_equally_and_what_is_left_goes_to_the_first_classes(tmp_path):
    room_for_eleven = 4 * HEAD + 11 * RECORD + RECORD - 1
    store = store_of(tmp_path, RawStore(budget=room_for_eleven))
    write(store, np.arange(40), np.arange(40) % 2)
    assert np.bincount(store.labels).tolist() == [7, 7]  # two heads fewer: room for 14 and a bit
    write(store, np.arange(40, 80), np.arange(40) % 2 + 2, task=1)
    assert np.bincount(store.labels).tolist() == [3, 3, 3, 2]
    assert store.nbytes == bytes_on_disk(store) == room_for_eleven - RECORD + 1


def test_a_small_class_leaves_its_share_to_the_others(tmp_path):
    store = store_of(tmp_path, RawStore(budget=3 * HEAD + 20 * RECORD))
    write(store, np.arange(40), [0, 0] + [1] * 19 + [2] * 19)
    assert np.bincount(store.labels).tolist() == [2, 9, 9]


def test_items_per_class_hold_over_several_lessons_of_a_class_and_all_lessons_have_their_part(tmp_path):
    store = store_of(tmp_path, RawStore(per_class=10))
    for task in range(4):
        write(store, np.arange(30) + 30 * task, np.zeros(30, int), task)
        assert len(store) == 10
        assert store.nbytes == bytes_on_disk(store)
    # Ten of 120 drawn evenly: each lesson's part has mean 2.5; that one has none of a given lesson has p = .05.
    assert len(np.unique(store.tasks)) >= 3


def test_what_stays_of_a_class_is_drawn_evenly(tmp_path):
    kept = np.zeros(20)
    for seed in range(300):
        store = EpisodicStore(
            RawStore(per_class=5), tmp_path / f"{seed}", SHAPE, rng=lambda *names, seed=seed: child_rng(seed, *names)
        )
        write(store, np.arange(10), np.zeros(10, int), 0)
        write(store, np.arange(10, 20), np.zeros(10, int), 1)
        kept[store.sources] += 1
    # Each image stays in 75 of 300 with a standard deviation of 7.5; 4 of those is beyond any of 20.
    assert kept.sum() == 1500
    assert abs(kept - 75).max() < 30
    assert abs(kept[:10].sum() - 750) < 4 * np.sqrt(300 * 5 * 0.5 * 0.5 * 15 / 19)


def test_herding_keeps_the_prefix_of_its_order_when_the_share_shrinks(tmp_path):
    features = np.random.default_rng(1).normal(size=(40, 6))
    store = store_of(tmp_path, RawStore(budget=HEAD + 12 * RECORD, keep="herding"))
    write(store, np.arange(40), np.zeros(40, int), features=features)
    order = herd(features)
    assert store.sources.tolist() == order[:12].tolist()
    write(store, np.arange(40, 80), np.ones(40, int), 1, features=features)
    assert store.sources[store.labels == 0].tolist() == order[:5].tolist()  # another head: room for 10 and a bit


def test_blocks_are_cut_within_and_coded_anew_without_loss(tmp_path):
    store = store_of(tmp_path, BlockStore(per_class=6))
    write(store, np.arange(30), np.arange(30) % 3)
    assert np.bincount(store.labels).tolist() == [6, 6, 6]
    np.testing.assert_array_equal(store.read(np.arange(18))[:, 0].numpy(), IMAGES[store.sources] // 64 * 64)


@pytest.mark.parametrize("cache", [10**6, 20 * 30, 1])
def test_items_of_different_versions_are_each_recalled_by_their_own(tmp_path, cache):
    store = store_of(tmp_path, ShiftedStore(cache=cache))
    for task in range(4):
        write(store, np.arange(30) + 30 * task, np.arange(30) % 3 + 3 * (task % 2), task)
    items = np.random.default_rng(0).permutation(np.repeat(np.arange(120), 2))
    for start in range(0, 240, 16):
        some = items[start : start + 16]
        np.testing.assert_array_equal(store.read(some)[:, 0].numpy(), IMAGES[store.sources[some]])
    assert store.bytes_by_part()["parameters"] == 4 * (len("shifted by 0") + 8)
    assert store.nbytes == bytes_on_disk(store)


def test_extra_values_stay_with_their_items(tmp_path):
    store = store_of(tmp_path, BlockStore(per_class=6))
    extra = np.arange(60, dtype=np.float32).reshape(30, 2)
    write(store, np.arange(30), np.arange(30) % 3, extra=extra)
    items = np.array([3, 17, 0])
    np.testing.assert_array_equal(store.extra(items), extra[store.sources[items]])
    assert store.bytes_by_part()["extra"] == 18 * 2 * 4
    assert store.nbytes == bytes_on_disk(store)


def test_the_store_holds_what_it_held_until_a_lesson_is_through(tmp_path):
    store = store_of(tmp_path, RawStore(budget=2 * HEAD + 10 * RECORD))
    write(store, np.arange(20), np.zeros(20, int))
    held, before = store.sources.tolist(), store.nbytes
    for _ in store.write(IMAGES, np.arange(20, 40), np.ones(20, int), 1):
        assert store.sources.tolist() == held
        assert store.nbytes == bytes_on_disk(store) == before
    assert np.bincount(store.labels).tolist() == [5, 5]


def test_reading_beyond_the_working_memory_gives_the_same(tmp_path):
    write_all = (np.arange(100), np.arange(100) % 7)
    for spec in (RawStore, JpegStore, BlockStore):
        recalled = []
        for number, cache in enumerate((10**6, 20 * 30, 1)):  # everything, twenty images, nothing
            store = EpisodicStore(spec(cache=cache), tmp_path / f"{spec.__name__}{number}", SHAPE, rng=rng)
            write(store, *write_all)
            recalled.append(store.read(np.array([99, 0, 3, 3, 50, 98])))
            for start in range(0, 100, 9):
                store.read(np.arange(start, min(100, start + 9)))
            recalled.append(store.read(np.array([99, 0, 3, 3, 50, 98])))
            assert store.working_bytes <= cache
        assert all(torch.equal(recalled[0], other) for other in recalled)


def test_working_copies_follow_items_to_their_new_numbers(tmp_path):
    store = store_of(tmp_path, RawStore(budget=3 * HEAD + 12 * RECORD))
    for task in range(3):
        write(store, np.arange(40) + 40 * task, np.full(40, 2 - task), task)
        for _ in range(2):
            np.testing.assert_array_equal(store.read(np.arange(len(store)))[:, 0].numpy(), IMAGES[store.sources])


def test_reconstruction_is_exact_for_raw_and_as_computed_by_hand_otherwise(tmp_path):
    raw = store_of(tmp_path, RawStore())
    write(raw, np.arange(10), np.zeros(10, int))
    assert raw.reconstruction(IMAGES).psnr == np.inf
    assert raw.reconstruction(IMAGES).bits_per_pixel == 8.0
    jpeg = EpisodicStore(JpegStore(), tmp_path / "jpeg", (8, 9, 3), rng=rng)
    write(jpeg, np.arange(40), np.zeros(40, int), images=COLOUR)
    found = jpeg.reconstruction(COLOUR, sample=100)
    recalled = jpeg.read(np.arange(40)).numpy().astype(float)
    error = np.mean((recalled - COLOUR[jpeg.sources].transpose(0, 3, 1, 2)) ** 2)
    assert found.psnr == pytest.approx(10 * np.log10(255**2 / error))
    assert found.bits_per_pixel == pytest.approx(jpeg.bytes_by_part()["codes"] * 8 / (40 * 8 * 9))


@settings(max_examples=40)
@given(
    spec=st.sampled_from([RawStore, JpegStore, BlockStore]),
    budget=st.integers(1200, 6000),
    lessons=st.lists(st.lists(st.integers(0, 4), min_size=1, max_size=40), min_size=1, max_size=4),
    seed=st.integers(0, 1000),
)
def test_bytes_are_those_on_disk_never_over_budget_and_classes_are_equal(tmp_path_factory, spec, budget, lessons, seed):
    folder = tmp_path_factory.mktemp("store")
    store = EpisodicStore(spec(budget=budget), folder / "store", SHAPE, rng=lambda *names: child_rng(seed, *names))
    met = np.zeros(5, int)
    for task, labels in enumerate(lessons):
        before = np.bincount(store.labels, minlength=5)
        write(store, np.random.default_rng(seed + task).integers(0, len(IMAGES), len(labels)), labels, task)
        offered = before + np.bincount(labels, minlength=5)
        met += np.bincount(labels, minlength=5)
        kept = np.bincount(store.labels, minlength=5)
        assert store.nbytes == bytes_on_disk(store) <= budget
        assert (kept <= offered).all()
        cut = kept < offered
        if cut.any():  # whoever was cut has as many as the largest, or one fewer
            assert kept[cut].min() >= kept.max() - (1 if spec is not BlockStore else 2)
    assert len(store) <= met.sum()
    store.read(np.arange(len(store)))


@settings(max_examples=40)
@given(
    spec=st.sampled_from([RawStore, JpegStore]),
    keep=st.sampled_from(["random", "reservoir"]),
    budget=st.integers(1000, 4000),
    per_class=st.none() | st.integers(1, 9),
    batches=st.lists(st.lists(st.integers(0, 3), min_size=1, max_size=20), min_size=1, max_size=6),
)
def test_an_online_store_keeps_its_budget_and_gives_back_what_it_holds(
    tmp_path_factory, spec, keep, budget, per_class, batches
):
    store = store_of(tmp_path_factory.mktemp("store"), spec(keep=keep, budget=budget, per_class=per_class))
    for task, labels in enumerate(batches):
        sources = np.random.default_rng(task).integers(0, len(IMAGES), len(labels))
        store.add(IMAGES[sources], np.array(labels), task, sources=sources, extra=sources[:, None].astype(np.float32))
        items = np.arange(len(store))
        if spec is RawStore:
            np.testing.assert_array_equal(store.read(items)[:, 0].numpy(), IMAGES[store.sources])
        np.testing.assert_array_equal(store.extra(items)[:, 0], store.sources)
        assert store.nbytes == bytes_on_disk(store) <= budget
        if per_class:
            assert np.bincount(store.labels).max() <= per_class


def test_a_reservoir_holds_every_item_met_with_the_same_probability(tmp_path):
    kept = np.zeros(60)
    record = 6 * 5 + 14
    for seed in range(400):
        store = EpisodicStore(
            RawStore(budget=8 + 12 * record, keep="reservoir"),
            tmp_path / f"{seed}",
            SHAPE,
            rng=lambda *names, seed=seed: child_rng(seed, *names),
        )
        for start in range(0, 60, 7):
            sources = np.arange(start, min(60, start + 7))
            store.add(IMAGES[sources], (sources > 50).astype(int), 0, sources=sources)
        assert len(store) == 12
        kept[store.sources] += 1
    # 80 of 400 each, standard deviation 8.
    assert abs(kept - 80).max() < 32
    assert abs(kept[:30].sum() - 2400) < 4 * np.sqrt(400 * 12 * 0.5 * 0.5 * 48 / 59)


def test_a_balanced_online_store_keeps_classes_equal_however_unequal_the_stream(tmp_path):
    store = store_of(tmp_path, RawStore(budget=8 + 13 * 44))
    labels = np.array([0] * 80 + [1] * 20 + [2] * 10 + [0] * 10)
    for start in range(0, 120, 8):
        store.add(IMAGES[start : start + 8], labels[start : start + 8], 0)
    assert sorted(np.bincount(store.labels).tolist()) == [4, 4, 5]
    assert store.sources.tolist() == [-1] * 13


@pytest.mark.parametrize("capacity", [12, 13, 14])
def test_within_a_class_a_balanced_online_store_is_a_reservoir(tmp_path, capacity):
    ages = []
    for seed in range(40):
        spec, labels = RawStore(budget=8 + capacity * 44), np.random.default_rng(seed).integers(0, 3, 60)
        store = EpisodicStore(spec, tmp_path / f"{seed}", SHAPE, rng=lambda *names, s=seed: child_rng(s, *names))
        for start in range(0, 60, 6):
            rows = np.arange(start, start + 6)
            store.add(IMAGES[rows], labels[rows], 0, sources=rows)
        assert np.ptp(np.bincount(store.labels)) <= 1
        for label in range(3):
            met = np.flatnonzero(labels == label)
            ages += (np.searchsorted(met, store.sources[store.labels == label]) / (len(met) - 1)).tolist()
    # Evenly drawn from 0 to 1: mean .5, standard deviation .29.
    assert abs(np.mean(ages) - 0.5) < 4 * 0.29 / np.sqrt(len(ages))


@pytest.mark.parametrize("spec", [RawStore, JpegStore])
def test_a_copy_takes_in_what_the_store_takes_in_and_writes_nothing(tmp_path, spec):
    given = spec(budget=900, keep="reservoir")
    store = store_of(tmp_path / "first", given)
    copy = EpisodicStore(given, tmp_path / "second" / "store", SHAPE, rng=rng, copies=True)
    copy.code(IMAGES[:0], 0)  # a process that has met nothing yet
    for start in range(0, 60, 6):
        rows = np.arange(start, start + 6)
        codes = [*store.code(IMAGES[rows[:4]], 0), *copy.code(IMAGES[rows[4:]], 0)]
        for each in (store, copy):
            each.add_coded(codes, rows % 3, 0, sources=rows)
        assert copy.sources.tolist() == store.sources.tolist()
        assert copy.nbytes == store.nbytes
    assert len(store) < 60
    np.testing.assert_array_equal(copy.read(np.arange(len(copy))), store.read(np.arange(len(store))))
    assert copy.state() == {}
    copy.close()
    assert not (tmp_path / "second").exists()
    with pytest.raises(ValueError, match="is written by another process"):
        copy.add(IMAGES[:1], np.array([0]), 0)


def test_specs_survive_json_and_budgets_carry_decimal_units():
    for spec in (RawStore(budget="20MB"), JpegStore(quality=30), FeatureStore(codebooks=4, per_class=3)):
        assert read_kind(Store, write_kind(spec)) == spec
    assert RawStore(budget="1.5 kB").budget == 1500
    for wrong in ("20 apples", 0, -1):
        with pytest.raises(ValueError, match="budget"):
            RawStore(budget=wrong)


def test_what_cannot_be_is_said_in_words(tmp_path):
    store = store_of(tmp_path, RawStore())
    with pytest.raises(ValueError, match=r"made for uint8 images of shape \[6, 5\]; found uint8 \[1, 8, 9, 3\]"):
        write(store, [0], [0], images=COLOUR)
    with pytest.raises(ValueError, match="3 labels needs as many indices; found 2"):
        write(store, [0, 1], [0, 1, 2])
    with pytest.raises(ValueError, match="slots count from 0"):
        write(store, [0], [-1])
    with pytest.raises(ValueError, match="herding"):
        write(store_of(tmp_path, RawStore(keep="herding")), [0], [0])
    with pytest.raises(ValueError, match="all images of a class at once"):
        store_of(tmp_path, RawStore(keep="herding")).add(IMAGES[:2], np.array([0, 1]), 0)
    write(store, [0], [0])
    with pytest.raises(ValueError, match="written lesson by lesson"):
        store.add(IMAGES[:2], np.array([0, 1]), 0)
    with pytest.raises(IndexError):
        store.read([1])


@pytest.mark.parametrize("spec", [RawStore, JpegStore])
def test_a_budget_too_small_for_one_item_is_refused_and_the_store_is_unchanged(tmp_path, spec):
    with pytest.raises(ValueError, match="a budget of 60 bytes is too small"):
        write(store_of(tmp_path, spec(budget=60)), np.arange(9), np.zeros(9, int))
    with pytest.raises(ValueError, match="a budget of 45 bytes is too small"):
        store_of(tmp_path, spec(budget=45)).add(IMAGES[:9], np.zeros(9, int), 0)


def test_a_store_that_was_not_taken_up_is_begun_anew(tmp_path):
    write(store_of(tmp_path, RawStore()), np.arange(9), np.zeros(9, int))
    again = store_of(tmp_path, RawStore())
    write(again, [3], [7])
    assert again.nbytes == bytes_on_disk(again) == HEAD + RECORD


def test_working_memory_is_told_by_what_is_stored_and_not_by_what_was_read(tmp_path):
    row = np.prod(SHAPE)
    for cache, held in ((10**6, 100), (20 * row, 20), (1, 0)):
        store = EpisodicStore(RawStore(cache=cache), tmp_path / f"store{cache}", SHAPE, rng=rng)
        assert store.working_bytes == 0
        write(store, np.arange(100), np.arange(100) % 7)
        assert store.working_bytes == held * row
        store.read(np.arange(10))
        again = EpisodicStore(store.spec, store.folder, SHAPE, rng=rng)
        again.load_state(store.state())
        assert again.working_bytes == store.working_bytes == held * row


def test_files_are_closed_when_nobody_reads_them_any_more(tmp_path):
    (tmp_path / "codes").write_bytes(b"abc")
    files = OpenFiles()
    assert files.read(tmp_path / "codes", 1, 2) == b"bc"
    (handle,) = files._open.values()
    del files
    gc.collect()
    with pytest.raises(OSError):
        os.fstat(handle)
