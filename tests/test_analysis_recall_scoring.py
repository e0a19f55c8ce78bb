import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.analysis import condition_means, recall_by_position, score_recalls, scores_by_subject


def table_of(lists, name):
    """Rows of lists of positions, one list of each subject: subject, list, output_position, input_position."""
    rows = [(s, 1, o, p) for s, positions in enumerate(lists) for o, p in enumerate(positions, 1)]
    table = pd.DataFrame(rows, columns=["subject", "list", "output_position", "input_position"])
    return table if name == "recalls" else table.drop(columns="output_position")


# Positions of what came out, 0 nothing: the first subject swaps 2 and 3; the second leaves out 1 and gives 3 twice.
RECALLS = table_of([[1, 3, 2, 4], [0, 3, 3, 4]], "recalls")
STUDIED = table_of([[1, 2, 3, 4]] * 2, "studied")


@pytest.mark.parametrize(
    ("scoring", "expected"),
    [
        ("strict", [1, 0, 0, 1, 0, 0, 1, 1]),
        ("item", [1, 1, 1, 1, 0, 0, 1, 1]),
        ("free", [1, 1, 1, 1, 0, 0, 1, 1]),
    ],
)
def test_scorings_by_hand(scoring, expected):
    scored = score_recalls(RECALLS, STUDIED, scoring)
    assert scored["correct"].to_list() == expected
    assert scored["position"].to_list() == [1, 2, 3, 4] * 2


def test_output_positions_are_those_that_counted():
    strict = score_recalls(RECALLS, STUDIED, "strict")["output_position"]
    np.testing.assert_array_equal(strict, [1, np.nan, np.nan, 4, np.nan, np.nan, 3, 4])
    free = score_recalls(RECALLS, STUDIED, "free")["output_position"]
    np.testing.assert_array_equal(free, [1, 3, 2, 4, np.nan, np.nan, 2, 4])


def test_the_expected_slot_decides_where_one_is_named():
    # Cued recall asks for the second item first: what comes out is right, though not at its own position.
    recalls = pd.DataFrame(
        {"subject": 0, "trial": 0, "output_position": [1, 2], "input_position": [2, 2], "expected": [9, 5],
         "response": [9, 9]}
    )  # fmt: skip
    studied = pd.DataFrame({"subject": 0, "trial": 0, "input_position": [1, 2]})
    assert score_recalls(recalls, studied, "cued")["correct"].to_list() == [0, 1]
    free = recalls.assign(expected=-1, input_position=[2, 1])
    assert score_recalls(free, studied, "free")["correct"].to_list() == [1, 1]


def test_models_are_kept_apart():
    recalls = pd.concat([RECALLS.assign(model="a"), RECALLS[RECALLS["output_position"] > 3].assign(model="b")])
    studied = pd.concat([STUDIED.assign(model="a"), STUDIED.assign(model="b")])
    means = recall_by_position(recalls, studied, "strict", by=())
    assert means["model"].to_list() == ["a"] * 4 + ["b"] * 4
    np.testing.assert_allclose(means["mean"], [0.5, 0, 0.5, 1, 0, 0, 0, 1])


def test_conditions_have_the_interval_of_t():
    scores = pd.DataFrame({"subject": [0, 1, 2, 3], "position": 1, "score": [0.2, 0.4, 0.6, 0.8]})
    row = condition_means(scores, ("position",)).iloc[0]
    se = np.sqrt((0.09 + 0.01 + 0.01 + 0.09) / 3 / 4)
    # t(3) = 3.182446 holds 95 %
    np.testing.assert_allclose(row[["mean", "se", "n"]], [0.5, se, 4])
    np.testing.assert_allclose([row["low"], row["high"]], [0.5 - 3.182446 * se, 0.5 + 3.182446 * se], rtol=1e-6)


def test_subjects_weigh_alike_however_many_lists_they_have():
    scored = pd.DataFrame({"subject": [0, 0, 0, 1], "position": 1, "correct": [1, 1, 1, 0]})
    scores = scores_by_subject(scored)
    assert scores["items"].to_list() == [3, 1]
    assert condition_means(scores, ("position",))["mean"].item() == 0.5


def test_one_subject_has_no_interval():
    means = condition_means(pd.DataFrame({"subject": [0], "position": 1, "score": [0.5]}), ("position",))
    assert means[["low", "high", "se"]].isna().all(axis=None)
    assert means["n"].item() == 1


def test_bad_questions_are_answered_in_words():
    with pytest.raises(ValueError, match=r'scoring is "stirct"; expected strict.*Did you mean "strict"'):
        score_recalls(RECALLS, STUDIED, "stirct")
    with pytest.raises(ValueError, match="no column 'repetitions' to group by"):
        recall_by_position(RECALLS, STUDIED, "free", by=("repetitions",))
    with pytest.raises(ValueError, match="several scores of one condition"):
        condition_means(pd.DataFrame({"subject": [0, 0], "position": 1, "score": 0.5}), ("position",))
    with pytest.raises(ValueError, match="confidence is 95"):
        condition_means(pd.DataFrame({"subject": [0, 1], "position": 1, "score": 0.5}), ("position",), confidence=95)


def test_a_list_of_which_nothing_came_out_must_say_its_condition_itself():
    recalls, studied = RECALLS[RECALLS["subject"] == 0].assign(delay=10.0), STUDIED
    with pytest.raises(
        ValueError, match=r"'delay' of a list of subject 1 is not known.*put the column 'delay' into studied"
    ):
        recall_by_position(recalls, studied, "free", by=("delay",))
    means = recall_by_position(recalls.drop(columns="delay"), studied.assign(delay=10.0), "free", by=("delay",))
    np.testing.assert_allclose(means["mean"], 0.5)  # the subject that recalled nothing counts


@settings(deadline=None, max_examples=30)
@given(st.lists(st.lists(st.integers(0, 5), min_size=5, max_size=5), min_size=1, max_size=4), st.randoms())
def test_laws_of_scoring(answers, random):
    recalls, studied = table_of(answers, "recalls"), table_of([[1, 2, 3, 4, 5]] * len(answers), "studied")
    strict, item = (score_recalls(recalls, studied, s)["correct"].to_numpy() for s in ("strict", "item"))
    assert (strict <= item).all()
    assert strict.sum() == sum(o == p for answer in answers for o, p in enumerate(answer, 1))
    assert item.sum() == sum(len(set(answer) - {0}) for answer in answers)
    rows = list(range(len(recalls)))
    random.shuffle(rows)
    np.testing.assert_array_equal(score_recalls(recalls.iloc[rows], studied, "strict")["correct"], strict)
