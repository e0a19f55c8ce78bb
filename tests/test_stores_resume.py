"""Stores and checkpoints: whatever happened after one, going on from it ends in the same bytes."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.data.seeds import child_rng
from engram.models.stores import EpisodicStore, FeatureStore, JpegStore, RawStore

SHAPE = (8, 8)
GENERATOR = np.random.default_rng(0)
IMAGES = GENERATOR.integers(0, 256, (300, *SHAPE), np.uint8)
FEATURES = GENERATOR.normal(size=(300, 8, 2, 2)).astype(np.float32)
SPECS = {
    "raw": RawStore(budget=6000),
    "raw, nine of a class": RawStore(per_class=9),
    "herding": RawStore(budget=6000, keep="herding"),
    "jpeg": JpegStore(budget=8000),
    "features": FeatureStore(budget=5000, codebooks=4, entries=8, iterations=3),
}
TASKS = 4


def rng(*names):
    return child_rng(1, *names)


def store_in(folder, spec):
    return EpisodicStore(spec, folder / "store", SHAPE, rng=rng)


def lesson(store, task):
    """The pieces of a task; classes come again in later ones."""
    indices = np.flatnonzero(np.arange(len(IMAGES)) % TASKS == task)
    needs_features = isinstance(store.spec, FeatureStore) or store.spec.keep == "herding"
    return store.write(
        IMAGES,
        indices,
        indices % (5 if task % 2 else 3),
        task,
        features=FEATURES[indices] if needs_features else None,
        extra=FEATURES[indices, :3, 0, 0],
    )


def content(store):
    store.close()
    files = {path.name: path.read_bytes() for path in store.folder.iterdir()}
    items = np.arange(len(store))
    columns = (store.labels, store.tasks, store.sources, store.extra(items), store.read(items).numpy())
    return files, [column.tobytes() for column in columns]


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory):
    ends = {}
    for name, spec in SPECS.items():
        store = store_in(tmp_path_factory.mktemp("whole"), spec)
        pieces = sum(len(list(lesson(store, task))) for task in range(TASKS))
        ends[name] = (pieces, content(store))
    return ends


@settings(max_examples=60)
@given(data=st.data())
def test_a_process_killed_again_and_again_goes_on_to_the_same_bytes(tmp_path_factory, uninterrupted, data):
    name = data.draw(st.sampled_from(sorted(SPECS)))
    pieces, end = uninterrupted[name]
    folder = tmp_path_factory.mktemp("killed")
    state, during = None, 0
    for killed_after in [*data.draw(st.lists(st.integers(1, pieces), max_size=3)), None]:
        kept_after = data.draw(st.sets(st.integers(1, pieces), max_size=4))
        store, done = store_in(folder, SPECS[name]), 0
        if state is not None:
            store.load_state(state)
        for task in range(during, TASKS):
            for _ in lesson(store, task):
                done += 1
                if killed_after is not None and done in kept_after:
                    state, during = {key: values.copy() for key, values in store.state().items()}, task
                if done == killed_after:
                    break
            if done == killed_after:
                break
    assert content(store) == end


def test_a_store_goes_back_over_several_lessons_that_came_after_its_checkpoint(tmp_path):
    store = store_in(tmp_path, SPECS["raw"])
    list(lesson(store, 0))
    at_checkpoint, state = content(store), store.state()
    for task in range(1, TASKS):
        list(lesson(store, task))
    assert content(store) != at_checkpoint
    again = store_in(tmp_path, SPECS["raw"])
    again.load_state(state)
    assert content(again) == at_checkpoint


def test_a_state_may_be_loaded_twice_and_after_others_were_taken(tmp_path):
    store = store_in(tmp_path, SPECS["jpeg"])
    list(lesson(store, 0))
    at_checkpoint, state = content(store), store.state()
    for task in (1, 2):
        list(lesson(store, task))
        store.state()
        store.load_state(state)
        assert content(store) == at_checkpoint


@pytest.mark.parametrize("keep", ["random", "reservoir"])
@pytest.mark.parametrize("kind", [RawStore, JpegStore])
def test_an_online_store_goes_on_to_the_same_bytes(tmp_path, keep, kind):
    def go(store, start, stop):
        for batch in range(start, stop):
            rows = np.arange(10 * batch, 10 * batch + 10)
            store.add(IMAGES[rows], rows % 7, batch // 10, sources=rows, extra=FEATURES[rows, :2, 0, 0])

    spec = kind(keep=keep, budget=2500)
    whole = EpisodicStore(spec, tmp_path / "whole", SHAPE, rng=rng)
    go(whole, 0, 30)
    for kept_at in (0, 1, 7, 20):
        store = EpisodicStore(spec, tmp_path / f"{kept_at}", SHAPE, rng=rng)
        go(store, 0, kept_at)
        state = store.state()
        go(store, kept_at, 25)
        assert store.nbytes > 0  # it was written to disk beyond the checkpoint
        again = EpisodicStore(spec, tmp_path / f"{kept_at}", SHAPE, rng=rng)
        again.load_state(state)
        go(again, kept_at, 30)
        assert content(again) == content(whole)


def test_states_are_small_whatever_the_store_holds(tmp_path):
    store = store_in(tmp_path, RawStore())
    list(lesson(store, 0))
    assert sum(values.nbytes for values in store.state().values()) < 1000


def test_another_process_follows_without_changing_anything(tmp_path):
    store = store_in(tmp_path, SPECS["features"])
    list(lesson(store, 0))
    other = store_in(tmp_path, SPECS["features"])
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    other.follow(store.outline())
    np.testing.assert_array_equal(other.read(np.arange(9)).numpy(), store.read(np.arange(9)).numpy())
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
