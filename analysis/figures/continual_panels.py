"""Panels of recordings with tasks."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from ..continual import accuracy_matrix, accuracy_on_seen
from ..learner_table import continual_table
from ..probe_evaluations import at_last_probe, corruption_accuracies, evaluations
from ..recorded_performance import in_shares, recorded_responses
from ..tasks import share_items, tasks_of
from .budgets import plot_accuracy_against
from .recollections import plot_recollections
from .robustness import plot_robustness
from .tasks import plot_accuracy_over_tasks, plot_task_matrix

if TYPE_CHECKING:
    from ...data.recording import Recording

Panel = Callable[[Axes], Axes]


def recorded_tasks(recording: Recording, performance: xr.DataArray) -> pd.DataFrame | None:
    """Tasks of a recording of models that name images; None where there are none."""
    phases = recording.phases()
    if not performance.sizes["probe"] or not {"kind", "label", "list"} <= set(phases):
        return None
    tasks = tasks_of(recording.presentations(), phases)
    shares = all(in_shares(recording, str(name)) for name in performance["model"].values)
    return None if tasks.empty or not shares else tasks


def task_panels(
    recording: Recording, performance: xr.DataArray, tasks: pd.DataFrame, models: list[str]
) -> tuple[list[Panel], list[Panel]]:
    """Accuracy over tasks and against what it cost; then one matrix for each model."""
    responses = recorded_responses(recording)
    seen = accuracy_on_seen(performance, tasks, responses)
    panels: list[Panel] = [lambda ax: plot_accuracy_over_tasks(seen, ax)]
    table = continual_table(recording)
    for against in ("bytes", "image_passes"):
        if table[against].notna().any() and table["last"].notna().any():
            panels.append(lambda ax, against=against: plot_accuracy_against(table, ax, against=against))  # type: ignore[misc]
    if share_items(tasks):
        return panels, []
    matrix = accuracy_matrix(performance, tasks, responses)
    return panels, [lambda ax, name=name: plot_task_matrix(matrix, ax, model=name) for name in models]  # type: ignore[misc]


def wide_panels(recording: Recording, models: list[str]) -> list[Panel]:
    """Corrupted images; and recalled ones beside those that were seen, where they differ, of the first subjects."""
    if not callable(getattr(recording, "streams", None)):
        return []
    panels: list[Panel] = []
    corrupted = corruption_accuracies(evaluations(recording))
    if (corrupted["severity"] > 0).any():
        subjects = recording.subjects()
        failed = set(
            subjects.loc[subjects["status"] == "failed", ["model", "subject"]].itertuples(index=False, name=None)
        )
        sound = [pair not in failed for pair in zip(corrupted["model"], corrupted["subject"], strict=True)]
        panels.append(lambda ax: plot_robustness(at_last_probe(corrupted[sound]), ax))
    for model in models:
        if "recollections" in recording.streams(model):
            pairs = recording.table(model, 0, "recollections")
            exact = all(map(np.array_equal, pairs["original"], pairs["recalled"]))
            if not exact:  # which is so where there are none, too
                panels.append(lambda ax, pairs=pairs, model=model: _titled(plot_recollections(pairs, ax), model))  # type: ignore[misc]
    return panels


def _titled(ax: Axes, title: str) -> Axes:
    ax.set_title(title)
    return ax
