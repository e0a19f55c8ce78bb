"""Metrics of circuits, and of protocols with nights and lesions, for `metrics`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from .consolidation import INTACT, night_of_phases, recall_over_nights
from .recorded_circuits import cortical_projections, is_circuit, recorded_stages
from .sleep_replay import replay_by_night
from .weight_changes import downscaling

if TYPE_CHECKING:
    from ..data.recording import Recording

Metric = float | list[float | None] | None
HIPPOCAMPUS = "hippocampus"


def recall_metrics(recording: Recording, performance: xr.DataArray) -> dict[str, dict[str, Metric]]:
    """``intact_recall`` and ``lesioned_recall`` by night, from before the first, where there are nights or lesions.

    Lesioned is the hippocampus, or what else the protocol lesions if only that.
    """
    if not has_nights_or_lesions(recording, performance):
        return {}
    nights, probed = night_of_phases(recording.phases()), lesioned_probes(performance)
    table = recall_over_nights(performance, recording.phases())
    lesions = list(dict.fromkeys(probed))
    lesion = HIPPOCAMPUS if HIPPOCAMPUS in lesions else lesions[0] if len(lesions) == 1 else None
    found: dict[str, dict[str, Metric]] = {}
    for model in map(str, performance["model"].values):
        rows = table[table["model"] == model]
        found[model] = {"intact_recall": _by_night(rows, INTACT, int(nights.max()))}
        if lesion is not None:
            found[model]["lesioned_recall"] = _by_night(rows, lesion, int(nights.max()))
    return found


def replay_metrics(recording: Recording) -> dict[str, dict[str, Metric]]:
    """Bursts, replay and down-scaling of every circuit, where the protocol has nights."""
    if not callable(getattr(recording, "populations", None)):
        return {}
    kinds = set(recording.phases()["kind"]) if "kind" in recording.phases() else set()
    circuits = [str(name) for name in dict.fromkeys(recording.subjects()["model"]) if is_circuit(recording, str(name))]
    if not circuits or not kinds & {"sleep", "rest"}:
        return {}
    nights, stages = replay_by_night(recording, circuits), recorded_stages(recording, circuits)
    changes = downscaling(stages)
    found: dict[str, dict[str, Metric]] = {}
    for model in circuits:
        rows = nights[nights["model"] == model]
        metrics: dict[str, Metric] = {}
        if any(stream.startswith("spikes/") for stream in recording.streams(model)):
            metrics["burst_rate"] = _mean(rows, "per_simulated_second")
            metrics["burst_median_ms"] = _mean(rows, "median_ms")
            metrics["burst_match"] = _mean(rows, "matched")
            nulls = [_mean(rows, "null_shuffled"), _mean(rows, "null_random")]
            metrics["burst_match_null"] = max((null for null in nulls if null is not None), default=None)
            metrics["replay_cv"] = _mean(rows, "cv")
        if "stages" in recording.streams(model):
            cortical = changes["projection"].isin(cortical_projections(recording.circuit(model)))
            metrics["downscaling"] = _mean(changes[(changes["model"] == model) & cortical], "change")
        found[model] = metrics
    return found


def has_nights_or_lesions(recording: Recording, performance: xr.DataArray) -> bool:
    """Whether recall over nights is a question to this recording."""
    if not performance.sizes["probe"] or not {"phase", "lesion"} <= set(performance.coords):
        return False
    return bool(lesioned_probes(performance)) or night_of_phases(recording.phases()).max() > 0


def lesioned_probes(performance: xr.DataArray) -> list[str]:
    """The lesion of every probe that has one."""
    return [str(name) for name in performance["lesion"].values if name not in ("", INTACT)]


def plain(value: float) -> float | None:
    """A number in JSON: single precision holds no more than six digits, and NaN is None."""
    return round(float(value), 6) if math.isfinite(value) else None


def _by_night(recall: pd.DataFrame, lesion: str, last: int) -> list[float | None]:
    means = recall[recall["lesion"] == lesion].groupby("night")["recall"].mean()
    return [plain(value) for value in means.reindex(range(last + 1))]


def _mean(table: pd.DataFrame, column: str) -> float | None:
    """Mean over the nights of each subject, then over subjects."""
    if table.empty:
        return None
    return plain(table.astype({column: float}).groupby("subject")[column].mean().mean())
