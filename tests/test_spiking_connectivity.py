import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.models.by_kind import read_kind, write_kind
from engram.models.spiking import AllToAll, Connectivity, InDegree, OneToOne, Probability

RULES = [AllToAll(), AllToAll(self_connections=True), InDegree(3), Probability(0.3), Probability(1.0)]


@pytest.mark.parametrize("rule", RULES)
@given(pre=st.integers(4, 30), post=st.integers(4, 30), recurrent=st.booleans(), seed=st.integers(0, 100))
def test_every_draw_has_the_stated_number_of_different_valid_sorted_pairs(rule, pre, post, recurrent, seed):
    post = pre if recurrent else post
    i, j = rule.draw(pre, post, recurrent, np.random.default_rng(seed))
    pairs = i.astype(np.int64) * post + j
    assert i.dtype == j.dtype == np.int32
    assert len(i) == len(j) == rule.count(pre, post, recurrent)
    assert np.all(np.diff(pairs) > 0)  # sorted, and none twice
    assert i.min() >= 0
    assert j.min() >= 0
    assert i.max() < pre
    assert j.max() < post
    if recurrent and not getattr(rule, "self_connections", False):
        assert not np.any(i == j)


def test_counts_worked_out_by_hand():
    assert AllToAll().count(3, 4, False) == 12
    assert AllToAll().count(4, 4, True) == 12
    assert AllToAll(True).count(4, 4, True) == 16
    assert OneToOne().count(5, 5, True) == 5
    assert InDegree(2).count(5, 7, False) == 14
    assert Probability(0.25).count(5, 5, True) == 5
    assert Probability(0.5).count(3, 3, False) == 4  # round half to even


def test_in_degree_gives_every_target_the_same_number_of_different_sources():
    i, j = InDegree(9).draw(10, 10, True, np.random.default_rng(0))
    assert np.array_equal(np.bincount(j), np.full(10, 9))
    assert set(zip(i.tolist(), j.tolist(), strict=True)) == {(a, b) for a in range(10) for b in range(10) if a != b}


def test_probability_draws_every_pair_equally_often():
    counts = np.zeros((4, 4))
    for seed in range(2000):
        counts[Probability(0.5).draw(4, 4, True, np.random.default_rng(seed))] += 1
    assert not counts.diagonal().any()
    pairs = counts[~np.eye(4, dtype=bool)]
    assert np.all(np.abs(pairs - 1000) < 4.5 * np.sqrt(2000 * 0.25))


def test_one_seed_draws_one_network():
    a, b, c = (Probability(0.5).draw(9, 9, False, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert np.array_equal(a, b)
    assert not np.array_equal(a, c)


def test_what_cannot_be_met_is_refused():
    with pytest.raises(ValueError, match="an in-degree of 5 needs as many source cells; there are 4"):
        InDegree(5).count(5, 5, True)
    with pytest.raises(ValueError, match="as many source as target cells; found 3 and 4"):
        OneToOne().count(3, 4, False)
    with pytest.raises(ValueError, match="InDegree: n: found 0; "):
        InDegree(0)
    with pytest.raises(ValueError, match=r"Probability: p: found 1.5; "):
        Probability(1.5)


@pytest.mark.parametrize("rule", [*RULES, OneToOne()])
def test_rules_survive_json(rule):
    assert read_kind(Connectivity, write_kind(rule)) == rule
