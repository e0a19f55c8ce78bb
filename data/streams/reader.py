"""Images that are read when they are asked for, in place of an array that holds them all."""

from __future__ import annotations

import hashlib
import math
from abc import ABC, abstractmethod
from collections.abc import Iterator
from typing import ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray

Which: TypeAlias = int | slice | NDArray[np.integer] | NDArray[np.bool_]
"""What is read: one image, a stretch of them, numbers of images in any order, or a mask."""

MAX_BYTES_AT_ONCE = 8 * 2**30
"""Most pixels that a reader hands out in one array."""

_IMAGES_AT_ONCE = 256


class ImageReader(ABC):
    """Images somewhere on disk, indexed like an array (abstract).

    A reader has the shape and the type of the array that it stands for, and reads nothing until it is indexed. It can
    be pickled, and opens its files again in the process that unpickles it.

    Subclasses give `shape`, `identity` and `read`.

    Examples
    --------
    >>> class Counted(ImageReader):
    ...     shape = (300, 1, 1)
    ...     identity = "300 numbers"
    ...     def read(self, numbers):
    ...         return (numbers % 256).astype(np.uint8)[:, None, None]
    >>> images = Counted()
    >>> len(images), images[7].shape, images[np.array([255, 3])].ravel()
    (300, (1, 1), array([255,   3], dtype=uint8))
    >>> images.rows(np.array([5, 6, 7]))[1:].ravel()
    array([6, 7], dtype=uint8)
    """

    dtype: ClassVar[np.dtype] = np.dtype(np.uint8)

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """(images, height, width) or (images, height, width, 3)."""

    @property
    @abstractmethod
    def identity(self) -> str:
        """Text that is equal for equal images, found without reading them all."""

    @abstractmethod
    def read(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        """Images of numbers within bounds, in their order.

        Parameters
        ----------
        numbers : int64 array, [image]

        Returns
        -------
        uint8 array, [image, height, width] or [image, height, width, 3]

        Raises
        ------
        ValueError
            If an image is damaged; it is named.
        """

    def encoded(self, number: int) -> bytes | None:
        """One image as the JPEG file that it is kept as; None where images are kept as pixels."""
        return None

    def digests(self) -> list[bytes]:
        """A fingerprint of the pixels of each image, equal for images that are pixel by pixel the same."""
        return [hashlib.blake2b(np.ascontiguousarray(image).data, digest_size=16).digest() for image in self]

    def rows(self, numbers: NDArray[np.integer]) -> ImageReader:
        """Some of the images, in the order of the numbers, unread."""
        return SomeImages(self, np.asarray(numbers, np.int64))

    @property
    def ndim(self) -> int:
        """Number of axes."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all pixels."""
        return math.prod(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, which: Which) -> NDArray[np.uint8]:
        if isinstance(which, tuple):
            raise IndexError("images on disk are indexed by image only: images[numbers][:, rows, columns]")
        numbers = np.arange(len(self)) if isinstance(which, slice) else np.asarray(which)
        if isinstance(which, slice):
            numbers = numbers[which]
        elif numbers.dtype == np.bool_:
            if numbers.shape != (len(self),):
                raise IndexError(f"a mask of shape {list(numbers.shape)} for {len(self)} images")
            numbers = np.flatnonzero(numbers)
        elif numbers.dtype.kind not in "iu" and numbers.size:
            raise IndexError(f"images are indexed by whole numbers, a slice or a mask, not by {which!r}")
        wanted = numbers.astype(np.int64).reshape(-1)
        if len(wanted) and not (wanted.min() >= -len(self) and wanted.max() < len(self)):
            raise IndexError(f"image {wanted.min()} to {wanted.max()} of {len(self)}")
        if len(wanted) * math.prod(self.shape[1:]) > MAX_BYTES_AT_ONCE:
            raise ValueError(
                f"{len(wanted):,} images of shape {list(self.shape[1:])} at once; at most {MAX_BYTES_AT_ONCE:,} bytes "
                "of pixels are held. Read them in parts, or choose a smaller size"
            )
        images = self.read(np.where(wanted < 0, wanted + len(self), wanted))
        return images.reshape(*numbers.shape, *self.shape[1:])

    def __iter__(self) -> Iterator[NDArray[np.uint8]]:
        for start in range(0, len(self), _IMAGES_AT_ONCE):
            yield from self[start : start + _IMAGES_AT_ONCE]

    def __array__(self, dtype: np.dtype | None = None, copy: bool | None = None) -> NDArray:
        if copy is False:
            raise ValueError("images that lie on disk cannot become an array without being copied")
        return self[:] if dtype is None else self[:].astype(dtype)


class SomeImages(ImageReader):
    """Some images of a reader, in an order of their own.

    Parameters
    ----------
    images : ImageReader
    numbers : int64 array, [image]
        Which images of the reader.

    Examples
    --------
    >>> class Counted(ImageReader):
    ...     shape = (9, 1, 1)
    ...     identity = "9 numbers"
    ...     def read(self, numbers):
    ...         return numbers.astype(np.uint8)[:, None, None]
    >>> SomeImages(Counted(), np.array([8, 2]))[:].ravel()
    array([8, 2], dtype=uint8)
    """

    def __init__(self, images: ImageReader, numbers: NDArray[np.int64]) -> None:
        self._images, self._numbers = images, numbers

    @property
    def shape(self) -> tuple[int, ...]:
        return (len(self._numbers), *self._images.shape[1:])

    @property
    def identity(self) -> str:
        chosen = hashlib.sha256(np.ascontiguousarray(self._numbers, "<i8").data).hexdigest()
        return f"{chosen} of {self._images.identity}"

    def read(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        return self._images.read(self._numbers[numbers])

    def encoded(self, number: int) -> bytes | None:
        return self._images.encoded(int(self._numbers[number]))

    def digests(self) -> list[bytes]:
        digests = self._images.digests()
        return [digests[number] for number in self._numbers]

    def rows(self, numbers: NDArray[np.integer]) -> ImageReader:
        return SomeImages(self._images, self._numbers[numbers])
