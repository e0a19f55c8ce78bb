"""As many images as ImageNet has, made from a seed: for measuring speed and memory without ImageNet."""

from __future__ import annotations

from functools import cached_property
from os import PathLike
from typing import Annotated, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from ..items import ImagePart, ItemSet, Pool
from ..seeds import child_rng
from .encoded import EncodedImages, encode_jpeg

_DISTINCT = 128
_QUALITY = 90
_STRENGTH = 46.0
_TEST_PER_CLASS = 50


class SyntheticImageNet(ItemSet):
    """Images with the numbers of ImageNet, with nothing in them to learn.

    Each image is one of 128 JPEG files (32 for the test) under a label that has nothing to do with it: coloured noise
    whose spectrum falls like that of photographs, at quality 90. A file has .61 bytes per pixel, as ImageNet's own
    files have (110 kB, 181,000 pixels in the mean): 31 kB at 224 px, 40 kB at 256 px, and 110 kB with ``size=425``.
    Nothing is made before the first image is read.

    Parameters
    ----------
    images : int
        Training images. There are 50 test images of each class, as in ImageNet, or fewer if there are fewer to learn.
    classes : int
        Number of classes, all of the same size but for one image.
    size : int
        Height and width in pixels.

    Examples
    --------
    >>> pool = SyntheticImageNet().pool()
    >>> pool.train.images.shape, len(pool.test), len(pool.classes)
    ((1281167, 224, 224, 3), 50000, 1000)
    """

    name: ClassVar[str] = "synthetic-imagenet"
    images: Annotated[int, Field(ge=1, le=100_000_000)] = 1_281_167
    classes: Annotated[int, Field(ge=1, le=100_000)] = 1000
    size: Annotated[int, Field(ge=8, le=2048)] = 224

    def pool(self, data_dir: str | PathLike[str] | None = None, seed: int = 0) -> Pool:
        """All images, made from `seed` when they are read; `data_dir` is not looked at.

        Raises
        ------
        ValueError
            If there are fewer images than classes.
        """
        if self.images < self.classes:
            raise ValueError(
                f"item set {self.name}: {self.images} images of {self.classes} classes; one of each is needed"
            )
        held_out = self.classes * min(_TEST_PER_CLASS, self.images // self.classes)
        return Pool(
            self.name,
            tuple(f"class-{number:05}" for number in range(self.classes)),
            self._part("train", self.images, _DISTINCT, seed),
            self._part("test", held_out, _DISTINCT // 4, seed),
            f"synthetic, seed {seed}",
        )

    def _part(self, role: str, count: int, distinct: int, seed: int) -> ImagePart:
        return ImagePart(RepeatedNoise(count, self.size, role, distinct, seed), np.arange(count) % self.classes)


class RepeatedNoise(EncodedImages):
    """Many images that are few JPEG files of coloured noise, in no order.

    Parameters
    ----------
    count : int
        Number of images.
    size : int
        Height and width.
    role : str
        Name of the part, which names its random stream.
    distinct : int
        Number of JPEG files.
    seed : int

    Examples
    --------
    >>> noise = RepeatedNoise(10**6, 32, "train", distinct=4, seed=0)
    >>> len({noise.encoded(number) for number in range(100)})
    4
    """

    def __init__(self, count: int, size: int, role: str, distinct: int, seed: int) -> None:
        super().__init__(count, size, color=True)
        self._role, self._distinct, self._seed = role, distinct, seed

    @property
    def identity(self) -> str:
        return f"synthetic {self._role}: {self._distinct} of {self._count} × {self._size} px, seed {self._seed}"

    def called(self, number: int) -> str:
        return f"synthetic image {number}"

    def encoded(self, number: int) -> bytes:
        return self._files[_scattered(number) % self._distinct]

    def digests(self) -> list[bytes]:
        return [f"{self._role} {_scattered(number) % self._distinct}".encode() for number in range(self._count)]

    @cached_property
    def _files(self) -> list[bytes]:
        rng = child_rng(self._seed, "pool", SyntheticImageNet.name, self._role)
        return [encode_jpeg(coloured_noise(self._size, rng), _QUALITY) for _ in range(self._distinct)]

    def __getstate__(self) -> dict[str, Any]:
        _ = self._files  # made once, not once more in each process
        return self.__dict__


def coloured_noise(size: int, rng: np.random.Generator) -> NDArray[np.uint8]:
    """An image whose amplitudes fall with spatial frequency as those of photographs do, 1/f.

    Parameters
    ----------
    size : int
        Height and width.
    rng : numpy.random.Generator

    Returns
    -------
    uint8 array, [size, size, 3]

    Examples
    --------
    >>> coloured_noise(16, np.random.default_rng(0)).shape
    (16, 16, 3)
    """
    frequency = np.hypot(np.fft.fftfreq(size)[:, None], np.fft.rfftfreq(size)[None])
    frequency[0, 0] = np.inf
    light, *colors = (
        np.fft.irfft2(np.fft.rfft2(rng.standard_normal((size, size))) / frequency, (size, size)) for _ in range(4)
    )
    channels = np.stack([light + 0.3 * color for color in colors], axis=-1)
    pixels: NDArray[np.float64] = 128 + _STRENGTH * channels / channels.std()
    return pixels.clip(0, 255).astype(np.uint8)


def _scattered(number: int) -> int:
    """A number that looks drawn at random and is the same everywhere (Knuth's multiplicative hash)."""
    return (number * 2654435761 % 2**32) >> 8
