import numpy as np
import pandas as pd
import pytest
import xarray as xr

from engram.analysis import final_performance, performance_by_repetition
from engram.analysis.probes import final_probe, in_order, intact, labelled

DIMS = ("model", "subject", "probe", "item")


def table(values, **coords):
    values = np.asarray(values, dtype=float)
    models = ["hybrid", "conventional", "stable"][: values.shape[0]]
    along_probe = {name: ("probe", column) for name, column in coords.items()}
    items = np.arange(1, values.shape[3] + 1)
    return xr.DataArray(
        values, dims=DIMS, coords={"model": models, "subject": np.arange(values.shape[1]), "item": items, **along_probe}
    )


def test_anything_but_a_labelled_table_is_refused_in_words():
    with pytest.raises(
        TypeError, match=r"performance is a ndarray; expected an xarray.DataArray with dimensions model"
    ):
        final_performance(np.zeros((1, 1, 1, 2)))
    with pytest.raises(ValueError, match="has dimensions model, item; expected model, subject, probe, item"):
        final_performance(xr.DataArray(np.zeros((1, 2)), dims=("model", "item")))
    with pytest.raises(ValueError, match=r"no coordinate 'item'.*counted from 1"):
        final_performance(table(np.zeros((1, 1, 1, 2))).drop_vars("item"))


def test_order_of_the_dimensions_does_not_matter():
    one = table(np.random.default_rng(0).random((2, 3, 4, 5)))
    pd.testing.assert_frame_equal(
        final_performance(one), final_performance(one.transpose("item", "probe", "subject", "model"))
    )


def test_probes_are_numbered_by_row_and_single_precision_is_widened():
    one = table(np.zeros((1, 1, 2, 2))).astype(np.float32).assign_coords(probe=[17, 23])
    assert list(in_order(one)["probe"].values) == [0, 1]
    assert in_order(one).dtype == np.float64


def test_lesioned_probes_are_not_the_last_word():
    one = table([[[[0.1], [0.2], [0.3]]]], lesion=["none", "", "hippocampus"])
    assert list(intact(one)) == [True, True, False]
    assert list(final_probe(one)) == [1]


def test_each_model_has_its_own_last_probe_and_none_where_nothing_is_answered():
    nan = np.nan
    one = table([[[[0.1], [nan]], [[0.3], [nan]]], [[[0.1], [nan]], [[0.3], [0.4]]], [[[nan], [nan]], [[nan], [nan]]]])
    assert list(final_probe(one)) == [0, 1, -1]
    assert list(final_probe(one.isel(probe=[]))) == [-1, -1, -1]


def test_a_missing_label_says_what_the_protocol_has():
    one = table(np.zeros((1, 1, 3, 1)), label=["night", "nap", ""], repetition=[1, 1, 0])
    with pytest.raises(ValueError, match=r'no probe labelled "repetition": its probes are labelled nap or night'):
        performance_by_repetition(one)
    with pytest.raises(ValueError, match='Did you mean "night"'):
        labelled(one, "nihgt")
    with pytest.raises(ValueError, match="none of its probes has a label"):
        labelled(table(np.zeros((1, 1, 1, 1)), label=[""]), "poisoning")
    with pytest.raises(ValueError, match="no coordinate 'label'"):
        labelled(table(np.zeros((1, 1, 1, 1))), "poisoning")
