"""The spikes of a group, as they come."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class SpikeTape:
    """Keeps the spikes of each time step until they are taken.

    It stands in the place of Brian2's ``SpikeMonitor``, which runs code of its own at every step, whether anything
    spikes or not: a quarter of the time of a small network.

    Parameters
    ----------
    group : brian2.NeuronGroup
    t : numpy.ndarray
        The present time in seconds, as the network's clock holds it.
    """

    def __init__(self, group: Any, t: NDArray[np.float64]) -> None:
        self._size = len(group)
        self._spiking: NDArray[np.int32] = group.variables["_spikespace"].get_value()  # cells; how many stands last
        self._t = t
        self._times: list[float] = []
        self._cells: list[NDArray[np.int32]] = []

    def __call__(self) -> None:
        """Keep the spikes of this time step."""
        count = self._spiking[-1]
        if count:
            self._times.append(self._t[0])
            self._cells.append(self._spiking[:count].copy())

    def __len__(self) -> int:
        """Time steps with spikes that are kept."""
        return len(self._times)

    def counts(self, since: int) -> NDArray[np.int64]:
        """Spikes of each cell, [cell], without those of the first so many kept steps."""
        return np.bincount(_joined(self._cells[since:]), minlength=self._size)

    def take(self) -> tuple[NDArray[np.float64], NDArray[np.int32]]:
        """Times in seconds, and cells; they are forgotten here."""
        times = np.repeat(np.array(self._times, dtype=np.float64), [len(cells) for cells in self._cells])
        cells = _joined(self._cells)
        self._times.clear()
        self._cells.clear()
        return times, cells


def _joined(parts: list[NDArray[np.int32]]) -> NDArray[np.int32]:
    return np.concatenate(parts) if parts else np.zeros(0, np.int32)
