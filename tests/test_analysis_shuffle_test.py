from math import comb

import numpy as np
import pytest
import xarray as xr

from engram.analysis import count_memorised, memorised


def table(counts):
    counts = np.asarray(counts)
    n = counts.shape[-1]
    coords = {"model": ["hybrid"], "subject": np.arange(counts.shape[1]), "item": np.arange(1, n + 1)}
    return xr.DataArray(counts, dims=("model", "subject", "probe", "item", "response"), coords=coords)


def random_counts(rng, n, images):
    right = rng.integers(0, images // 2, n)
    counts = np.stack([rng.multinomial(images - right[i], np.full(n, 1 / n)) for i in range(n)])
    counts[np.arange(n), np.arange(n)] += right
    return counts


def tail(x, total, named, images):
    """P[X >= x] in whole numbers."""
    ways = sum(comb(named, k) * comb(total - named, images - k) for k in range(x, min(named, images) + 1))
    return ways / comb(total, images)


def test_p_is_the_tail_of_the_hypergeometric_counted_out():
    counts = random_counts(np.random.default_rng(1), 6, 20)
    found = memorised(table(counts[None, None, None]))
    expected = [tail(counts[i, i], 120, counts[:, i].sum(), 20) for i in range(6)]
    np.testing.assert_allclose(found["p"], expected, rtol=1e-9)
    assert list(found["memorised"]) == [p <= 0.05 for p in expected]


def test_false_positives_are_the_chance_of_a_p_that_passes():
    counts = random_counts(np.random.default_rng(2), 5, 12)
    found = memorised(table(counts[None, None, None]), alpha=0.1)
    for i, row in found.iterrows():
        named = counts[:, i].sum()
        passing = [tail(x, 60, named, 12) for x in range(14) if tail(x, 60, named, 12) <= 0.1]
        assert row["false_positive"] == pytest.approx(max(passing, default=0.0), rel=1e-9)
        assert row["false_positive"] <= 0.1


def test_p_is_what_shuffling_the_labels_gives():
    rng = np.random.default_rng(4)
    counts = random_counts(rng, 4, 25)
    responses = np.concatenate([np.repeat(np.arange(4), row) for row in counts])
    labels = np.repeat(np.arange(4), 25)
    shuffles = 4000
    shuffled = np.stack([rng.permutation(labels) for _ in range(shuffles)])
    for i, p in enumerate(memorised(table(counts[None, None, None]))["p"]):
        right = ((shuffled == i) & (responses == i)).sum(axis=1)
        frequency = (right >= counts[i, i]).mean()
        assert abs(frequency - p) <= 4 * np.sqrt(p * (1 - p) / shuffles) + 1e-12


def test_a_label_that_is_never_given_is_not_memorised_and_cannot_pass():
    found = memorised(table([[[[[0, 10], [0, 10]]]]]))
    assert list(found["p"]) == [1.0, 1.0]
    assert list(found["false_positive"]) == [0.0, 0.0]


def test_perfect_memory_is_memorised():
    assert memorised(table(np.diag([20, 20, 20])[None, None, None]))["memorised"].all()


def test_what_was_not_measured_has_no_row_and_does_not_count_among_the_images():
    counts = np.full((1, 2, 2, 3, 3), -1)
    counts[0, 0, 1] = [[4, 0, 0], [1, 3, 0], [-1, -1, -1]]
    found = memorised(table(counts))
    assert list(found[["subject", "probe", "item"]].itertuples(index=False, name=None)) == [(0, 1, 1), (0, 1, 2)]
    np.testing.assert_allclose(found["p"], [tail(4, 8, 5, 4), tail(3, 8, 3, 4)])


def test_count_sums_items_and_averages_subjects():
    sure, lost = np.diag([20, 20, 20]), np.full((3, 3), 7)
    found = count_memorised(table([[[sure, lost], [lost, lost]]]))
    assert list(found["mean"]) == [1.5, 0.0]
    assert list(found["probe"]) == [0, 1]
    np.testing.assert_allclose(found["bound"], 0.15)
    exact = [
        3 * max(t for x in range(22) if (t := tail(x, total, k, n)) <= 0.05)
        for total, k, n in ((60, 20, 20), (63, 21, 21))
    ]
    np.testing.assert_allclose(found["expected_false_positives"], [np.mean(exact), exact[1]])


def test_mistakes_are_told():
    with pytest.raises(ValueError, match="alpha is 5"):
        memorised(table(np.zeros((1, 1, 1, 2, 2), int)), alpha=5)
    with pytest.raises(ValueError, match="2 items and 3 labels"):
        memorised(
            xr.DataArray(
                np.zeros((1, 1, 1, 2, 3), int),
                dims=("model", "subject", "probe", "item", "response"),
                coords={"model": ["m"], "item": [1, 2]},
            )
        )
