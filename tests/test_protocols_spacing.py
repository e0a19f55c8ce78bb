"""Orders in which items come back after so many others."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.protocols.spacing import fits, spaced


def lags(order, items):
    """Presentations of others between two of one item, [item, pair]."""
    return np.stack([np.diff(np.flatnonzero(order == item)) - 1 for item in range(items)])


@given(st.integers(1, 60), st.integers(1, 5), st.integers(0, 12), st.integers(0, 12), st.integers(0, 2**32 - 1))
def test_every_lag_lies_within_the_limits(items, exposures, least, more, seed):
    most = least + more
    if not fits(items, least, most):
        with pytest.raises(ValueError, match=f"{items} items cannot be spaced by {least} to {most} others"):
            spaced(items, exposures, least, most, np.random.default_rng(seed))
        return
    order = spaced(items, exposures, least, most, np.random.default_rng(seed))
    assert np.bincount(order).tolist() == [exposures] * items
    found = lags(order, items)
    assert ((found >= least) & (found <= most)).all()
    if least == 0 and most == 0:
        assert order.tolist() == np.repeat(np.arange(items), exposures).tolist()
    np.testing.assert_array_equal(order, spaced(items, exposures, least, most, np.random.default_rng(seed)))


def test_items_first_come_in_their_turn():
    order = spaced(30, 3, 5, 19, np.random.default_rng(1))
    assert list(dict.fromkeys(order.tolist())) == list(range(30))


def exact_covers(length, step, times):
    """Whether every place of an interval is one of `times` places that lie `step` apart, found by trying."""
    free = [True] * length
    for first in range(length):
        if not free[first]:
            continue
        for place in range(first, first + step * times, step):
            if place >= length or not free[place]:
                return False
            free[place] = False
    return True


@given(st.integers(1, 40), st.integers(2, 4), st.integers(0, 15))
def test_a_fixed_lag_is_refused_only_where_no_order_keeps_it(items, exposures, lag):
    # The first free place must begin an item, so trying needs no search.
    assert fits(items, lag, lag) == exact_covers(items * exposures, lag + 1, exposures)


@given(st.integers(0, 60), st.integers(0, 9), st.integers(0, 9))
def test_what_fits_is_what_can_be_divided_into_groups(items, least, more):
    sums = {0}
    for _ in range(items):
        sums |= {total + size for total in sums for size in range(least + 1, least + more + 2) if total + size <= items}
    assert fits(items, least, least + more) == (items in sums)


def test_lags_of_a_range_vary_and_reach_its_ends():
    found = np.concatenate([lags(spaced(30, 3, 2, 5, np.random.default_rng(k)), 30).ravel() for k in range(100)])
    assert set(found) == {2, 3, 4, 5}
    assert 3.2 < found.mean() < 3.8  # groups of 3 to 6, each size about equally often
