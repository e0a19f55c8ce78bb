"""Tables of unknown length: spikes, segments of simulated time, rates, states; losses, costs, images."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ..wording import one_of
from .group_names import check_group_name

BLOCK_BYTES = 2**18  # by which a stream grows, all of its columns together
FIXED_GROUPS = ("items", "presentations", "probes", "curves", "weights", "assemblies")  # of every subject
LARGEST_ARRAY = 60_000  # bytes of an attribute; HDF5 refuses 64 KiB and more

_COLUMN_KIND = re.compile(r"<[if][248]|\|u1|S[1-9][0-9]{0,3}")


@dataclass(frozen=True, kw_only=True)
class StreamLayout:
    """A table of every subject that grows while the run goes on.

    Parameters
    ----------
    name : str
        One or two names of groups, such as ``"segments"`` or ``"spikes/C"``.
    columns : mapping of str to str
        Kind of each column: ``"<f8"``, ``"<f4"``, ``"<i4"``, ``"<i8"`` ..., ``"|u1"`` for whole numbers from 0 to
        255 (pixels), or ``"S16"`` for texts of at most 16 bytes of UTF-8.
    widths : mapping of str to int
        Values per row of the columns that hold more than one.
    units : mapping of str to str
        Units of columns that have any.
    attributes : mapping of str to str, number or ndarray
        What else is said of the stream: texts, numbers, and one-dimensional arrays of at most 60,000 bytes.
    block_bytes : int, optional
        By how much the stream of a subject grows at most, all columns together; 256 KiB by default. Less where there
        are many subjects with few rows each.

    Raises
    ------
    ValueError
        If a name cannot stand in a path, belongs to another table, or a kind, width or attribute cannot be stored.

    Examples
    --------
    >>> spikes = StreamLayout(
    ...     name="spikes/C", columns={"timestamps": "<f8", "node_ids": "<i4"}, units={"timestamps": "s"}
    ... )
    >>> spikes.row_bytes, spikes.block
    (12, 16384)
    """

    name: str
    columns: Mapping[str, str]
    widths: Mapping[str, int] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    attributes: Mapping[str, str | float | np.ndarray] = field(default_factory=dict)
    block_bytes: int | None = None

    def __post_init__(self) -> None:
        parts = self.name.split("/") if isinstance(self.name, str) else []
        if not 1 <= len(parts) <= 2 or parts[0] in FIXED_GROUPS:
            raise ValueError(
                f"stream {self.name!r}: expected one or two names such as 'segments' or 'spikes/C', "
                f"not beginning with {one_of(FIXED_GROUPS)}"
            )
        for part in parts:
            check_group_name("stream", part)
        if self.block_bytes is not None and not 1 <= self.block_bytes <= BLOCK_BYTES:
            raise ValueError(f"stream {self.name}: grows by {self.block_bytes} bytes, expected 1 to {BLOCK_BYTES}")
        if not self.columns:
            raise ValueError(f"stream {self.name}: expected at least one column")
        for column, kind in self.columns.items():
            check_group_name(f"stream {self.name}: column", column)
            if not _COLUMN_KIND.fullmatch(kind):
                raise ValueError(
                    f"stream {self.name}: column {column} of kind {kind!r}, "
                    "expected such as '<f8', '<i4', '|u1' or 'S16'"
                )
        for what in ("widths", "units"):
            for column in getattr(self, what):
                if column not in self.columns:
                    raise ValueError(f'stream {self.name}: {what} of "{column}", it has {one_of(self.columns)}')
        for column, width in self.widths.items():
            if not isinstance(width, int) or width < 1 or self.columns[column].startswith("S"):
                raise ValueError(
                    f"stream {self.name}: {column} with {width} values per row, expected numbers, 1 or more per row"
                )
        for name, value in self.attributes.items():
            check_group_name(f"stream {self.name}: attribute", name)
            array = np.asarray(value)
            if name == "rows" or (array.dtype.kind not in "iuf" and not isinstance(value, str)) or array.ndim > 1:
                raise ValueError(f"stream {self.name}: attribute {name} cannot be stored, expected text or numbers")
            if array.nbytes > LARGEST_ARRAY:
                raise ValueError(
                    f"stream {self.name}: attribute {name} has {array.nbytes} bytes, expected at most {LARGEST_ARRAY}"
                )

    @property
    def row_bytes(self) -> int:
        """Size of one row over all columns, in bytes."""
        return sum(np.dtype(kind).itemsize * self.widths.get(column, 1) for column, kind in self.columns.items())

    @property
    def block(self) -> int:
        """Rows by which the stream grows: a power of two, 256 KiB together at most."""
        return int(2 ** max(0, math.floor(math.log2((self.block_bytes or BLOCK_BYTES) / self.row_bytes))))
