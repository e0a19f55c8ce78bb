import numpy as np
import pytest
from scipy import stats
from scipy.special import gamma

from engram.analysis import effect_size, effect_size_between

PEOPLE, MODEL = [0.6, 0.7, 0.8, 0.9, 1.0], [0.5, 0.6, 0.7]


def test_effect_size_of_two_groups_by_hand():
    row = effect_size_between(PEOPLE, MODEL).iloc[0]
    # sums of squares .10 and .02 over 6 degrees of freedom
    d = 0.2 / np.sqrt(0.12 / 6)
    factor = gamma(3) / (gamma(2.5) * np.sqrt(3))
    assert (row["subjects_a"], row["subjects_b"]) == (5, 3)
    np.testing.assert_allclose(row[["difference", "cohen_d", "hedges_g"]].astype(float), [0.2, d, d * factor])
    assert row["p"] == pytest.approx(stats.ttest_ind(PEOPLE, MODEL, equal_var=False).pvalue)


def test_swapped_groups_change_the_sign():
    one, other = effect_size_between(PEOPLE, MODEL).iloc[0], effect_size_between(MODEL, PEOPLE).iloc[0]
    assert one["hedges_g"] == pytest.approx(-other["hedges_g"])


def test_intervals_hold_the_true_effect():
    rng, hits = np.random.default_rng(1), 0
    for seed in range(200):
        row = effect_size_between(rng.normal(0.5, 1, 50), rng.normal(0, 1, 40), samples=400, seed=seed).iloc[0]
        hits += row["g_low"] <= 0.5 <= row["g_high"]
    assert 0.88 <= hits / 200 <= 0.99  # 95 % within some four standard errors of a share of 200


def test_what_cannot_be_said_is_missing():
    for first, second in (([0.5], [0.4, 0.6]), ([0.3 + 0.2, 0.5], [0.5, 0.1 + 0.4])):
        assert effect_size_between(first, second)[["cohen_d", "hedges_g", "g_low", "p"]].isna().all(axis=None)
    assert effect_size_between([0.5, 0.7, np.nan], [0.4, 0.6]).iloc[0]["subjects_a"] == 2
    with pytest.raises(ValueError, match="second has shape"):
        effect_size_between([0.5, 0.6], [[0.5, 0.6]])


def test_samples_of_one_subject_over_and_over_are_left_out_of_the_interval():
    row = effect_size([0.1 + 0.2, 0.5, 0.7], [0.2, 0.4, 0.4]).iloc[0]
    assert np.abs(row[["gz_low", "gz_high", "gav_low", "gav_high"]].astype(float)).max() < 1e3
