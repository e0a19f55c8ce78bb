"""What a deep learner records, in tables that grow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from ...data.recording.stream_layout import StreamLayout

COLUMNS: dict[str, dict[str, str]] = {
    "costs": {"phase": "<i4", "updates": "<i8", "image_passes": "<i8", "forward_passes": "<i8"},
    "losses": {"phase": "<i4", "epoch": "<i4", "loss": "<f4"},
    "episodic": {
        "phase": "<i4",
        "items": "<i8",
        "classes": "<i4",
        "codes_bytes": "<i8",
        "parameter_bytes": "<i8",
        "other_bytes": "<i8",
        "total_bytes": "<i8",
        "working_bytes": "<i8",
        "psnr": "<f4",
        "bits_per_pixel": "<f4",
    },
    "evaluations": {"phase": "<i4", "name": "S64", "value": "<f8"},
}
UNITS = {"psnr": "dB", "codes_bytes": "B", "parameter_bytes": "B", "other_bytes": "B", "total_bytes": "B"}


def stream_layouts(image_shape: Sequence[int], has_store: bool, recalls_images: bool) -> list[StreamLayout]:
    """Tables of one subject of a deep learner.

    Parameters
    ----------
    image_shape : sequence of int
        Of the pool: (height, width) or (height, width, 3).
    has_store, recalls_images : bool
        Whether the learner has a store, and one that gives images back.

    Returns
    -------
    list of StreamLayout
    """
    names = [name for name in COLUMNS if name != "episodic" or has_store]
    layouts = [
        StreamLayout(
            name=name,
            columns=COLUMNS[name],
            units={column: unit for column, unit in UNITS.items() if column in COLUMNS[name]},
        )
        for name in names
    ]
    if recalls_images:
        height, width, channels = (*image_shape, 1)[:3]
        pixels = math.prod(image_shape)
        layouts.append(
            StreamLayout(
                name="recollections",
                columns={"phase": "<i4", "label": "<i4", "original": "|u1", "recalled": "|u1"},
                widths={"original": pixels, "recalled": pixels},
                attributes={"height": height, "width": width, "channels": channels},
            )
        )
    return layouts


class DeepRows:
    """Rows recorded since they were last asked for."""

    def __init__(self) -> None:
        self._rows: dict[str, list[Mapping[str, object]]] = {}

    def add(self, stream: str, **values: object) -> None:
        """Add one row to a stream."""
        self._rows.setdefault(stream, []).append(values)

    def evaluation(self, phase: int, name: str, value: float) -> None:
        """Add the result of an evaluation."""
        self.add("evaluations", phase=phase, name=name.encode(), value=value)

    def drain(self) -> list[tuple[int, str, Mapping[str, NDArray]]]:
        """All rows, as `Session.drain` gives them."""
        drained: list[tuple[int, str, Mapping[str, NDArray]]] = []
        for stream, rows in self._rows.items():
            kinds = COLUMNS.get(stream, {"phase": "<i4", "label": "<i4", "original": "|u1", "recalled": "|u1"})
            columns = {name: np.array([row[name] for row in rows], dtype=kind) for name, kind in kinds.items()}
            drained.append((0, stream, columns))
        self._rows = {}
        return drained
