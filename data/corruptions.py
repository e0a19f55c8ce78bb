"""The fifteen corruptions of ImageNet-C (Hendrycks & Dietterich 2019) at five severities, for images of any size.

What a single number names keeps the number of ImageNet-C (noise, radius of defocus, brightness, contrast, pixelation,
JPEG quality). Glass, snow, frost, fog and elastic transform are renderings of our own whose strength rises evenly with
the severity; frost has synthetic crystals in place of photographs. Motion blur is symmetric about a pixel, where that
of ImageNet-C is one-sided, and so 1.2 to 1.6 times as wide for its number. So accuracies can be compared between
models, sizes and severities, but not to the last point with published ones.

Lengths are given for images of 224 pixels and grow in proportion to the side of an image, its shorter one; those of
glass blur with the square root, since an exchange of pixels does nothing below a pixel. What has no length (noise,
brightness, contrast, JPEG quality) or is relative to the image (zoom, pixelation, fog) stays as it is.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from .wording import nearest, one_of

CORRUPTIONS = (
    "gaussian_noise",
    "shot_noise",
    "impulse_noise",
    "defocus_blur",
    "glass_blur",
    "motion_blur",
    "zoom_blur",
    "snow",
    "frost",
    "fog",
    "brightness",
    "contrast",
    "elastic_transform",
    "pixelate",
    "jpeg_compression",
)
"""Names of the corruptions: noise, blur, weather, digital."""

SEVERITIES = (1, 2, 3, 4, 5)

REFERENCE_SIDE = 224
"""Pixels along the side of an image for which lengths are given."""

_VALUES_AT_ONCE = 8_000_000


def corrupt(images: NDArray[np.uint8], kind: str, severity: int, rng: np.random.Generator | int) -> NDArray[np.uint8]:
    """Images with a corruption.

    Parameters
    ----------
    images : uint8 array, [image, height, width] or [image, height, width, 3]
        Grey or colour.
    kind : str
        One of `CORRUPTIONS`.
    severity : int
        1 to 5.
    rng : numpy.random.Generator or int
        The same images, kind, severity and state give the same result.

    Returns
    -------
    uint8 array
        Of the shape of `images`.

    Raises
    ------
    ValueError
        The kind or severity is unknown, or the array holds no such images.

    Examples
    --------
    >>> images = np.full((2, 8, 8), 100, np.uint8)
    >>> int(corrupt(images, "brightness", 3, 0)[0, 0, 0])
    177
    >>> corrupt(images, "fogg", 1, 0)  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    ValueError: no corruption "fogg". Did you mean "fog"? Known: ...
    """
    if kind not in CORRUPTIONS:
        raise ValueError(f'no corruption "{kind}".{nearest(kind, CORRUPTIONS)} Known: {one_of(CORRUPTIONS)}')
    if severity not in SEVERITIES:
        raise ValueError(f"severity: found {severity}; expected a whole number from 1 to 5")
    if images.dtype != np.uint8 or not (images.ndim == 3 or (images.ndim == 4 and images.shape[3] in (1, 3))):
        raise ValueError(
            f"images have shape {list(images.shape)} and type {images.dtype}; "
            "expected uint8 [image, height, width] or [image, height, width, 3]"
        )
    from .corruption_kinds import change

    rng = np.random.default_rng(rng)
    corrupted = np.empty_like(images)
    together = max(1, _VALUES_AT_ONCE // max(1, int(np.prod(images.shape[1:]))))
    for first in range(0, len(images), together):
        part = images[first : first + together]
        values = part.astype(np.float32).reshape(*part.shape[:3], -1) / np.float32(255)
        scale = min(part.shape[1:3]) / REFERENCE_SIDE
        values = change(kind, values, severity, scale, rng)
        corrupted[first : first + together] = to_bytes(values).reshape(part.shape)
    return corrupted


def to_bytes(values: NDArray[np.float32]) -> NDArray[np.uint8]:
    """Values from 0 to 1 as 0 to 255, rounded; what lies outside is clipped.

    Examples
    --------
    >>> to_bytes(np.array([-0.1, 0.5, 2.0]))
    array([  0, 128, 255], dtype=uint8)
    """
    return (np.clip(values, 0, 1) * 255 + 0.5).astype(np.uint8)
