"""Images kept as they are."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .codec import Codec, Symbols

if TYPE_CHECKING:
    from torch import Tensor

    from .spec import Shape


class RawCodec(Codec):
    """One byte for each channel of each pixel; reconstruction is exact.

    Parameters
    ----------
    shape : tuple of int
        (height, width), or (height, width, 3).

    Examples
    --------
    >>> codec = RawCodec((1, 2))
    >>> image = np.array([[[7, 9]]], np.uint8)
    >>> codec.pack(codec.quantise(image), 0)
    b'\\x07\\t'
    """

    def __init__(self, shape: Shape) -> None:
        self._shape = channels_first(shape)
        self.record_bytes = math.prod(shape)

    def quantise(self, originals: NDArray) -> Symbols:
        if originals.ndim == 4:
            return np.ascontiguousarray(originals.transpose(0, 3, 1, 2))
        return originals[:, None]

    def pack(self, symbols: Symbols, version: int) -> bytes:
        return np.ascontiguousarray(symbols).tobytes()

    def unpack(self, data: bytes, count: int, version: int) -> Symbols:
        return np.frombuffer(data, np.uint8).reshape(count, *self._shape)

    def working(self, symbols: Symbols, version: int) -> Tensor:
        import torch

        return torch.from_numpy(np.array(symbols))

    def reconstruct(self, working: Tensor, version: int) -> Tensor:
        return working


def channels_first(shape: Shape) -> tuple[int, int, int]:
    """(channel, height, width) of an image of (height, width) or (height, width, channel)."""
    return (shape[2] if len(shape) == 3 else 1, shape[0], shape[1])
