"""What learning took: updates, image passes and seconds of every phase, and the bytes that are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

if TYPE_CHECKING:
    from ..data.recording import Recording

COSTS = ("updates", "image_passes", "forward_passes")
BYTES = ("codes_bytes", "parameter_bytes", "other_bytes", "total_bytes", "working_bytes")
MEMORY = ("items", "classes", *BYTES, "psnr", "bits_per_pixel")


def costs_by_phase(recording: Recording) -> pd.DataFrame:
    """What each wake and sleep step cost each subject.

    Parameters
    ----------
    recording : engram.data.recording.Recording
        An opened recording.

    Returns
    -------
    pandas.DataFrame
        One row per step that is done: ``model``, ``subject``, ``phase``, ``kind``, ``label``, ``list`` (of the step),
        ``updates`` (of the optimiser), ``image_passes`` (images forward and backward), ``forward_passes`` (images
        forward alone) and ``seconds`` (wall time of the step; NaN where not recorded). No rows for models that record
        no costs.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> costs = engram.analysis.costs_by_phase(engram.open("runs/stream.h5"))  # doctest: +SKIP
    >>> costs.groupby(["model", "subject", "kind"])["image_passes"].sum()  # doctest: +SKIP
    """
    table = gathered(recording, "costs", COSTS)
    seconds = {model: recording.seconds(model) for model in table["model"].unique()}
    took = [seconds[m][k, p] for m, k, p in zip(table["model"], table["subject"], table["phase"], strict=True)]
    steps = recording.phases().set_index("index")[["kind", "label", "list"]]
    told = table[["model", "subject", "phase"]].join(steps, on="phase")
    return told.join(table[list(COSTS)]).assign(seconds=pd.Series(took, dtype=float))


def memory_by_phase(recording: Recording) -> pd.DataFrame:
    """What the episodic store of each subject held after each step that changed it.

    Parameters
    ----------
    recording : engram.data.recording.Recording
        An opened recording.

    Returns
    -------
    pandas.DataFrame
        ``model``, ``subject``, ``phase``, ``items``, ``classes``, ``codes_bytes``, ``parameter_bytes`` (decoders),
        ``other_bytes`` (index, labels), ``total_bytes`` (all that is stored), ``working_bytes`` (caches in memory
        beside it), ``psnr`` (dB) and ``bits_per_pixel``, NaN where the store gives no images back. No rows for models
        without a store.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> engram.analysis.memory_by_phase(engram.open("runs/stream.h5")).groupby("model").last()  # doctest: +SKIP
    """
    return gathered(recording, "episodic", MEMORY)


def gathered(recording: Recording, stream: str, columns: tuple[str, ...]) -> pd.DataFrame:
    """One growing table of every subject of every model that has it, below each other."""
    subjects = recording.subjects()
    parts = [
        recording.table(model, subject, stream).assign(model=model, subject=subject)
        for model in map(str, subjects["model"].unique())
        if stream in recording.streams(model)
        for subject in subjects.loc[subjects["model"] == model, "subject"]
    ]
    order = ["model", "subject", "phase", *columns]
    if not parts:
        return pd.DataFrame({name: pd.Series(dtype=object if name == "model" else float) for name in order})
    return pd.concat(parts, ignore_index=True)[order]
