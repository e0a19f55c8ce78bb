"""What a subject of a deep learner is given, phase by phase."""

import numpy as np
import pytest

from engram.data import child_rng
from engram.data.items import ImagePart, Pool, draw_items
from engram.protocols import ItemSpec, Protocol, Stage, WrongLabels, each, probe, repeat, sleep, unroll, wake
from engram.sim import Subjects
from engram.sim.deep.lessons import Course

COUNTS = (7, 5, 6, 4)  # images of each class


def course(*schedule, domains=(), lists=None):
    labels = np.repeat(np.arange(4), COUNTS)
    of_domain = np.arange(len(labels)) % 2 if domains else None
    part = ImagePart(np.zeros((len(labels), 4, 4), np.uint8), labels, of_domain)
    pool = Pool("blank", tuple("abcd"), part, part, "made here", domains=domains)
    protocol = Protocol(name="given", items=ItemSpec(set="digits", count=4, lists=lists), schedule=list(schedule))
    timeline = unroll(protocol)
    subjects = Subjects(
        numbers=(2,),
        seed=5,
        pool=pool,
        draws=(draw_items(pool, 4, None, None, child_rng(5, "subject", 2, "items")),),
        presentations=(timeline.presentations(child_rng(5, "subject", 2, "schedule")),),
        timeline=timeline,
    )
    return Course(subjects), timeline.steps, subjects


def test_a_lesson_has_all_images_of_its_items_whatever_their_number():
    given, steps, subjects = course(wake([0, 2]), probe("all"))
    lesson = given.lesson(steps[0])
    of_slot = subjects.draws[0].classes
    assert sorted(lesson.indices.tolist()) == sorted(
        np.flatnonzero(np.isin(subjects.pool.train.labels, of_slot[[0, 2]]))
    )
    assert (of_slot[lesson.labels] == subjects.pool.train.labels[lesson.indices]).all()
    assert (lesson.slots.tolist(), lesson.exposures, lesson.task) == ([0, 2], 1, 0)


def test_exposures_are_counted_and_not_repeated():
    given, steps, _ = course(wake("all", exposures=3))
    lesson = given.lesson(steps[0])
    assert (len(lesson), lesson.exposures) == (sum(COUNTS), 3)


def test_tasks_are_sets_of_items_and_keep_their_number():
    given, steps, _ = course(
        repeat(2, [each("list", [wake("current"), sleep("1 h")])]), wake("all"), lists={"size": 2, "count": 2}
    )
    tasks = [given.lesson(step).task for step in steps if step.kind == "wake"]
    assert tasks == [0, 1, 0, 1, 0]
    assert [given.night(step).task for step in steps if step.kind == "sleep"] == [0, 1, 0, 1]


def test_a_domain_is_a_task_of_its_own_with_its_own_images():
    given, steps, subjects = course(wake("all", domain="day"), wake("all", domain="night"), domains=("day", "night"))
    day, night = (given.lesson(step) for step in steps)
    assert (day.task, night.task) == (0, 1)
    assert set(subjects.pool.train.domains[day.indices]) == {0}
    assert set(subjects.pool.train.domains[night.indices]) == {1}
    assert len(day) + len(night) == sum(COUNTS)


def test_a_share_of_wrong_labels():
    given, steps, subjects = course(wake("all", labels=WrongLabels(wrong=0.5)))
    lesson = given.lesson(steps[0])
    right = np.argsort(subjects.draws[0].classes)[subjects.pool.train.labels[lesson.indices]]
    for slot in range(4):
        of_slot = right == slot
        wrong = lesson.labels[of_slot] != slot
        assert wrong.sum() == round(0.5 * of_slot.sum())
        times = np.bincount(lesson.labels[of_slot][wrong], minlength=4)
        assert np.ptp(np.delete(times, slot)) <= 1
    assert (given.lesson(steps[0]).labels == lesson.labels).all()


def test_deranged_labels_are_all_wrong_and_shared_by_an_items_images():
    given, steps, subjects = course(wake([0, 1, 2], labels="deranged"))
    lesson = given.lesson(steps[0])
    right = np.argsort(subjects.draws[0].classes)[subjects.pool.train.labels[lesson.indices]]
    assert (lesson.labels != right).all()
    assert all(len(set(lesson.labels[right == slot])) == 1 for slot in range(3))


def test_stages_of_a_night():
    given, steps, _ = course(
        wake("all"), sleep(cycles=2, stages=[Stage(nrem="60 min"), Stage(rem="20 min")]), sleep("1 h")
    )
    night, plain = (given.night(step) for step in steps[1:])
    assert [length for _, length in night.stages] == pytest.approx([3 / 8, 1 / 8] * 2)
    shares = (0, 0.37, 0.38, 0.49, 0.51, 0.87, 0.88, 0.999999)
    assert [night.stage(share) for share in shares] == ["nrem", "nrem", "rem", "rem", "nrem", "nrem", "rem", "rem"]
    assert plain.stage(0.9) == "nrem"


def test_items_that_are_replayed():
    given, steps, _ = course(wake("all"), sleep("1 h", replay=[1, 3]), sleep("1 h"))
    assert given.night(steps[1]).replayed.tolist() == [False, True, False, True]
    assert given.night(steps[2]).replayed is None
