"""Items as vectors: what a network with order sees of an image."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...data.items import Pool
from ...data.seeds import child_rng

IMAGES_OF_A_CLASS = 20
"""Training images of a class, at most, whose mean stands for it."""


def item_vectors(pool: Pool, size: int, projection: str) -> NDArray[np.float32]:
    """A unit vector for each class of a pool; classes whose images resemble each other have similar ones.

    The mean training image of the class, less that of all classes, is projected to ``size`` random directions, drawn
    with the pool's own seed: the same for all subjects and runs.

    Parameters
    ----------
    pool : Pool
    size : int
        Elements of a vector.
    projection : str
        Name of the stream of directions.

    Returns
    -------
    float32 array [class, size]
    """
    means = []
    for number in range(len(pool.classes)):
        images = np.asarray(pool.train.images[pool.train.of_class(number)[:IMAGES_OF_A_CLASS]])
        means.append(images.reshape(len(images), -1).mean(axis=0, dtype=np.float64))
    pixels = np.stack(means)
    pixels -= pixels.mean(axis=0)
    lengths = np.linalg.norm(pixels, axis=1, keepdims=True)
    pixels /= np.where(lengths > 0, lengths, 1.0)
    directions = child_rng(0, "pool", pool.name, projection).standard_normal((pixels.shape[1], size))
    vectors = pixels @ directions
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    units: NDArray[np.float32] = (vectors / np.where(lengths > 0, lengths, 1.0)).astype(np.float32)
    return units
