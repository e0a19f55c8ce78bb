import numpy as np
import pandas as pd
import pytest
import xarray as xr
from scipy import stats

from engram.analysis import frequency_and_order_correlation, performance_by_frequency


def table(values, phase):
    values = np.asarray(values, dtype=float)
    coords = {
        "model": ["hybrid", "stable"][: values.shape[0]],
        "subject": np.arange(values.shape[1]),
        "item": np.arange(1, values.shape[3] + 1),
        "phase": ("probe", phase),
    }
    return xr.DataArray(values, dims=("model", "subject", "probe", "item"), coords=coords)


def shown(subject, items, first_phase=0):
    return pd.DataFrame(
        {"subject": subject, "phase": range(first_phase, first_phase + len(items)), "order": 0, "item": items}
    )


def test_frequency_and_last_place_of_a_hand_made_sequence():
    presentations = shown(0, [3, 1, 3, 2, 3, 2])
    found = performance_by_frequency(table([[[[0.1, 0.2, 0.3]]]], [6]), presentations)
    assert list(found["frequency"]) == [1, 2, 3]
    assert list(found["last"]) == [2, 6, 5]
    assert list(found["order"]) == [1, 3, 2]


def test_places_follow_the_order_within_a_phase_and_not_the_order_of_rows():
    presentations = pd.DataFrame({"subject": 0, "phase": [1, 0, 0], "order": [0, 1, 0], "item": [1, 2, 1]})
    found = performance_by_frequency(table([[[[0.1, 0.2]]]], [2]), presentations)
    assert list(found["frequency"]) == [2, 1]
    assert list(found["last"]) == [3, 2]


def test_presentations_after_the_last_probe_do_not_count():
    found = performance_by_frequency(table([[[[0.1, 0.2]]]], [3]), shown(0, [2, 1, 2, 1, 1]))
    assert list(found["frequency"]) == [1, 2]


def test_items_never_presented_are_left_out():
    found = performance_by_frequency(table([[[[0.1, 0.2, 0.3]]]], [3]), shown(0, [2, 1, 2]))
    assert list(found["item"]) == [1, 2]


def test_correlations_are_spearmans_for_each_subject():
    rng = np.random.default_rng(7)
    sequences = [rng.permutation(np.repeat(np.arange(1, 7), np.arange(1, 7))) for _ in range(3)]
    presentations = pd.concat([shown(k, sequence) for k, sequence in enumerate(sequences)])
    values = rng.integers(0, 5, (2, 3, 1, 6)) / 5  # with ties
    found = frequency_and_order_correlation(table(values, [21]), presentations)
    assert list(found["model"]) == ["hybrid"] * 3 + ["stable"] * 3
    for row in found.itertuples():
        performance = values[["hybrid", "stable"].index(row.model), row.subject, 0]
        sequence = sequences[row.subject]
        last = [np.flatnonzero(sequence == item).max() for item in range(1, 7)]
        assert row.rho_frequency == pytest.approx(stats.spearmanr(performance, np.arange(1, 7)).statistic)
        assert row.rho_order == pytest.approx(stats.spearmanr(performance, last).statistic)


def test_a_subject_that_performs_alike_on_all_items_has_no_correlation():
    found = frequency_and_order_correlation(table([[[[0.5, 0.5, 0.5]]]], [6]), shown(0, [3, 1, 3, 2, 3, 2]))
    assert found[["rho_frequency", "rho_order"]].isna().all(axis=None)


def test_failed_subjects_have_no_row():
    presentations = pd.concat([shown(0, [1, 2, 2]), shown(1, [2, 1, 2])])
    found = frequency_and_order_correlation(table([[[[0.1, 0.2]], [[np.nan, np.nan]]]], [3]), presentations)
    assert list(found["subject"]) == [0]


def test_equal_frequencies_are_refused():
    with pytest.raises(ValueError, match=r"equally often.*`frequency` varies"):
        frequency_and_order_correlation(table([[[[0.1, 0.2]]]], [2]), shown(0, [1, 2]))
