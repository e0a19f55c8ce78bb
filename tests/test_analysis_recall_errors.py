import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.analysis import classify_errors, error_shares, score_recalls, transposition_gradient

KINDS = ["correct", "transposition", "intrusion", "omission", "repetition", "extra-list"]


def studied_lists(count, length):
    places = [(0, n, p) for n in range(count) for p in range(1, length + 1)]
    return pd.DataFrame(places, columns=["subject", "trial", "input_position"])


def answers(*lists):
    rows = [(0, n, o, p) for n, answer in enumerate(lists) for o, p in enumerate(answer, 1)]
    return pd.DataFrame(rows, columns=["subject", "trial", "output_position", "input_position"])


def share(table, position, kind):
    return table[(table["position"] == position) & (table["error_type"] == kind)]["share"].item()


def test_an_item_that_came_too_early_lies_below_zero():
    # 3 is given at place 2 (displacement -1), 2 at place 3 (+1)
    found = transposition_gradient(answers([1, 3, 2, 4]), studied_lists(1, 4)).set_index("displacement")
    assert found["actual"].to_dict() == {-3: 0, -2: 0, -1: 1, 0: 2, 1: 1, 2: 0, 3: 0}
    # four places and four positions make 16 differences, 4 - |d| of each
    assert found["possible"].to_dict() == {-3: 1, -2: 2, -1: 3, 0: 4, 1: 3, 2: 2, 3: 1}
    np.testing.assert_allclose(found["prob"], [0, 0, 1 / 3, 1 / 2, 1 / 3, 0, 0])


def test_omissions_keep_their_place_and_repeats_count_once():
    found = transposition_gradient(answers([0, 2, 2, 1]), studied_lists(1, 4)).set_index("displacement")
    assert found["actual"].to_dict() == {-3: 0, -2: 0, -1: 0, 0: 1, 1: 0, 2: 0, 3: 1}
    assert found["possible"].sum() == 2 * 4


def test_responses_beyond_the_list_do_not_move_anything():
    found = transposition_gradient(answers([1, 2, 0, 0, 3]), studied_lists(1, 3))
    assert found["actual"].sum() == 2


def test_kinds_of_responses_by_hand():
    recalls = pd.DataFrame(
        {
            "subject": 0,
            "trial": 0,
            "output_position": [3, 1, 2, 4, 5, 6],
            "input_position": [1, 1, 3, 0, 0, 0],
            "response": [11, 11, 13, -1, -2, 27],
        }
    )
    kinds = classify_errors(recalls, studied_lists(1, 6))["error_type"]
    assert kinds.to_list() == ["repetition", "correct", "transposition", "omission", "extra-list", "intrusion"]


def test_what_a_table_says_itself_is_kept():
    recalls = answers([1]).assign(error_type="omission")
    assert classify_errors(recalls, studied_lists(1, 2))["error_type"].to_list() == ["omission"]


def test_without_names_what_is_not_of_the_list_is_an_intrusion():
    kinds = classify_errors(answers([1, 0]).assign(input_position=[1, np.nan]), studied_lists(1, 2))
    assert kinds["error_type"].to_list() == ["correct", "intrusion"]


def test_shares_by_hand():
    recalls = answers([1, 3, 2], [1, 2], [2, 2, 0], [])
    shares = error_shares(recalls, studied_lists(4, 3))
    assert list(shares.columns) == ["subject", "position", "error_type", "share", "lists"]
    assert set(shares["lists"]) == {4}
    expected = {
        1: {"correct": 0.5, "transposition": 0.25, "omission": 0.25},  # 1, 1, 2, nothing
        2: {"correct": 0.5, "transposition": 0.25, "omission": 0.25},  # 3, 2, 2 in its place, nothing
        3: {"transposition": 0.25, "intrusion": 0.25, "omission": 0.5},  # 2, nothing, not of the list, nothing
    }
    for position, kinds in expected.items():
        for kind in KINDS:
            assert share(shares, position, kind) == kinds.get(kind, 0), (position, kind)


def test_lists_of_several_lengths_are_asked_for_as_far_as_they_go():
    studied = pd.DataFrame({"subject": 0, "trial": [0, 1, 1], "input_position": [1, 1, 2]})
    shares = error_shares(answers([1], [1, 2]), studied)
    assert shares.drop_duplicates("position")["lists"].to_list() == [2, 1]
    assert share(shares, 2, "correct") == 1
    apart = error_shares(answers([1], [1, 2]), studied.assign(list_length=[1, 2, 2]), by=("list_length",))
    assert apart.drop_duplicates(["list_length", "position"])["lists"].to_list() == [1, 1, 1]


def test_tables_that_do_not_fit_are_refused_in_words():
    twice = answers([1, 2]).assign(output_position=1)
    with pytest.raises(ValueError, match="two responses stand at output position 1 of trial 0 of subject 0"):
        error_shares(twice, studied_lists(1, 2))
    with pytest.raises(ValueError, match="error_type holds 'wrong'; expected correct"):
        error_shares(answers([1]).assign(error_type="wrong"), studied_lists(1, 2))


@settings(deadline=None, max_examples=25)
@given(st.lists(st.lists(st.integers(0, 5), max_size=5), min_size=1, max_size=5))
def test_laws_of_errors(lists):
    recalls, studied = answers(*lists), studied_lists(len(lists), 5)
    shares = error_shares(recalls, studied)
    np.testing.assert_allclose(shares.groupby("position")["share"].sum(), 1)
    strict = score_recalls(recalls, studied, "strict")["correct"].sum()
    correct = shares[shares["error_type"] == "correct"]
    assert round((correct["share"] * correct["lists"]).sum()) == strict
    gradient = transposition_gradient(recalls, studied)
    assert gradient["actual"].sum() == sum(len(set(answer) - {0}) for answer in lists)
    assert (gradient["actual"] <= gradient["possible"]).all()
