"""What each corruption does to images; see `corruptions`.

Images are float32 [image, height, width, channel] from 0 to 1, and may leave that range. `scale` is the side of an
image over that of the reference, by which lengths in pixels are multiplied.
"""

from __future__ import annotations

import io
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from .image_filters import convolved, disk, displaced, line, rough_field, smooth_field, smoothed, squeezed, zoomed

Images = NDArray[np.float32]
Rng = np.random.Generator

ICE = np.array([0.80, 0.90, 1.0], np.float32)


def change(kind: str, images: Images, severity: int, scale: float, rng: Rng) -> Images:
    """Images with a corruption of a severity from 1 to 5."""
    return _KINDS[kind](images, severity - 1, scale, rng)


# --- noise


def _gaussian_noise(images: Images, level: int, scale: float, rng: Rng) -> Images:
    return images + (0.08, 0.12, 0.18, 0.26, 0.38)[level] * rng.standard_normal(images.shape, dtype=np.float32)


def _shot_noise(images: Images, level: int, scale: float, rng: Rng) -> Images:
    photons = (60, 25, 12, 5, 3)[level]
    return (rng.poisson(images * photons) / photons).astype(np.float32)


def _impulse_noise(images: Images, level: int, scale: float, rng: Rng) -> Images:
    share = (0.03, 0.06, 0.09, 0.17, 0.27)[level]
    draw = rng.random(images.shape, dtype=np.float32)
    return np.where(draw < share / 2, np.float32(0), np.where(draw < share, np.float32(1), images))


# --- blur


def _defocus_blur(images: Images, level: int, scale: float, rng: Rng) -> Images:
    return convolved(images, disk((3, 4, 6, 8, 10)[level] * scale))


def _glass_blur(images: Images, level: int, scale: float, rng: Rng) -> Images:
    reach = (1.0, 1.6, 2.2, 3.0, 4.0)[level] * np.sqrt(scale)
    blur = (0.7, 0.9, 1.0, 1.2, 1.5)[level] * scale
    images = smoothed(images, blur)
    for _ in range(2):
        shifts = rng.uniform(-reach, reach, (2, *images.shape[:3])).astype(np.float32)
        images = displaced(images, *shifts)
    return smoothed(images, blur)


def _motion_blur(images: Images, level: int, scale: float, rng: Rng) -> Images:
    reach, spread = ((10, 3), (15, 5), (15, 8), (15, 12), (20, 15))[level]
    angles = rng.uniform(-np.pi / 4, np.pi / 4, len(images))
    return convolved(images, line(reach * scale, spread * scale, angles))


def _zoom_blur(images: Images, level: int, scale: float, rng: Rng) -> Images:
    furthest = (1.11, 1.16, 1.21, 1.26, 1.31)[level]
    zooms = np.linspace(1, furthest, 12)
    mean: Images = np.mean([zoomed(images, zoom) for zoom in zooms], axis=0, dtype=np.float32)
    return mean


# --- weather


def _snow(images: Images, level: int, scale: float, rng: Rng) -> Images:
    share = (0.012, 0.018, 0.025, 0.033, 0.042)[level]
    flake = (3.0, 3.0, 3.5, 4.0, 4.0)[level] * scale
    fall = (6, 7, 8, 9, 10)[level] * scale
    haze = (0.15, 0.22, 0.29, 0.36, 0.43)[level]
    angles = rng.uniform(np.pi / 4, 3 * np.pi / 4, len(images))
    flakes = np.zeros((*images.shape[:3], 1), np.float32)
    for _ in range(2):  # near and far
        noise = smooth_field(rng, images.shape[:3], max(flake / 2, 0.4))
        edge = np.quantile(noise, 1 - share, axis=(1, 2), keepdims=True)
        fallen = np.clip((noise - edge) * 3, 0, 1)[..., None]
        flakes = np.maximum(flakes, convolved(fallen, line(fall, fall, angles)))
    grey = images.mean(axis=3, keepdims=True)
    hazy = (1 - haze) * images + haze * np.maximum(images, 0.5 + 0.5 * grey)
    snowy: Images = hazy + 2 * flakes
    return snowy


