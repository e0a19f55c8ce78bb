import numpy as np
import pandas as pd
import pytest
import xarray as xr

from engram.analysis import average_performance, gross_memory
from engram.analysis.capacity import first_pass


def table(values, phase):
    values = np.asarray(values, dtype=float)
    coords = {
        "model": ["hybrid", "stable"][: values.shape[0]],
        "subject": np.arange(values.shape[1]),
        "item": np.arange(1, values.shape[3] + 1),
        "phase": ("probe", phase),
    }
    return xr.DataArray(values, dims=("model", "subject", "probe", "item"), coords=coords)


def shown(*rows):
    return pd.DataFrame(rows, columns=["subject", "phase", "order", "item"])


def test_items_count_once_they_were_presented_to_that_subject():
    performance = table([[[[0.9, 0.3, 0.1], [0.5, 0.7, 0.2]], [[0.1, 0.2, 0.8], [0.4, 0.3, 0.6]]]], phase=[1, 3])
    presentations = shown((0, 0, 0, 1), (0, 2, 0, 2), (0, 2, 1, 1), (1, 0, 0, 3), (1, 2, 0, 1), (1, 2, 1, 2))
    gross = gross_memory(performance, presentations)
    assert list(gross["trained"]) == [1, 2, 1, 3]
    np.testing.assert_allclose(gross["gross_memory"], [0.9, 0.5 + 0.7, 0.8, 0.4 + 0.3 + 0.6])
    average = average_performance(performance, presentations)
    np.testing.assert_allclose(average["average_performance"], [0.9, 0.6, 0.8, 1.3 / 3])


def test_agrees_with_a_plain_loop():
    rng = np.random.default_rng(5)
    performance = table(rng.random((2, 3, 6, 4)), phase=[1, 3, 5, 7, 9, 11])
    presentations = pd.concat(
        shown(*[(k, 2 * i, 0, item) for i, item in enumerate(rng.integers(1, 5, 6))]) for k in range(3)
    )
    found = gross_memory(performance, presentations).set_index(["model", "subject", "probe"])["gross_memory"]
    for model in ("hybrid", "stable"):
        for k in range(3):
            for probe, phase in enumerate([1, 3, 5, 7, 9, 11]):
                mine = presentations[(presentations["subject"] == k) & (presentations["phase"] < phase)]
                values = performance.sel(model=model, subject=k).isel(probe=probe)
                expected = sum(float(values.sel(item=item)) for item in set(mine["item"]))
                assert found[model, k, probe] == pytest.approx(expected)


def test_a_probe_that_leaves_out_a_learned_item_has_no_gross_memory():
    performance = table([[[[0.9, np.nan, 0.1], [np.nan, 0.7, np.nan]]]], phase=[1, 3])
    gross = gross_memory(performance, shown((0, 0, 0, 1), (0, 2, 0, 2)))
    np.testing.assert_allclose(gross["gross_memory"], [0.9, np.nan])


def test_unanswered_probes_have_no_row_and_untrained_ones_no_average():
    performance = table([[[[0.2, 0.2], [0.9, 0.2], [np.nan, np.nan]]]], phase=[0, 2, 4])
    presentations = shown((0, 1, 0, 1), (0, 3, 0, 2))
    assert list(gross_memory(performance, presentations)["gross_memory"]) == [0.0, 0.9]
    np.testing.assert_allclose(average_performance(performance, presentations)["average_performance"], [np.nan, 0.9])


def test_first_pass_takes_the_first_probe_of_each_number_trained():
    performance = table([[[[0.2, 0.2], [0.9, 0.2], [0.8, 0.1], [0.5, 0.4]]]], phase=[0, 2, 4, 6])
    presentations = shown((0, 1, 0, 1), (0, 3, 0, 1), (0, 5, 0, 2))
    rows = first_pass(gross_memory(performance, presentations))
    assert list(rows[["trained", "probe"]].itertuples(index=False, name=None)) == [(1, 1), (2, 3)]


def test_items_counted_from_nought_are_refused():
    with pytest.raises(ValueError, match=r"item 0, performance of 1 to 2; expected the same items, counted from 1"):
        gross_memory(table([[[[0.2, 0.2]]]], phase=[1]), shown((0, 0, 0, 0)))
    with pytest.raises(ValueError, match="presentations has no column 'order'"):
        gross_memory(table([[[[0.2, 0.2]]]], phase=[1]), pd.DataFrame({"subject": [0], "phase": [0], "item": [1]}))
