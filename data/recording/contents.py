"""What an existing recording holds: its models, and the shape of every table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import h5py
import numpy as np

from .checked_file import CheckedFile
from .circuit_graph import check_graph
from .group_names import check_group_name
from .layout import (
    FORMAT,
    FORMAT_VERSION,
    MEASURES,
    PRESENTATION_COLUMNS,
    STATUSES,
    SUMMARY_COLUMNS,
    SYNAPSE_COLUMNS,
)
from .stream_layout import StreamLayout
from .structure import LOG_NUMBERS, LOG_TEXTS

TableShape = tuple[str, tuple[int, ...]]


@dataclass(frozen=True)
class StreamShape:
    """Kind of each column of a stream, and the number of values per row of those that have several."""

    columns: dict[str, str]
    widths: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class ModelContents:
    """One model of a recording; `tables` gives kind and shape of each table of each of its subjects."""

    spec: dict[str, Any]
    item_set: dict[str, Any]
    encoder: str
    abilities: tuple[str, ...]
    chance: float
    subjects: int
    slots: int
    projections: dict[str, str]  # name -> units
    tables: dict[str, TableShape]
    streams: dict[str, StreamShape]
    circuit: dict[str, Any] | None
    populations: dict[str, int]  # name -> cells
    measure: str
    time_scale: float


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Everything of a recording that does not change while it is written."""

    format_version: str
    name: str
    protocol: str
    seed: int
    versions: dict[str, str]
    settings: dict[str, Any]
    models: dict[str, ModelContents]


def read_contents(file: CheckedFile) -> Contents:
    format_version = check_format(file)
    models = {}
    for name in file.json("", "models", list):
        check_group_name("model", name)
        models[name] = _read_model(file, name)
    if not models:
        raise file.refuse("holds no models; the recording is damaged")
    if len({model.slots for model in models.values()}) > 1:
        raise file.refuse("models of one recording have different numbers of items; the recording is damaged")
    return Contents(
        format_version=format_version,
        name=file.text("", "name"),
        protocol=file.text("", "protocol"),
        seed=file.count("", "seed", 2**64 - 1),
        versions=file.json("", "versions", dict),
        settings=file.json("", "settings", dict),
        models=models,
    )


def check_format(file: CheckedFile) -> str:
    """Version of the format; every version up to ours is read, and additions within a major version too."""
    found = file.text("", "format") if "format" in file.group("").attrs else ""
    if found != FORMAT:
        raise file.refuse("is an HDF5 file but not an engram recording (no attribute format = 'engram')")
    version = file.text("", "format_version")
    major, _, minor = version.partition(".")
    if not (major.isdigit() and minor.isdigit()):
        raise file.refuse(f"format_version is damaged: found {version!r}, expected such as {FORMAT_VERSION!r}")
    if int(major) > int(FORMAT_VERSION.partition(".")[0]):
        raise file.refuse(
            f"was written by a newer engram (format {version}, this one reads up to {FORMAT_VERSION}): update engram"
        )
    return version


def read_status(file: CheckedFile, group: str = "") -> str:
    status = file.text(group, "status")
    if status not in STATUSES:
        raise file.refuse(f"the status {status!r} is damaged, expected one of {', '.join(STATUSES)}")
    return status


def check_every_table(file: CheckedFile, contents: Contents) -> None:
    """Refuse a recording in which any subject lacks a table, or has one of another shape or one that cannot grow."""
    for name, model in contents.models.items():
        for index in range(model.subjects):
            place = subject_path(name, index)
            read_status(file, place)
            for table, (kind, shape) in model.tables.items():
                file.table(f"{place}/{table}", kind, shape)
            for stream in model.streams:
                _, columns = stream_tables(file, model, name, index, stream)
                for column, table in columns.items():
                    if table.chunks is None or table.maxshape[0] is not None:
                        raise file.refuse(f"{place}/{stream}/{column} cannot grow; was the recording repacked?")


def check_log(file: CheckedFile, contents: Contents) -> None:
    """Refuse a recording whose log is missing, a link to elsewhere, or of another kind."""
    for name in LOG_TEXTS:
        file.text("log", name)
    for name in LOG_NUMBERS:
        file.number("log", name)
    for name in contents.models:
        read_seconds(file, contents, name)


def seconds_path(model: str) -> str:
    return f"log/seconds/{model}"


def read_seconds(file: CheckedFile, contents: Contents, model: str) -> np.ndarray | None:
    """Wall seconds of each step of each subject of a model; None in recordings before format 1.2."""
    if not file.has(seconds_path(model)):
        return None
    steps = file.table("phases/index", "i", (None,)).shape[0]
    return np.asarray(file.table(seconds_path(model), "f", (contents.models[model].subjects, steps))[...])


def subject_path(model: str, index: int) -> str:
    return f"models/{model}/subjects/{index}"


def read_table(file: CheckedFile, contents: ModelContents, model: str, subject: int, table: str) -> np.ndarray:
    """All numbers of one table of one subject."""
    kind, shape = contents.tables[table]
    return np.asarray(file.table(f"{subject_path(model, subject)}/{table}", kind, shape)[...])


