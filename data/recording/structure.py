"""The groups and tables of a recording, allocated in full."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import h5py
import numpy as np

from .fixed_text import set_text, text_column
from .layout import (
    FORMAT,
    FORMAT_VERSION,
    PHASE_COLUMNS,
    PRESENTATION_COLUMNS,
    SUMMARY_COLUMNS,
    SYNAPSE_COLUMNS,
    ModelLayout,
    ProjectionLayout,
    SubjectLayout,
)
from .stream_layout import StreamLayout

# Room for what is known only later; texts in bytes of UTF-8.
STATUS_SIZE = 16
MESSAGE_SIZE = 512
LOG_TEXTS = {"created": 40, "finished": 40, "command": 4096, "machine": 8192}
UNWRITTEN_MEMBER = 255  # of a table of assemblies, which holds 0 and 1
LOG_NUMBERS = ("wall_s", "cpu_s", "peak_memory_bytes", "resumed")


def build(
    file: h5py.File,
    *,
    name: str,
    protocol: str,
    seed: int,
    timeline: Mapping[str, np.ndarray],
    probe_steps: np.ndarray,
    weight_steps: np.ndarray,
    models: Mapping[str, ModelLayout],
    settings: Mapping[str, Any],
    created: str,
) -> None:
    """Write everything that is known before the run, and room for everything else."""
    set_text(file, "format", FORMAT)
    set_text(file, "format_version", FORMAT_VERSION)
    set_text(file, "status", "running", STATUS_SIZE)
    set_text(file, "name", name)
    set_text(file, "protocol", protocol)
    set_text(file, "versions", json.dumps(_versions(), sort_keys=True))
    set_text(file, "settings", json.dumps(settings, sort_keys=True))
    set_text(file, "models", json.dumps(list(models)))
    file.attrs.create("seed", seed, dtype="<u8")
    _build_log(file.create_group("log"), created, len(timeline["index"]), models)
    phases = file.create_group("phases")
    for column, kind in PHASE_COLUMNS.items():
        _filled(phases, column, text_column(timeline[column]) if kind == "S" else np.asarray(timeline[column], kind))
    for column in ("start", "stop"):
        set_text(phases[column], "units", "s")
    for model, layout in models.items():
        group = file.create_group(f"models/{model}")
        set_text(group, "spec", layout.spec)
        set_text(group, "item_set", layout.item_set)
        set_text(group, "encoder", layout.encoder)
        set_text(group, "abilities", json.dumps(sorted(layout.abilities)))
        recorded = layout.projections if layout.weight_rows else ()
        set_text(group, "projections", json.dumps([asdict(projection) for projection in recorded]))
        set_text(group, "measure", layout.measure)
        set_text(group, "streams", json.dumps([_described(stream) for stream in layout.streams]))
        if layout.circuit is not None:
            set_text(group, "circuit", layout.circuit)
        group.attrs.create("chance", layout.chance, dtype="<f8")
        group.attrs.create("time_scale", layout.time_scale, dtype="<f8")
        group.attrs.create("subjects", len(layout.subjects), dtype="<i8")
        for index, subject in enumerate(layout.subjects):
            place = group.create_group(f"subjects/{index}")
            _build_subject(place, subject, layout, probe_steps, weight_steps)


def table_bytes(steps: int, probe_rows: int, models: Mapping[str, ModelLayout]) -> int:
    """Size of the tables of a run, in bytes, with one block of each that grows: what the disk must have free."""
    total = 0
    for layout in models.values():
        numbers = probe_rows * layout.slots * (1 + layout.slots * layout.responses) + layout.curve_rows * layout.slots
        subject = 4 * numbers + probe_rows * layout.slots * layout.trials * np.dtype(_trial_type(layout.slots)).itemsize
        for projection in layout.projections:
            cells = len(SUMMARY_COLUMNS) * 2 + int(np.prod(projection.shape, dtype=object)) * layout.snapshots
            subject += 4 * layout.weight_rows * cells + 16 * _synapses(projection) * bool(layout.weight_rows)
        subject += sum(stream.row_bytes * stream.block for stream in layout.streams)
        subject += layout.slots * sum(layout.populations.values()) + 8 * steps
        total += subject * len(layout.subjects)
    return total


def _build_log(log: h5py.Group, created: str, steps: int, models: Mapping[str, ModelLayout]) -> None:
    for name, size in LOG_TEXTS.items():
        set_text(log, name, created if name == "created" else "", size)
    for name in LOG_NUMBERS:
        log.attrs.create(name, np.nan, dtype="<f8")
    for model, layout in models.items():
        table = _empty(log.require_group("seconds"), model, (len(layout.subjects), steps), "<f8")
        set_text(table, "units", "s")


def _build_subject(
    place: h5py.Group,
    subject: SubjectLayout,
    layout: ModelLayout,
    probe_steps: np.ndarray,
    weight_steps: np.ndarray,
) -> None:
    set_text(place, "seed", subject.seed)
    set_text(place, "status", "running", STATUS_SIZE)
    set_text(place, "message", "", MESSAGE_SIZE)
    place.attrs.create("sensitivity", np.nan, dtype="<f8")
    items = _filled(place, "items", text_column(subject.items))
    items.make_scale("item")
    presentations = place.create_group("presentations")
    for column, kind in PRESENTATION_COLUMNS.items():
        _filled(presentations, column, np.asarray(subject.presentations[column], dtype=kind))

    slots = layout.slots
    probes = place.create_group("probes")
    phase = _filled(probes, "phase", probe_steps)
    phase.make_scale("probe")
    tables = [_empty(probes, "performance", (len(probe_steps), slots), "<f4")]
    if layout.responses:
        tables.append(_empty(probes, "responses", (len(probe_steps), slots, slots), "<i4"))
    if layout.trials:
        tables.append(_empty(probes, "trials", (len(probe_steps), slots, layout.trials), _trial_type(slots)))
    for table in tables:
        _label(table, ("probe", "item", "response" if table.name.endswith("responses") else "trial")[: table.ndim])
        table.dims[0].attach_scale(phase)
        table.dims[1].attach_scale(items)

    if layout.curve_rows:
        curves = place.create_group("curves")
        for column in ("phase", "presentation", "epoch"):
            _empty(curves, column, (layout.curve_rows,), "<i4")
        performance = _empty(curves, "performance", (layout.curve_rows, slots), "<f4")
        _label(performance, ("point", "item"))
        performance.dims[1].attach_scale(items)

    for projection in layout.projections if layout.weight_rows else ():
        weights = place.create_group(f"weights/{projection.name}")
        set_text(weights, "units", projection.units)
        _filled(weights, "phase", weight_steps)
        for column in SUMMARY_COLUMNS:
            _empty(weights, column, (layout.weight_rows,), "<f8")
        if layout.snapshots:
            _empty(weights, "snapshots", (layout.weight_rows, *projection.shape), "<f4")
        if synapses := _synapses(projection):
            for column, kind in SYNAPSE_COLUMNS.items():
                _empty(weights, column, (synapses,), kind)

    for population, cells in layout.populations.items():
        _empty(place.require_group("assemblies"), population, (slots, cells), "|u1")
    for stream in layout.streams:
        _build_stream(place.create_group(stream.name), stream)


def _build_stream(place: h5py.Group, stream: StreamLayout) -> None:
    place.attrs.create("rows", 0, dtype="<i8")
    for name, value in stream.attributes.items():
        if isinstance(value, str):
            set_text(place, name, value)
        else:
            array = np.asarray(value)
            place.attrs.create(name, array, dtype=array.dtype.newbyteorder("<"))
    for column, kind in stream.columns.items():
        wide = (stream.widths[column],) if column in stream.widths else ()
        table = place.create_dataset(
            column,
            (0, *wide),
            kind,
            chunks=(stream.block, *wide),
            maxshape=(None, *wide),
            fillvalue=_missing(kind),
            track_times=False,
            fill_time="alloc",
            dcpl=_allocated_when_grown(),
        )
        if column in stream.units:
            set_text(table, "units", stream.units[column])


def _described(stream: StreamLayout) -> dict[str, Any]:
    return {"name": stream.name, "columns": dict(stream.columns), "widths": dict(stream.widths)}


def _synapses(projection: ProjectionLayout) -> int:
    return projection.shape[0] if len(projection.shape) == 1 else 0


def _trial_type(slots: int) -> str:
    return "<i2" if slots <= np.iinfo(np.int16).max else "<i4"


def _filled(group: h5py.Group, name: str, values: np.ndarray) -> h5py.Dataset:
    return group.create_dataset(name, data=values, dtype=values.dtype, track_times=False, dcpl=_allocated_at_once())


def _empty(group: h5py.Group, name: str, shape: tuple[int, ...], kind: str) -> h5py.Dataset:
    return group.create_dataset(
        name, shape, kind, fillvalue=_missing(kind), track_times=False, fill_time="alloc", dcpl=_allocated_at_once()
    )


def _missing(kind: str) -> float | int | bytes:
    if kind.startswith("S"):
        return b""
    return np.nan if kind[1] == "f" else UNWRITTEN_MEMBER if kind[1] == "u" else -1


def _allocated_at_once() -> h5py.h5p.PropDCID:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_layout(h5py.h5d.CONTIGUOUS)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    return properties


def _allocated_when_grown() -> h5py.h5p.PropDCID:
    properties = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    properties.set_alloc_time(h5py.h5d.ALLOC_TIME_EARLY)
    return properties


def _label(table: h5py.Dataset, dimensions: Sequence[str]) -> None:
    for axis, dimension in enumerate(dimensions):
        table.dims[axis].label = dimension


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version(), "hdf5": h5py.version.hdf5_version}
    for package in ("engram", "numpy", "scipy", "torch", "brian2", "h5py"):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found
