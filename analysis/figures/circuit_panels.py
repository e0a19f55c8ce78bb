"""The panels of a recording that holds circuits, or nights."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.axes import Axes

from ..circuit_metrics import has_nights_or_lesions
from ..consolidation import night_of_phases, recall_over_nights
from ..probes import probe_column
from ..recorded_circuits import (
    circuit_subjects,
    cortical_projections,
    is_circuit,
    item_assemblies,
    recorded_spikes,
    recorded_weights,
    synapse_kinds_of,
)
from ..replay import replay_counts
from ..serial_position import chance_of_models
from ..sleep_replay import replay_events
from .circuit import plot_circuit
from .hypnogram import plot_hypnogram
from .nights import plot_nights
from .raster import plot_raster
from .replay import plot_replay_counts
from .weights import plot_weights_before_after

if TYPE_CHECKING:
    from ...data.recording import Recording

Panel = Callable[[Axes], Axes]
RASTER_SECONDS = 3.0
MOST_MODELS, MOST_LISTS = 3, 4  # that get a panel of their own


def recall_panels(recording: Recording, performance: xr.DataArray) -> list[Panel]:
    """Recall over nights, where the protocol has nights or lesions, of each list that is probed by itself."""
    if not has_nights_or_lesions(recording, performance):
        return []
    lists = lists_probed(performance)
    if len(lists) < 2:
        return [_recall_panel(recording, performance, "")]
    names = probe_column(performance, "list").astype(str)
    return [_recall_panel(recording, performance.isel(probe=names == name), name) for name in lists[:MOST_LISTS]]


def lists_probed(performance: xr.DataArray) -> list[str]:
    """Names of the lists that probes ask for, in order of appearance."""
    if "list" not in performance.coords:
        return []
    return [name for name in dict.fromkeys(map(str, probe_column(performance, "list"))) if name]


def _recall_panel(recording: Recording, performance: xr.DataArray, title: str) -> Panel:
    recall = recall_over_nights(performance, recording.phases())
    measure = getattr(recording, "measure", None)
    areas = measure is not None and all(measure(str(model)) == "auc" for model in performance["model"].values)

    def draw(ax: Axes) -> Axes:
        plot_nights(recall, ax, chance=chance_of_models(performance))
        if recall["lesion"].nunique() * recall["model"].nunique() <= 6 and len(recall):
            # Not transparent: the chance line may pass behind it.
            ax.legend(loc="best", fontsize="x-small", framealpha=0.95, edgecolor="none")
        ax.set_ylabel("recall (AUC)" if areas else "recall")
        ax.set_title(title)
        return ax

    return draw


def circuit_panels(recording: Recording, models: list[str]) -> tuple[list[Panel], list[Panel]]:
    """Small panels (replay of each circuit, the first circuit drawn, its weights) and wide ones (raster, hypnogram)."""
    circuits = [name for name in models if is_circuit(recording, name)]
    if not circuits:
        return [], []
    sound = circuit_subjects(recording, circuits)
    small = [panel for name in circuits[:MOST_MODELS] if (panel := _replay_panel(recording, name, sound))]
    first, graph = circuits[0], recording.circuit(circuits[0])
    small.append(lambda ax: plot_circuit(graph, ax))
    subject = next((number for name, number in sound if name == first), None)
    if subject is None:
        return small, []
    weights = _weights_panel(recording, first, subject)
    return [*small, *([weights] if weights else [])], _wide_panels(recording, first, subject)


def _replay_panel(recording: Recording, model: str, sound: list[tuple[str, int]]) -> Panel | None:
    try:
        parts = [replay_events(recording, name, subject) for name, subject in sound if name == model]
    except ValueError:  # no spikes, or no hippocampus
        return None
    events = pd.concat(parts) if parts else pd.DataFrame()
    if events.empty or not (events["item"] > 0).any():
        return None
    counts = replay_counts(events, int(events["item"].max()))

    def draw(ax: Axes) -> Axes:
        plot_replay_counts(counts, ax)
        ax.set_title(model)
        if counts["night"].nunique() <= 6:
            ax.set_ylim(0, 1.3 * ax.get_ylim()[1])
            ax.legend(
                loc="upper center", fontsize="x-small", frameon=False, ncols=3, title="night", title_fontsize="x-small"
            )
        return ax

    return draw


def _weights_panel(recording: Recording, model: str, subject: int) -> Panel | None:
    """The first cortical projection over the first night of which both ends are recorded."""
    try:
        kinds = synapse_kinds_of(recording, model, subject)
        name = next(name for name in cortical_projections(recording.circuit(model)) if name in kinds)
        phases, weights = recorded_weights(recording, model, subject, name)
    except (ValueError, StopIteration):  # no snapshots
        return None
    nights = night_of_phases(recording.phases()).reindex(phases).to_numpy()
    slept = np.flatnonzero(np.diff(nights) > 0)
    if not slept.size:
        return None
    before, after = weights[slept[0]], weights[slept[0] + 1]

    def draw(ax: Axes) -> Axes:
        plot_weights_before_after(before, after, ax, kinds=kinds[name])
        ax.legend(loc="lower right", fontsize="x-small", frameon=False, markerscale=2)
        ax.set_title(f"{name}, first night")
        return ax

    return draw


def _wide_panels(recording: Recording, model: str, subject: int) -> list[Panel]:
    """Raster from the beginning of the first sleep, or of all, and hypnogram."""
    if "segments" not in recording.streams(model):
        return []
    segments, graph = recording.segments(model, subject), recording.circuit(model)
    if segments.empty:
        return []
    panels: list[Panel] = []
    asleep = segments.loc[segments["kind"].isin(["sleep", "rest"]), "start"]
    start = float(asleep.min()) if len(asleep) else 0.0
    try:
        spikes = recorded_spikes(recording, model, subject)
    except ValueError:  # not recorded
        spikes = {}
    if spikes:
        cells = {name: item_assemblies(recording, model, subject, name) for name in spikes}
        stop = min(start + RASTER_SECONDS, float(segments["stop"].max()))
        panels.append(
            lambda ax: plot_raster(spikes, graph, segments, ax, start=start, stop=stop, assemblies=cells, cells=60)
        )
    if len(asleep):
        try:
            events = replay_events(recording, model, subject)
        except ValueError:
            events = None
        panels.append(lambda ax: plot_hypnogram(segments, events, ax))
    return panels
