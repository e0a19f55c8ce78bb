"""Images as sparse patterns over the cells of a population."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ...data.items import Pool
from ...data.seeds import child_rng

PIXELS_PER_CELL = 16
"""Pixels that one cell of the projection sees: few enough that cells differ, enough that none sees only background."""


class ImageCode:
    """Turns the images of a pool into patterns over the cells of a population, always in the same way.

    An image with as many pixels as there are cells is taken cell by cell. Of any other image, its difference from the
    mean training image goes through a fixed random projection, in which each cell sees a few pixels, and those cells
    with the largest sums win. The projection follows from the content of the pool, and from no seed of a run.

    Parameters
    ----------
    pool : Pool
    cells : int
        Size of the population.
    active : float
        Share of the cells that win, for an image that is not itself a pattern over the cells.

    Examples
    --------
    >>> from engram.data.digits import Digits
    >>> pool = Digits().pool()
    >>> code = ImageCode(pool, cells=500, active=0.06)
    >>> int(code.members(pool.train.images[0]).sum())
    30
    """

    def __init__(self, pool: Pool, cells: int, active: float) -> None:
        self.cells = cells
        self._winners = max(1, round(active * cells))
        pixels = int(np.prod(pool.image_shape))
        self._projection: NDArray[np.float32] | None = None
        if pixels != cells:
            self._projection = random_projection(pixels, cells, child_rng(0, "encoding", pool.identity))
            self._mean = np.asarray(pool.train.images).reshape(len(pool.train), -1).mean(axis=0, dtype=np.float64)

    def drive(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Intensity of the input to each cell, 0 to 1; [cell]."""
        if self._projection is None:
            return image.reshape(-1).astype(np.float32) / np.float32(255)
        return self.members(image).astype(np.float32)

    def members(self, image: NDArray[np.uint8]) -> NDArray[np.bool_]:
        """Cells that belong to the pattern; [cell]."""
        if self._projection is None:
            taken: NDArray[np.bool_] = image.reshape(-1) > 127
            return taken
        sums = (image.reshape(-1) - self._mean) @ self._projection
        won = np.zeros(self.cells, dtype=bool)
        # A stable sort, so that cells with equal sums win in one order everywhere.
        won[np.argsort(-sums, kind="stable")[: self._winners]] = True
        return won


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
