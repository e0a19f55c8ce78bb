"""Where in its list each presentation stands."""

from __future__ import annotations

import numpy as np
import pytest

from engram.protocols import ItemSpec, Protocol, each, probe, repeat, unroll, wake
from engram.sim.ordered.lessons import Lessons

RECALL = probe("all", kind="recall")


def lessons(*schedule, count=4):
    timeline = unroll(Protocol(name="short", items=ItemSpec(set="patterns", count=count), schedule=list(schedule)))
    made = Lessons(timeline, [timeline.presentations(seed) for seed in (0, 1)])
    return [made.of(step) for step in timeline if step.kind == "wake"]


def test_a_step_is_a_list():
    (lesson,) = lessons(wake([2, 0, 3], duration="2 s"), RECALL)
    assert lesson.items.tolist() == [[2, 0, 3], [2, 0, 3]]
    assert (lesson.positions.tolist(), lesson.lengths.tolist()) == ([0, 1, 2], [3, 3, 3])
    assert lesson.starts.tolist() == [0.0, 2.0, 4.0]
    assert lesson.cues is None


def test_every_round_is_a_list_of_its_own_and_a_lag_makes_one_of_all():
    (rounds,) = lessons(wake("all", exposures=2), RECALL)
    assert (rounds.positions.tolist(), set(rounds.lengths.tolist())) == ([0, 1, 2, 3, 0, 1, 2, 3], {4})
    (lagged,) = lessons(wake("all", exposures=2, lag=1), RECALL)
    assert (lagged.positions.tolist(), set(lagged.lengths.tolist())) == (list(range(8)), {8})


def test_items_that_come_one_by_one_are_one_list():
    presented = lessons(repeat(2, [each("item", [wake("current")]), RECALL]))
    assert [int(lesson.positions[0]) for lesson in presented] == [0, 1, 2, 3] * 2
    assert {int(lesson.lengths[0]) for lesson in presented} == {4}


def test_a_test_between_items_begins_a_list():
    presented = lessons(each("item", [wake("current"), RECALL]))
    assert [(int(lesson.positions[0]), int(lesson.lengths[0])) for lesson in presented] == [(0, 1)] * 4


def test_cues_come_with_their_items():
    (lesson,) = lessons(wake([2, 3], cued_by=[0, 1]), probe([2, 3], kind="recall", cued_by=[0, 1]))
    assert lesson.cues is not None
    assert np.array_equal(lesson.cues, lesson.items - 2)


@pytest.mark.parametrize("order", ["listed", "shuffled"])
def test_places_are_the_same_for_all_subjects(order):
    (lesson,) = lessons(wake("all", order=order), RECALL)
    assert lesson.positions.shape == (4,)
    assert sorted(lesson.items[1].tolist()) == [0, 1, 2, 3]
