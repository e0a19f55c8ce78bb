import numpy as np
import pytest
import xarray as xr

from engram.analysis import performance_around_poisoning, retention_after_poisoning, retention_by_subject

NAN = np.nan


def table(values, label):
    values = np.asarray(values, dtype=float)
    coords = {
        "model": ["hybrid", "stable"][: values.shape[0]],
        "subject": np.arange(values.shape[1]),
        "item": np.arange(1, values.shape[3] + 1),
        "label": ("probe", label),
    }
    return xr.DataArray(values, dims=("model", "subject", "probe", "item"), coords=coords)


LABELS = ["repetition", "repetition", "poisoning", "poisoning", ""]


def flat(*means):
    """One subject with two items, .1 below and above each mean."""
    return [[mean - 0.1, mean + 0.1] for mean in means]


def test_before_and_after_are_the_last_probes_of_their_parts():
    found = performance_around_poisoning(table([[flat(0.1, 0.9, 0.2, 0.6, 0.3)]], LABELS))
    np.testing.assert_allclose(found[["before", "after"]], [[0.8, 0.5], [1.0, 0.7]])


def test_retention_takes_chance_off():
    found = retention_by_subject(table([[flat(0.1, 0.9, 0.2, 0.6, 0.3)]], LABELS))
    np.testing.assert_allclose(found["retained"], [(0.6 - 0.5) / (0.9 - 0.5)])


def test_headline_is_the_ratio_of_means_and_not_the_mean_of_ratios():
    values = [[flat(0.5, 0.9, 0.5, 0.7, 0.5), flat(0.5, 0.51, 0.5, 0.7, 0.5)]]
    ratios = retention_by_subject(table(values, LABELS))["retained"]
    np.testing.assert_allclose(ratios, [0.5, 20])
    found = retention_after_poisoning(table(values, LABELS))
    np.testing.assert_allclose(found["retained"], [(0.2 + 0.2) / (0.4 + 0.01)])


def test_a_subject_at_chance_before_has_no_ratio_of_its_own_but_counts_in_the_mean():
    values = [[flat(0.5, 0.5, 0.5, 0.6, 0.5), flat(0.5, 0.9, 0.5, 0.7, 0.5)]]
    assert np.isnan(retention_by_subject(table(values, LABELS))["retained"][0])
    np.testing.assert_allclose(retention_after_poisoning(table(values, LABELS))["retained"], [0.3 / 0.4])


def test_a_model_at_chance_before_has_no_retention():
    found = retention_after_poisoning(table([[flat(0.5, 0.5, 0.5, 0.6, 0.5)]], LABELS))
    assert found[["retained", "low", "high"]].isna().all(axis=None)


def test_interval_is_the_bootstrap_over_subjects():
    rng = np.random.default_rng(6)
    values = rng.uniform(0.6, 1.0, (1, 8, 5, 2))
    found = retention_after_poisoning(table(values, LABELS), samples=20_000, seed=1).iloc[0]
    before, after = values[0, :, 1].mean(axis=-1), values[0, :, 3].mean(axis=-1)
    drawn = np.random.default_rng(9).integers(0, 8, (20_000, 8))
    ratios = (after[drawn].mean(axis=1) - 0.5) / (before[drawn].mean(axis=1) - 0.5)
    np.testing.assert_allclose([found["low"], found["high"]], np.quantile(ratios, [0.025, 0.975]), atol=0.02)
    assert found["high"] - found["low"] > 0.1


def test_the_same_seed_gives_the_same_interval():
    values = table(np.random.default_rng(0).uniform(0.6, 1.0, (1, 5, 5, 2)), LABELS)
    assert retention_after_poisoning(values, seed=3).equals(retention_after_poisoning(values, seed=3))


def test_failed_subjects_and_unfinished_poisoning_are_left_out():
    values = np.array([[flat(0.5, 0.9, 0.5, 0.7, 0.5), flat(0.5, 0.9, 0.5, 0.7, 0.5)]])
    values[0, 1, 3:] = NAN
    found = retention_after_poisoning(table(values, LABELS))
    assert list(found["subjects"]) == [1]
    np.testing.assert_allclose(found["retained"], [0.5])


def test_what_the_protocol_lacks_is_told():
    with pytest.raises(ValueError, match='no probe labelled "poisoning": its probes are labelled repetition'):
        retention_after_poisoning(table([[flat(0.5, 0.5)]], ["repetition"] * 2))
    with pytest.raises(ValueError, match="no probe before the one labelled"):
        retention_after_poisoning(table([[flat(0.5)]], ["poisoning"]))
