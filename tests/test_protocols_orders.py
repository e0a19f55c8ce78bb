from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import spearmanr

from engram.protocols.orders import balanced, best_balance, derangement, rounds, shuffled, spearman

seeds = st.integers(0, 2**32 - 1)


@given(n=st.integers(2, 40), seed=seeds)
def test_derangement_moves_everything(n, seed):
    order = derangement(n, np.random.default_rng(seed))
    assert sorted(order) == list(range(n))
    assert not any(order == np.arange(n))


def test_derangements_are_equally_likely():
    rng = np.random.default_rng(0)
    drawn = Counter(tuple(derangement(4, rng)) for _ in range(4500))
    assert len(drawn) == 9  # !4
    assert all(abs(count - 500) < 110 for count in drawn.values())  # five standard deviations


def test_derangement_of_one_is_refused():
    with pytest.raises(ValueError, match="at least 2"):
        derangement(1, np.random.default_rng(0))


def test_rounds_by_hand():
    assert rounds([2, 1, 3]).tolist() == [0, 1, 2, 0, 2, 2]


@given(counts=st.lists(st.integers(1, 5), min_size=1, max_size=8), seed=seeds)
def test_sequences_keep_the_counts(counts, seed):
    for sequence in (rounds(counts), shuffled(counts, np.random.default_rng(seed))):
        assert np.bincount(sequence, minlength=len(counts)).tolist() == counts


@given(values=st.lists(st.integers(1, 4), min_size=3, max_size=8), seed=seeds)
def test_spearman_against_scipy(values, seed):
    places = np.random.default_rng(seed).permutation(len(values))
    if len(set(values)) == 1:
        assert spearman(values, places[None])[0] == 0
    else:
        assert spearman(values, places[None])[0] == pytest.approx(spearmanr(values, places).statistic, abs=1e-12)


@settings(max_examples=50, deadline=None)
@given(counts=st.lists(st.integers(1, 6), min_size=5, max_size=12), bound=st.sampled_from([0.1, 0.3]), seed=seeds)
def test_balanced_keeps_counts_and_bound(counts, bound, seed):
    if best_balance(tuple(counts), bound) > bound:
        return
    sequence = balanced(counts, bound, np.random.default_rng(seed))
    assert np.bincount(sequence, minlength=len(counts)).tolist() == counts
    if len(set(counts)) > 1:
        last = [int(np.flatnonzero(sequence == item)[-1]) for item in range(len(counts))]
        assert abs(spearmanr(counts, last).statistic) <= bound + 1e-9


def test_balanced_sequences_are_equally_likely():
    # With this bound every sequence of 0 0 1 2 in which the lasts come in an allowed order may be drawn.
    counts, bound = (2, 1, 1), 0.01
    allowed = Counter()
    for sequence in set(permutations([0, 0, 1, 2])):
        last = [max(k for k in range(4) if sequence[k] == item) for item in range(3)]
        if abs(spearmanr(counts, last).statistic) <= bound:
            allowed[tuple(np.argsort(last)), sequence] += 1
    orders = {order for order, _ in allowed}
    rng = np.random.default_rng(1)
    drawn = Counter(tuple(balanced(counts, bound, rng).tolist()) for _ in range(3000))
    assert set(drawn) == {sequence for _, sequence in allowed}
    for order, sequence in allowed:
        same_order = sum(1 for other, _ in allowed if other == order)
        expected = 3000 / len(orders) / same_order
        assert abs(drawn[sequence] - expected) < 5 * expected**0.5


def test_best_balance():
    assert best_balance((1, 2), 0.1) == 1.0
    assert best_balance((1, 2, 3), 0.1) == pytest.approx(0.5)
    assert best_balance((3, 3, 3), 0.1) == 0.0
    assert best_balance(tuple(range(1, 11)), 0.1) <= 0.1


def test_unreachable_bound_names_the_best():
    with pytest.raises(ValueError, match=r"2 items .* at most 0.1; the best reached is 1"):
        balanced([1, 2], 0.1, np.random.default_rng(0))