def stream_tables(
    file: CheckedFile, contents: ModelContents, model: str, subject: int, stream: str
) -> tuple[int, dict[str, h5py.Dataset]]:
    """Number of valid rows of a stream and its columns, none of which is another than announced, or shorter."""
    place = f"{subject_path(model, subject)}/{stream}"
    shape = contents.streams[stream]
    rows = file.count(place, "rows", 2**62)
    tables = {}
    for column, kind in shape.columns.items():
        wide = (shape.widths[column],) if column in shape.widths else ()
        stored = "S" if kind.startswith("S") else kind[1].replace("u", "i")
        tables[column] = file.table(f"{place}/{column}", stored, (None, *wide))
        if (length := tables[column].shape[0]) < rows:
            raise file.refuse(f"{place} has {rows} rows, but only {length} of {column}; the recording is damaged")
    return rows, tables


def read_stream(
    file: CheckedFile, contents: ModelContents, model: str, subject: int, stream: str
) -> dict[str, np.ndarray]:
    """All valid rows of a stream of one subject, by column; texts as bytes."""
    rows, tables = stream_tables(file, contents, model, subject, stream)
    return {column: np.asarray(table[:rows]) for column, table in tables.items()}


def _read_streams(file: CheckedFile, group: str) -> dict[str, StreamShape]:
    if not file.has_text(group, "streams"):  # format 1.0
        return {}
    shapes = {}
    for stream in file.json(group, "streams", list):
        try:
            layout = StreamLayout(name=stream["name"], columns=stream["columns"], widths=stream["widths"])
        except (TypeError, KeyError, ValueError, AttributeError) as error:
            raise file.refuse(f"the attribute {group}/streams is damaged: {error}") from None
        shapes[layout.name] = StreamShape(dict(layout.columns), dict(layout.widths))
    return shapes


def _read_circuit(file: CheckedFile, group: str) -> tuple[dict[str, Any] | None, dict[str, int]]:
    if not file.has_text(group, "circuit"):
        return None, {}
    circuit = file.json(group, "circuit", dict)
    try:
        return circuit, check_graph(circuit)
    except ValueError as error:
        raise file.refuse(f"the attribute {group}/circuit is damaged: {error}") from None


def _read_measure(file: CheckedFile, group: str) -> tuple[str, float]:
    """What performance is, and the time scale; recordings of format 1.0 say neither."""
    measure = file.text(group, "measure") if file.has_text(group, "measure") else MEASURES[0]
    if measure not in MEASURES:
        raise file.refuse(f"the measure {measure!r} is damaged, expected one of {', '.join(MEASURES)}")
    time_scale = float(file.number(group, "time_scale")) if file.has_text(group, "time_scale") else float("nan")
    return measure, time_scale


def _read_model(file: CheckedFile, name: str) -> ModelContents:
    group = f"models/{name}"
    first = subject_path(name, 0)
    subjects = file.count(group, "subjects", len(file.group(f"{group}/subjects")))
    tables: dict[str, TableShape] = {}

    def add(table: str, kind: str, shape: tuple[int | None, ...]) -> tuple[int, ...]:
        found: tuple[int, ...] = file.table(f"{first}/{table}", kind, shape).shape
        tables[table] = (kind, found)
        return found

    (slots,) = add("items", "S", (None,))
    (presented,) = add("presentations/phase", "i", (None,))
    for column, kind in PRESENTATION_COLUMNS.items():
        add(f"presentations/{column}", kind[1], (presented,))
    (probes,) = add("probes/phase", "i", (None,))
    add("probes/performance", "f", (probes, slots))
    if file.has(f"{first}/probes/responses"):
        add("probes/responses", "i", (probes, slots, slots))
    if file.has(f"{first}/probes/trials"):
        add("probes/trials", "i", (probes, slots, None))
    if file.has(f"{first}/curves"):
        (points,) = add("curves/phase", "i", (None,))
        add("curves/presentation", "i", (points,))
        add("curves/epoch", "i", (points,))
        add("curves/performance", "f", (points, slots))
    projections = {}
    for projection in file.json(group, "projections", list):
        try:
            check_group_name("projection", called := projection["name"])
            shape = tuple(int(size) for size in projection["shape"])
            projections[called] = str(projection["units"])
        except (TypeError, KeyError, ValueError):
            raise file.refuse(f"the attribute {group}/projections is damaged: {projection!r}") from None
        (rows,) = add(f"weights/{called}/phase", "i", (None,))
        for column in SUMMARY_COLUMNS:
            add(f"weights/{called}/{column}", "f", (rows,))
        if file.has(f"{first}/weights/{called}/snapshots"):
            add(f"weights/{called}/snapshots", "f", (rows, *shape))
        if file.has(f"{first}/weights/{called}/pre"):
            for column, kind in SYNAPSE_COLUMNS.items():
                add(f"weights/{called}/{column}", kind[1], shape)
    circuit, populations = _read_circuit(file, group)
    if file.has(f"{first}/assemblies"):
        for population, cells in populations.items():
            add(f"assemblies/{population}", "i", (slots, cells))
    measure, time_scale = _read_measure(file, group)
    return ModelContents(
        spec=file.json(group, "spec", dict),
        item_set=file.json(group, "item_set", dict),
        encoder=file.text(group, "encoder"),
        abilities=tuple(str(ability) for ability in file.json(group, "abilities", list)),
        chance=float(file.number(group, "chance")),
        subjects=subjects,
        slots=slots,
        projections=projections,
        tables=tables,
        streams=_read_streams(file, group),
        circuit=circuit,
        populations=populations,
        measure=measure,
        time_scale=time_scale,
    )
