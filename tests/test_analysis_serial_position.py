import numpy as np
import pytest
import xarray as xr

from engram.analysis import final_performance, learning_curves, serial_position_curve

NAN = np.nan


def table(values):
    values = np.asarray(values, dtype=float)
    models = ["hybrid", "conventional"][: values.shape[0]]
    coords = {"model": models, "subject": np.arange(values.shape[1]), "item": np.arange(1, values.shape[3] + 1)}
    return xr.DataArray(values, dims=("model", "subject", "probe", "item"), coords=coords)


def test_final_performance_is_the_last_answered_probe_of_each_model():
    final = final_performance(
        table(
            [
                [[[0.1, 0.2], [0.3, 0.4], [NAN, NAN]], [[0.5, 0.6], [NAN, NAN], [NAN, NAN]]],
                [[[0.9, 0.9], [0.9, 0.9], [0.7, 0.8]], [[0.9, 0.9], [0.9, 0.9], [0.5, 0.6]]],
            ]
        )
    )
    rows = list(final.itertuples(index=False, name=None))
    assert rows == [
        ("hybrid", 0, 1, 1, 0.3),
        ("hybrid", 0, 1, 2, 0.4),
        ("conventional", 0, 2, 1, 0.7),
        ("conventional", 0, 2, 2, 0.8),
        ("conventional", 1, 2, 1, 0.5),
        ("conventional", 1, 2, 2, 0.6),
    ]


def test_nothing_measured_gives_an_empty_table_with_the_same_columns():
    empty = final_performance(table(np.full((1, 2, 3, 2), NAN)))
    assert list(empty.columns) == ["model", "subject", "probe", "item", "performance"]
    assert len(empty) == 0
    assert len(serial_position_curve(table(np.full((1, 2, 3, 2), NAN)))) == 0


def test_curve_is_the_mean_over_subjects_without_the_missing_ones():
    curve = serial_position_curve(table([[[[0.2, 0.6]], [[0.4, 0.8]], [[NAN, NAN]]]]))
    np.testing.assert_allclose(curve["mean"], [0.3, 0.7])
    # two subjects: SD .1 * sqrt(2), t(1) at .975 is 12.706, so the half width is 12.706 * .1
    np.testing.assert_allclose(curve["high"] - curve["mean"], 1.2706205, rtol=1e-6)
    assert list(curve["subjects"]) == [2, 2]


def test_learning_curves_average_over_subjects_at_every_epoch():
    values = np.array([[[[0.1, 0.0], [0.3, NAN]], [[0.3, 0.2], [0.5, NAN]]]])  # model, subject, point, item
    curves = xr.DataArray(
        values,
        dims=("model", "subject", "point", "item"),
        coords={
            "model": ["hybrid"], "subject": [0, 1], "item": [1, 2],
            "phase": ("point", [0, 0]), "presentation": ("point", [0, 0]), "epoch": ("point", [0, 1]),
        },
    )  # fmt: skip
    rows = learning_curves(curves)[["point", "phase", "presentation", "epoch", "item", "mean", "subjects"]]
    expected = [(1, 0, 0, 0, 1, 0.2, 2), (1, 0, 0, 0, 2, 0.1, 2), (2, 0, 0, 1, 1, 0.4, 2)]
    np.testing.assert_allclose(rows.to_numpy(dtype=float), expected)


def test_learning_curves_refuse_probes():
    with pytest.raises(ValueError, match="expected model, subject, point, item"):
        learning_curves(table(np.zeros((1, 1, 1, 1))))
