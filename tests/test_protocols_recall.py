"""What recall tests ask for: the order of lists, cues, abilities."""

import jsonschema
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.protocols import ItemSpec, Protocol, each, json_schema, load, probe, repeat, rest, unroll, wake
from engram.protocols.recall_tests import RecallTests

recall = {"kind": "recall", "scoring": "strict"}


def recall_tests(schedule, count=4, lists=None, subjects=2):
    timeline = unroll(Protocol(name="x", items=ItemSpec(count=count, lists=lists), schedule=schedule))
    presentations = [timeline.presentations(seed) for seed in range(subjects)]
    return timeline, presentations, RecallTests(timeline, presentations)


def test_the_order_of_a_list_is_that_of_the_last_presentations():
    schedule = [wake([3, 1, 0, 2]), probe("all", **recall), wake([1]), wake([3]), probe("all", **recall)]
    _, _, tests = recall_tests(schedule)
    assert tests.at(1).items.tolist() == [[3, 1, 0, 2]] * 2
    assert tests.at(4).items.tolist() == [[0, 2, 1, 3]] * 2
    assert tests.at(1).items.tolist() == [[3, 1, 0, 2]] * 2  # tests may be asked for in any order
    assert [tests.at(k).trial for k in (1, 4)] == [0, 1]
    assert tests.at(4).times.tolist() == [[3.0, 4.0, 5.0, 6.0]] * 2


def test_never_presented_items_come_last_and_have_no_time():
    _, _, tests = recall_tests([wake([2, 1]), probe("all", kind="recall")])
    test = tests.at(1)
    assert test.items.tolist() == [[2, 1, 0, 3]] * 2
    np.testing.assert_array_equal(test.times, [[1, 2, np.nan, np.nan]] * 2)
    assert test.seen.tolist() == [[False, True, True, False]] * 2
    assert (test.scoring, test.learn, test.length) == ("item", False, 4)


def test_a_shuffled_list_has_the_order_of_its_last_round():
    timeline, presentations, tests = recall_tests(
        [wake("all", order="shuffled", exposures=3), probe("all", **recall)], count=6, subjects=5
    )
    last_rounds = [subject.item[-6:].tolist() for subject in presentations]
    assert tests.at(1).items.tolist() == last_rounds
    assert len({tuple(row) for row in last_rounds}) > 1
    assert tests.at(timeline.steps[1]).times.tolist() == [[13.0, 14.0, 15.0, 16.0, 17.0, 18.0]] * 5


def test_fillers_have_the_order_of_their_last_use():
    timeline = unroll(load("hebb-and-fillers"))
    presentations = [timeline.presentations(seed) for seed in range(3)]
    tests = RecallTests(timeline, presentations)
    for step in timeline.recall_steps:
        test = tests.at(step)
        shown = np.stack([subject.of(step - 1).item for subject in presentations])
        np.testing.assert_array_equal(test.items, shown)
        assert test.list == timeline.steps[step].list
        if test.list == "hebb":
            assert shown.tolist() == [list(range(8))] * 3


def test_subjects_that_have_seen_different_numbers_of_items():
    schedule = [
        each("item", [wake("current"), probe("seen", **recall)], order="shuffled", frequency=[1, 2, 3]),
    ]
    _, presentations, tests = recall_tests(schedule, count=3, subjects=12)
    met = [len(set(subject.item[:2].tolist())) for subject in presentations]
    assert set(met) == {1, 2}
    items = tests.at(3).items
    assert items.shape == (12, 2)
    for row, subject in zip(items, presentations, strict=True):
        order = list(dict.fromkeys(subject.item[1::-1].tolist()))[::-1]
        assert row.tolist() == [*order, -1, -1][:2]
    np.testing.assert_array_equal(np.isnan(tests.at(3).times), items < 0)


def test_items_that_two_lists_share_are_asked_for_once():
    lists = {"A": [0, 1], "B": [1, 2]}
    _, _, tests = recall_tests([wake("B"), wake("A"), probe(["A", "B"], kind="recall")], count=3, lists=lists)
    assert tests.at(2).items.tolist() == [[2, 0, 1]] * 2


PAIRS = {"A": {"size": 4}, "B": {"size": 4}, "P": {"permutes": "B"}}


def test_pairs_stay_together_whatever_the_order():
    schedule = [
        wake("B", cued_by="A", order="shuffled", exposures=2),
        wake("A"),
        probe("B", kind="recall", cued_by="A", lesions=["none", "cortex"]),
    ]
    _, presentations, tests = recall_tests(schedule, count=8, lists=PAIRS, subjects=6)
    for subject in presentations:
        assert (subject.cue[:8] == subject.item[:8] - 4).all()
        assert (subject.cue[8:] == -1).all()
    test = tests.at(2)
    assert test.scoring == "cued"
    np.testing.assert_array_equal(test.cues, test.targets - 4)
    np.testing.assert_array_equal(np.sort(test.targets), np.sort(test.items))
    assert len({tuple(row) for row in test.targets}) > 1  # the order of testing is drawn
    np.testing.assert_array_equal(tests.at(3).cues, test.cues)  # with and without a lesion
    assert [tests.at(k).trial for k in (2, 3)] == [0, 1]
    again = recall_tests(schedule, count=8, lists=PAIRS, subjects=6)[2]
    np.testing.assert_array_equal(again.at(2).cues, test.cues)


