"""What a recording holds of its circuits: spikes, cells of items, weights, stages of sleep."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .assemblies import index_assemblies
from .consolidation import night_of_phases
from .weight_changes import KINDS, synapse_kinds

if TYPE_CHECKING:
    from ..data.recording import Recording

Spikes = dict[str, tuple[np.ndarray, np.ndarray]]
WEIGHT_COLUMNS = ("model", "subject", "projection", "phase", "night", "kind", "synapses", "mean_weight")


def recorded_spikes(recording: Recording, model: str, subject: int) -> Spikes:
    """Spikes of every population of one subject, as `plot_raster` wants them.

    Parameters
    ----------
    recording : engram.data.recording.Recording
        An opened recording of a circuit, with spikes.
    model : str
        Name of the model.
    subject : int
        Which subject, from 0.

    Returns
    -------
    dict of str to (ndarray, ndarray)
        Times (s) and cells (from 0), shape [spike], by population.

    Raises
    ------
    ValueError
        If there is no such model or subject, or spikes were not recorded.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> run = engram.open("runs/consolidation.h5")  # doctest: +SKIP
    >>> spikes = engram.analysis.recorded_spikes(run, "two-stage", 0)  # doctest: +SKIP
    >>> engram.analysis.plot_raster(spikes, run.circuit("two-stage"), stop=6.0)  # doctest: +SKIP
    """
    return {name: recording.spikes(model, subject, name) for name in recording.populations(model)}


def weights_by_assembly(recording: Recording, model: str, subject: int) -> pd.DataFrame:
    """Mean weight within items, between items and outside, at every snapshot of every projection.

    Cells of items are those of the recording's assemblies, or those found in the spikes of the last exposures
    (`index_assemblies`). Projections whose populations have neither are left out.

    Parameters
    ----------
    recording : engram.data.recording.Recording
        An opened recording of a circuit, with ``record: {weights: snapshots}``.
    model : str
        Name of the model.
    subject : int
        Which subject, from 0.

    Returns
    -------
    pandas.DataFrame
        ``model``, ``subject``, ``projection``, ``phase``, ``night`` (0 before the first), ``kind`` (``within``,
        ``between``, ``outside``), ``synapses``, ``mean_weight``.

    Raises
    ------
    ValueError
        If there is no such model or subject, or snapshots were not recorded.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> run = engram.open("runs/consolidation.h5")  # doctest: +SKIP
    >>> engram.analysis.weights_by_assembly(run, "two-stage", 0).query("projection == 'C-C'")  # doctest: +SKIP
    """
    night_of = night_of_phases(recording.phases())
    rows = []
    for name, kind in synapse_kinds_of(recording, model, subject).items():
        phases, weights = recorded_weights(recording, model, subject, name)
        number = np.bincount(kind, minlength=len(KINDS))
        for phase, row in zip(phases, weights, strict=True):
            sums = np.bincount(kind, weights=row, minlength=len(KINDS))
            for word, synapses, total in zip(KINDS, number.tolist(), sums.tolist(), strict=True):
                mean = total / synapses if synapses else float("nan")
                rows.append((model, subject, name, int(phase), int(night_of[phase]), word, synapses, mean))
    return pd.DataFrame(rows, columns=WEIGHT_COLUMNS)


def recorded_weights(recording: Recording, model: str, subject: int, projection: str) -> tuple[np.ndarray, np.ndarray]:
    """Snapshots of one projection: phases, int [snapshot], and weights, [snapshot, synapse]; those written so far."""
    table = recording.weights()
    rows = table[(table["model"] == model) & (table["subject"] == subject) & (table["projection"] == projection)]
    phases = rows["phase"].to_numpy()
    return phases, recording.snapshots(model, subject, projection)[: len(phases)]


def synapse_kinds_of(recording: Recording, model: str, subject: int) -> dict[str, np.ndarray]:
    """Kind of every synapse (see `synapse_kinds`) of each recorded projection whose cells of items are known."""
    ends = {edge["name"]: (edge["source"], edge["target"]) for edge in recording.circuit(model)["edges"]}
    inhibits = inhibitory_populations(recording.circuit(model))
    found: dict[str, np.ndarray] = {}
    cells: dict[str, np.ndarray] = {}
    for name in recording.models[model].projections:
        if name not in ends or inhibits & set(ends[name]):
            continue
        try:
            for end in ends[name]:
                if end not in cells:
                    cells[end] = item_assemblies(recording, model, subject, end)
            table = recording.synapses(model, subject, name)
        except ValueError:  # neither assemblies nor spikes, or not a list of synapses
            continue
        source, target = ends[name]
        found[name] = synapse_kinds(table["pre"].to_numpy(), table["post"].to_numpy(), cells[source], cells[target])
    return found


def recorded_stages(recording: Recording, models: Sequence[str] | None = None) -> pd.DataFrame:
    """Strong synapses before and after each stage of sleep, of all subjects that did not fail.

    Parameters
    ----------
    recording : engram.data.recording.Recording
        An opened recording.
    models : sequence of str, optional
        Which models; all circuits unless given.

    Returns
    -------
    pandas.DataFrame
        ``model``, ``subject`` and the columns of the recording's ``stages()``, as `downscaling` wants them; no rows
        where no stages were recorded.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> run = engram.open("runs/consolidation.h5")  # doctest: +SKIP
    >>> engram.analysis.downscaling(engram.analysis.recorded_stages(run))  # doctest: +SKIP
    """
    parts = []
    for model, subject in circuit_subjects(recording, models):
        try:
            stages = recording.stages(model, subject)
        except ValueError:
            continue
        parts.append(stages.assign(model=model, subject=subject))
    columns = ["model", "subject", "phase", "cycle", "stage", "projection", "strong", "before", "after"]
    return pd.concat(parts, ignore_index=True)[columns] if parts else pd.DataFrame(columns=columns)


def circuit_subjects(recording: Recording, models: Sequence[str] | None = None) -> list[tuple[str, int]]:
    """Model and number of every subject of a circuit that did not fail."""
    table = recording.subjects()
    names = list(dict.fromkeys(table["model"])) if models is None else list(models)
    circuits = {name for name in names if is_circuit(recording, name)}
    sound = table[(table["status"] != "failed") & table["model"].isin(circuits)]
    return [(str(model), int(subject)) for model, subject in zip(sound["model"], sound["subject"], strict=True)]


def is_circuit(recording: Recording, model: str) -> bool:
    """Whether a model of a recording is a circuit."""
    populations = getattr(recording, "populations", None)  # what stands in for a recording may know none
    return bool(populations and populations(model))


def inhibitory_populations(graph: Mapping[str, Any]) -> set[str]:
    """Populations that inhibit."""
    return {str(edge["source"]) for edge in graph["edges"] if edge.get("receptor") == "inhibitory"}


def cortical_projections(graph: Mapping[str, Any]) -> list[str]:
    """Excitatory projections within the cortex."""
    inside = {node["name"] for node in graph["nodes"] if node.get("module") == "cortex"}
    return [
        str(edge["name"])
        for edge in graph["edges"]
        if {edge["source"], edge["target"]} <= inside and edge.get("receptor") == "excitatory"
    ]


def replaying_population(graph: Mapping[str, Any]) -> str:
    """The hippocampal population that excites itself, else the first that excites others.

    In a circuit without a hippocampus any population will do.

    Raises
    ------
    ValueError
        If there are no excitatory cells.
    """
    inside = [node["name"] for node in graph["nodes"] if node.get("module") == "hippocampus"]
    inside = inside or [node["name"] for node in graph["nodes"]]
    excites = [edge for edge in graph["edges"] if edge.get("receptor") == "excitatory" and edge["source"] in inside]
    for found in ([e for e in excites if e["source"] == e["target"]], excites):
        if found:
            return str(found[0]["source"])
    raise ValueError("the circuit has no excitatory population where replay is looked for; name one by population=")


def item_assemblies(
    recording: Recording, model: str, subject: int, population: str, before: float = np.inf
) -> np.ndarray:
    """Cells of each item exposed before a time, bool [item, cell]: the recorded ones, or those found in the spikes."""
    segments = recording.segments(model, subject)
    met = segments.loc[(segments["stage"] == "exposure") & (segments["stop"] <= before), "item"]
    try:
        known = recording.assemblies(model, subject, population).copy()
    except ValueError:
        size, slots = recording.populations(model)[population], _slots(recording, model, subject)
        return index_assemblies(
            *recording.spikes(model, subject, population), size, segments, items=slots, before=before
        )
    known[~np.isin(np.arange(1, len(known) + 1), met)] = False
    return known


def _slots(recording: Recording, model: str, subject: int) -> int:
    items = recording.items()
    return int(((items["model"] == model) & (items["subject"] == subject)).sum())
