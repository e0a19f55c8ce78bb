"""Small schedules, unrolled by hand."""

import numpy as np
import pytest
from scipy.stats import spearmanr

from engram.protocols import ItemSpec, Protocol, each, lesion, probe, repeat, rest, sleep, unroll, wake


def timeline(schedule, count=3, lists=None):
    return unroll(Protocol(name="hand", items=ItemSpec(count=count, lists=lists), schedule=schedule))


def items(schedule, seed=0, **more):
    """Items of every wake step."""
    line = timeline(schedule, **more)
    got = line.presentations(seed)
    return [got.of(step.index).item.tolist() for step in line if step.kind == "wake"]


def test_steps_of_repeats_and_each_blocks():
    body = [each("item", [wake("current"), probe("all")], of=[2, 0])]
    line = timeline([repeat(2, body, label="night"), probe("all", label="end")])
    assert [(s.index, s.kind, s.label, s.repetition) for s in line] == [
        *[(k, "wake" if k % 2 == 0 else "probe", "night", 1 + k // 4) for k in range(8)],
        (8, "probe", "end", 0),
    ]
    got = line.presentations(0)
    assert got.phase.tolist() == [0, 2, 4, 6]
    assert got.item.tolist() == [2, 0, 2, 0]
    assert line.probe_steps == (1, 3, 5, 7, 8)


def test_innermost_label_and_repetition():
    inner = repeat(2, [wake("all"), probe("all", label="test")], label="inner")
    line = timeline([repeat(2, [rest("1 s"), inner, repeat(1, [rest("1 s")])], label="outer")])
    assert [(s.label, s.repetition) for s in line][:6] == [
        ("outer", 1),
        ("inner", 1),
        ("test", 1),
        ("inner", 2),
        ("test", 2),
        ("outer", 1),
    ]
    assert [s.repetition for s in line if s.kind == "rest"] == [1, 1, 2, 1]


def test_protocol_time():
    line = timeline(
        [
            wake("all", exposures=2, duration="500 ms"),
            probe("all"),
            rest("10 min"),
            lesion("CA3"),
            sleep(cycles=2, stages=[{"nrem": "60 min"}, {"rem": "30 min"}]),
            sleep(passes=3),
        ]
    )
    assert [s.start for s in line] == [0, 3, 3, 603, 603, 603 + 3 * 3600]
    assert [s.stop for s in line] == [3, 3, 603, 603, 603 + 3 * 3600, 603 + 3 * 3600]


def test_lesions_last_until_none_and_probes_bring_their_own():
    line = timeline(
        [
            probe("all", lesions=["none", "CA1"]),
            lesion("hippocampus"),
            wake("all"),
            probe("all"),
            probe("all", lesions=["none"]),
            lesion("none"),
            probe("all"),
        ]
    )
    assert [(s.kind, s.lesion) for s in line] == [
        ("probe", "none"),
        ("probe", "CA1"),
        ("lesion", "hippocampus"),
        ("wake", "hippocampus"),
        ("probe", "hippocampus"),
        ("probe", "none"),
        ("lesion", "none"),
        ("probe", "none"),
    ]


def test_orders_of_a_wake_phase():
    assert items([wake([2, 0, 1])]) == [[2, 0, 1]]
    assert items([wake("all", exposures=2)]) == [[0, 1, 2, 0, 1, 2]]
    assert items([wake("all", order=[1, 2, 0], exposures=2)]) == [[1, 2, 0, 1, 2, 0]]
    [row] = items([wake("all", order="shuffled", exposures=40)], count=20)
    rounds = np.array(row).reshape(40, 20)
    assert (np.sort(rounds, axis=1) == np.arange(20)).all()
    assert len({tuple(r) for r in rounds}) == 40  # reshuffled each round


def test_new_and_seen():
    schedule = [wake([2]), wake("new"), wake("seen"), wake("all")]
    assert items(schedule, count=4) == [[2], [0, 1, 3], [0, 1, 2, 3], [0, 1, 2, 3]]


def test_seen_grows_along_a_drawn_order():
    # Rehearsal: after each new item, all items met so far.
    schedule = [each("item", [wake("current"), wake("seen")], order="shuffled")]
    rows = items(schedule, count=5, seed=3)
    current, seen = [row[0] for row in rows[::2]], rows[1::2]
    assert sorted(current) == [0, 1, 2, 3, 4]
    assert seen == [sorted(current[: k + 1]) for k in range(5)]
    assert current != items(schedule, count=5, seed=4)[::2]


def test_new_shrinks_along_a_drawn_order():
    schedule = [each("item", [wake("current"), sleep(replay="new")], order="shuffled", of=[0, 1, 2])]
    line = timeline(schedule, count=5)
    got = line.presentations(1)
    for step in line:
        if step.kind == "sleep":
            met = got.item[got.phase <= step.index]
            assert set(np.flatnonzero(line.replayed(step, got))) == set(range(5)) - set(met)


def test_everything_has_been_seen_after_a_drawn_block():
    schedule = [each("item", [wake("current")], order="shuffled", of=[3, 1]), wake("seen"), wake("new")]
    assert items(schedule, count=4)[2:] == [[1, 3], [0, 2]]


def test_each_list_and_each_item_within():
    lists = {"A": [3, 0], "B": {"size": 2}}
    schedule = [each("list", [wake("current"), each("item", [wake("current")]), probe("current")])]
    line = timeline(schedule, count=4, lists=lists)
    got = line.presentations(0)
    assert [got.of(s.index).item.tolist() for s in line if s.kind == "wake"] == [[3, 0], [3], [0], [1, 2], [1], [2]]
    assert [s.list for s in line] == ["A"] * 4 + ["B"] * 4
    assert [np.flatnonzero(line.probed(k, got)).tolist() for k in line.probe_steps] == [[0, 3], [1, 2]]


def test_lists_given_by_size_follow_each_other():
    lists = {"A": {"size": 2}, "B": [4], "C": {"size": 3}, "D": {"size": 1, "fresh": True}}
    assert items([wake("A"), wake("C"), wake("D")], count=7, lists=lists) == [[0, 1], [2, 3, 5], [6]]


def test_several_lists_at_once():
    lists = {"A": [3, 0], "B": {"size": 2}, "F": {"size": 1, "fresh": True}, "mixed": {"permutes": "A"}}
    both = [wake(["B", "A"]), wake(["A", "F"], exposures=2), wake(["F"]), probe(["F", "B"])]
    line = timeline([*both, wake(["mixed", "B"])], count=6, lists=lists)
    got = line.presentations(1)
    rows = [got.of(step.index).item.tolist() for step in line if step.kind == "wake"]
    assert rows[:3] == [[1, 2, 3, 0], [3, 0, 4, 3, 0, 4], [5]]
    assert np.flatnonzero(line.probed(3, got)).tolist() == [1, 2, 5]  # the fresh list as it was used last
    assert (sorted(rows[3][:2]), rows[3][2:]) == ([0, 3], [1, 2])
    orders = {tuple(line.presentations(seed).of(4).item) for seed in range(20)}
    assert orders == {(3, 0, 1, 2), (0, 3, 1, 2)}


def test_several_lists_in_a_shuffled_or_given_order():
    lists = {"A": [3, 0], "B": {"size": 2}}
    [row] = items([wake(["A", "B"], order="shuffled", exposures=50)], count=4, lists=lists)
    rounds = np.array(row).reshape(50, 4)
    assert (np.sort(rounds, axis=1) == np.arange(4)).all()
    assert (rounds[:, 0] < 2).any()  # not one list after the other
    assert (rounds[:, 0] >= 2).any()
    assert items([wake(["A", "B"], order=[2, 3, 1, 0])], count=4, lists=lists) == [[2, 3, 1, 0]]
    assert items([wake(["A", "B"]), wake("seen")], count=5, lists=lists)[1] == [0, 1, 2, 3]


def test_abilities_that_follow_from_the_schedule():
    def asked(*schedule):
        return Protocol(name="x", items=ItemSpec(count=3), schedule=schedule).abilities()

    assert asked(wake("all"), probe("all")) == {}
    assert asked(wake("all", labels="deranged")) == {"labels": "schedule[0].wake.labels"}
    assert asked(wake("all", labels={"wrong": 0.1})) == {"labels": "schedule[0].wake.labels"}
    assert asked(rest("1 h")) == {"time": "schedule[0].rest"}
    assert asked(rest("1 h"), rest("1 h", replay=True)) == {
        "time": "schedule[0].rest",
        "quiet-replay": "schedule[1].rest.replay",
    }
    assert asked(wake("all"), sleep(replay="seen", cue=[0])) == {
        "sleep": "schedule[1].sleep",
        "targeted-reactivation": "schedule[1].sleep.cue",
        "selective-replay": "schedule[1].sleep.replay",
    }


def test_tasks_are_lists_and_equal_lists_have_numbers():
    lists = {"size": 2, "count": 2}
    line = timeline([each("task", [wake("current")])], count=5, lists=lists)
    assert [(s.list, line.presentations(0).of(s.index).item.tolist()) for s in line] == [
        ("list-1", [0, 1]),
        ("list-2", [2, 3]),
    ]


def test_without_lists_one_list_holds_everything():
    assert items([each("list", [wake("current")])]) == [[0, 1, 2]]


def test_lists_in_a_drawn_order_stay_together():
    lists = {"A": [0, 1], "B": [2, 3], "C": [4, 5]}
    schedule = [each("list", [wake("current"), each("item", [wake("current")], order="shuffled")], order="shuffled")]
    line = timeline(schedule, count=6, lists=lists)
    firsts = set()
    for seed in range(20):
        got = line.presentations(seed)
        rows = [got.of(s.index).item.tolist() for s in line]
        whole = rows[::3]
        assert sorted(map(tuple, whole)) == [(0, 1), (2, 3), (4, 5)]
        for k, row in enumerate(whole):
            assert sorted(rows[3 * k + 1] + rows[3 * k + 2]) == row
        firsts.add(tuple(whole[0]))
    assert len(firsts) == 3
    assert {s.list for s in line} == {""}  # which list it is differs between subjects


def test_permuting_lists_are_new_at_every_use():
    lists = {"hebb": {"size": 8}, "filler": {"permutes": "hebb"}}
    body = [each("list", [wake("current"), probe("current")], of=["filler", "filler", "hebb"])]
    line = timeline([repeat(4, body)], count=8, lists=lists)
    got = line.presentations(0)
    rows = {"hebb": [], "filler": []}
    for step in line:
        if step.kind == "wake":
            rows[step.list].append(tuple(got.of(step.index).item))
        else:
            assert line.probed(step, got).all()
    assert set(rows["hebb"]) == {tuple(range(8))}
    assert len(set(rows["filler"])) == 8
    assert all(sorted(row) == list(range(8)) for row in rows["filler"])
    assert got.item.tolist() != line.presentations(1).item.tolist()


def test_a_probe_is_no_use_of_a_fresh_list():
    lists = {"h": {"size": 2}, "f": {"size": 2, "fresh": True}}
    line = timeline([repeat(2, [wake("f"), probe("f")]), wake("h")], count=6, lists=lists)
    got = line.presentations(0)
    assert [got.of(s.index).item.tolist() for s in line if s.kind == "wake"] == [[2, 3], [4, 5], [0, 1]]
    assert [np.flatnonzero(line.probed(k, got)).tolist() for k in line.probe_steps] == [[2, 3], [4, 5]]


def test_a_list_named_in_its_own_passage_is_the_current_one():
    lists = {"h": {"size": 3}, "f": {"permutes": "h"}}
    rows = items([each("list", [wake("current"), wake("f")], of="f")], lists=lists, count=3)
    assert rows[0] == rows[1]


def test_frequencies_in_listed_given_and_shuffled_order():
    def passes(**more):
        return [row[0] for row in items([each("item", [wake("current")], **more)])]

    assert passes(frequency=[1, 3, 2], order="listed") == [0, 1, 2, 1, 2, 1]
    assert passes(frequency=[1, 2, 1], order=[1, 0, 2, 1]) == [1, 0, 2, 1]
    assert passes(frequency=[2, 2, 2]) == [0, 1, 2, 0, 1, 2]
    assert sorted(passes(frequency={"from": 3, "step": -1}, order="shuffled")) == [0, 0, 0, 1, 1, 2]


def test_differing_frequencies_are_balanced_by_default():
    line = timeline([each("item", [wake("current")], frequency={"from": 1, "step": 1})], count=8)
    orders = set()
    for seed in range(10):
        sequence = line.presentations(seed).item
        assert np.bincount(sequence).tolist() == list(range(1, 9))
        last = [int(np.flatnonzero(sequence == item)[-1]) for item in range(8)]
        assert abs(spearmanr(range(1, 9), last).statistic) <= 0.1
        orders.add(tuple(sequence))
    assert len(orders) == 10


def test_one_derangement_per_subject_and_block():
    body = each("item", [wake("current", labels="deranged"), wake("all")])
    line = timeline([repeat(3, [body]), wake("all", labels="deranged"), wake([1, 2], labels="deranged")], count=6)
    exchanges = set()
    for seed in range(5):
        got = line.presentations(seed)
        poisoned = range(0, 36, 2)
        given = {(int(i), int(got.label[got.phase == k][0])) for k in poisoned for i in got.item[got.phase == k]}
        assert len(given) == 6  # the same exchange in all three repetitions
        assert sorted(label for _, label in given) == list(range(6))
        assert all(item != label for item, label in given)
        assert (got.of(1).label == got.of(1).item).all()
        whole = got.of(36)
        assert sorted(whole.label) == list(range(6))
        assert (whole.label != whole.item).all()
        assert got.of(37).label.tolist() == [2, 1]
        exchanges.add(tuple(sorted(given)))
    assert len(exchanges) > 1


def test_derangement_along_drawn_lists_stays_within_each_list():
    lists = {"A": [0, 1, 2], "B": [3, 4, 5]}
    inner = each("item", [wake("current", labels="deranged")], order="shuffled")
    line = timeline([each("list", [inner], order="shuffled")], count=6, lists=lists)
    for seed in range(10):
        got = line.presentations(seed)
        assert (got.label != got.item).all()
        assert (got.label // 3 == got.item // 3).all()
        assert sorted(got.label) == list(range(6))


def test_wrong_shares():
    line = timeline([wake("all", labels={"wrong": 0.3}), wake([1])])
    assert line.presentations(0).wrong.tolist() == [0.3, 0.3, 0.3, 0.0]


def test_probes_of_current_in_a_drawn_order():
    line = timeline([each("item", [probe("current"), wake("current")], order="shuffled")], count=5)
    got = line.presentations(2)
    for step in line:
        if step.kind == "probe":
            assert np.flatnonzero(line.probed(step, got)).tolist() == got.of(step.index + 1).item.tolist()


def test_curve_steps_ask_what_the_probe_after_them_asks():
    line = timeline([each("item", [wake("current"), probe("seen", every="epoch")]), wake("all"), probe("all")])
    assert line.curve_steps == (0, 2, 4)
    got = line.presentations(0)
    assert line.probed(2, got).tolist() == line.probed(3, got).tolist() == [True, True, False]
    with pytest.raises(ValueError, match="step 6, a wake step"):
        line.probed(6, got)


def test_sleep_says_what_is_replayed_and_cued():
    line = timeline([wake([0, 2]), sleep("1 h", replay="seen", cue=[2]), sleep("1 h")])
    got = line.presentations(0)
    assert line.replayed(1, got).tolist() == [True, False, True]
    assert line.cued(1, got).tolist() == [False, False, True]
    assert line.replayed(2, got) is None
    with pytest.raises(ValueError, match="expected a sleep step"):
        line.cued(0, got)


def test_subjects_differ_and_repeat():
    line = timeline([wake("all", order="shuffled")], count=50)
    first, again, other = (line.presentations(np.random.default_rng(seed)).item for seed in (5, 5, 6))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()


def test_drawing_does_not_touch_global_random_state():
    np.random.seed(3)  # noqa: NPY002
    before = np.random.get_state()[1].tolist()  # noqa: NPY002
    timeline([wake("all", order="shuffled", labels="deranged")], count=9).presentations(0)
    assert np.random.get_state()[1].tolist() == before  # noqa: NPY002