def _frost(images: Images, level: int, scale: float, rng: Rng) -> Images:
    cover = (0.35, 0.55, 0.75, 0.95, 1.15)[level]
    veins = 1 - np.abs(rough_field(rng, images.shape[:3], 1.6))  # ridges where a rough field goes through zero
    patches = smooth_field(rng, images.shape[:3], 30 * scale)
    crystals = np.clip(0.35 + 0.5 * veins + 0.25 * patches, 0, 1)[..., None]
    mask = np.clip(cover * crystals, 0, 0.95).astype(np.float32)
    ice = ICE if images.shape[3] == 3 else np.full(1, ICE.mean(), np.float32)
    frozen = (1 - mask) * images + mask * ice * (0.7 + 0.3 * crystals)
    return frozen.astype(np.float32, copy=False)


def _fog(images: Images, level: int, scale: float, rng: Rng) -> Images:
    depth = (0.5, 0.75, 1.0, 1.3, 1.7)[level]
    field = rough_field(rng, images.shape[:3], (2.0, 1.9, 1.8, 1.7, 1.6)[level])
    seen = np.exp(-depth * np.exp(0.5 * field))[..., None]  # what comes through, thicker here and thinner there
    foggy: Images = seen * images + (1 - seen) * np.float32(0.8)
    return foggy


# --- digital


def _brightness(images: Images, level: int, scale: float, rng: Rng) -> Images:
    value = images.max(axis=3, keepdims=True)  # V of hue, saturation, value
    brighter = np.minimum(value + (0.1, 0.2, 0.3, 0.4, 0.5)[level], 1)
    return np.where(value > 0, images * (brighter / np.maximum(value, 1e-6)), brighter)


def _contrast(images: Images, level: int, scale: float, rng: Rng) -> Images:
    mean = images.mean(axis=(1, 2), keepdims=True)
    paler: Images = mean + (0.4, 0.3, 0.2, 0.1, 0.05)[level] * (images - mean)
    return paler


def _elastic_transform(images: Images, level: int, scale: float, rng: Rng) -> Images:
    reach = (2.5, 4.0, 5.5, 7.5, 10.0)[level] * scale
    shifts = [reach * smooth_field(rng, images.shape[:3], 14 * scale) for _ in range(2)]
    return displaced(images, *shifts)


def _pixelate(images: Images, level: int, scale: float, rng: Rng) -> Images:
    return squeezed(images, (0.6, 0.5, 0.4, 0.3, 0.25)[level])


def _jpeg_compression(images: Images, level: int, scale: float, rng: Rng) -> Images:
    from PIL import Image

    from .corruptions import to_bytes

    quality = (25, 18, 15, 10, 7)[level]
    decoded = np.empty_like(images)
    for number, image in enumerate(to_bytes(images)):
        file = io.BytesIO()
        Image.fromarray(image[..., 0] if image.shape[2] == 1 else image).save(file, "JPEG", quality=quality)
        with Image.open(file) as again:
            decoded[number] = np.asarray(again, np.float32).reshape(image.shape) / 255
    return decoded


_KINDS: dict[str, Callable[[Images, int, float, Rng], Images]] = {
    "gaussian_noise": _gaussian_noise,
    "shot_noise": _shot_noise,
    "impulse_noise": _impulse_noise,
    "defocus_blur": _defocus_blur,
    "glass_blur": _glass_blur,
    "motion_blur": _motion_blur,
    "zoom_blur": _zoom_blur,
    "snow": _snow,
    "frost": _frost,
    "fog": _fog,
    "brightness": _brightness,
    "contrast": _contrast,
    "elastic_transform": _elastic_transform,
    "pixelate": _pixelate,
    "jpeg_compression": _jpeg_compression,
}
