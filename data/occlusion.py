"""Part of an image in the place of the whole, with noise: what a cued probe shows of an item."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

PATCHES = 8
"""Patches along a side of an image, of which some are hidden."""


def occlude(
    images: NDArray[np.uint8], fraction: float, noise: float, rng: np.random.Generator | int
) -> NDArray[np.uint8]:
    """Images of which only some patches are shown, and of those some as noise.

    Every image is cut into 8 × 8 patches. A share of them, drawn anew for each image, is shown; the others take the
    mean colour of the image. Of those shown a share is replaced by pixels drawn evenly from 0 to 255.

    Parameters
    ----------
    images : uint8 array, [image, height, width] or [image, height, width, 3]
    fraction : float
        Share of the patches that is shown, 0 to 1, to the nearest patch.
    noise : float
        Share of the patches shown that is replaced by noise, 0 to 1, to the nearest patch.
    rng : numpy.random.Generator or int

    Returns
    -------
    uint8 array
        Of the shape of `images`.

    Raises
    ------
    ValueError
        A share lies outside 0 to 1.

    Examples
    --------
    >>> image = np.zeros((1, 8, 8), np.uint8)
    >>> image[0, :4] = 100
    >>> shown = occlude(image, 0.5, 0.0, 0)
    >>> sorted(set(shown.ravel().tolist())), int((shown == 50).sum())
    ([0, 50, 100], 32)
    """
    for name, share in (("fraction", fraction), ("noise", noise)):
        if not 0 <= share <= 1:
            raise ValueError(f"{name}: found {share}; expected a share from 0 to 1")
    rng = np.random.default_rng(rng)
    count, height, width = images.shape[:3]
    rank = rng.permuted(np.tile(np.arange(PATCHES * PATCHES), (count, 1)), axis=1)
    shown = round(fraction * PATCHES * PATCHES)
    noisy = round(noise * shown)
    row, column = (np.arange(size) * PATCHES // size for size in (height, width))
    of_pixel = rank[:, row[:, None] * PATCHES + column].reshape(count, height, width, *[1] * (images.ndim - 3))
    mean = (images.mean(axis=(1, 2), keepdims=True) + 0.5).astype(np.uint8)
    partial = np.where(of_pixel < shown, images, mean)
    return np.where(of_pixel < noisy, rng.integers(0, 256, images.shape, dtype=np.uint8), partial)
