"""Scores over the parameters of a sweep: answers worked out by hand, and what the figure draws."""

import numpy as np
import pandas as pd
import pytest
from matplotlib.colors import to_rgb

from engram.analysis.figures.sweeps import plot_score_over_parameters
from engram.analysis.sweeps import last_scores, score_over_parameters, varied_parameters
from engram.data.recording.sweep_parameters import sweep_parameters
from engram.models import MetaplasticNetwork
from engram.protocols import Protocol
from engram.sim.sweeping import sweep

RATES = pd.DataFrame(
    {
        "model": ["a_1", "a_2", "a_3", "b"],
        "base": ["a", "a", "a", "b"],
        "rate": [1.0, 10.0, 100.0, np.nan],
        "hidden": ["[8]", "[8]", "[8]", None],
    }
)


def scores(**values):
    rows = [(model, subject, value) for model, given in values.items() for subject, value in enumerate(given)]
    return pd.DataFrame(rows, columns=["model", "subject", "recall"])


def test_means_and_students_intervals_by_hand():
    table = score_over_parameters(scores(a_1=[0.2, 0.4, 0.6], a_2=[0.5], b=[0.1, 0.1]), RATES, "recall")
    assert table["model"].tolist() == ["a_1", "a_2", "b"]  # what has no scores yet has no row
    np.testing.assert_allclose(table["mean"], [0.4, 0.5, 0.1])
    assert table["subjects"].tolist() == [3, 1, 2]
    half = 4.302653 * 0.2 / np.sqrt(3)  # t(2) at .975, standard deviation of the three
    np.testing.assert_allclose(table["high"][0] - 0.4, half, rtol=1e-6)
    np.testing.assert_allclose(0.4 - table["low"][0], half, rtol=1e-6)
    assert np.isnan(table["low"][1])
    assert (table["low"][2], table["high"][2]) == pytest.approx((0.1, 0.1))


def test_rows_of_one_subject_are_averaged_before_subjects_are():
    given = pd.DataFrame({"model": "a_1", "subject": [0, 0, 0, 1], "item": [1, 2, 3, 1], "recall": [0.0, 0.0, 0.3, 1]})
    (row,) = score_over_parameters(given, RATES, "recall").itertuples()
    assert (row.mean, row.subjects) == (pytest.approx(0.55), 2)


def test_tables_that_do_not_fit_are_refused():
    with pytest.raises(ValueError, match=r'"a_4" is no model of the sweep. Did you mean "a_'):
        score_over_parameters(scores(a_4=[0.1]), RATES, "recall")
    with pytest.raises(ValueError, match="scores has no column 'recal'"):
        score_over_parameters(scores(a_1=[0.1]), RATES, "recal")
    with pytest.raises(ValueError, match="parameters has no column 'base'"):
        score_over_parameters(scores(a_1=[0.1]), RATES.drop(columns="base"), "recall")


def test_what_varies():
    assert varied_parameters(RATES) == ["rate"]
    assert varied_parameters(RATES.assign(mean=[1, 2, 3, 4], hidden=["a", "b", "a", None])) == ["rate", "hidden"]


def test_one_parameter_and_a_model_without_it():
    given = scores(a_3=[0.6, 0.8], a_1=[0.2, 0.4], a_2=[0.5, 0.5], b=[0.1, 0.3])
    axes = plot_score_over_parameters(score_over_parameters(given, RATES, "recall"), chance=0.05)
    line, level, chance = axes.get_lines()
    assert line.get_xdata().tolist() == [1, 10, 100]
    np.testing.assert_allclose(line.get_ydata(), [0.3, 0.5, 0.7])
    np.testing.assert_allclose(level.get_ydata(), [0.2, 0.2])
    assert list(chance.get_ydata()) == [0.05, 0.05]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["a", "b"]
    assert (axes.get_xscale(), axes.get_xlabel()) == ("log", "rate")
    (band,) = axes.collections  # of the line; that of the level is a patch
    low = 0.3 - 12.7062 * np.sqrt(0.02) / np.sqrt(2)
    assert band.get_paths()[0].vertices[:, 1].min() == pytest.approx(low, rel=1e-4)
    assert len(axes.patches) == 1


def test_two_parameters_are_lines_in_shades():
    table = pd.DataFrame(
        {
            "model": list("abcd"), "base": "hybrid", "rate": [1, 1, 2, 2], "kind": ["soft", "hard"] * 2,
            "mean": [0.1, 0.2, 0.3, 0.4], "low": np.nan, "high": np.nan, "subjects": 1,
        }
    )  # fmt: skip
    with pytest.raises(ValueError, match="found 2 varied parameters; choose rate or kind by x="):
        plot_score_over_parameters(table)
    axes = plot_score_over_parameters(table, x="rate")
    drawn = {line.get_label(): line.get_ydata().tolist() for line in axes.get_lines()}
    assert drawn == {"hybrid, kind soft": [0.1, 0.3], "hybrid, kind hard": [0.2, 0.4]}
    light, dark = (sum(to_rgb(line.get_color())) for line in axes.get_lines())
    assert light > dark
    words = plot_score_over_parameters(table, x="kind")
    assert [text.get_text() for text in words.get_xticklabels()] == ["soft", "hard"]
    assert [line.get_ydata().tolist() for line in words.get_lines()] == [[0.1, 0.2], [0.3, 0.4]]
    with pytest.raises(ValueError, match=r'found no varied parameter "rte"; .*Did you mean "rate"'):
        plot_score_over_parameters(table, x="rte")
    with pytest.raises(ValueError, match="hidden varies as well; keep the rows of one value"):
        plot_score_over_parameters(table.assign(hidden=[1, 2, 3, 4]), x="rate", shade="kind")


def test_scores_of_a_sweep_are_those_of_its_last_probe(tmp_path):
    schedule = "[probe: all, wake: all, probe: all]"
    recording = sweep(
        Protocol.from_yaml(f"name: short\nitems: {{count: 3, train: 12, test: 6}}\nschedule: {schedule}"),
        {"small": MetaplasticNetwork(hidden=(8,))},
        {"small.batch_size": [4, 12]},
        subjects=2,
        out=tmp_path / "sweep.h5",
    )
    found = last_scores(recording)
    assert found["model"].tolist() == ["small_batch_size-4"] * 2 + ["small_batch_size-12"] * 2
    expected = recording.performance().values[:, :, -1].mean(axis=-1).ravel()
    np.testing.assert_allclose(found["performance"], expected, rtol=1e-6)
    table = score_over_parameters(found, sweep_parameters(recording), "performance")
    assert table["batch_size"].tolist() == [4, 12]
    np.testing.assert_allclose(table["mean"], expected.reshape(2, 2).mean(axis=1), rtol=1e-6)
