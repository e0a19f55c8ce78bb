"""Copies of stored items in working memory, so that recalling them does not touch the disk."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

FIRST_ROWS = 1024


class WorkingCopies:
    """Rows of one tensor on the device, handed out to items until a stated number of bytes is reached.

    Items are drawn evenly, so none is worth more than another: a copy that has a row keeps it until its item is gone.

    Parameters
    ----------
    limit : int
        Bytes.
    device : torch.device
    """

    def __init__(self, limit: int, device: torch.device) -> None:
        self._limit = limit
        self._device = device
        self._rows: Tensor | None = None
        self._used = 0
        self._free: list[int] = []

    @property
    def nbytes(self) -> int:
        """Bytes that are set aside."""
        return 0 if self._rows is None else self._rows.nbytes

    def put(self, copies: Tensor) -> NDArray[np.int64]:
        """Hold copies, as far as there is room.

        Parameters
        ----------
        copies : Tensor, [item, ...]

        Returns
        -------
        int64 array, [item]
            Row of each; -1 where there was no room.
        """
        rows = np.full(len(copies), -1, np.int64)
        again = min(len(self._free), len(rows))
        rows[:again] = [self._free.pop() for _ in range(again)]
        capacity = self._limit // max(1, copies[0].nbytes) if len(copies) else 0
        new = min(len(rows) - again, max(0, capacity - self._used))
        rows[again : again + new] = np.arange(self._used, self._used + new)
        self._used += new
        if (held := again + new) > 0:
            self._grow(copies, capacity)
            assert self._rows is not None
            self._rows[torch.from_numpy(rows[:held]).to(self._device)] = copies[:held].to(self._device)
        return rows

    def take(self, rows: NDArray[np.int64]) -> Tensor:
        """Copies by row, [item, ...], on the device."""
        assert self._rows is not None
        return self._rows.index_select(0, torch.from_numpy(rows).to(self._device))

    def free(self, rows: NDArray[np.int64]) -> None:
        """Let go of rows; -1 is none."""
        self._free += rows[rows >= 0].tolist()

    def clear(self) -> None:
        """Let go of all."""
        self._rows, self._used, self._free = None, 0, []

    def _grow(self, like: Tensor, capacity: int) -> None:
        held = 0 if self._rows is None else len(self._rows)
        if held >= self._used:
            return
        size = min(capacity, max(FIRST_ROWS, self._used, 2 * held))
        grown = torch.empty((size, *like.shape[1:]), dtype=like.dtype, device=self._device)
        if self._rows is not None:
            grown[:held] = self._rows
        self._rows = grown
