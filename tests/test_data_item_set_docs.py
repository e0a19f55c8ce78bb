"""The item set of docs/item-sets.md does what the page says."""

import re
from pathlib import Path

import numpy as np
import pytest

from engram.data import draw_items, item_set, item_sets

PAGE = Path(__file__).parent.parent / "docs" / "item-sets.md"


def test_new_item_set_of_the_page(monkeypatch):
    monkeypatch.setattr(item_sets, "_registered", {})
    (code,) = [block for block in re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.S) if "class Bars" in block]
    exec(code, {"__name__": "page"})
    bars = item_set("bars", noise=0.0)
    pool = bars.pool(seed=3)
    assert pool.train_per_class.tolist() == [200] * 4
    upright = pool.test.images[pool.test.of_class(pool.classes.index("upright"))[0]]
    assert upright.nonzero()[1].tolist() == [4] * 9
    assert draw_items(pool, 4, 10, None, np.random.default_rng(0)).test.shape == (4, 100)
    with pytest.raises(ValueError, match='no option "nois"'):
        item_set("bars", nois=1)
