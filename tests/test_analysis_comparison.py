from math import gamma, sqrt

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from engram.analysis import compare_models, compare_paired

A = np.array([0.31, 0.42, 0.55, 0.67, 0.38, 0.49])
B = np.array([0.12, 0.38, 0.27, 0.41, 0.33, 0.50])


def scores():
    return pd.DataFrame({"model": ["hybrid"] * 6 + ["conventional"] * 6, "subject": [*range(6)] * 2, "x": [*A, *B]})


def test_against_independent_formulas():
    row = compare_paired(A, B).iloc[0]
    d = A - B
    assert row["difference"] == pytest.approx(d.mean())
    assert row["t"] == pytest.approx(stats.ttest_1samp(d, 0).statistic)
    assert row["p_t"] == pytest.approx(stats.ttest_1samp(d, 0).pvalue)
    assert row["cohen_dz"] == pytest.approx(row["t"] / sqrt(6))
    assert row["hedges_gz"] / row["cohen_dz"] == pytest.approx(gamma(2.5) / (sqrt(2.5) * gamma(2)))
    # ranks of |d|: .01 has rank 1 and is negative; of the 64 sign patterns 2 give a sum of at most 1, on either side
    assert row["p_wilcoxon"] == pytest.approx(4 / 64)
    assert row["subjects"] == 6


def test_bootstrap_interval_of_the_mean():
    row = compare_paired(A, B, samples=20_000, seed=1).iloc[0]
    d = A - B
    drawn = np.random.default_rng(2).integers(0, 6, (20_000, 6))
    expected = np.quantile(d[drawn].mean(axis=1), [0.025, 0.975])
    np.testing.assert_allclose([row["low"], row["high"]], expected, atol=0.006)
    assert compare_paired(A, B, seed=5).equals(compare_paired(A, B, seed=5))


def test_swapping_turns_the_signs():
    there, back = compare_paired(A, B).iloc[0], compare_paired(B, A).iloc[0]
    for name in ("difference", "t", "cohen_dz", "hedges_gz"):
        assert there[name] == pytest.approx(-back[name])
    assert there["p_t"] == pytest.approx(back["p_t"])


def test_models_are_paired_by_subject_whatever_the_order_of_rows():
    shuffled = scores().sample(frac=1, random_state=0)
    row = compare_models(shuffled, "hybrid", "conventional").iloc[0]
    assert (row["a"], row["b"]) == ("hybrid", "conventional")
    assert row["t"] == pytest.approx(stats.ttest_rel(A, B).statistic)


def test_subjects_without_a_partner_are_left_out():
    row = compare_models(scores().drop(index=[2]), "hybrid", "conventional").iloc[0]
    keep = [0, 1, 3, 4, 5]
    assert row["subjects"] == 5
    assert row["t"] == pytest.approx(stats.ttest_rel(A[keep], B[keep]).statistic)


def test_performance_is_compared_by_its_final_mean_over_items():
    values = np.zeros((2, 6, 2, 2))
    values[0, :, 1] = np.stack([A - 0.1, A + 0.1], axis=1)
    values[1, :, 1] = np.stack([B - 0.05, B + 0.05], axis=1)
    performance = xr.DataArray(
        values,
        dims=("model", "subject", "probe", "item"),
        coords={"model": ["hybrid", "conventional"], "subject": range(6), "item": [1, 2]},
    )
    row = compare_models(performance, "hybrid", "conventional").iloc[0]
    assert row["mean_a"] == pytest.approx(A.mean())
    assert row["t"] == pytest.approx(stats.ttest_rel(A, B).statistic)


def test_one_subject_and_equal_differences_give_no_test():
    one = compare_paired([0.3], [0.1]).iloc[0]
    assert one["difference"] == pytest.approx(0.2)
    assert one[["low", "high", "t", "p_t", "p_wilcoxon", "cohen_dz", "hedges_gz"]].isna().all()
    alike = compare_paired([0.3, 0.5, 0.7], [0.1, 0.3, 0.5]).iloc[0]
    assert np.isnan(alike["cohen_dz"])
    assert alike["p_wilcoxon"] == pytest.approx(2 / 8)
    same = compare_paired([0.3, 0.5], [0.3, 0.5]).iloc[0]
    assert same["difference"] == 0
    assert np.isnan(same["p_wilcoxon"])


def test_mistakes_are_told():
    with pytest.raises(ValueError, match=r'no model "hybird"; they hold hybrid or conventional. Did you mean "hybrid"'):
        compare_models(scores(), "hybird", "conventional")
    with pytest.raises(ValueError, match="several scores"):
        compare_models(pd.concat([scores(), scores()]), "hybrid", "conventional")
    with pytest.raises(ValueError, match="columns x, y; say which by value="):
        compare_models(scores().assign(y=1.0), "hybrid", "conventional")
    with pytest.raises(ValueError, match="no column 'z'"):
        compare_models(scores(), "hybrid", "conventional", value="z")
    with pytest.raises(TypeError, match="scores is a list"):
        compare_models([1, 2], "hybrid", "conventional")
    with pytest.raises(ValueError, match=r"shapes \(2,\) and \(3,\)"):
        compare_paired([1, 2], [1, 2, 3])
    with pytest.raises(ValueError, match="no subject has both"):
        compare_paired([1, np.nan], [np.nan, 1])
    with pytest.raises(ValueError, match="samples is 0"):
        compare_paired(A, B, samples=0)
