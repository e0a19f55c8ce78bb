"""Images kept as JPEG files, decoded when they are asked for."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from typing import overload

import numpy as np
from numpy.typing import NDArray

from ..image_files import MAX_PIXELS
from ..uniform_images import fit_image
from .reader import ImageReader


class EncodedImages(ImageReader):
    """Images of one shape that are kept as JPEG files (abstract). Subclasses give `encoded`, `called` and `identity`.

    Parameters
    ----------
    count : int
        Number of images.
    size : int
        Height and width to bring every image to: its centre square, resized (bilinear).
    color : bool
        Whether images have three channels; without, they are made grey.
    """

    def __init__(self, count: int, size: int, color: bool) -> None:
        self._count, self._size, self._color = count, size, color

    @property
    def shape(self) -> tuple[int, ...]:
        return (self._count, self._size, self._size, *([3] if self._color else []))

    @abstractmethod
    def encoded(self, number: int) -> bytes:
        """One image as the JPEG file that it is kept as."""

    @abstractmethod
    def called(self, number: int) -> str:
        """What to call an image in a message."""

    def read(self, numbers: NDArray[np.int64]) -> NDArray[np.uint8]:
        images = np.empty((len(numbers), *self.shape[1:]), np.uint8)
        for place, number in enumerate(numbers):
            data = self.encoded(int(number))
            try:
                images[place] = decode_jpeg(data, self._size, self._color)
            except ValueError as error:
                raise ValueError(f"{self.called(int(number))}: {error}") from None
        return images


def decode_jpeg(data: bytes, size: int, color: bool) -> NDArray[np.uint8]:
    """Pixels of a JPEG file as a square of a size.

    An image that is at least twice too large is decoded at a half, quarter or eighth of its size, which is faster.

    Parameters
    ----------
    data : bytes
    size : int
        Height and width.
    color : bool
        Whether to give three channels or one.

    Returns
    -------
    uint8 array, [size, size, 3] or [size, size]

    Raises
    ------
    ValueError
        If it is no JPEG file, damaged or too large.
    ImportError
        If simplejpeg is not installed.

    Examples
    --------
    >>> decode_jpeg(encode_jpeg(np.full((4, 4), 7, np.uint8), 90), 2, color=False)
    array([[7, 7],
           [7, 7]], dtype=uint8)
    """
    simplejpeg = _simplejpeg()
    height, width, _, _ = simplejpeg.decode_jpeg_header(data)
    if height * width > MAX_PIXELS:
        raise ValueError(f"{width:,} × {height:,} pixels; at most {MAX_PIXELS:,} are read")
    pixels = simplejpeg.decode_jpeg(
        data, colorspace="RGB" if color else "GRAY", min_height=size, min_width=size, min_factor=1
    )
    return fit_image(pixels if color else pixels[..., 0], size)


def encode_jpeg(image: NDArray[np.uint8], quality: int) -> bytes:
    """An image as a JPEG file.

    Parameters
    ----------
    image : uint8 array, [height, width] or [height, width, 3]
    quality : int
        1 to 100, as libjpeg counts. Colour is kept at half the resolution, as in most photographs.

    Returns
    -------
    bytes

    Raises
    ------
    ImportError
        If simplejpeg is not installed.

    Examples
    --------
    >>> encode_jpeg(np.zeros((8, 8, 3), np.uint8), 90)[:3]
    b'\\xff\\xd8\\xff'
    """
    encode = _simplejpeg().encode_jpeg
    if image.ndim == 2:
        made: bytes = encode(np.ascontiguousarray(image[..., None]), quality, "GRAY", "Gray")
    else:
        made = encode(np.ascontiguousarray(image), quality, "RGB", "420")
    return made


def _simplejpeg():  # type: ignore[no-untyped-def]
    try:
        import simplejpeg  # type: ignore[import-untyped]
    except ImportError:
        raise ImportError("images kept as JPEG need simplejpeg: pip install 'engram[deep]'") from None
    return simplejpeg


class NumberedNames(Sequence[str]):
    """Names that are made when they are asked for.

    Examples
    --------
    >>> list(NumberedNames("image", 2))
    ['image 0', 'image 1']
    """

    def __init__(self, called: str, count: int) -> None:
        self._called, self._count = called, count

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, number: int) -> str: ...
    @overload
    def __getitem__(self, number: slice) -> Sequence[str]: ...
    def __getitem__(self, number: int | slice) -> str | Sequence[str]:
        if isinstance(number, slice):
            return [self[place] for place in range(*number.indices(self._count))]
        if not -self._count <= number < self._count:
            raise IndexError(number)
        return f"{self._called} {number % self._count}"
