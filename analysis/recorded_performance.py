"""What a recording says of performance, ready for tables and figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

if TYPE_CHECKING:
    from ..data.recording import Recording


def sound_performance(recording: Recording) -> xr.DataArray:
    """Performance of a recording, with the subjects that failed set to NaN."""
    performance = recording.performance()
    subjects = recording.subjects()
    failed = subjects[subjects["status"] == "failed"]
    if failed.empty:
        return performance
    sound = xr.ones_like(performance.isel(probe=0, item=0, drop=True), dtype=bool).transpose("model", "subject")
    rows = pd.Index(sound["model"].values).get_indexer(failed["model"])
    columns = pd.Index(sound["subject"].values).get_indexer(failed["subject"])
    sound.values[rows, columns] = False
    return performance.where(sound)


def recorded_responses(recording: Recording) -> xr.DataArray | None:
    """Counts of responses, where the protocol has them recorded."""
    try:
        return recording.responses()
    except ValueError:
        return None


def in_shares(recording: Recording, model: str) -> bool:
    """Whether performance of a model is a share of test images, to which the shuffle test belongs, and not an AUC."""
    measure = getattr(recording, "measure", None)
    return measure is None or measure(model) == "share correct"
