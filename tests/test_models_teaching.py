"""Which images and labels one presentation consists of."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.models.teaching import teaching_set

TRAIN = np.arange(5 * 40).reshape(5, 40)
ITEM_OF = np.repeat(np.arange(5), 40)


def test_target_images_come_first_with_the_given_label() -> None:
    images, labels = teaching_set(TRAIN, 2, 4, 0.0, False, np.random.default_rng(0))
    assert images.tolist() == list(range(80, 120))
    assert (labels == 4).all()


@pytest.mark.parametrize("label", [2, 4])
def test_non_target_images_carry_other_wrong_labels_evenly(label: int) -> None:
    images, labels = teaching_set(TRAIN, 2, label, 0.0, True, np.random.default_rng(0))
    images, labels = images[40:], labels[40:]
    owners = ITEM_OF[images]
    assert len(set(images.tolist())) == len(images)
    assert np.bincount(owners, minlength=5).tolist() == [10, 10, 0, 10, 10]  # round(40 / 4) of each other item
    assert (labels != owners).all()
    assert (labels != label).all()
    for owner in {0, 1, 3, 4}:
        allowed = set(range(5)) - {owner, label, 2}
        counts = np.bincount(labels[owners == owner], minlength=5)
        assert {int(k) for k in np.flatnonzero(counts)} == allowed
        assert counts[list(allowed)].max() - counts[list(allowed)].min() <= 1


@given(st.floats(0, 1), st.integers(0, 2**32))
def test_a_stated_share_of_labels_is_wrong(wrong: float, seed: int) -> None:
    _, labels = teaching_set(TRAIN, 1, 1, wrong, False, np.random.default_rng(seed))
    assert (labels != 1).sum() == round(40 * wrong)
    counts = np.bincount(labels[labels != 1], minlength=5)[[0, 2, 3, 4]]
    assert counts.max() - counts.min() <= 1


def test_three_items_leave_one_wrong_label_each() -> None:
    images, labels = teaching_set(np.arange(12).reshape(3, 4), 0, 0, 0.0, True, np.random.default_rng(0))
    owners = images[4:] // 4
    assert np.bincount(owners, minlength=3).tolist() == [0, 2, 2]
    assert labels[4:].tolist() == [{1: 2, 2: 1}[owner] for owner in owners.tolist()]


def test_three_items_under_a_wrong_label_leave_the_presented_items_own() -> None:
    images, labels = teaching_set(np.arange(12).reshape(3, 4), 0, 1, 0.0, True, np.random.default_rng(0))
    owners = images[4:] // 4
    assert labels[:4].tolist() == [1, 1, 1, 1]
    assert labels[4:].tolist() == [{1: 2, 2: 0}[owner] for owner in owners.tolist()]
