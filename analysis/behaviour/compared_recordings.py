"""The recording that is compared, or one for each level of a factor: a night of sleep, and as long awake."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pandas as pd

from ...data.wording import nearest, one_of
from .conditions import condition_table
from .report import Source

if TYPE_CHECKING:
    from ...data.behaviour import Dataset
    from ...data.recording import ModelInfo, Recording

ALONE = ""
"""Level of a recording that has all conditions itself."""


def opened_recordings(
    recording: Recording | str | os.PathLike[str] | Mapping[str, Recording | str | os.PathLike[str]], data: Dataset
) -> dict[str, Recording]:
    """Recordings by the level that each of them is, or the only one.

    Raises
    ------
    ValueError
        Several are given for a data set of several factors, or for levels that it does not have.
    """
    if not isinstance(recording, Mapping):
        return {ALONE: _opened(recording)}
    if len(data.factors) != 1:
        raise ValueError(
            f'the data set "{data.name}" has the factors {", ".join(data.factors)}; '
            "a recording for each level is compared with data sets of one factor only"
        )
    levels = [str(level) for level in data.conditions[data.factors[0]]]
    for level in recording:
        if level not in levels:
            raise ValueError(
                f'"{level}" is no {data.factors[0]} of the data set "{data.name}"; expected {one_of(levels)}.'
                f"{nearest(level, levels)}"
            )
    return {level: _opened(given) for level, given in recording.items()}


def common_models(recordings: Mapping[str, Recording]) -> dict[str, ModelInfo]:
    """Models that every recording has, in the order of the first."""
    by_recording = [recording.models for recording in recordings.values()]
    common = {name: info for name, info in by_recording[0].items() if all(name in models for models in by_recording)}
    if not common:
        raise ValueError(f"the recordings have no model in common: {'; '.join(map(', '.join, by_recording))}")
    return common


def conditions_of(
    recordings: Mapping[str, Recording], data: Dataset, model: str, where: Mapping[str, Any]
) -> pd.DataFrame:
    """Scores of a model in the conditions of the data set, see `condition_table`."""
    if ALONE in recordings:
        return condition_table(recordings[ALONE], data, model, where=where)
    factor = data.factors[0]
    tables = [
        condition_table(recording, data, model, where={**where, factor: level})
        for level, recording in recordings.items()
    ]
    return pd.concat(tables, ignore_index=True)


def source_of(recordings: Mapping[str, Recording], data: Dataset) -> Source:
    """What the report says of the recordings.

    Raises
    ------
    ValueError
        Several recordings have different seeds: subject k would be another person in each.
    """
    first, *others = recordings.values()
    for other in others:
        if other.seed != first.seed:
            raise ValueError(
                f"{first.path} has seed {first.seed} and {other.path} has seed {other.seed}; expected one seed, so "
                "that subject k meets the same items in both"
            )
    every = recordings.values()
    unfinished = [recording.status for recording in every if recording.status != "complete"]
    return Source(
        path=", ".join(str(recording.path) for recording in every),
        protocol=", ".join(dict.fromkeys(recording.protocol_name for recording in every)),
        seed=first.seed,
        versions=first.versions,
        status=unfinished[0] if unfinished else "complete",
        declared=any(recording.protocol_name in data.protocols for recording in every),
    )


def _opened(recording: Recording | str | os.PathLike[str]) -> Recording:
    from ...data.recording import open_recording

    return open_recording(recording) if isinstance(recording, (str, os.PathLike)) else recording
