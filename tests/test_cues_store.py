import shutil
from functools import partial

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("constriction")

from engram.data.seeds import child_rng  # noqa: E402
from engram.models.stores import CueStore, EpisodicStore  # noqa: E402
from engram.models.stores.cues import learn_weights  # noqa: E402

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 4, 4), np.uint8).repeat(3, 1).repeat(3, 2)
LABELS = np.arange(60) // 15
TASKS = LABELS // 2
SPEC = CueStore(channels=4, latent=3, stride=4, epochs=1, batch_size=8)


@pytest.fixture(autouse=True)
def few_steps(monkeypatch):
    monkeypatch.setattr("engram.models.stores.cues.training.FEWEST_STEPS", 1)


def open_store(folder, spec=SPEC):
    return EpisodicStore(spec, folder, (12, 12), rng=partial(child_rng, 3))


def lesson(store, task, steps=None):
    of_task = np.flatnonzero(np.equal(TASKS, task))
    words = store.write(IMAGES, of_task, LABELS[of_task], task)
    for _ in zip(words, range(steps) if steps else iter(int, 1), strict=False):
        pass


def bytes_of_files(folder):
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("decoder", ["task", "shared", "first"])
def test_every_byte_of_cues_and_decoders_is_counted(tmp_path, decoder):
    store = open_store(tmp_path / "store", SPEC.model_copy(update={"decoder": decoder}))
    for task in (0, 1):
        lesson(store, task)
    assert len(store) == 60
    assert store.nbytes == bytes_of_files(tmp_path / "store") == sum(store.bytes_by_part().values())
    assert store.read(np.arange(60)).shape == (60, 1, 12, 12)


@pytest.mark.parametrize(
    ("decoder", "steps"),
    # while images are read, while networks learn, while cues are coded; the first codec has nothing to learn then
    [*((decoder, steps) for decoder in ("task", "shared") for steps in (1, 3, 6, 7)), ("first", 1), ("first", 2)],
)
def test_a_lesson_that_was_cut_off_goes_on_with_the_same_bits(tmp_path, decoder, steps):
    spec = SPEC.model_copy(update={"decoder": decoder})
    whole = open_store(tmp_path / "whole", spec)
    for task in (0, 1):
        lesson(whole, task)

    cut = open_store(tmp_path / "cut", spec)
    lesson(cut, 0)
    lesson(cut, 1, steps)
    state = {name: np.array(value) for name, value in cut.state().items()}
    cut.close()
    again = open_store(tmp_path / "cut", spec)
    again.load_state(state)
    lesson(again, 1)
    assert again.nbytes == whole.nbytes
    torch.testing.assert_close(again.read(np.arange(60)), whole.read(np.arange(60)), rtol=0, atol=0)


def test_a_budget_cuts_cues_without_changing_those_that_stay(tmp_path):
    whole = open_store(tmp_path / "whole")
    lesson(whole, 0)
    budget = whole.nbytes - 40
    store = open_store(tmp_path / "store", SPEC.model_copy(update={"budget": budget}))
    lesson(store, 0)
    assert len(store) < len(whole)
    assert store.nbytes <= budget
    kept = {source: item for item, source in enumerate(whole.sources)}
    same = np.array([kept[source] for source in store.sources])
    assert (store.read(np.arange(len(store))) == whole.read(same)).float().mean() == 1


def test_given_weights_code_an_online_stream(tmp_path):
    learn_weights(IMAGES, tmp_path / "cues.safetensors", SPEC)
    spec = SPEC.model_copy(update={"weights": str(tmp_path / "cues.safetensors"), "epochs": 0, "keep": "reservoir"})
    store = open_store(tmp_path / "store", spec)
    for start in range(0, 60, 10):
        store.add(IMAGES[start : start + 10], LABELS[start : start + 10], 0)
    assert len(store) == 60
    store.close()
    shutil.rmtree(tmp_path / "store")


def test_an_online_stream_without_weights_is_refused_in_words(tmp_path):
    store = open_store(tmp_path / "store", SPEC.model_copy(update={"keep": "reservoir"}))
    with pytest.raises(
        ValueError, match="cannot take them one by one; a raw or jpeg store can, and so can cues that are given weights"
    ):
        store.add(IMAGES[:10], LABELS[:10], 0)
