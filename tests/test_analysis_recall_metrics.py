"""Metrics of recall tests, on answers written down by hand."""

import sys
from pathlib import Path

import pytest

import engram as eg
from engram.analysis import metrics, summary
from engram.analysis.recall_metrics import recall_test_metrics
from engram.analysis.recorded_performance import sound_performance
from engram.analysis.recorded_recall import kinds_of_lists, recorded_recall

sys.path.insert(0, str(Path(__file__).parent / "recordings"))

from recall_answers import ITEMS, Asked, HandMade, hebb


def found(recording, model="mine"):
    return recall_test_metrics(recording, sound_performance(recording))[model]


def test_serial_recall_of_one_list_by_hand():
    tests = [Asked(0, [2, 1, 3], [2, 3, 1]), Asked(1, [2, 1, 3], [2, 0, 3]), Asked(2, [2, 1, 3], [0, 0, 0])]
    assert found(HandMade({"mine": tests}, failed={("mine", 2)})) == {
        "recalled": 0.5,
        "recalled_by_position": [1, 0, 0.5],
        "omissions": pytest.approx(1 / 6, abs=1e-6),
        "transpositions": pytest.approx(1 / 3, abs=1e-6),
        "intrusions": 0,
        "repetitions": 0,
    }


def test_recall_is_scored_as_the_test_says_and_errors_by_place():
    tests = [Asked(0, [1, 2, 3, 4], [2, 1, 2, 5], kind="item")]
    values = found(HandMade({"mine": tests}))
    assert values["recalled"] == 0.5  # both came out, though not in their places
    assert values["recalled_by_position"] == [1, 1, 0, 0]
    assert (values["transpositions"], values["repetitions"], values["intrusions"]) == (0.5, 0.25, 0.25)


def test_lists_of_several_lengths_and_the_longest_of_those_tested_most():
    tests = [
        Asked(0, [1, 2], [1, 2], phase=1),
        Asked(0, [3, 4, 5], [3, 0, 0], phase=2),
        Asked(0, [1, 2, 3, 4], [0, 0, 0, 4], phase=3),
        Asked(0, [3, 4, 5], [3, 4, 0], phase=4),
        Asked(0, [1, 2], [1, 0], phase=5),
    ]
    values = found(HandMade({"mine": tests}))
    assert values["recalled"] == pytest.approx((3 + 3 + 1) / 14, abs=1e-6)
    assert values["recalled (list_length=2)"] == 0.75
    assert values["recalled (list_length=3)"] == 0.5
    assert values["recalled (list_length=4)"] == 0.25
    assert values["recalled_by_position"] == [1, 0.5, 0]
    assert values["omissions"] == 0.5


def test_conditions_are_what_labels_say_numbers_in_order():
    tests = [
        Asked(0, [1, 2], [1, 0], phase=1, label="presentations=10"),
        Asked(0, [3, 4], [3, 4], phase=2, label="presentations=2"),
        Asked(0, [5], [5], phase=3),
    ]
    values = found(HandMade({"mine": tests}))
    assert [name for name in values if "(" in name] == ["recalled (presentations=2)", "recalled (presentations=10)"]
    assert values["recalled (presentations=10)"] == 0.5
    assert values["recalled"] == 0.8


def test_free_recall_with_a_final_test_of_everything():
    tests = [
        Asked(0, [1, 2], [2, 1, 6], phase=1, kind="free"),
        Asked(0, [3, 4], [4], phase=2, kind="free"),
        Asked(0, [1, 2, 3, 4], [4], phase=3, kind="free", first_trial=0),
    ]
    assert found(HandMade({"mine": tests})) == {
        "recalled": 0.75,
        "recalled_later": 0.25,
        "recalled_by_position": [0.5, 1],
    }


def test_cued_recall_has_no_positions():
    tests = [Asked(0, [1, 2, 3], [3, 1, 6], kind="cued", targets=(3, 2, 1))]
    values = found(HandMade({"mine": tests}))
    assert values["recalled"] == pytest.approx(1 / 3, abs=1e-6)
    assert "recalled_by_position" not in values
    assert values["transpositions"] == values["intrusions"] == pytest.approx(1 / 3, abs=1e-6)


def test_tests_under_a_lesion_are_left_out():
    tests = [Asked(0, [1, 2], [1, 2]), Asked(0, [1, 2], [0, 0], phase=2, lesion="cortex")]
    assert found(HandMade({"mine": tests}))["recalled"] == 1


def test_slopes_of_repeated_list_and_fillers():
    values = found(HandMade({"mine": [*hebb(0), *hebb(1)]}))
    assert values["repeated_slope"] == 0.25
    assert values["filler_slope"] == 0


def test_a_run_that_is_interrupted_has_slopes_of_the_subjects_that_came_far_enough():
    assert found(HandMade({"mine": [*hebb(0), *hebb(1)[:2]]}))["repeated_slope"] == 0.25
    assert "repeated_slope" not in found(HandMade({"mine": hebb(0)[:2]}))
    assert found(HandMade({"mine": []})) == {"recalled": None}


def test_lists_that_all_change_are_no_fillers():
    tests = [test for test in hebb(0) if test.list == "filler"]
    recording = HandMade({"mine": tests})
    assert set(kinds_of_lists(recorded_recall(recording, recording.performance()))) == {""}


def test_other_models_keep_what_they_have_and_recall_drops_what_means_nothing():
    recording = HandMade({"mine": [Asked(0, [2, 1, 3], [2, 1, 0])]}, others=["hybrid"])
    values = metrics(recording)
    assert list(values) == ["mine", "hybrid"]
    assert list(values["hybrid"]) == ["final_performance", "average", "gross_memory"]
    assert values["hybrid"]["final_performance"] == [0.5] * ITEMS
    assert list(values["mine"]) == [
        "recalled", "recalled_by_position", "omissions", "transpositions", "intrusions", "repetitions",
    ]  # fmt: skip
    without = HandMade({}, others=["hybrid"])
    assert recall_test_metrics(without, without.performance()) == {}


def test_a_run_agrees_with_its_own_performance(tmp_path):
    protocol = eg.Protocol.from_yaml(
        """
name: two-lists
items: {set: patterns, count: 10, lists: {first: {size: 4}, second: {size: 6}}}
schedule:
  - wake: {present: first}
  - probe: {of: first, kind: recall, scoring: strict}
  - wake: {present: second}
  - probe: {of: second, kind: recall, scoring: free}
"""
    )
    run = eg.run(protocol, models=["positional"], subjects=5, seed=2, out=tmp_path / "run.h5")
    performance = run.performance().sel(model="positional")
    values = summary(run)["models"]["positional"]["metrics"]
    assert values["recalled"] == pytest.approx(float(performance.sum() / performance.notnull().sum()), abs=1e-6)
    for row, size in enumerate((4, 6)):
        assert values[f"recalled (list_length={size})"] == pytest.approx(float(performance[:, row].mean()), abs=1e-6)
    assert values["omissions"] + values["transpositions"] <= 1
    assert not {"final_performance", "average", "memorised"} & set(values)
