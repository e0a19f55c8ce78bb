"""Metrics of continual learners for `metrics`, each null with its reason."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from .circuit_metrics import Metric, plain
from .continual import SCORES, accuracy_matrix, names_untaught
from .learner_table import continual_table
from .recorded_performance import in_shares, recorded_responses
from .tasks import share_items, tasks_of

if TYPE_CHECKING:
    from ..data.recording import Recording

# name of the metric -> column of the table
CONTINUAL_METRICS = {
    **{name: name for name in SCORES},
    "bytes": "bytes",
    "image_passes": "image_passes",
    "updates": "updates",
    "psnr": "psnr",
    "bpp": "bits_per_pixel",
    "corruption_accuracy": "corruption_accuracy",
    "auroc": "auroc",
    "aupr": "aupr",
    "fpr95": "fpr95",
    "ece": "ece",
}

COUNTS = ("bytes", "image_passes", "updates")


@dataclass(frozen=True)
class Missing:
    """A metric that a model or a protocol does not have."""

    reason: str


def continual_metrics(recording: Recording, performance: xr.DataArray) -> dict[str, dict[str, Metric | Missing]]:
    """Metrics of every model of a protocol with tasks, and of every deep learner; means over subjects."""
    if not performance.sizes["probe"]:
        return {}
    tasks = tasks_of(recording.presentations(), recording.phases())
    streams = {name: recording.streams(name) for name in map(str, performance["model"].values)}
    models = [name for name in streams if "costs" in streams[name] or (not tasks.empty and in_shares(recording, name))]
    if not models:
        return {}
    table = continual_table(recording)
    why = _Reasons(recording, performance, tasks, table)
    found: dict[str, dict[str, Metric | Missing]] = {}
    for model in models:
        means = table[table["model"] == model].mean(numeric_only=True)
        values = {metric: _plain(metric, means.get(column)) for metric, column in CONTINUAL_METRICS.items()}
        found[model] = {
            metric: Missing(why.of(model, metric)) if value is None else value for metric, value in values.items()
        }
    return found


class _Reasons:
    """Why a metric is null."""

    def __init__(
        self, recording: Recording, performance: xr.DataArray, tasks: pd.DataFrame, table: pd.DataFrame
    ) -> None:
        self._recording, self._tasks, self._table = recording, tasks, table
        self._shared = share_items(tasks)
        self._matrix = None
        if not tasks.empty and not self._shared:
            self._matrix = accuracy_matrix(performance, tasks, recorded_responses(recording))

    def of(self, model: str, metric: str) -> str:
        if metric in SCORES:
            return self._of_score(model, metric)
        streams = self._recording.streams(model)
        if metric in ("bytes", "psnr", "bpp"):
            if "episodic" not in streams:
                return "it has no store; what it learns again from the data set itself is not counted"
            stored = self._table[self._table["model"] == model]
            if stored["bytes"].isna().all():
                return "nothing is stored yet"
            exact = np.isinf(stored["psnr"]).any()
            return "its store keeps images as they are, without error" if exact else "its store gives no images back"
        if metric in ("image_passes", "updates"):
            return "nothing is learned yet" if "costs" in streams else "it records no costs"
        if metric == "corruption_accuracy":
            return "no corrupted images were tested: a probe with corruptions does"
        if metric in ("auroc", "aupr", "fpr95"):
            return "no images of unknown classes were tested: a probe with unknown does, if there are any"
        return "no calibration was measured"

    def _of_score(self, model: str, metric: str) -> str:
        if self._tasks.empty:
            return "the protocol has no tasks: all items are taught together"
        if self._shared and metric not in ("average_incremental", "last"):
            return "the tasks share their items"
        if self._matrix is None:
            return "not every task is tested yet"
        of_model = self._matrix.sel(model=[model])
        learned = of_model.values.diagonal(axis1=2, axis2=3)
        if pd.isna(learned).any():
            return "not every task is tested yet"
        if metric == "fwt":
            before = of_model.values.diagonal(offset=1, axis1=2, axis2=3)
            if pd.isna(before).all():
                return "items are not asked for before they are taught"
            if not names_untaught(of_model).any():
                return "it names no item before it is taught, as it has no output for it"
        return "items of earlier tasks were not all asked for again"


def _plain(metric: str, value: float | None) -> Metric:
    number = None if value is None else plain(value)
    return int(number) if metric in COUNTS and number is not None and number.is_integer() else number
