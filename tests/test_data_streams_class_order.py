import numpy as np
import pytest

from engram.data import ImagePart, Pool, draw_items
from engram.data.streams.class_order import class_order

NAMES = ["ant", "bee", "cat", "dog"]


def order(words, count=4):
    return class_order(NAMES, words, count, np.random.default_rng(3), "pets").tolist()


def test_orders():
    assert order("shuffled", 3) == np.random.default_rng(3).permutation(4)[:3].tolist()
    assert order("listed", 3) == [0, 1, 2]
    assert order(("dog", "ant", "cat"), 2) == [3, 0]


def test_the_customary_order_is_the_one_that_papers_list():
    # The order of CIFAR-100's classes that is printed in code and appendices of iCaRL's successors.
    listed = """68 56 78 8 23 84 90 65 74 76 40 89 3 92 55 9 26 80 43 38 58 70 77 1 85 19 17 50 28 53 13 81 45 82 6 59
    83 16 15 44 91 41 72 60 79 52 20 10 31 54 37 95 14 71 96 98 97 2 64 66 42 22 35 86 24 34 87 21 99 0 88 27 18 94 11
    12 47 25 30 46 62 69 36 61 7 63 75 5 32 4 51 48 73 93 39 67 29 49 57 33"""
    names = [str(number) for number in range(100)]
    order = class_order(names, "seed-1993", 100, np.random.default_rng(0), "set")
    assert order.tolist() == [int(number) for number in listed.split()]


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("shufled", 'order of classes "shufled": expected shuffled, listed or seed-1993.* Did you mean "shuffled"'),
        (("ant", "cta"), r'pets has no class "cta" \(1 of 2 names are unknown\). Did you mean "cat"'),
        (("ant", "bee", "ant"), "names ant more than once"),
        (("ant", "bee", "cat"), "4 items asked for, but the list of classes names 3"),
    ],
)
def test_faults_in_words(words, message):
    with pytest.raises(ValueError, match=message):
        order(words)


def test_images_of_a_draw_do_not_depend_on_the_order_of_classes():
    labels = np.repeat(np.arange(4), [3, 5, 4, 6])
    part = ImagePart(np.zeros((18, 1, 1), np.uint8), labels)
    pool = Pool("pets", tuple(NAMES), part, part, "here")
    listed, named = (
        draw_items(pool, 2, None, 2, np.random.default_rng(5), classes=words) for words in ("listed", ("ant", "bee"))
    )
    assert listed.classes.tolist() == named.classes.tolist() == [0, 1]
    assert all(map(np.array_equal, listed.all_train, named.all_train))


def test_all_images_of_a_class_where_no_number_is_asked_for():
    labels = np.repeat(np.arange(3), [3, 5, 4])
    part = ImagePart(np.zeros((12, 1, 1), np.uint8), labels)
    pool = Pool("pets", ("a", "b", "c"), part, part, "here")
    draw = draw_items(pool, 3, None, 2, np.random.default_rng(1))
    assert draw.train.shape == (3, 3)
    for slot, number in enumerate(draw.classes):
        assert sorted(draw.all_train[slot]) == np.flatnonzero(labels == number).tolist()
        assert draw.all_train[slot][:3].tolist() == draw.train[slot].tolist()
        assert draw.all_test[slot].tolist() == draw.test[slot].tolist()
        assert len(draw.all_test[slot]) == 2
