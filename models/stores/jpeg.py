"""Images kept as JPEG, without the tables that all files of a quality share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from .codec import Codec, Symbols
from .raw import channels_first

if TYPE_CHECKING:
    from torch import Tensor

    from .spec import Shape

END = b"\xff\xd9"
WORTH_THREADS = 64 * 64
"""Pixels of an image from which on decoding takes longer than handing it to a thread."""


class JpegCodec(Codec):
    """Baseline JPEG of a stated quality (libjpeg-turbo; colour halved along both sides).

    The quantisation and Huffman tables, a few hundred bytes, are the same for all images of one shape and quality. They
    are kept once, as the codec's parameters, and each item holds its own scan only.

    Parameters
    ----------
    shape : tuple of int
        (height, width), or (height, width, 3).
    quality : int
        From 1 to 100.
    threads : int

    Examples
    --------
    >>> codec = JpegCodec((8, 8), quality=75)
    >>> grey = np.full((1, 8, 8), 128, np.uint8)
    >>> scan = codec.pack(codec.quantise(grey), 0)
    >>> len(scan), bool((codec.working(codec.unpack(scan, 1, 0), 0).numpy() == 128).all())
    (1, True)
    """

    def __init__(self, shape: Shape, quality: int, threads: int = 1) -> None:
        self._jpeg = _simplejpeg()
        self._shape = channels_first(shape)
        self._quality = quality
        self._threads = threads if shape[0] * shape[1] >= WORTH_THREADS else 1
        black, noise = np.zeros(shape, np.uint8), np.random.default_rng(0).integers(0, 256, shape, np.uint8)
        self._head = _shared_start(self._encode(black), self._encode(noise))

    def quantise(self, originals: NDArray) -> Symbols:
        head = len(self._head)
        return [np.frombuffer(data[head : -len(END)], np.uint8) for data in self._map(self._encode, originals)]

    def pack(self, symbols: Symbols, version: int) -> bytes:
        return b"".join(scan.tobytes() for scan in symbols)

    def unpack(self, data: bytes, count: int, version: int) -> Symbols:
        return [np.frombuffer(data, np.uint8)]

    def working(self, symbols: Symbols, version: int) -> Tensor:
        import torch

        images = np.empty((len(symbols), *self._shape), np.uint8)
        for image, decoded in zip(images, self._map(self._decode, symbols), strict=True):
            image[:] = decoded.transpose(2, 0, 1)
        return torch.from_numpy(images)

    def reconstruct(self, working: Tensor, version: int) -> Tensor:
        return working

    def parameters(self, version: int) -> bytes:
        return self._head

    def least_bytes(self) -> int:
        return len(self._head) + 1

    def load_parameters(self, version: int, data: bytes) -> None:
        if data != self._head:
            raise ValueError("its JPEG tables are not those of this shape and quality")

    def _encode(self, image: NDArray[np.uint8]) -> bytes:
        grey = image.ndim == 2
        pixels = np.ascontiguousarray(image[..., None] if grey else image)
        data: bytes = self._jpeg.encode_jpeg(
            pixels,
            quality=self._quality,
            colorspace="GRAY" if grey else "RGB",
            colorsubsampling="Gray" if grey else "420",
        )
        return data

    def _decode(self, scan: NDArray[np.uint8]) -> NDArray[np.uint8]:
        data = self._head + scan.tobytes() + END
        image: NDArray[np.uint8] = self._jpeg.decode_jpeg(data, "GRAY" if self._shape[0] == 1 else "RGB")
        return image

    def _map(self, work: Callable[[Any], Any], given: Iterable[Any]) -> Iterator[Any]:
        if self._threads == 1:
            yield from map(work, given)
            return
        with ThreadPoolExecutor(self._threads) as pool:
            yield from pool.map(work, given)


def _shared_start(first: bytes, second: bytes) -> bytes:
    """Everything up to the scan, which is where the entropy-coded data begin."""
    scan = first.index(b"\xff\xda")
    end = scan + 2 + int.from_bytes(first[scan + 2 : scan + 4], "big")
    if first[:end] != second[:end]:
        raise RuntimeError("this build of libjpeg writes tables of its own for every image; expected shared ones")
    return first[:end]


def _simplejpeg() -> Any:
    try:
        import simplejpeg  # type: ignore[import-untyped]
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "a store of JPEGs needs the package simplejpeg: pip install 'engram[deep]'", name="simplejpeg"
        ) from None
    return simplejpeg
