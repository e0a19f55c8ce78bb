"""Entropy coding of cues: whole numbers to bytes and back, without loss."""

from __future__ import annotations

import struct
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .tables import TOTAL, Tables


def _stream() -> Any:
    try:
        import constriction
    except ImportError:
        raise ImportError(
            "cues are entropy-coded by constriction; install it with: pip install 'engram[deep]'"
        ) from None
    return constriction.stream


class EntropyCoder:
    """Codes blocks of cues with a range coder, each channel by its own table.

    A block is a count of escaped symbols, those symbols, and the words of the range coder. Its bytes depend on the
    tables and the symbols alone.

    Parameters
    ----------
    tables : Tables

    Examples
    --------
    >>> coder = EntropyCoder(Tables.of_masses(np.arange(-1, 2), np.array([[0.25, 0.5, 0.25]])))
    >>> cues = np.array([0, 1, -1, 0, 100_000]).reshape(5, 1, 1, 1)
    >>> data = coder.encode(cues)
    >>> coder.decode(data, (5, 1, 1, 1)).ravel().tolist()
    [0, 1, -1, 0, 100000]
    """

    def __init__(self, tables: Tables) -> None:
        self.tables = tables

    @cached_property
    def _models(self) -> list[Any]:
        # Multiples of 2^-16 are exact in floating point, so equal tables make equal models everywhere.
        categorical = _stream().model.Categorical
        return [categorical((row / TOTAL).astype(np.float64), perfect=False) for row in self.tables.counts]

    def encode(self, cues: NDArray) -> bytes:
        """Bytes of cues.

        Parameters
        ----------
        cues : int array, [item, channel, height, width]
            Within 32 bits.
        """
        symbols = np.ascontiguousarray(cues.swapaxes(0, 1)).reshape(cues.shape[1], -1)
        if symbols.size and max(abs(int(symbols.min())), abs(int(symbols.max()))) >= 2**31:
            raise ValueError("symbols of cues are whole numbers of at most 32 bits")
        places = self.tables.places(symbols)
        escaped = symbols[places == self.tables.escapes[:, None]].astype("<i4")
        encoder = _stream().queue.RangeEncoder()
        for model, row in zip(self._models, places, strict=True):
            encoder.encode(row, model)
        words: bytes = encoder.get_compressed().astype("<u4").tobytes()
        block: bytes = struct.pack("<I", len(escaped)) + escaped.tobytes() + words
        return block

    def decode(self, data: bytes, shape: tuple[int, int, int, int]) -> NDArray[np.int32]:
        """Cues of a block.

        Parameters
        ----------
        data : bytes
            What `encode` gave.
        shape : tuple of int
            (item, channel, height, width).

        Raises
        ------
        ValueError
            The bytes are no such block.
        """
        items, channels, height, width = shape
        damaged = ValueError(f"{len(data):,} bytes are no block of {items:,} cues by these tables")
        if len(data) < 4 or len(data) % 4:
            raise damaged
        count = struct.unpack_from("<I", data)[0]
        if 4 + 4 * count > len(data):
            raise damaged
        escaped = np.frombuffer(data, "<i4", count, offset=4)
        decoder = _stream().queue.RangeDecoder(np.frombuffer(data, "<u4", offset=4 + 4 * count).astype(np.uint32))
        each = items * height * width
        try:
            places = np.stack([decoder.decode(model, each) for model in self._models])
        except Exception as error:  # constriction's own kinds of failure are all of damaged bytes
            raise damaged from error
        symbols = places + self.tables.first[:, None].astype(np.int32)
        outside = places == self.tables.escapes[:, None]
        if outside.sum() != count or not decoder.maybe_exhausted():
            raise damaged
        symbols[outside] = escaped
        return np.ascontiguousarray(symbols.reshape(channels, items, height, width).swapaxes(0, 1))
