import numpy as np
import pandas as pd
import pytest

from engram.analysis import recalls_and_studied, score_recalls

STUDIED = pd.DataFrame({"subject": 0, "trial": [0, 0, 1, 1], "input_position": [1, 2, 1, 2]})
RECALLS = pd.DataFrame({"subject": 0, "trial": [0, 0, 1], "output_position": [1, 2, 1], "input_position": [1, 2, 2]})


def test_responses_and_studied_items_of_a_human_table_are_parted():
    table = pd.DataFrame(
        {
            "subject": 1,
            "list": 7,
            "input_position": [1, 2, 3, 2, np.nan],
            "output_position": [np.nan, 1, 3, 4, 2],
            "repeat": [0, 0, 0, 1, 0],
            "item": ["cat", "sun", "cup", "sun", "dog"],
            "correct": [0, 1, 1, np.nan, np.nan],
            "list_length": 3,
        }
    )
    recalls, studied = recalls_and_studied(table)
    assert studied["item"].to_list() == ["cat", "sun", "cup"]
    assert sorted(recalls["item"]) == ["cup", "dog", "sun", "sun"]
    assert "correct" not in studied.columns
    assert set(recalls["trial"]) == set(studied["trial"]) == {0}
    assert score_recalls(recalls, studied, "free")["correct"].to_list() == [0, 1, 1]


def test_lists_of_the_same_number_in_two_conditions_are_two_lists():
    table = pd.DataFrame(
        {"subject": 1, "list": 1, "condition": ["a", "a", "b", "b"], "input_position": [1, 2, 1, 2],
         "output_position": [1, np.nan, 2, 1]}
    )  # fmt: skip
    recalls, studied = recalls_and_studied(table)
    assert studied["trial"].to_list() == [0, 0, 1, 1]
    scored = score_recalls(recalls, studied, "strict")
    assert scored["correct"].to_list() == [1, 0, 0, 0]
    assert scored["condition"].to_list() == ["a", "a", "b", "b"]


def test_a_table_of_averages_has_no_responses():
    with pytest.raises(ValueError, match=r"no column 'list'.*averages have no responses"):
        recalls_and_studied(pd.DataFrame({"subject": [1], "correct": [0.5]}))


@pytest.mark.parametrize(
    ("recalls", "studied", "message"),
    [
        (RECALLS.drop(columns="trial"), STUDIED, "share neither a column 'trial' nor a column 'list'"),
        (RECALLS.drop(columns="subject"), STUDIED, "recalls has no column 'subject'"),
        (RECALLS.drop(columns="output_position"), STUDIED, "recalls has no column 'output_position'"),
        (RECALLS, STUDIED.drop(columns="input_position"), "studied has no column 'input_position'"),
        (RECALLS.assign(model="m"), STUDIED, "only one of recalls and studied has the column 'model'"),
        (RECALLS.assign(output_position=[0, 1, 0]), STUDIED, "output_position of recalls holds 0.*counted from 1"),
        (RECALLS.assign(input_position=[1, 1.5, 2]), STUDIED, "input_position of recalls holds 1.5; expected whole"),
        (RECALLS.assign(input_position=[1, -2, 2]), STUDIED, "input_position of recalls holds -2"),
        (RECALLS.assign(output_position=[1, np.nan, 1]), STUDIED, "output_position of recalls holds nan"),
        (RECALLS.assign(input_position=["one", "two", "two"]), STUDIED, "holds 'one'; expected whole numbers"),
        (RECALLS, STUDIED.assign(input_position=[0, 1, 0, 1]), "input_position of studied holds 0.*counted from 1"),
        (RECALLS, STUDIED.assign(input_position=[1, 1, 1, 2]), "position 1 of trial 0 of subject 0 is studied twice"),
        (RECALLS, STUDIED[STUDIED["trial"] == 0], "studied holds no trial 1 of subject 0, of which"),
    ],
)  # fmt: skip
def test_tables_that_do_not_fit_are_refused_in_words(recalls, studied, message):
    with pytest.raises(ValueError, match=message):
        score_recalls(recalls, studied, "free")


def test_what_recalls_says_of_a_test_holds_for_all_its_items():
    scored = score_recalls(RECALLS.assign(repetition=[3, 3, 4]), STUDIED, "free")
    assert scored["repetition"].to_list() == [3, 3, 4, 4]
    assert scored["list_length"].to_list() == [2, 2, 2, 2]


def test_what_is_no_table_is_refused():
    with pytest.raises(
        TypeError, match=r"studied is a list; expected a pandas.DataFrame, as recording.studied\(model\)"
    ):
        score_recalls(RECALLS, [1, 2], "free")
