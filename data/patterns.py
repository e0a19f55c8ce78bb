"""Sparse binary patterns over cells: items for circuits, of stated size and stated overlap."""

from __future__ import annotations

from math import comb, isqrt
from os import PathLike
from typing import Annotated, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from .items import ImagePart, ItemSet, Pool
from .pattern_overlap import draw_patterns, pairwise_overlap
from .seeds import child_rng
from .uniform_images import MAX_DECODED_BYTES
from .wording import counted

_CLASSES = 64
_EXEMPLARS = 20

Mask = NDArray[np.bool_]
Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]


class Patterns(ItemSet):
    """Sparse binary patterns over cells, of stated size and overlap, for circuits.

    Pixel k of an image is cell k, 255 where it is active.

    Without noise an item is one pattern, learned and tested as it is. With `noise` the pattern is a *prototype* that
    is never presented: each training image is an exemplar in which so many of the active cells have changed places with
    others, and the test image is the prototype itself (or, with `test_noise`, other exemplars of it).

    Parameters
    ----------
    cells : int
        Cells of a pattern, and pixels of an image, which is as nearly square as the number allows.
    active : int
        Active cells of each pattern.
    overlap : float or None
        Mean share of active cells that two patterns have in common. None: patterns are drawn independently of each
        other, and share ``active / cells`` on average. 0: no cell is in two patterns.
    classes : int or None
        Patterns in the pool. None: 64, or as many as fit without overlap.
    noise, test_noise : float
        Share of the active cells that are replaced in each training image, and in each test image.
    train_per_class, test_per_class : int or None
        Images of each pattern. None: 20 if they are noisy, else 1.

    Raises
    ------
    ValueError
        If the overlap cannot be met with so many cells, or the exemplars cannot all differ.

    Examples
    --------
    >>> pool = Patterns(cells=500, active=30, overlap=0.2, classes=16).pool()
    >>> pool.image_shape, int((pool.train.images[0] > 0).sum())
    ((20, 25), 30)
    """

    name: ClassVar[str] = "patterns"

    cells: Annotated[int, Field(ge=2, le=10_000_000)] = 500
    active: Annotated[int, Field(ge=1, le=1_000_000)] = 30
    overlap: Share | None = None
    classes: Annotated[int, Field(ge=2, le=4096)] | None = None
    noise: Share = 0.0
    test_noise: Share = 0.0
    train_per_class: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    test_per_class: Annotated[int, Field(ge=1, le=1_000_000)] | None = None

    @model_validator(mode="after")
    def _possible(self) -> Patterns:
        cells = counted(self.cells, "cell")
        if self.active >= self.cells:
            raise ValueError(f"found active {self.active}; a pattern needs fewer active cells than its {cells}")
        if self.overlap == 0 and self._classes() * self.active > self.cells:
            fit = self.cells // self.active
            raise ValueError(
                f"{counted(self._classes(), 'pattern')} of {self.active} cells without any in common need "
                f"{self._classes() * self.active:,} cells; there are {self.cells:,}, which is enough for {fit}. "
                "Give more cells, fewer active ones, fewer classes, or a larger overlap"
            )
        if self.overlap == 1:
            raise ValueError("found overlap 1, by which all patterns would be the same; expected less than 1")
        for option, share in (("noise", self.noise), ("test_noise", self.test_noise)):
            self._check_noise(option, share)
        images = self._classes() * (self._exemplars("train") + self._exemplars("test"))
        if images * self.cells > MAX_DECODED_BYTES:
            raise ValueError(
                f"{images:,} images of {cells} take more than the {MAX_DECODED_BYTES:,} bytes that are held"
            )
        return self

    def _check_noise(self, option: str, share: float) -> None:
        exchanged = self._exchanged(share)
        if share > 0 and exchanged == 0:
            raise ValueError(
                f"found {option} {share:g}; of {self.active} active cells that replaces none. "
                f"Expected 0, or at least {0.5 / self.active:.2g}"
            )
        if exchanged > self.cells - self.active:
            raise ValueError(
                f"found {option} {share:g}, which replaces {exchanged} active cells; there are only "
                f"{self.cells - self.active} others"
            )
        if share == 0:
            return
        part = "train" if option == "noise" else "test"
        # Where training and test images are equally noisy, they must differ from each other as well.
        together = self.noise == self.test_noise
        wanted = self._exemplars("train") + self._exemplars("test") if together else self._exemplars(part)
        possible = comb(self.active, exchanged) * comb(self.cells - self.active, exchanged)
        if wanted > possible // 2:
            raise ValueError(
                f"{wanted:,} different exemplars asked for; replacing {exchanged} of {self.active} cells gives "
                f"{possible:,}, of which at most half are drawn. Give fewer images of each class, or more noise"
            )

    def pool(self, data_dir: str | PathLike[str] | None = None, seed: int = 0) -> Pool:
        """Patterns and their exemplars drawn from `seed`; nothing is read from the data folder."""
        classes = self._classes()
        masks = draw_patterns(self.cells, self.active, classes, self.overlap, child_rng(seed, "pool", self.name))
        rng = child_rng(seed, "pool", self.name, "exemplars")
        train, test = [], []
        for mask in masks:
            drawn: set[bytes] = set()
            train.append(self._images(mask, "train", drawn, rng))
            test.append(self._images(mask, "test", drawn, rng))
        width = len(str(classes))
        return Pool(
            self.name,
            tuple(f"pattern-{number:0{width}}" for number in range(1, classes + 1)),
            _part(train, self._shape()),
            _part(test, self._shape()),
            self._source(masks, seed),
        )

    def _classes(self) -> int:
        if self.classes is not None:
            return self.classes
        return max(2, min(_CLASSES, self.cells // self.active)) if self.overlap == 0 else _CLASSES

    def _exemplars(self, part: str) -> int:
        asked, noise = (self.train_per_class, self.noise) if part == "train" else (self.test_per_class, self.test_noise)
        return asked or (_EXEMPLARS if noise > 0 else 1)

    def _exchanged(self, share: float) -> int:
        return round(share * self.active)

    def _shape(self) -> tuple[int, int]:
        height = next(h for h in range(isqrt(self.cells), 0, -1) if self.cells % h == 0)
        return height, self.cells // height

    def _images(self, mask: Mask, part: str, drawn: set[bytes], rng: np.random.Generator) -> Mask:
        """Images of one pattern, none of which is in `drawn` unless there is no noise at all; [image, cell]."""
        count, exchanged = self._exemplars(part), self._exchanged(self.noise if part == "train" else self.test_noise)
        images = np.tile(mask, (count, 1))
        if exchanged == 0:
            return images
        inside, outside = np.flatnonzero(mask), np.flatnonzero(~mask)
        for image in images:
            while True:
                left, joined = (rng.choice(cells, exchanged, replace=False) for cells in (inside, outside))
                exemplar = np.sort(np.concatenate([left, joined])).tobytes()
                if exemplar not in drawn:
                    break
            drawn.add(exemplar)
            image[left], image[joined] = False, True
        return images

    def _source(self, masks: Mask, seed: int) -> str:
        shared = pairwise_overlap(masks)
        text = (
            f"{len(masks)} patterns of {self.active} of {counted(self.cells, 'cell')}, seed {seed}; two patterns have "
            f"{shared.mean():.3f} of their active cells in common ({shared.min():.3f} to {shared.max():.3f})"
        )
        for share, what in ((self.noise, "training"), (self.test_noise, "test")):
            if share > 0:
                text += f"; {self._exchanged(share)} cells of each {what} image replaced"
        return text


def _part(images: list[Mask], shape: tuple[int, int]) -> ImagePart:
    pixels = np.concatenate(images).reshape(-1, *shape).astype(np.uint8) * np.uint8(255)
    return ImagePart(pixels, np.repeat(np.arange(len(images)), [len(some) for some in images]))
