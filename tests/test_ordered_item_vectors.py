"""Items as vectors."""

from __future__ import annotations

import numpy as np

from engram.data.items import ImagePart, Pool
from engram.data.patterns import Patterns
from engram.sim.ordered.item_vectors import item_vectors


def test_vectors_are_unit_and_the_same_every_time():
    pool = Patterns(cells=200, active=12, classes=10).pool()
    vectors = item_vectors(pool, 32, "items")
    assert vectors.dtype == np.float32
    assert np.allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert np.array_equal(vectors, item_vectors(pool, 32, "items"))
    assert not np.allclose(vectors, item_vectors(pool, 32, "moments"))


def test_items_that_look_alike_have_similar_vectors():
    """With many directions the cosines of the projections are those of the images less their mean."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 6, 6), dtype=np.uint8)
    images[1] = images[0] // 2 + images[1] // 2
    part = ImagePart(images, np.arange(4))
    vectors = item_vectors(Pool("four", tuple("abcd"), part, part, "made here"), 20_000, "items")
    pixels = images.reshape(4, -1).astype(float)
    pixels -= pixels.mean(axis=0)
    pixels /= np.linalg.norm(pixels, axis=1, keepdims=True)
    assert np.allclose(vectors @ vectors.T, pixels @ pixels.T, atol=0.03)


def test_a_class_like_the_mean_of_all_has_no_vector_and_harms_nothing():
    blank = ImagePart(np.zeros((2, 3, 3), np.uint8), np.arange(2))
    vectors = item_vectors(Pool("blank", ("a", "b"), blank, blank, "made here"), 8, "items")
    assert np.array_equal(vectors, np.zeros((2, 8)))
