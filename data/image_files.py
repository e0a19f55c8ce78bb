"""One image file: from bytes that may be anything to grey or RGB pixels."""

from __future__ import annotations

import io
import warnings
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from PIL.Image import Image as PillowImage

IMAGE_SUFFIXES = frozenset(
    (".png", ".jpg", ".jpeg", ".jpe", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".pnm")
)
"""Endings of files that are taken for images."""

MAX_PIXELS = 64 * 2**20
"""Largest image decoded, in pixels."""

_ORIENTATION = 0x0112
"""EXIF's tag."""

# Named, so that no format that runs other programs (EPS) or fetches files is ever tried.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")


def decode_image(data: bytes) -> NDArray[np.uint8]:
    """Pixels of an image file.

    Transparent parts become black, 16-bit grey is scaled to 8 bits, palettes, CMYK and the like become RGB, and a
    photograph is turned as its camera says (EXIF). Where simplejpeg is installed, a JPEG file whose end is missing or
    whose code makes no sense is told from a sound one; BMP, TIFF and the like have nothing to tell it by.

    Parameters
    ----------
    data : bytes
        Content of a PNG, JPEG, BMP, GIF, TIFF, WebP or PPM file.

    Returns
    -------
    uint8 array, [height, width] or [height, width, 3]
        Two dimensions if the image is grey, however it is stored.

    Raises
    ------
    ValueError
        If it is empty, no image, damaged, cut short, animated or of several pages, or has more than `MAX_PIXELS`.

    Examples
    --------
    >>> decode_image(b"P5 2 1 255 " + bytes([7, 9]))
    array([[7, 9]], dtype=uint8)
    """
    from PIL import Image, UnidentifiedImageError

    if not data:
        raise ValueError("the file is empty")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)  # our own limit is lower
            with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
                _refuse_unusual(image)
                image.load()
                if image.format in ("JPEG", "MPO"):
                    _refuse_damaged_jpeg(data)
                if image.format == "PNG":  # the only format with checksums, which load() does not look at
                    Image.open(io.BytesIO(data), formats=("PNG",)).verify()
                return _pixels(image)
    except UnidentifiedImageError:
        raise ValueError("not an image") from None
    except Image.DecompressionBombError:
        raise ValueError(f"more than {MAX_PIXELS:,} pixels") from None
    except _UnusualImage as error:
        raise ValueError(str(error)) from None
    except Exception as error:  # Pillow meets damaged bytes with exceptions of many types
        raise ValueError(f"damaged or cut short ({error})") from None


class _UnusualImage(Exception):
    pass


def _refuse_unusual(image: PillowImage) -> None:
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _UnusualImage(f"{width:,} × {height:,} pixels; at most {MAX_PIXELS:,} are read")
    # Cameras store a preview as a second picture (MPO); the first one is the photograph.
    if getattr(image, "is_animated", False) and image.format != "MPO":
        raise _UnusualImage("animated or of several pages; expected one still image")


def _refuse_damaged_jpeg(data: bytes) -> None:
    """libjpeg fills in what is missing and says so; Pillow does not pass it on."""
    try:
        from simplejpeg import decode_jpeg  # type: ignore[import-untyped]
    except ImportError:
        return
    try:
        decode_jpeg(data, colorspace="GRAY", fastdct=True)
    except ValueError as error:
        # Surplus bytes between segments are common and do no harm; colours that do not become grey are no damage.
        if any(sign in str(error).lower() for sign in ("premature end", "bad huffman code")):
            raise


def is_turned(image: PillowImage) -> bool:
    """Whether a photograph is stored in another orientation than it is to be seen in (EXIF)."""
    return image.getexif().get(_ORIENTATION, 1) not in (0, 1)


def _pixels(image: PillowImage) -> NDArray[np.uint8]:
    from PIL import Image, ImageOps

    if is_turned(image):
        image = ImageOps.exif_transpose(image)
    if image.mode.startswith("I;16") or (image.mode == "I" and image.format in ("PNG", "PPM")):
        values = np.asarray(image).astype(np.int64)
        return ((values * 255 + 32767) // 65535).astype(np.uint8)
    if image.mode in ("I", "F"):
        raise _UnusualImage("32 bits per pixel; expected 8 or 16 per channel")
    if image.mode in ("1", "L") and "transparency" not in image.info:
        return np.array(image.convert("L"))
    if image.mode in ("RGBA", "LA", "PA", "La", "RGBa") or "transparency" in image.info:
        image = image.convert("RGBA")
        image = Image.alpha_composite(Image.new("RGBA", image.size, (0, 0, 0, 255)), image)
    rgb = np.array(image.convert("RGB"))
    return rgb[..., 0].copy() if is_grey(rgb) else rgb


def is_grey(image: NDArray[np.uint8]) -> bool:
    """Whether an image, [height, width] or [height, width, 3], has no colour.

    Examples
    --------
    >>> is_grey(np.full((2, 2, 3), 9, np.uint8)), is_grey(np.array([[[1, 2, 3]]], np.uint8))
    (True, False)
    """
    if image.ndim == 2:
        return True
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    return bool((red == green).all() and (green == blue).all())
