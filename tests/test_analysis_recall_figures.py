import numpy as np
import pandas as pd
import pytest

from engram.analysis import (
    plot_errors,
    plot_first_recall,
    plot_hebb_curves,
    plot_lag_crp,
    plot_onsets,
    plot_recall_by_position,
    plot_transpositions,
)

CURVES = pd.DataFrame(
    {
        "model": ["hybrid"] * 4 + ["stable"] * 2,
        "list_length": [2, 2, 4, 4, 2, 2],
        "position": [1, 2, 1, 2, 1, 2],
        "mean": [0.9, 0.8, 0.7, 0.6, 0.5, 0.4],
        "low": np.nan,
        "high": np.nan,
        "se": np.nan,
        "n": 1,
    }
)


def lines(axes):
    return {line.get_label(): line.get_ydata().tolist() for line in axes.get_lines()}


def test_conditions_are_shades_of_their_model():
    axes = plot_recall_by_position(CURVES)
    assert lines(axes) == {
        "hybrid, list length 2": [0.9, 0.8],
        "hybrid, list length 4": [0.7, 0.6],
        "stable, list length 2": [0.5, 0.4],
    }
    first, second, other = axes.get_lines()
    assert first.get_linestyle() == second.get_linestyle() != other.get_linestyle()
    assert second.get_color() == "#0072b2"  # the last one in the full colour
    assert first.get_color() != second.get_color()


def test_people_need_no_model_and_one_condition_no_name():
    axes = plot_recall_by_position(CURVES[:2].drop(columns="model"))
    assert list(lines(axes).values()) == [[0.9, 0.8]]
    assert axes.get_legend() is None


def test_lags_on_either_side_are_not_joined_and_zero_is_left_out():
    lags = [-3, -2, -1, 1, 2, 3]
    crp = pd.DataFrame(
        {"subject": np.repeat([0, 1], 6), "lag": lags * 2, "prob": np.r_[np.full(6, 0.2), np.full(6, 0.4)]}
    ).assign(actual=1, possible=5)
    axes = plot_lag_crp(crp, farthest=2)
    assert [line.get_xdata().tolist() for line in axes.get_lines()] == [[-2, -1], [1, 2]]
    np.testing.assert_allclose([line.get_ydata() for line in axes.get_lines()], 0.3)
    gradient = crp.rename(columns={"lag": "displacement"})
    assert [line.get_xdata().tolist() for line in plot_transpositions(gradient).get_lines()] == [lags[:3], lags[3:]]


def test_positions_of_which_no_list_has_are_not_drawn():
    first = pd.DataFrame({"subject": 0, "position": [1, 2, 3], "prob": [0.6, 0.4, np.nan], "actual": 1, "possible": 5})
    axes = plot_first_recall(first)
    assert axes.get_lines()[0].get_xdata().tolist() == [1, 2]
    assert axes.get_xticks().tolist() == [1, 2]


def test_kinds_of_errors_are_stacked_in_one_order():
    shares = pd.DataFrame(
        {"subject": [0, 0, 1, 1], "position": 1, "error_type": ["omission", "correct"] * 2,
         "share": [0.4, 0.6, 0.2, 0.8]}
    )  # fmt: skip
    axes = plot_errors(shares)
    bars = {container.get_label(): container[0] for container in axes.containers}
    assert list(bars) == ["correct", "omission"]
    np.testing.assert_allclose([bars["correct"].get_height(), bars["omission"].get_y()], 0.7)
    with pytest.raises(ValueError, match="several conditions"):
        plot_errors(pd.concat([shares, shares]))
    with pytest.raises(ValueError, match=r'found no model "hybird".*Did you mean "hybrid"'):
        plot_errors(pd.concat([shares.assign(model="hybrid"), shares.assign(model="stable")]), model="hybird")


def test_repeated_lists_come_first_and_are_drawn_full():
    scores = pd.DataFrame(
        {"subject": 0, "list_type": ["filler", "filler", "repeated", "repeated"], "repetition": [1, 2, 1, 2],
         "score": [0.5, 0.4, 0.5, 0.7]}
    )  # fmt: skip
    axes = plot_hebb_curves(pd.concat([scores.assign(model="hybrid"), scores.assign(model="stable")]))
    drawn = lines(axes)
    assert list(drawn) == ["hybrid, repeated", "hybrid, filler", "stable, repeated", "stable, filler"]
    assert drawn["stable, repeated"] == [0.5, 0.7]
    assert [line.get_linestyle() for line in axes.get_lines()] == ["-", "--"] * 2


def test_onsets_are_shares_of_the_subjects():
    onsets = pd.DataFrame(
        {"subject": range(4), "kind": ["abrupt", "abrupt", "gradual", "flat"], "onset": [3, 3, 2, np.nan]}
    )
    heights = {
        tick.get_text(): bar.get_height()
        for tick, bar in zip(plot_onsets(onsets).get_xticklabels(), plot_onsets(onsets).patches, strict=True)
    }
    assert heights == {"2": 0, "3": 0.5, "gradual": 0.25, "flat": 0.25}


@pytest.mark.parametrize(
    "plot", [plot_recall_by_position, plot_lag_crp, plot_transpositions, plot_first_recall, plot_errors, plot_onsets]
)
def test_tables_without_their_columns_are_refused(plot):
    with pytest.raises(ValueError, match=r"(has|have) no column"):
        plot(pd.DataFrame({"subject": [1]}))
