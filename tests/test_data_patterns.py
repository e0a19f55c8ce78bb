import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.data import Patterns, draw_items
from engram.data.pattern_overlap import draw_patterns, pairwise_overlap


def cells_of(part):
    return part.images.reshape(len(part), -1) > 127


def overlaps(pool):
    return pairwise_overlap(cells_of(pool.test))


def test_overlap_of_pairs_by_hand():
    patterns = np.array([[1, 1, 0, 0], [0, 1, 1, 0], [1, 1, 0, 0]], bool)
    assert pairwise_overlap(patterns).tolist() == [0.5, 1.0, 0.5]  # pairs 01, 02, 12


def test_independent_patterns_by_default():
    pool = Patterns().pool()
    assert pool.name == "patterns"
    assert pool.image_shape == (20, 25)
    assert len(pool.classes) == len(set(pool.classes)) == 64
    assert set(np.unique(pool.train.images)) == {0, 255}
    assert (cells_of(pool.train).sum(axis=1) == 30).all()
    np.testing.assert_array_equal(pool.train.images, pool.test.images)  # an item is one pattern
    # Hypergeometric: mean 30/500, variance of the shared cells 30 · .06 · .94 · 470/499, in shares of 30.
    shared = overlaps(pool)
    assert shared.mean() == pytest.approx(0.06, abs=0.005)
    assert shared.std() == pytest.approx(np.sqrt(30 * 0.06 * 0.94 * 470 / 499) / 30, rel=0.1)


@pytest.mark.parametrize("overlap", [0.06, 0.1, 0.2, 0.5, 0.9])
def test_the_stated_overlap_is_met(overlap):
    pool = Patterns(overlap=overlap).pool()
    cells, shared = cells_of(pool.test), overlaps(pool)
    assert (cells.sum(axis=1) == 30).all()
    assert abs(shared.mean() - overlap) <= 0.01
    # Much narrower than by chance, where the standard deviation is sqrt(o (1 - o) / active) or a little less.
    assert shared.std() < 0.75 * np.sqrt(overlap * (1 - overlap) / 30)
    assert shared.max() < 1


@settings(max_examples=15)
@given(st.integers(30, 120), st.integers(2, 12), st.integers(2, 10), st.floats(0.01, 0.9), st.integers(0, 99))
def test_whatever_is_not_refused_keeps_its_word(cells, active, count, overlap, seed):
    try:
        patterns = draw_patterns(cells, active, count, overlap, np.random.default_rng(seed))
    except ValueError:
        return  # refusals have tests of their own, below
    assert (patterns.sum(axis=1) == active).all()
    assert len(np.unique(patterns, axis=0)) == count
    assert abs(pairwise_overlap(patterns).mean() - overlap) <= 0.01


def test_without_overlap_no_cell_is_in_two_patterns():
    pool = Patterns(overlap=0).pool()
    assert len(pool.classes) == 500 // 30  # as many as fit
    assert cells_of(pool.test).sum(axis=0).max() == 1


def test_the_least_overlap_uses_all_cells_equally():
    # 4 patterns of 3 of 6 cells: every cell twice, so 6 shared cells over 6 pairs, a third of 3.
    patterns = draw_patterns(6, 3, 4, 1 / 3, np.random.default_rng(0))
    assert patterns.sum(axis=0).tolist() == [2] * 6
    with pytest.raises(ValueError, match=r"at least 0\.333 of their cells in common"):
        draw_patterns(6, 3, 4, 0.3, np.random.default_rng(0))


@pytest.mark.parametrize(("cells", "shape"), [(500, (20, 25)), (36, (6, 6)), (14, (2, 7)), (13, (1, 13))])
def test_images_are_as_square_as_they_can_be(cells, shape):
    assert Patterns(cells=cells, active=3, classes=4).pool().image_shape == shape


def test_exemplars_of_a_prototype_that_is_never_presented():
    pool = Patterns(noise=0.2, classes=10, train_per_class=15).pool()
    train, test = cells_of(pool.train), cells_of(pool.test)
    assert len(train) == 150
    assert len(test) == 10
    for number in range(10):
        exemplars, [prototype] = train[pool.train.of_class(number)], test[pool.test.of_class(number)]
        assert (exemplars.sum(axis=1) == 30).all()
        assert ((exemplars & prototype).sum(axis=1) == 24).all()  # a fifth of 30 replaced
        assert len(np.unique(exemplars, axis=0)) == 15
    prototypes = Patterns(classes=10).pool()
    np.testing.assert_array_equal(prototypes.test.images, pool.test.images)  # noise changes no prototype


def test_noisy_test_images_are_no_training_images():
    pool = Patterns(
        cells=20, active=5, classes=3, noise=0.2, test_noise=0.2, train_per_class=20, test_per_class=15
    ).pool()
    together = np.concatenate([cells_of(pool.train), cells_of(pool.test)])
    labels = np.concatenate([pool.train.labels, pool.test.labels])
    for number in range(3):
        assert len(np.unique(together[labels == number], axis=0)) == 35
    only_test = Patterns(test_noise=0.5, classes=2).pool()
    assert (len(only_test.train), len(only_test.test)) == (2, 40)


def test_pools_repeat_and_differ_by_seed():
    set_ = Patterns(noise=0.1, overlap=0.2, classes=8)
    assert set_.pool(seed=3).identity == set_.pool(seed=3).identity != set_.pool(seed=4).identity


def test_the_source_states_the_overlap_that_was_measured():
    pool = Patterns(overlap=0.25, classes=12, noise=0.1).pool()
    shared = overlaps(pool)
    mean, least, most = (f"{value:.3f}" for value in (shared.mean(), shared.min(), shared.max()))
    assert pool.source == (
        f"12 patterns of 30 of 500 cells, seed 0; two patterns have {mean} of their active cells in common "
        f"({least} to {most}); 3 cells of each training image replaced"
    )


def test_subjects_draw_patterns_like_any_other_items():
    draw = draw_items(Patterns(noise=0.1).pool(), 8, 6, None, np.random.default_rng(0))
    assert draw.train.shape == (8, 6)
    assert draw.test.shape == (8, 1)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"active": 500}, "a pattern needs fewer active cells than its 500 cells"),
        (
            {"overlap": 0, "classes": 17},
            "17 patterns of 30 cells without any in common need 510 cells; there are 500, ",
        ),
        ({"overlap": 1}, "found overlap 1, by which all patterns would be the same"),
        ({"noise": 0.01}, "of 30 active cells that replaces none"),
        ({"cells": 40, "noise": 0.5}, "replaces 15 active cells; there are only 10 others"),
        ({"cells": 5, "active": 2, "noise": 0.5}, "20 different exemplars asked for; replacing 1 of 2 cells gives 6"),
        ({"cells": 1_000_000, "classes": 4096, "train_per_class": 100}, "take more than"),
        ({"classes": 1}, "greater than or equal to 2"),
        ({"overlapp": 0.2}, "overlapp"),
    ],
)
def test_options_that_cannot_be_met(options, told):
    with pytest.raises(ValueError) as error:
        Patterns(**options)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (
            {"overlap": 0.02},
            r"found overlap 0\.02; 64 patterns of 30 of 500 cells have at least 0\.04\d of their cells",
        ),
        ({"overlap": 0.99}, r"that differ have at most 0\.967 of their cells in common"),
        ({"cells": 8, "active": 2, "classes": 64}, r"only 28 ways to choose 2 of 8 cells"),
    ],
)
def test_patterns_that_do_not_exist(options, told):
    with pytest.raises(ValueError, match=told):
        Patterns(**options).pool()