def test_a_permuted_list_is_paired_anew_at_every_use():
    schedule = [repeat(2, [wake("P", cued_by="A"), probe("P", kind="recall", cued_by="A")])]
    timeline, presentations, tests = recall_tests(schedule, count=8, lists=PAIRS, subjects=4)
    pairings = []
    for step in timeline.recall_steps:
        test = tests.at(step)
        learned = [dict(zip(s.of(step - 1).cue, s.of(step - 1).item, strict=True)) for s in presentations]
        asked = [dict(zip(cues, targets, strict=True)) for cues, targets in zip(test.cues, test.targets, strict=True)]
        assert asked == learned
        pairings.append(asked)
    assert pairings[0] != pairings[1]


def test_cues_that_were_shown_are_no_strangers_and_yet_not_seen():
    timeline, presentations, tests = recall_tests(
        [wake("B", cued_by="A"), probe("seen", kind="recall", scoring="free")], count=8, lists=PAIRS
    )
    assert tests.at(1).items.tolist() == [[4, 5, 6, 7]] * 2
    assert tests.at(1).seen.all()
    assert timeline.probed(1, presentations[0]).tolist() == [False] * 4 + [True] * 4


def test_other_steps_are_no_recall_tests():
    timeline, _, tests = recall_tests([wake("all"), probe("all"), probe("all", **recall)])
    assert timeline.recall_steps == (2,)
    for step, kind in [(0, "wake"), (1, "probe")]:
        with pytest.raises(ValueError, match=f"found step {step}, a {kind} step; expected a probe of kind recall"):
            tests.at(step)


def test_a_test_before_anything_was_presented():
    _, _, tests = recall_tests([probe("all", **recall), wake("all")])
    test = tests.at(0)
    assert test.items.tolist() == [[0, 1, 2, 3]] * 2
    assert np.isnan(test.times).all()
    assert not test.seen.any()


@settings(max_examples=30, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), min_size=1, unique=True), min_size=1, max_size=5), st.integers(0, 99))
def test_orders_agree_with_looking_through_what_was_presented(lists, seed):
    schedule = [phase for slots in lists for phase in (wake(slots, order="shuffled"), probe("seen", kind="recall"))]
    timeline = unroll(Protocol(name="x", items=ItemSpec(count=6), schedule=schedule))
    presentations = timeline.presentations(seed)
    tests = RecallTests(timeline, [presentations])
    for step in timeline.recall_steps:
        shown = presentations.item[presentations.phase < step].tolist()
        order = list(dict.fromkeys(shown[::-1]))[::-1]
        assert tests.at(step).items.tolist() == [order]


@pytest.mark.parametrize(
    ("schedule", "lists", "abilities"),
    [
        ([wake("all"), probe("all", kind="recall")], None, {"recall"}),
        ([wake("all"), probe("all", **recall)], None, {"recall", "order"}),
        ([wake("all"), probe("all", kind="recall", learn=True)], None, {"recall", "learning-recall"}),
        ([wake("all"), probe("all", learn=True)], None, {"learning-probes"}),
        ([wake("B", cued_by="A"), probe("B", kind="recall", cued_by="A")], PAIRS, {"recall", "pairs"}),
        ([wake("B", cued_by="A")], PAIRS, {"pairs"}),
        ([wake("P"), probe("P", kind="recall", scoring="item")], PAIRS, {"recall", "order"}),
        ([each("list", [wake("current"), probe("current", kind="recall")])], PAIRS, {"recall", "order"}),
        ([wake("P"), probe("P", kind="recall", scoring="free")], PAIRS, {"recall"}),
        ([wake("B"), probe("B", kind="recall", scoring="item")], PAIRS, {"recall"}),
        ([wake("all"), rest("1 h"), probe("all", kind="recall")], None, {"recall", "time"}),
    ],
)
def test_abilities(schedule, lists, abilities):
    assert set(Protocol(name="x", items=ItemSpec(count=8, lists=lists), schedule=schedule).abilities()) == abilities


def test_timelines_show_lags_and_cues():
    schedule = [wake("B", cued_by="A", exposures=2, lag=[0, 3]), probe("B", kind="recall", cued_by="A")]
    rows = str(unroll(Protocol(name="x", items=ItemSpec(count=8, lists=PAIRS), schedule=schedule))).splitlines()
    assert rows[1].endswith("present B, exposures 2, lag [0, 3], cued by A")
    assert rows[2].endswith("of B, kind recall, cued by A")


def test_the_schema_knows_lags_and_cues():
    def errors(phase):
        protocol = {"name": "x", "items": {"count": 8}, "schedule": [phase]}
        return list(jsonschema.Draft202012Validator(json_schema()).iter_errors(protocol))

    assert not errors({"wake": {"present": "B", "exposures": 2, "lag": [0, 3], "cued_by": "A"}})
    assert not errors({"wake": {"present": "B", "exposures": 2, "lag": 0, "cued_by": [0, 1]}})
    assert not errors({"probe": {"of": "B", "kind": "recall", "cued_by": ["A", "C"]}})
    assert errors({"wake": {"present": "B", "lag": -1}})
    assert errors({"wake": {"present": "B", "lag": [1]}})
    assert errors({"wake": {"present": "B", "cued_by": "seen"}})
