import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.data import ImagePart
from engram.data.labelled_images import split_by_image, warn_of_two_labels, without_test_images


def part(values):
    images = np.asarray(values, np.uint8).reshape(-1, 1, 1)
    return ImagePart(images, np.zeros(len(images), np.int64))


def test_separate_parts_pass_untouched():
    train = part([1, 2, 2])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert without_test_images(train, part([3, 4]), "here") is train


def test_shared_images_leave_the_training_part_and_are_named():
    train, test = part([1, 2, 30, 2]), part(range(2, 13))
    names = [f"train/{n}.png" for n in range(4)], [f"test/{n}.png" for n in range(11)]
    with pytest.warns(UserWarning, match="left out") as told:
        kept = without_test_images(train, test, "here", names)
    assert kept.images.ravel().tolist() == [1, 30]
    assert str(told[0].message) == (
        "here: 2 training images found among the test images too and left out "
        "(train/1.png = test/0.png, train/3.png = test/0.png)"
    )


def test_many_shared_images_are_a_mix_up():
    with pytest.raises(ValueError, match=r"here: 2 training images found .*training image 0 = test image 1.*changed"):
        without_test_images(part([1, 2, 3]), part([0, 1, 2, 4, 5, 6, 7, 8, 9, 10]), "here")


@given(
    values=st.lists(st.tuples(st.integers(0, 30), st.integers(0, 2)), min_size=1, max_size=60),
    fraction=st.floats(0.05, 0.95),
    seed=st.integers(0, 1000),
)
def test_split_keeps_copies_together_and_gives_each_class_both_parts(values, fraction, seed):
    images = np.array([value for value, _ in values], np.uint8).reshape(-1, 1, 1)
    labels = np.array([label for _, label in values])
    owner = {}
    for value, label in values:
        owner.setdefault(value, label)
    distinct = [sum(label == number for label in owner.values()) for number in range(3)]
    names = ["a", "b", "c"]
    rng = np.random.default_rng(seed)
    if min(distinct) < 2:
        with pytest.raises(ValueError, match="fewer than two different images") as told:
            split_by_image(images, labels, names, fraction, rng)
        for name, count in zip(names, distinct, strict=True):
            assert (f'"{name}"' in str(told.value)) == (count < 2)
        return
    is_test = split_by_image(images, labels, names, fraction, rng)
    assert not set(images[is_test].ravel()) & set(images[~is_test].ravel())
    for number, count in enumerate(distinct):
        held_out = {value for value in set(images[is_test].ravel().tolist()) if owner[value] == number}
        assert len(held_out) == min(max(round((1 - fraction) * count), 1), count - 1)


def test_split_follows_the_generator():
    images, labels = np.arange(40, dtype=np.uint8).reshape(-1, 1, 1), np.repeat([0, 1], 20)
    masks = [split_by_image(images, labels, "ab", 0.5, np.random.default_rng(seed)).tolist() for seed in (1, 1, 2)]
    assert masks[0] == masks[1] != masks[2]
    assert sum(masks[0][:20]) == sum(masks[0][20:]) == 10


def test_image_of_two_classes_is_named():
    train, test = np.array([[[1]], [[2]], [[1]]], np.uint8), np.array([[[2]]], np.uint8)
    labels, names = [["cat", "cat", "dog"], ["cat"]], [["0.png", "1.png", "2.png"], ["t.png"]]
    with pytest.warns(UserWarning, match='here: 1 image in two classes, .*: 0.png of "cat" = 2.png of "dog"'):
        warn_of_two_labels([train, test], labels, names, "here")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        warn_of_two_labels([train[:2], test], [labels[0][:2], labels[1]], [names[0][:2], names[1]], "here")
