import numpy as np
import pytest
import xarray as xr

from engram.analysis import mean_by_repetition, minimum_by_repetition, performance_by_repetition, repetition_scores

NAN = np.nan


def table(values, label, repetition, lesion=None):
    values = np.asarray(values, dtype=float)
    coords = {
        "model": ["hybrid", "stable"][: values.shape[0]],
        "subject": np.arange(values.shape[1]),
        "item": np.arange(1, values.shape[3] + 1),
        "label": ("probe", label),
        "repetition": ("probe", repetition),
        "lesion": ("probe", lesion or ["none"] * len(label)),
    }
    return xr.DataArray(values, dims=("model", "subject", "probe", "item"), coords=coords)


LABELS = ["repetition"] * 4 + ["poisoning"]
REPETITIONS = [1, 1, 2, 2, 0]
TWO_SUBJECTS = [
    [
        [[0.9, 0.9], [0.2, 0.8], [0.9, 0.9], [0.4, 0.8], [0.0, 0.0]],
        [[0.9, 0.9], [0.8, 0.4], [0.9, 0.9], [0.6, 1.0], [0.0, 0.0]],
    ]
]


def test_minimum_is_taken_within_subjects_and_then_averaged():
    found = minimum_by_repetition(table(TWO_SUBJECTS, LABELS, REPETITIONS))
    assert list(found["repetition"]) == [1, 2]
    np.testing.assert_allclose(found["mean"], [(0.2 + 0.4) / 2, (0.4 + 0.6) / 2])
    # half width for two subjects: t(1) = 12.706 times half their difference
    np.testing.assert_allclose(found["high"] - found["mean"], [12.706205 * 0.1] * 2, rtol=1e-6)


def test_mean_is_over_items():
    found = mean_by_repetition(table(TWO_SUBJECTS, LABELS, REPETITIONS))
    np.testing.assert_allclose(found["mean"], [(0.5 + 0.6) / 2, (0.6 + 0.8) / 2])


def test_one_row_per_subject_for_paired_tests():
    scores = repetition_scores(table(TWO_SUBJECTS, LABELS, REPETITIONS))
    assert list(scores.columns) == ["model", "subject", "repetition", "minimum", "mean"]
    np.testing.assert_allclose(scores[scores["repetition"] == 2]["minimum"], [0.4, 0.6])


def test_an_unfinished_repetition_is_left_out_as_is_a_failed_subject():
    values = np.array(TWO_SUBJECTS)
    values[0, 1] = NAN
    values[0, 0, 3:] = NAN
    found = minimum_by_repetition(table(values, LABELS, REPETITIONS))
    assert list(found["repetition"]) == [1]
    assert list(found["subjects"]) == [1]
    np.testing.assert_allclose(found["mean"], [0.2])
    assert found["low"].isna().all()


def test_items_that_the_probe_leaves_out_do_not_count():
    found = repetition_scores(table([[[[NAN, 0.4, 0.6]]]], ["repetition"], [1]))
    np.testing.assert_allclose(found[["minimum", "mean"]], [[0.4, 0.5]])


def test_lesioned_probes_do_not_end_a_repetition():
    values = [[[[0.5, 0.7], [0.1, 0.1]]]]
    found = repetition_scores(table(values, ["repetition"] * 2, [1, 1], ["none", "hippocampus"]))
    np.testing.assert_allclose(found["minimum"], [0.5])


def test_another_name_of_the_block():
    found = performance_by_repetition(table([[[[0.5, 0.7]]]], ["night"], [3]), label="night")
    assert list(found["repetition"]) == [3, 3]


def test_a_label_outside_of_any_repeat_is_refused():
    with pytest.raises(ValueError, match="outside of any repeat block"):
        performance_by_repetition(table([[[[0.5]]]], ["repetition"], [0]))
