import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from engram.analysis import bootstrap, bootstrap_samples


def median(values, axis):
    return np.median(values, axis=axis)


def mean_by_hand(values, axis):
    return values.sum(axis=axis) / values.shape[axis]


def test_two_subjects_give_three_means_in_known_shares():
    drawn = bootstrap_samples([0.0, 1.0], samples=20_000, rng=1)
    values, counts = np.unique(drawn, return_counts=True)
    assert values.tolist() == [0, 0.5, 1]
    # binomial(2, 1/2); five standard errors of a share of 20,000 are .018
    np.testing.assert_allclose(counts / 20_000, [0.25, 0.5, 0.25], atol=0.018)


def test_subjects_are_drawn_whole():
    scores = np.array([0.1, 0.5, 0.9, 0.3])
    drawn = bootstrap_samples(np.column_stack([scores, 1 - scores]), samples=500, rng=2)
    np.testing.assert_allclose(drawn.sum(axis=1), 1)
    drawn = bootstrap_samples(np.column_stack([scores, 1 - scores]), mean_by_hand, samples=500, rng=2)
    np.testing.assert_allclose(drawn.sum(axis=1), 1)


@pytest.mark.parametrize("statistic", [np.mean, mean_by_hand, median])
def test_intervals_agree_with_those_of_scipy(statistic):
    scores = np.random.default_rng(3).gamma(2, size=40)
    ours = bootstrap(scores, statistic, rng=4)
    theirs = stats.bootstrap((scores,), statistic, n_resamples=10_000, method="percentile", rng=5).confidence_interval
    spread = theirs.high - theirs.low
    assert ours.estimate == pytest.approx(statistic(scores, axis=0))
    # the ends of two bootstraps of 10,000 differ by some 2 % of the interval
    np.testing.assert_allclose([ours.low, ours.high], [theirs.low, theirs.high], atol=0.06 * spread)


def test_coverage_of_a_mean_is_near_what_is_asked_for():
    rng = np.random.default_rng(6)
    experiments = rng.normal(0.3, 0.2, (80, 3000))  # 80 subjects in each of 3,000 experiments
    interval = bootstrap(experiments, samples=4000, rng=rng)
    covered = np.mean((interval.low <= 0.3) & (interval.high >= 0.3))
    # a percentile interval of 80 is narrower than Student's by 1.3 %: 94.4 %; five standard errors are 2.1 %
    assert 0.925 < covered < 0.963


def test_coverage_of_a_skewed_ratio_is_near_what_is_asked_for():
    rng = np.random.default_rng(7)
    hits = 0
    for _ in range(400):
        pairs = np.column_stack([rng.normal(1, 0.3, 60), rng.normal(2, 0.3, 60)])
        interval = bootstrap(pairs, lambda v, axis: np.divide(*np.moveaxis(v.mean(axis=axis), -1, 0)), 400, 0.9, rng)
        hits += interval.low <= 0.5 <= interval.high
    assert 0.83 < hits / 400 < 0.96  # 90 % within five standard errors of a share of 400


def test_missing_scores_are_left_out_of_their_condition_alone():
    scores = np.array([[0.2, np.nan], [0.4, 0.6], [0.6, 0.6]])
    interval = bootstrap(scores, samples=500, rng=8)
    np.testing.assert_allclose(interval.estimate, [0.4, 0.6])
    assert interval.low[1] == pytest.approx(0.6)
    assert np.isnan(bootstrap(scores, np.mean, samples=500, rng=8).low[1])


def test_one_subject_has_no_interval():
    interval = bootstrap([0.4])
    assert interval.estimate == 0.4
    assert np.isnan(interval.low)
    assert np.isnan(interval.high)


@settings(deadline=None, max_examples=25)
@given(arrays(float, (7, 2), elements=st.floats(-1, 1)), st.floats(0.1, 10), st.floats(-5, 5))
def test_intervals_move_and_stretch_with_the_scores(scores, factor, shift):
    one, other = bootstrap(scores, samples=200, rng=9), bootstrap(factor * scores + shift, samples=200, rng=9)
    for before, after in zip(one, other, strict=True):
        np.testing.assert_allclose(after, factor * before + shift, atol=1e-9)
    assert (one.low <= one.high).all()


def test_a_seed_repeats_itself_and_blocks_change_nothing_of_shape(monkeypatch):
    scores = np.random.default_rng(10).random((5, 3))
    np.testing.assert_array_equal(bootstrap_samples(scores, rng=1), bootstrap_samples(scores, rng=1))
    monkeypatch.setattr("engram.analysis.resampling._BLOCK", 3 * scores.nbytes)
    assert bootstrap_samples(scores, median, samples=10, rng=1).shape == (10, 3)


def test_ten_thousand_samples_of_32_conditions_take_less_than_a_second():
    scores = np.random.default_rng(11).random((100, 32))
    bootstrap(scores, samples=10)
    begun = time.process_time()
    bootstrap(scores)
    assert time.process_time() - begun < 1


def test_bad_questions_are_answered_in_words():
    with pytest.raises(ValueError, match="level is 95; expected a number between 0 and 1"):
        bootstrap([0.1, 0.2], level=95)
    with pytest.raises(ValueError, match="samples is 0"):
        bootstrap([0.1, 0.2], samples=0)
    with pytest.raises(ValueError, match=r"values have shape \(0,\); expected scores of at least one subject"):
        bootstrap([])
