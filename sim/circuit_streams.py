"""What a circuit streams to its recording: spikes, rates, segments of simulated time, stages of sleep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..data.recording.stream_layout import StreamLayout
from ..protocols import RecordSpec

SEGMENT_COLUMNS = {
    "phase": "<i4",
    "stage": "S16",
    "item": "<i4",
    "lesion": "S64",
    "cycle": "<i4",
    "start": "<f8",
    "stop": "<f8",
}
STAGE_COLUMNS = {
    "phase": "<i4",
    "cycle": "<i4",
    "stage": "S8",
    "projection": "S64",
    "strong": "<i8",
    "before": "<f8",
    "after": "<f8",
}
Rows = dict[str, NDArray]


def stream_layouts(record: RecordSpec, populations: Mapping[str, int], plastic: Sequence[str]) -> list[StreamLayout]:
    """Tables that grow while a circuit is simulated.

    Parameters
    ----------
    record : RecordSpec
    populations : mapping of str to int
        Sizes.
    plastic : sequence of str
        Projections that learn.

    Returns
    -------
    list of StreamLayout
    """
    layouts = [StreamLayout(name="segments", columns=SEGMENT_COLUMNS, units={"start": "s", "stop": "s"})]
    if plastic:
        layouts.append(StreamLayout(name="stages", columns=STAGE_COLUMNS))
    if record.spikes == "all":
        columns = {"timestamps": "<f8", "node_ids": "<i4"}
        layouts += [
            StreamLayout(name=f"spikes/{name}", columns=columns, units={"timestamps": "s"}) for name in populations
        ]
    if record.rates is not None:
        layouts.append(
            StreamLayout(
                name="rates",
                columns={"time": "<f8", **dict.fromkeys(populations, "<f4")},
                units={"time": "s", **dict.fromkeys(populations, "Hz")},
                attributes={"bin": record.rates.seconds},
            )
        )
    for name, cells in watched(record, populations).items():
        layouts.append(
            StreamLayout(
                name=f"states/{name}",
                columns={"time": "<f8", "values": "<f4"},
                widths={"values": len(cells)},
                units={"time": "s"},
                attributes={"node_ids": cells},
            )
        )
    return layouts


def watched(record: RecordSpec, populations: Mapping[str, int]) -> dict[str, NDArray[np.int32]]:
    """Cells of which a variable is recorded, by ``population.variable``."""
    if record.states is None:
        return {}
    sizes = {name: populations[name.partition(".")[0]] for name in record.states.of}
    return {name: np.arange(min(record.states.cells, size), dtype=np.int32) for name, size in sizes.items()}


class CircuitRows:
    """Rows of one subject that wait to be written.

    Parameters
    ----------
    record : RecordSpec
    populations : mapping of str to int
        Sizes.
    """

    def __init__(self, record: RecordSpec, populations: Mapping[str, int]) -> None:
        self._record = record
        self._populations = populations
        self._rows: dict[str, list[Rows]] = {}
        self._bin = 0  # the first whose rate is not written
        self._counts = np.zeros((0, len(populations)), dtype=np.int64)  # of it and the next ones

    def add(self, stream: str, **columns: ArrayLike) -> None:
        """One row, or several as arrays."""
        self._rows.setdefault(stream, []).append({name: np.atleast_1d(values) for name, values in columns.items()})

    def add_spikes(self, spikes: Mapping[str, tuple[NDArray[np.float64], NDArray[np.int32]]], now: float) -> None:
        """Spikes since the last call, by population: times in s, and cells; ``now`` is the time they run up to."""
        if self._record.spikes == "all":
            for name, (times, cells) in spikes.items():
                if len(times):
                    self.add(f"spikes/{name}", timestamps=times, node_ids=cells.astype(np.int32))
        if self._record.rates is not None:
            self._add_rates({name: times for name, (times, _) in spikes.items()}, now, self._record.rates.seconds)

    def _add_rates(self, times: Mapping[str, NDArray[np.float64]], now: float, width: float) -> None:
        last = int(np.ceil(now / width - 1e-6))
        room = np.zeros((max(last - self._bin - len(self._counts), 0), len(self._populations)), dtype=np.int64)
        self._counts = np.concatenate([self._counts, room])
        for column, name in enumerate(self._populations):
            # Times are sums of many steps: one that should lie on an edge may lie a rounding error before it.
            bins = np.floor(times.get(name, np.zeros(0)) / width + 1e-6).astype(np.int64) - self._bin
            self._counts[:, column] += np.bincount(bins, minlength=len(self._counts))[: len(self._counts)]
        whole = int(np.floor(now / width + 1e-6)) - self._bin
        if whole <= 0:
            return
        rates = self._counts[:whole] / (width * np.array(list(self._populations.values())))
        self.add(
            "rates",
            time=(self._bin + np.arange(whole)) * width,
            **{name: rates[:, column].astype(np.float32) for column, name in enumerate(self._populations)},
        )
        self._bin += whole
        self._counts = self._counts[whole:]

    def drain(self) -> list[tuple[int, str, Rows]]:
        """All rows, stream by stream; they are forgotten here."""
        rows, self._rows = self._rows, {}
        return [
            (0, stream, {name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
            for stream, parts in rows.items()
        ]

    def state(self) -> Rows:
        """What the next rows depend on."""
        return {"rates/bin": np.array(self._bin), "rates/counts": self._counts.copy()}

    def load_state(self, state: Mapping[str, NDArray]) -> None:
        """Go back to a state; rows that wait are dropped."""
        counts = state["rates/counts"]
        if counts.ndim != 2 or counts.shape[1] != len(self._populations) or counts.dtype.kind != "i":
            raise ValueError(f"rates/counts has shape {list(counts.shape)}; expected [bin, {len(self._populations)}]")
        self._rows = {}
        self._bin, self._counts = int(state["rates/bin"]), counts.copy()
