"""Ordinal checks as numbers: each kind on tables small enough to work out by hand."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import linregress, spearmanr

from engram.analysis.behaviour.contrasts import contrast, matching

HEBB = pd.DataFrame({"list_type": ["repeated"] * 3 + ["filler"] * 3, "repetition": [1.0, 2.0, 3.0] * 2})
LENGTHS = pd.DataFrame({"length": [3.0] * 3 + [4.0] * 4, "position": [1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 4.0]})
NAN = float("nan")


def values(kind, arguments, conditions, *scores):
    return contrast(kind, arguments, conditions, np.array(scores)).values


def test_greater_is_the_difference_of_the_means_of_both_sides():
    arguments = {"left": {"list_type": "repeated", "repetition": [2, 3]}, "right": {"list_type": "filler"}}
    found = values("greater", arguments, HEBB, [0.0, 0.5, 0.7, 0.2, 0.3, 0.4], [1.0, 0.1, 0.1, 0.6, 0.6, 0.6])
    np.testing.assert_allclose(found, [0.3, -0.5])


def test_greater_takes_the_conditions_that_a_subject_has():
    arguments = {"left": {"list_type": "repeated"}, "right": {"list_type": "filler"}}
    found = values("greater", arguments, HEBB, [0.5, NAN, 0.7, 0.2, NAN, NAN], [0.5, 0.5, 0.5, NAN, NAN, NAN])
    np.testing.assert_allclose(found, [0.4, NAN])


def test_slopes_are_those_of_least_squares():
    arguments = {"over": "repetition", "left": {"list_type": "repeated"}, "right": {"list_type": "filler"}}
    scores = [0.1, 0.5, 0.6, 0.4, 0.4, 0.1]
    expected = linregress([1, 2, 3], scores[:3]).slope - linregress([1, 2, 3], scores[3:]).slope
    np.testing.assert_allclose(values("slope-greater", arguments, HEBB, scores), [expected])
    np.testing.assert_allclose(expected, 0.25 - -0.15)


def test_a_slope_over_unequal_steps_leaves_out_what_a_subject_lacks():
    delays = pd.DataFrame({"delay_hours": [0.0, 1.0, 10.0] * 2, "kind": ["a"] * 3 + ["b"] * 3})
    arguments = {"over": "delay_hours", "left": {"kind": "a"}, "right": {"kind": "b"}}
    found = values("slope-greater", arguments, delays, [0.9, NAN, 0.4, 0.5, 0.5, 0.5])
    np.testing.assert_allclose(found, [-0.05])


def test_a_trend_is_the_rank_correlation_of_each_subject():
    scores = np.array([[0.1, 0.5, 0.3], [0.2, 0.2, 0.9], [0.4, 0.4, 0.4]])
    arguments = {"over": "repetition", "where": {"list_type": "repeated"}}
    found = contrast("increasing", arguments, HEBB, np.hstack([scores, scores]))
    np.testing.assert_allclose(found.values, [0.5, spearmanr([1, 2, 3], scores[1])[0], 0])
    assert found.sign == 1
    assert contrast("decreasing", arguments, HEBB, np.hstack([scores, scores])).sign == -1


def test_a_trend_averages_over_other_factors_first():
    arguments = {"over": "length", "where": {}}
    found = values("decreasing", arguments, LENGTHS, [0.9, 0.9, 0.9, 1.0, 1.0, 0.0, 0.0])
    np.testing.assert_allclose(found, [-1])  # .9 of three, .5 of four


def test_primacy_and_recency_are_ends_above_the_middle_of_each_list():
    scores = [0.9, 0.5, 0.6, 0.8, 0.2, 0.4, 0.9]
    np.testing.assert_allclose(values("primacy", {"over": "position", "where": {"length": 4}}, LENGTHS, scores), [0.5])
    np.testing.assert_allclose(values("recency", {"over": "position", "where": {"length": 3}}, LENGTHS, scores), [0.1])
    both = (0.4 + 0.5) / 2  # of the list of three, of the list of four
    np.testing.assert_allclose(values("primacy", {"over": "position", "where": {}}, LENGTHS, scores), [both])


@given(arrays(float, (4, 6), elements=st.floats(0, 1, width=32)))
def test_exchanging_the_sides_turns_the_sign(scores):
    a, b = {"list_type": "repeated"}, {"list_type": "filler"}
    for kind, more in (("greater", {}), ("slope-greater", {"over": "repetition"})):
        one = contrast(kind, {"left": a, "right": b, **more}, HEBB, scores).values
        other = contrast(kind, {"left": b, "right": a, **more}, HEBB, scores).values
        np.testing.assert_allclose(one, -other, atol=1e-12)


@given(arrays(float, (3, 6), elements=st.floats(0, 1, width=32)), st.permutations(range(6)))
def test_the_order_of_the_rows_plays_no_role(scores, order):
    arguments = {"over": "repetition", "left": {"list_type": "repeated"}, "right": {"list_type": "filler"}}
    shuffled = HEBB.iloc[order].reset_index(drop=True)
    np.testing.assert_allclose(
        contrast("slope-greater", arguments, HEBB, scores).values,
        contrast("slope-greater", arguments, shuffled, scores[:, order]).values,
        atol=1e-12,
    )


def test_numbers_match_levels_given_as_text_or_as_whole_numbers():
    assert matching(LENGTHS, {"length": "3", "position": ["1", 2]}).tolist() == [True, True] + [False] * 5


@pytest.mark.parametrize(
    ("kind", "arguments", "message"),
    [
        ("greatr", {}, 'Did you mean "greater"'),
        ("greater", {"left": {"list_typ": "repeated"}, "right": {}}, 'Did you mean "list_type"'),
        ("greater", {"left": {"list_type": "repaeted"}, "right": {}}, "no condition with list_type repaeted"),
        ("greater", {"left": {"repetition": "many"}, "right": {}}, "is no number"),
        ("increasing", {"over": "cycle", "where": {}}, "expected one of list_type or repetition"),
        ("increasing", {"over": "list_type", "where": {}}, "are no numbers: repeated or filler"),
        ("increasing", {"over": "repetition", "where": {"repetition": 2}}, "needs 2 levels"),
        ("recency", {"over": "repetition", "where": {"repetition": [1, 2]}}, "needs 3 levels"),
    ],
)
def test_checks_that_do_not_fit_the_conditions_are_refused(kind, arguments, message):
    with pytest.raises(ValueError, match=message):
        contrast(kind, arguments, HEBB, np.zeros((1, 6)))
