import numpy as np
import xarray as xr
from scipy import stats

from engram.analysis import above_chance


def table(values):
    values = np.asarray(values, dtype=float)[None, :, None, :]
    coords = {"model": ["hybrid"], "subject": np.arange(values.shape[1]), "item": np.arange(1, values.shape[3] + 1)}
    return xr.DataArray(values, dims=("model", "subject", "probe", "item"), coords=coords)


def test_it_is_the_right_tailed_t_test_against_one_over_n():
    values = np.random.default_rng(3).normal(0.3, 0.1, (7, 4))
    found = above_chance(table(values))
    expected = stats.ttest_1samp(values, 1 / 4, alternative="greater")
    np.testing.assert_allclose(found["t"], expected.statistic)
    np.testing.assert_allclose(found["p"], expected.pvalue)
    assert list(found["above"]) == list(expected.pvalue < 0.05)
    assert (found["chance"] == 0.25).all()


def test_performance_below_chance_is_not_above_however_sure():
    found = above_chance(table([[0.01, 0.9], [0.02, 0.8], [0.0, 0.85]]))
    assert found["p"][0] > 0.99
    assert list(found["above"]) == [False, True]


def test_one_subject_cannot_be_tested():
    found = above_chance(table([[0.9, 0.1]]))
    assert found["p"].isna().all()
    assert not found["above"].any()


def test_failed_subjects_are_left_out():
    found = above_chance(table([[0.9, 0.2], [0.8, 0.1], [np.nan, np.nan]]))
    assert list(found["subjects"]) == [2, 2]
