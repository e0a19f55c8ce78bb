"""The page on episodic stores: its code runs, its codec of one's own is a member of the family, its numbers hold."""

import re
from pathlib import Path

import numpy as np
import pytest

from engram.data.seeds import child_rng
from engram.models.by_kind import read_kind, write_kind
from engram.models.stores import EpisodicStore, JpegStore, RawStore, Store

PAGE = (Path(__file__).parent.parent / "docs/episodic-stores.md").read_text(encoding="utf-8")


@pytest.fixture
def shown(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    for block in re.findall(r"^```python\n(.*?)^```$", PAGE, re.S | re.M):
        exec(block, names)
    return names


def test_code_of_the_page_runs_and_a_codec_of_ones_own_keeps_every_second_pixel(shown, tmp_path):
    assert shown["store"].nbytes <= 100_000
    spec = read_kind(Store, {"kind": "halved", "per_class": 3})
    assert write_kind(spec)["kind"] == "halved"
    store = EpisodicStore(spec, tmp_path / "halved", (28, 28), rng=lambda *names: child_rng(1, *names))
    list(store.write(shown["images"], np.arange(20), np.arange(20) % 2, 0))
    recalled = store.read(np.arange(6)).numpy()
    np.testing.assert_array_equal(recalled[:, 0, ::2, ::2], shown["images"][store.sources][:, ::2, ::2])
    np.testing.assert_array_equal(recalled[:, 0, 1::2, 1::2], recalled[:, 0, ::2, ::2])


def test_options_and_defaults_of_the_page_are_those_of_a_store():
    rows = dict(re.findall(r"^\| `(\w+)` \| .+ \| (.+) \|$", PAGE.split("All have these options")[1], re.M))
    assert set(rows) == set(Store.model_fields) - {"kind"}
    assert rows["keep"].strip("`") == RawStore().keep
    assert RawStore(cache=rows["cache"].strip("`")).cache == RawStore().cache
    assert RawStore().budget is RawStore().per_class is None


def test_overheads_of_the_page_are_those_on_disk(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (9, 28, 28), np.uint8)
    for spec, overhead, tables in ((RawStore(), 4, 0), (JpegStore(), 10, 336)):
        store = EpisodicStore(spec, tmp_path / spec.kind, (28, 28), rng=lambda *names: child_rng(1, *names))
        list(store.write(images, np.arange(9), np.zeros(9, int), 0))
        parts = store.bytes_by_part()
        assert parts["index"] + parts["labels"] == 9 * overhead + 40
        assert parts["parameters"] == tables
