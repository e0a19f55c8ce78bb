"""Images brought to one size, and to grey or RGB."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import Literal, TypeAlias

import numpy as np
from numpy.typing import NDArray

from .image_files import is_grey

MAX_DECODED_BYTES = 8 * 2**30
"""Largest set of images held, in bytes of pixels."""

Color = Literal["auto", "grey", "rgb"]

ManyImages: TypeAlias = Sequence[NDArray[np.uint8]] | NDArray[np.uint8]
"""Images [height, width] or [height, width, 3], one by one or as one array."""


def uniform_images(parts: Sequence[ManyImages], size: int | None, color: Color) -> list[NDArray[np.uint8]]:
    """Images of all parts in one shape.

    Parameters
    ----------
    parts : sequences of uint8 arrays, [height, width] or [height, width, 3]
        Images of each part.
    size : int or None
        Height and width to bring every image to: its centre square, resized (bilinear). None: as they are.
    color : {"auto", "grey", "rgb"}
        ``auto`` is ``rgb`` if any image of any part has colour.

    Returns
    -------
    list of uint8 array, [image, height, width] or [image, height, width, 3]

    Raises
    ------
    ValueError
        If the images have several sizes and none is given, or would take more than `MAX_DECODED_BYTES`.

    Examples
    --------
    >>> grey, coloured = np.zeros((4, 6), np.uint8), np.array([[[1, 2, 3]]], np.uint8)
    >>> [part.shape for part in uniform_images([[grey, grey], [coloured]], size=2, color="auto")]
    [(2, 2, 2, 3), (1, 2, 2, 3)]
    """
    height, width = (size, size) if size is not None else _common_size(parts)
    if color == "auto":
        color = "grey" if all(is_grey(image) for part in parts for image in part) else "rgb"
    shape = (height, width) if color == "grey" else (height, width, 3)
    needed = sum(len(part) for part in parts) * math.prod(shape)
    if needed > MAX_DECODED_BYTES:
        raise ValueError(
            f"{sum(len(part) for part in parts):,} images of {height} × {width} pixels take {needed:,} bytes; "
            f"at most {MAX_DECODED_BYTES:,} are held. A smaller size helps, or engram pack"
        )
    made = []
    for part in parts:
        images = np.empty((len(part), *shape), np.uint8)
        for number, image in enumerate(part):
            fitted = fit_image(image, size) if size is not None else image
            images[number] = recolored(fitted, color)
        made.append(images)
    return made


def fit_image(image: NDArray[np.uint8], size: int) -> NDArray[np.uint8]:
    """Centre square of an image, resized (bilinear) to size × size.

    Examples
    --------
    >>> fit_image(np.array([[0, 5, 5, 0], [0, 5, 5, 0]], np.uint8), 2).tolist()
    [[5, 5], [5, 5]]
    """
    from PIL import Image

    height, width = image.shape[:2]
    if (height, width) == (size, size):
        return image
    side = min(height, width)
    left, top = (width - side) / 2, (height - side) / 2
    # Cut before resizing: a strip of 1 × 10⁶ pixels must not grow to size × size·10⁶.
    box = (left, top, left + side, top + side)
    resized = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR, box=box)
    return np.asarray(resized)


def recolored(image: NDArray[np.uint8], color: str) -> NDArray[np.uint8]:
    """An image, [height, width] or [height, width, 3], made grey, or ready to be broadcast to three channels.

    Examples
    --------
    >>> recolored(np.array([[[0, 90, 0]]], np.uint8), "grey"), recolored(np.zeros((1, 1), np.uint8), "rgb").shape
    (array([[53]], dtype=uint8), (1, 1, 1))
    """
    if color == "rgb":
        return image if image.ndim == 3 else image[..., None]
    if image.ndim == 2:
        return image
    from PIL import Image

    return np.asarray(Image.fromarray(image).convert("L"))


def _common_size(parts: Sequence[ManyImages]) -> tuple[int, int]:
    sizes = Counter(image.shape[:2] for part in parts for image in part)
    if len(sizes) > 1:
        named = ", ".join(f"{height} × {width} ({count} images)" for (height, width), count in sizes.most_common(3))
        (height, width), _ = sizes.most_common(1)[0]
        raise ValueError(
            f"the images have {len(sizes)} sizes: {named}{' ...' if len(sizes) > 3 else ''}; "
            f"give size, for example size: {min(height, width)}"
        )
    ((height, width),) = sizes
    return height, width
