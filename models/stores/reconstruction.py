"""How well recalled images resemble those that they were made from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from .store import EpisodicStore

PEAK = 255.0
AT_ONCE = 64
"""Images compared at a time."""


@dataclass(frozen=True)
class Reconstruction:
    """How well recalled items resemble their originals, and at what rate.

    Attributes
    ----------
    psnr : float
        Peak signal-to-noise ratio of all sampled pixels together, dB; infinite where nothing is lost, NaN where the
        store holds features.
    bits_per_pixel : float
        Bits of codes for each pixel of an image; decoders and tables are not in it.
    """

    psnr: float
    bits_per_pixel: float


def compare(store: EpisodicStore, images: Any, sample: int, rng: np.random.Generator) -> Reconstruction:
    """Hold items of a store against their originals.

    Parameters
    ----------
    store : EpisodicStore
    images : uint8 array or ImageReader
        What its `sources` are indices of.
    sample : int
        Items to compare, drawn evenly.
    rng : numpy.random.Generator

    Returns
    -------
    Reconstruction
    """
    if not len(store):
        return Reconstruction(psnr=float("nan"), bits_per_pixel=float("nan"))
    bits = 8 * store.bytes_by_part()["codes"] / (len(store) * store.shape[0] * store.shape[1])
    known = np.flatnonzero(store.sources >= 0)
    if store.gives == "features" or not len(known):
        return Reconstruction(psnr=float("nan"), bits_per_pixel=bits)
    items = np.sort(rng.permutation(known)[:sample])
    squares, numbers = 0.0, 0
    for start in range(0, len(items), AT_ONCE):
        some = items[start : start + AT_ONCE]
        original = np.asarray(images[store.sources[some]], np.float64)
        recalled = store.read(some).cpu().numpy().transpose(0, 2, 3, 1).reshape(original.shape)
        squares += float(np.square(original - recalled).sum())
        numbers += original.size
    psnr = float("inf") if squares == 0 else 10 * np.log10(PEAK**2 * numbers / squares)
    return Reconstruction(psnr=float(psnr), bits_per_pixel=bits)
