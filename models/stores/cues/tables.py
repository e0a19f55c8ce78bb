"""Tables of whole numbers by which cues are entropy-coded."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

TOTAL = 1 << 16
"""What the counts of a channel add up to."""
TAIL = 2.0**-15
"""Probability on either side of a table that is left to the escape."""
REACH = 127
"""Symbols of cues lie within this distance of their channel's median, so that each fits a byte."""
ESCAPE_BITS = 32
"""Bits in which a symbol outside of its table is written out."""


@dataclass(frozen=True)
class Tables:
    """How often each symbol of each channel is expected, in whole numbers that add up to 65,536.

    Attributes
    ----------
    first : int16 array, [channel]
        Lowest symbol of each table.
    counts : tuple of uint16 arrays, one for each channel
        Of the symbols from the lowest on, and last of the *escape*, which stands for every symbol outside. All are at
        least 1.

    Examples
    --------
    >>> tables = Tables(np.array([-1], np.int16), (np.array([16384, 32768, 16383, 1], np.uint16),))
    >>> tables.bits(np.array([[-1, 0, 0]]))
    4.0
    >>> Tables.from_bytes(tables.to_bytes(), channels=1)[0].first.tolist()
    [-1]
    """

    first: NDArray[np.int16]
    counts: tuple[NDArray[np.uint16], ...]

    @classmethod
    def of_masses(cls, symbols: NDArray[np.int64], masses: NDArray[np.float64]) -> Tables:
        """Tables that follow the probabilities of symbols as nearly as whole numbers can.

        Parameters
        ----------
        symbols : int64 array, [symbol]
            Without gaps.
        masses : float64 array, [channel, symbol]
            Their probabilities; what a row lacks to 1 lies outside, half on either side.

        Returns
        -------
        Tables

        Examples
        --------
        >>> Tables.of_masses(np.arange(-1, 2), np.array([[0.25, 0.5, 0.25]])).counts[0].tolist()
        [16384, 32767, 16384, 1]
        """
        firsts, counts = [], []
        for row in masses:
            outside = max(0.0, 1.0 - row.sum()) / 2
            below, above = outside + np.cumsum(row), outside + np.cumsum(row[::-1])[::-1]
            inside = np.flatnonzero((below > TAIL) & (above > TAIL))
            kept = slice(inside[0], inside[-1] + 1) if inside.size else slice(row.argmax(), row.argmax() + 1)
            wanted = np.append(row[kept], max(1.0 - row[kept].sum(), 0.0)) * TOTAL
            whole = np.maximum(np.rint(wanted), 1).astype(np.int64)
            whole[whole.argmax()] += TOTAL - whole.sum()
            firsts.append(symbols[kept.start])
            counts.append(whole.astype(np.uint16))
        return cls(np.array(firsts, np.int16), tuple(counts))

    def places(self, symbols: NDArray) -> NDArray[np.int32]:
        """Place of each symbol [channel, symbol] in its table; that of the escape where it lies outside."""
        places = symbols.astype(np.int64) - self.first[:, None]
        escape = self.escapes[:, None]
        return np.where((places < 0) | (places >= escape), escape, places).astype(np.int32)

    @property
    def escapes(self) -> NDArray[np.int64]:
        """Place of the escape in each table [channel]."""
        return np.array([len(row) - 1 for row in self.counts])

    def bits(self, symbols: NDArray) -> float:
        """Bits of symbols [channel, symbol] by these tables, escapes included."""
        places, total = self.places(symbols), 0.0
        for row, own in zip(self.counts, places, strict=True):
            met = np.bincount(own, minlength=len(row))
            total += float(met @ (np.log2(TOTAL) - np.log2(row.astype(np.float64)))) + ESCAPE_BITS * int(met[-1])
        return total

    def to_bytes(self) -> bytes:
        """The tables as they lie on disk: lowest symbols, lengths, counts, each number in two bytes."""
        lengths = np.array([len(row) for row in self.counts])
        return b"".join(
            column.astype("<u2").tobytes() for column in (self.first.view(np.uint16), lengths, *self.counts)
        )

    @classmethod
    def from_bytes(cls, data: bytes, channels: int) -> tuple[Tables, int]:
        """Tables at the beginning of ``data``, and how many bytes they take.

        Raises
        ------
        ValueError
            There are none.
        """
        numbers = np.frombuffer(data[: len(data) // 2 * 2], "<u2")
        lengths = numbers[channels : 2 * channels].astype(np.int64)
        ends = 2 * channels + np.cumsum(lengths)
        if len(lengths) < channels or ends[-1] > len(numbers):
            raise ValueError(f"tables of {channels} channels are cut short: {len(data):,} bytes")
        counts = tuple(np.split(numbers[2 * channels : ends[-1]].astype(np.uint16), ends[:-1] - 2 * channels))
        if any(len(row) < 2 or row.min() < 1 or row.sum(dtype=np.int64) != TOTAL for row in counts):
            raise ValueError(f"these are no tables of cues: the counts of a channel do not add up to {TOTAL:,}")
        return cls(numbers[:channels].view("<i2").astype(np.int16), counts), 2 * int(ends[-1])
