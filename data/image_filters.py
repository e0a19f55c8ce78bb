"""Blurs, displacements and random fields for whole batches of images, at lengths that may be fractions of a pixel.

Images are float32 [image, height, width, channel]; beyond their edges they are mirrored.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Images = NDArray[np.float32]
Fields = NDArray[np.float32]  # [image, height, width]
Kernels = NDArray[np.float32]  # [size, size], or [image, size, size] for one each; sizes are odd


def convolved(images: Images, kernels: Kernels) -> Images:
    """Images through a kernel, or each through its own.

    Examples
    --------
    >>> image = np.zeros((1, 3, 3, 1), np.float32)
    >>> image[0, 1, 1] = 1
    >>> convolved(image, np.full((3, 3), 1 / 9, np.float32)).round(2)[0, 0, :, 0]
    array([0.11, 0.11, 0.11], dtype=float32)
    """
    from scipy import fft

    half = kernels.shape[-1] // 2
    _, height, width, _ = images.shape
    padded = np.pad(images, ((0, 0), (half, half), (half, half), (0, 0)), mode="symmetric")
    shape = [fft.next_fast_len(size + 2 * half, real=True) for size in (height, width)]
    spectrum = fft.rfft2(padded, s=shape, axes=(1, 2))
    spectrum *= fft.rfft2(kernels, s=shape)[..., None]
    whole = fft.irfft2(spectrum, s=shape, axes=(1, 2))
    return np.ascontiguousarray(whole[:, 2 * half : 2 * half + height, 2 * half : 2 * half + width])


def disk(radius: float) -> Kernels:
    """Kernel of a defocused lens: an even disk, averaged over the pixels on which it falls.

    Examples
    --------
    >>> disk(0.5).shape, disk(3.0).shape
    ((5, 5), (9, 9))
    """
    steps = (np.arange(-32, 32) + 0.5) / 32
    y, x = np.meshgrid(steps, steps, indexing="ij")
    inside = y**2 + x**2 <= 1
    fine = 1 + int(radius // 8)  # points no further apart than a pixel
    spread = (np.arange(fine) + 0.5) / fine - 0.5
    offsets = spread * radius / 32
    ys = (radius * y[inside])[:, None, None] + offsets[:, None]
    xs = (radius * x[inside])[:, None, None] + offsets
    ys, xs = np.broadcast_arrays(ys, xs)
    kernel: Kernels = _splat(ys.reshape(1, -1), xs.reshape(1, -1), np.ones(ys.size), int(np.ceil(radius)) + 1)[0]
    return kernel


def line(reach: float, spread: float, angles: NDArray[np.float64]) -> Kernels:
    """Kernels of a movement along a line: Gaussian weights of width `spread`, cut at `reach`; [angle, size, size].

    Examples
    --------
    >>> line(2.0, 1e9, np.array([0.0])).round(1)[0, 3]
    array([0. , 0.1, 0.2, 0.2, 0.2, 0.1, 0. ], dtype=float32)
    """
    points = 1 + 2 * max(16, int(np.ceil(4 * reach)))
    places = np.linspace(-1, 1, points)
    weights = np.exp(-((places * reach) ** 2) / (2 * max(spread, 1e-6) ** 2))
    weights[[0, -1]] /= 2
    ys = reach * places * np.sin(angles)[:, None]
    xs = reach * places * np.cos(angles)[:, None]
    return _splat(ys, xs, weights, int(np.ceil(reach)) + 1)


def _splat(ys: NDArray, xs: NDArray, weights: NDArray, half: int) -> Kernels:
    """Points [kernel, point] with their weights [point], dealt out to the four pixels around each."""
    size = 2 * half + 1
    kernels = np.zeros((len(ys), size * size))
    rows, columns = np.floor(ys).astype(np.int64), np.floor(xs).astype(np.int64)
    down, right = ys - rows, xs - columns
    for below in (0, 1):
        for beside in (0, 1):
            share = weights * np.abs(1 - below - down) * np.abs(1 - beside - right)
            place = (rows + below + half) * size + columns + beside + half
            for kernel, (where, what) in enumerate(zip(place, share, strict=True)):
                kernels[kernel] += np.bincount(where, weights=what, minlength=size * size)[: size * size]
    kernels /= kernels.sum(axis=1, keepdims=True)
    return kernels.reshape(-1, size, size).astype(np.float32)


def smoothed(images: Images, width: float) -> Images:
    """Images through a Gaussian filter of a width in pixels."""
    from scipy.ndimage import gaussian_filter

    filtered: Images = gaussian_filter(images, (0, width, width, 0), mode="reflect")
    return filtered


def displaced(images: Images, down: Fields, right: Fields) -> Images:
    """Every pixel from a place so far below and to the right of it, between pixels interpolated.

    Examples
    --------
    >>> image = np.arange(3, dtype=np.float32).reshape(1, 1, 3, 1)
    >>> displaced(image, np.zeros((1, 1, 3)), np.full((1, 1, 3), 0.5))[0, 0, :, 0].tolist()
    [0.5, 1.5, 1.5]
    """
    count, height, width, _ = images.shape
    rows = _mirrored(np.arange(height, dtype=np.float32)[:, None] + down, height)
    columns = _mirrored(np.arange(width, dtype=np.float32) + right, width)
    top, left = rows.astype(np.int64), columns.astype(np.int64)
    bottom, beside = np.minimum(top + 1, height - 1), np.minimum(left + 1, width - 1)
    lower, later = (rows - top)[..., None].astype(np.float32), (columns - left)[..., None].astype(np.float32)
    number = np.arange(count)[:, None, None]
    above = (1 - later) * images[number, top, left] + later * images[number, top, beside]
    below = (1 - later) * images[number, bottom, left] + later * images[number, bottom, beside]
    between: Images = (1 - lower) * above + lower * below
    return between


def _mirrored(places: NDArray, size: int) -> NDArray:
    """Places between the first pixel and the last, those beyond mirrored at them."""
    if size == 1:
        return np.zeros_like(places)
    period = 2 * (size - 1)
    # rounding may put a place just beyond the last pixel
    inside: NDArray = np.clip(size - 1 - np.abs(np.mod(places, period) - (size - 1)), 0, size - 1)
    return inside


def zoomed(images: Images, zoom: float) -> Images:
    """The middle of images, enlarged to their size."""
    return _separable(images, [_enlarging(size, zoom) for size in images.shape[1:3]])


def squeezed(images: Images, share: float) -> Images:
    """Images brought to a share of their pixels along a side, each then drawn as a square with soft edges.

    Examples
    --------
    >>> squeezed(np.array([[[[0], [1]], [[2], [3]]]], np.float32), 0.5)[0, :, :, 0].tolist()
    [[1.5, 1.5], [1.5, 1.5]]
    """
    return _separable(images, [_squeezing(size, max(1, round(size * share))) for size in images.shape[1:3]])


def _separable(images: Images, matrices: Sequence[NDArray]) -> Images:
    """Images with their rows, then their columns, mixed by matrices [new, old]."""
    rows, columns = (matrix.astype(np.float32) for matrix in matrices)
    mixed = np.tensordot(images, rows, axes=([1], [1]))  # [image, width, channel, row]
    return np.ascontiguousarray(np.tensordot(mixed, columns, axes=([1], [1])).transpose(0, 2, 3, 1))


def _enlarging(size: int, zoom: float) -> NDArray:
    centre = (size - 1) / 2
    places = centre + (np.arange(size) - centre) / zoom
    first = np.minimum(places.astype(int), max(size - 2, 0))
    later = places - first
    matrix = np.zeros((size, size))
    matrix[np.arange(size), first] = 1 - later
    matrix[np.arange(size), np.minimum(first + 1, size - 1)] += later
    return matrix


def _squeezing(size: int, fewer: int) -> NDArray:
    edges = np.arange(fewer + 1) * size / fewer
    pixels = np.arange(size)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    shared = np.clip(overlap, 0, None)  # [square, pixel]
    matrix: NDArray = shared.T @ shared * fewer / size
    return matrix


def smooth_field(rng: np.random.Generator, shape: tuple[int, int, int], width: float) -> Fields:
    """Gaussian noise, smoothed to a width in pixels, with a variance of 1; [image, height, width]."""
    from scipy.ndimage import gaussian_filter

    field = gaussian_filter(rng.standard_normal(shape, dtype=np.float32), (0, width, width), mode="wrap")
    return _standardised(field)


def rough_field(rng: np.random.Generator, shape: tuple[int, int, int], exponent: float) -> Fields:
    """Noise whose amplitude falls with a power of the frequency, with a variance of 1; [image, height, width]."""
    from scipy import fft

    _, height, width = shape
    frequency = np.hypot(np.fft.fftfreq(height)[:, None] * height, np.fft.rfftfreq(width) * width)
    amplitude = np.where(frequency > 0, np.maximum(frequency, 1) ** -exponent, 0).astype(np.float32)
    spectrum = fft.rfft2(rng.standard_normal(shape, dtype=np.float32)) * amplitude
    return _standardised(fft.irfft2(spectrum, s=(height, width)))


def _standardised(field: Fields) -> Fields:
    around_0 = field - field.mean(axis=(1, 2), keepdims=True)
    of_variance_1: Fields = around_0 / np.maximum(around_0.std(axis=(1, 2), keepdims=True), 1e-6)
    return of_variance_1
