"""Images as sparse patterns over the cells of a population."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...data.items import Pool
from ...data.seeds import child_rng

PIXELS_PER_CELL = 16
"""Pixels that one cell of the projection sees: few enough that cells differ, enough that none sees only background."""


@dataclass(frozen=True)
class EncodedImages:
    """Images of one part of a pool as activity of a population.

    Attributes
    ----------
    drive : float32 array, [image, cell]
        Intensity of the input to each cell, 0 to 1.
    members : bool array, [image, cell]
        Cells that belong to the pattern.
    """

    drive: NDArray[np.float32]
    members: NDArray[np.bool_]


def encode_pool(pool: Pool, cells: int, active: float) -> tuple[EncodedImages, EncodedImages]:
    """Training and test images of a pool as patterns over so many cells.

    Parameters
    ----------
    pool : Pool
    cells : int
        Size of the population that they drive.
    active : float
        Share of cells active for an image that is not itself a pattern over the cells.

    Returns
    -------
    train, test : EncodedImages
    """
    parts = pool.train.images, pool.test.images
    if int(np.prod(pool.image_shape)) == cells:
        return tuple(_cell_by_cell(images) for images in parts)  # type: ignore[return-value]
    projection = random_projection(int(np.prod(pool.image_shape)), cells, child_rng(0, "encoding", pool.identity))
    mean = pool.train.images.reshape(len(pool.train), -1).mean(axis=0) / 255
    return tuple(encode_images(images, mean, projection, active) for images in parts)  # type: ignore[return-value]


def encode_images(
    images: NDArray[np.uint8], mean: NDArray[np.floating], projection: NDArray[np.float32], active: float
) -> EncodedImages:
    """Sparse code of images: a fixed random projection of their difference from the mean, of which the largest win.

    Parameters
    ----------
    images : uint8 array, [image, ...]
    mean : float array, [pixel]
        Mean training image, 0 to 1.
    projection : float32 array, [pixel, cell]
    active : float
        Share of the cells that win.

    Returns
    -------
    EncodedImages
        Winners are driven at full intensity, all others not at all.

    Examples
    --------
    >>> images = np.array([[0, 255], [255, 0]], np.uint8)
    >>> encode_images(images, np.array([0.5, 0.5]), np.eye(2, 4, dtype=np.float32), 0.25).members.astype(int).tolist()
    [[0, 1, 0, 0], [1, 0, 0, 0]]
    """
    winners = max(1, round(active * projection.shape[1]))
    members = np.zeros((len(images), projection.shape[1]), dtype=bool)
    for row, image in enumerate(images):
        sums = (image.reshape(-1) / np.float32(255) - mean.astype(np.float32)) @ projection
        # A stable sort, so that cells with equal sums win in one order everywhere.
        members[row, np.argsort(-sums, kind="stable")[:winners]] = True
    return EncodedImages(drive=members.astype(np.float32), members=members)


def random_projection(pixels: int, cells: int, rng: np.random.Generator) -> NDArray[np.float32]:
    """Normal weights from a few pixels, drawn without replacement, to each cell; [pixel, cell].

    Examples
    --------
    >>> weights = random_projection(100, 7, np.random.default_rng(0))
    >>> weights.shape, np.count_nonzero(weights, axis=0).tolist()
    ((100, 7), [16, 16, 16, 16, 16, 16, 16])
    """
    weights = np.zeros((pixels, cells), dtype=np.float32)
    seen = min(PIXELS_PER_CELL, pixels)
    for cell in range(cells):
        weights[rng.choice(pixels, size=seen, replace=False), cell] = rng.standard_normal(seen)
    return weights


def _cell_by_cell(images: NDArray[np.uint8]) -> EncodedImages:
    flat = images.reshape(len(images), -1)
    return EncodedImages(drive=flat.astype(np.float32) / 255, members=flat > 127)
