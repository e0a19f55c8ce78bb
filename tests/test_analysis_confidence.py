import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from engram.analysis import mean_over_subjects


@settings(max_examples=30, deadline=None)
@given(st.lists(st.floats(-5, 5), min_size=2, max_size=12), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_the_interval_is_students(values, confidence):
    row = mean_over_subjects(pd.DataFrame({"model": "m", "x": values}), "x", confidence=confidence).iloc[0]
    half = stats.t.ppf((1 + confidence) / 2, len(values) - 1) * stats.sem(values)
    np.testing.assert_allclose([row["low"], row["high"]], np.mean(values) + np.array([-half, half]), atol=1e-12)


def test_one_subject_has_a_mean_and_no_interval():
    row = mean_over_subjects(pd.DataFrame({"model": ["m"], "x": [0.25]}), "x").iloc[0]
    assert row["mean"] == 0.25
    assert np.isnan(row["low"])
    assert np.isnan(row["high"])
    assert row["subjects"] == 1


def test_subjects_without_a_value_are_left_out_and_groups_keep_their_order():
    table = pd.DataFrame({"model": ["z", "a", "z", "a"], "x": [0.2, 0.4, np.nan, 0.6]})
    means = mean_over_subjects(table, "x")
    assert list(means["model"]) == ["z", "a"]
    assert list(means["subjects"]) == [1, 2]
    np.testing.assert_allclose(means["mean"], [0.2, 0.5])


def test_mistakes_are_told():
    table = pd.DataFrame({"model": ["m"], "x": [1.0]})
    with pytest.raises(KeyError, match="no column 'y'; it has model, x"):
        mean_over_subjects(table, "y")
    with pytest.raises(ValueError, match="confidence is 95"):
        mean_over_subjects(table, "x", confidence=95)
