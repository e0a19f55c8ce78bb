"""What came out at a recall test: rows, scores and counts, worked out by hand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.protocols import ItemSpec, Protocol, probe, unroll, wake
from engram.protocols.recall_tests import RecallTests
from engram.sim.recalls import RECALLS, recalled

SLOTS = 7


def scored(outputs, *, scoring=None, before=(6,), listed=(3, 0, 2, 1), latency=None, counts=True):
    """One subject that has met `before`, then the list; slots 4 and 5 are never presented."""
    schedule = [wake(list(before)), wake(list(listed)), probe(list(listed), kind="recall", scoring=scoring)]
    timeline = unroll(Protocol(name="x", items=ItemSpec(count=SLOTS), schedule=schedule))
    test = RecallTests(timeline, [timeline.presentations(0)]).at(2)
    responses, rows = recalled(timeline.steps[2], test, np.array([outputs]), SLOTS, latency, counts=counts)
    ((place, stream, columns),) = rows
    assert (place, stream) == (0, "recalls")
    assert {name: column.dtype for name, column in columns.items()} == {
        name: np.dtype(kind) for name, kind in RECALLS.columns.items()
    }
    return responses, {name: column.tolist() for name, column in columns.items()}


def kinds(columns):
    return [kind.decode() for kind in columns["error_type"]]


def test_serial_recall_in_order():
    responses, columns = scored([3, 2, -1, 1], scoring="strict")
    assert columns["phase"] == [2] * 4
    assert columns["trial"] == [0] * 4
    assert columns["list"] == [b""] * 4
    assert columns["output_position"] == [1, 2, 3, 4]
    assert columns["expected"] == [3, 0, 2, 1]
    assert columns["response"] == [3, 2, -1, 1]
    assert columns["input_position"] == [1, 3, 0, 4]
    assert kinds(columns) == ["correct", "transposition", "omission", "correct"]
    assert np.isnan(columns["latency"]).all()
    np.testing.assert_array_equal(responses.performance, [[0, 1, 0, 1, np.nan, np.nan, np.nan]])
    counts = responses.counts[0]
    assert (counts[4:] == -1).all()
    assert np.argwhere(counts[:4] == 1).tolist() == [[0, 2], [1, 1], [3, 3]]
    assert (counts[2] == 0).all()  # left out


def test_every_kind_of_error():
    _, columns = scored([6, 3, 3, -2], scoring="strict")
    assert kinds(columns) == ["intrusion", "transposition", "repetition", "extra-list"]
    assert columns["input_position"] == [0, 1, 1, 0]
    assert kinds(scored([4, 5, 6, -1], scoring="item")[1]) == ["extra-list", "extra-list", "intrusion", "omission"]
    # An item at its own position is right there, though it came out before.
    assert kinds(scored([0, 0, -1, -1], scoring="strict")[1])[:2] == ["transposition", "correct"]


def test_an_item_counts_wherever_it_came_out():
    responses, columns = scored([0, 3, -1, 0], scoring="item")
    np.testing.assert_array_equal(responses.performance[0, :4], [1, 0, 0, 1])
    assert np.argwhere(responses.counts[0] == 1).tolist() == [[0, 0], [3, 3]]
    assert kinds(columns) == ["transposition", "transposition", "omission", "repetition"]
    without = scored([0, 3, -1, 0])[0]  # no scoring: as item
    np.testing.assert_array_equal(without.performance, responses.performance)


def test_free_recall_has_rows_for_what_came_out():
    responses, columns = scored([1, 6, 1, 3, -1, -1], scoring="free")
    assert columns["response"] == [1, 6, 1, 3]
    assert columns["output_position"] == [1, 2, 3, 4]
    assert columns["input_position"] == [4, 0, 4, 1]
    assert columns["expected"] == [-1] * 4
    assert kinds(columns) == ["correct", "intrusion", "repetition", "correct"]
    np.testing.assert_array_equal(responses.performance[0, :4], [0, 1, 0, 1])
    assert np.argwhere(responses.counts[0] == 1).tolist() == [[1, 1], [3, 3]]


@pytest.mark.parametrize("outputs", [[-1, -1], []])
def test_where_nothing_came_out_one_row_says_so(outputs):
    responses, columns = scored(np.array(outputs, dtype=int), scoring="free")
    assert (columns["output_position"], columns["response"], columns["input_position"]) == ([1], [-1], [0])
    assert kinds(columns) == ["omission"]
    np.testing.assert_array_equal(responses.performance[0, :4], [0] * 4)


def test_answers_to_cues():
    lists = {"A": [0, 1, 2], "B": [3, 4, 5]}
    schedule = [wake("B", cued_by="A"), probe("B", kind="recall", cued_by="A")]
    timeline = unroll(Protocol(name="x", items=ItemSpec(count=SLOTS, lists=lists), schedule=schedule))
    test = RecallTests(timeline, [timeline.presentations(0)]).at(1)
    right, wrong, cue = test.targets[0].tolist(), test.targets[0, 0], test.cues[0, 2]
    assert kinds_of(timeline, test, right) == ["correct"] * 3
    assert kinds_of(timeline, test, [right[1], wrong, wrong]) == ["transposition", "transposition", "repetition"]
    assert kinds_of(timeline, test, [right[0], -1, cue]) == ["correct", "omission", "intrusion"]
    assert kinds_of(timeline, test, [6, -2, right[2]]) == ["extra-list", "extra-list", "correct"]
    responses, [(_, _, columns)] = recalled(timeline.steps[1], test, np.array([[right[0], wrong, -1]]), SLOTS)
    assert np.flatnonzero(responses.performance[0] == 1).tolist() == [right[0]]
    assert np.isnan(responses.performance[0, [0, 1, 2, 6]]).all()
    assert responses.counts[0, right[0], right[0]] == responses.counts[0, right[1], wrong] == 1
    assert columns["expected"].tolist() == right
    assert columns["list"].tolist() == [b"B"] * 3


def kinds_of(timeline, test, outputs):
    _, [(_, _, columns)] = recalled(timeline.steps[1], test, np.array([outputs]), SLOTS)
    return [kind.decode() for kind in columns["error_type"].tolist()]


def test_latencies_are_kept_of_what_is_kept():
    _, columns = scored([1, 3, -1], scoring="free", latency=np.array([[0.5, 1.25, 9.0]]))
    assert columns["latency"] == [0.5, 1.25]


def test_counts_can_be_left_out():
    responses, _ = scored([3, 0, 2, 1], scoring="strict", counts=False)
    assert responses.counts.shape == (1, SLOTS, SLOTS)
    assert (responses.counts == -1).all()
    assert responses.counts.base.size <= 1  # no memory of its own


@pytest.mark.parametrize(
    ("outputs", "scoring", "told"),
    [
        ([3, 0], "strict", r"strict recall test have shape \(1, 2\); expected \(1, 4 outputs\)"),
        ([7, 0, 0, 0], "strict", "found outputs from 0 to 7; expected -2, -1 or slots below 7"),
        ([-3, 0, 0, 0], "item", "found outputs from -3 to 0"),
        ([1, -1, 2], "free", "free recall follows after its end"),
    ],
)
def test_outputs_that_do_not_match_the_test(outputs, scoring, told):
    with pytest.raises(ValueError, match=told):
        scored(outputs, scoring=scoring)


lists = st.lists(st.integers(-2, SLOTS - 1), min_size=4, max_size=4)


@settings(max_examples=150, deadline=None)
@given(lists, st.sampled_from(["strict", "item", "free"]))
def test_laws(outputs, scoring):
    if scoring == "free":
        outputs = sorted(outputs, key=lambda slot: slot == -1)
    responses, columns = scored(outputs, scoring=scoring)
    listed, performance = [3, 0, 2, 1], responses.performance[0]
    for position, slot in enumerate(listed):
        right = outputs[position] == slot if scoring == "strict" else slot in outputs
        assert performance[slot] == right
    correct = [kind == "correct" for kind in kinds(columns)]
    if scoring != "item":
        assert sum(correct) == np.nansum(performance)
    assert np.nansum(np.diagonal(responses.counts[0])[:4]) == np.nansum(performance)
    for slot, position in zip(columns["response"], columns["input_position"], strict=True):
        assert position == (listed.index(slot) + 1 if slot in listed else 0)
    assert columns["response"] == ([slot for slot in outputs if slot != -1] or [-1] if scoring == "free" else outputs)


def test_subjects_are_kept_apart():
    schedule = [wake("all", order="shuffled"), probe("all", kind="recall", scoring="strict")]
    timeline = unroll(Protocol(name="x", items=ItemSpec(count=5), schedule=schedule))
    test = RecallTests(timeline, [timeline.presentations(seed) for seed in range(4)]).at(1)
    outputs = test.items.copy()
    outputs[2] = -1
    outputs[3] = np.roll(outputs[3], 1)
    responses, rows = recalled(timeline.steps[1], test, outputs, 5)
    assert responses.performance.mean(axis=1).tolist() == [1, 1, 0, 0]
    assert [place for place, _, _ in rows] == [0, 1, 2, 3]
    assert rows[3][2]["error_type"].tolist() == [b"transposition"] * 5
    assert rows[3][2]["input_position"].tolist() == [5, 1, 2, 3, 4]
