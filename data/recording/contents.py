"""What an existing recording holds: its models, and the shape of every table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from .checked_file import CheckedFile
from .layout import FORMAT, FORMAT_VERSION, PRESENTATION_COLUMNS, STATUSES, SUMMARY_COLUMNS, check_group_name
from .structure import LOG_NUMBERS, LOG_TEXTS

TableShape = tuple[str, tuple[int, ...]]


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
    """Refuse a recording in which any subject lacks a table or has one of another shape."""
    for name, model in contents.models.items():
        for index in range(model.subjects):
            place = subject_path(name, index)
            read_status(file, place)
            for table, (kind, shape) in model.tables.items():
                file.table(f"{place}/{table}", kind, shape)


def check_log(file: CheckedFile) -> None:
    """Refuse a recording whose log is missing, a link to elsewhere, or of another kind."""
    for name in LOG_TEXTS:
        file.text("log", name)
    for name in LOG_NUMBERS:
        file.number("log", name)


def subject_path(model: str, index: int) -> str:
    return f"models/{model}/subjects/{index}"


def read_table(file: CheckedFile, contents: ModelContents, model: str, subject: int, table: str) -> np.ndarray:
    """All numbers of one table of one subject."""
    kind, shape = contents.tables[table]
    return np.asarray(file.table(f"{subject_path(model, subject)}/{table}", kind, shape)[...])


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
    )
