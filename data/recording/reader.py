"""Reading of a recording: labelled arrays and tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..wording import nearest, one_of
from .checked_file import CheckedFile, open_checked
from .contents import Contents, ModelContents, read_contents, read_status, subject_path
from .layout import PHASE_COLUMNS, PRESENTATION_COLUMNS, SUMMARY_COLUMNS
from .structure import LOG_NUMBERS, LOG_TEXTS

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr


@dataclass(frozen=True, kw_only=True)
class ModelInfo:
    """What a recording says of one model.

    Attributes
    ----------
    spec, item_set : dict
        The model's specification and the item set that its subjects draw from.
    encoder : str
        Frozen encoder in front of the model.
    abilities : tuple of str
        What the model is able to do.
    chance : float
        Performance of a subject that guesses.
    subjects : int
        Number of subjects.
    statuses : tuple of str
        ``running``, ``complete`` or ``failed``, by subject.
    projections : dict
        Units of the weights of each recorded projection.

    Examples
    --------
    >>> open_recording("runs/hebb.h5").models["hybrid"].chance  # doctest: +SKIP
    0.1
    """

    spec: dict[str, Any]
    item_set: dict[str, Any]
    encoder: str
    abilities: tuple[str, ...]
    chance: float
    subjects: int
    statuses: tuple[str, ...]
    projections: dict[str, str]


def open_recording(path: str | os.PathLike[str]) -> Recording:
    """Open a recording, also one that is being written or whose run was killed.

    Nothing is kept open: each method opens the file, reads what it needs, and closes it.

    Parameters
    ----------
    path : str or path-like
        The file.

    Returns
    -------
    Recording

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    ValueError
        If it is not a recording, is damaged, or was written by a newer engram.
    OSError
        If it cannot be read.

    Examples
    --------
    >>> recording = open_recording("runs/hebb.h5")  # doctest: +SKIP
    >>> recording.performance().mean("subject")  # doctest: +SKIP
    """
    return Recording(path)


class Recording:
    """One recorded run.

    Items and the labels given to them are counted from 1 here (``item`` 1 is the first of the protocol's items);
    in the file they are slots, counted from 0. Subjects, probes, steps of the timeline, presentations and epochs are
    counted from 0. What was not measured (yet) is NaN in performance and -1 in counts.

    Parameters
    ----------
    path : str or path-like
        The file.

    Examples
    --------
    >>> recording = Recording("runs/hebb.h5")  # doctest: +SKIP
    >>> recording.status, recording.seed  # doctest: +SKIP
    ('complete', 7)
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        with open_checked(self.path) as file:
            self._contents: Contents = read_contents(file)

    def __repr__(self) -> str:
        try:
            status = self.status
        except (ValueError, OSError):
            status = "no longer readable"
        models = ", ".join(f"{name} ({model.subjects} subjects)" for name, model in self._contents.models.items())
        return f"<engram.Recording {self.path}: {self.protocol_name or 'run'}, seed {self.seed}, {status}; {models}>"

    @property
    def format_version(self) -> str:
        """Version of the file format."""
        return self._contents.format_version

    @property
    def status(self) -> str:
        """``running`` (also of a killed run), ``complete`` or ``failed``, as the file says now."""
        with open_checked(self.path) as file:
            return read_status(file)

    @property
    def seed(self) -> int:
        """Seed of the run."""
        return self._contents.seed

    @property
    def versions(self) -> dict[str, str]:
        """Versions of the packages that made the recording."""
        return dict(self._contents.versions)

    @property
    def settings(self) -> dict[str, Any]:
        """What else fixes the bits of the run: chunk size, threads, device."""
        return dict(self._contents.settings)

    @property
    def protocol_name(self) -> str:
        """Name of the protocol."""
        return self._contents.name

    @property
    def protocol_text(self) -> str:
        """The protocol as YAML."""
        return self._contents.protocol

    @property
    def models(self) -> dict[str, ModelInfo]:
        """The models by name, in the order in which they were given."""
        with open_checked(self.path) as file:
            return {
                name: ModelInfo(
                    spec=model.spec,
                    item_set=model.item_set,
                    encoder=model.encoder,
                    abilities=model.abilities,
                    chance=model.chance,
                    subjects=model.subjects,
                    statuses=tuple(read_status(file, subject_path(name, k)) for k in range(model.subjects)),
                    projections=dict(model.projections),
                )
                for name, model in self._contents.models.items()
            }

    @property
    def log(self) -> dict[str, Any]:
        """How the run went: times, command, machine. What is not known is left out."""
        with open_checked(self.path) as file:
            texts = {name: file.text("log", name) for name in LOG_TEXTS}
            numbers = {name: file.number("log", name) for name in LOG_NUMBERS}
            known: dict[str, Any] = {name: text for name, text in texts.items() if text}
            if "machine" in known:
                known["machine"] = file.json("log", "machine", dict)
        return {**known, **{name: number for name, number in numbers.items() if number == number}}

    def phases(self) -> pd.DataFrame:
        """The timeline common to all subjects.

        Returns
        -------
        pandas.DataFrame
            One row per step: ``index, kind, label, repetition, list, lesion, start, stop`` (the last two in seconds).
        """
        import pandas as pd

        with open_checked(self.path) as file:
            return pd.DataFrame(_read_phases(file))

    def performance(self, models: str | Sequence[str] | None = None) -> xr.DataArray:
        """Share of each item's test images that were given its label.

        Parameters
        ----------
        models : str or sequence of str, optional
            Names of the models, all by default.

        Returns
        -------
        xarray.DataArray, dims (model, subject, probe, item), float32
            Coordinates along ``probe``: ``phase`` (index of the step), ``label``, ``repetition``, ``list``, ``lesion``
            and ``stop`` (s); along ``model``: ``chance``. NaN where an item was not asked for or is not written yet.
        """
        return self._labelled("probes/performance", "performance", ("item",), models, np.nan)

    def responses(self, models: str | Sequence[str] | None = None) -> xr.DataArray:
        """Number of test images of each item that were given each label.

        Parameters
        ----------
        models : str or sequence of str, optional
            Names of the models, all by default.

        Returns
        -------
        xarray.DataArray, dims (model, subject, probe, item, response), int32
            Coordinates as of `performance`; -1 where an item was not asked for or is not written yet.

        Raises
        ------
        ValueError
            If the run did not record responses.
        """
        return self._labelled("probes/responses", "responses", ("item", "response"), models, -1)

    def learning_curves(self, models: str | Sequence[str] | None = None) -> xr.DataArray:
        """Performance after each epoch of the steps that the protocol probes with ``every: epoch``.

        Parameters
        ----------
        models : str or sequence of str, optional
            Names of the models, all by default.

        Returns
        -------
        xarray.DataArray, dims (model, subject, point, item), float32
            Coordinates along ``point``: ``phase``, ``presentation``, ``epoch``; along ``model``: ``chance``. A model
            that makes fewer epochs than another has NaN at the points it does not reach.

        Raises
        ------
        ValueError
            If the run did not record learning curves.
        """
        import xarray as xr

        chosen = self._having("curves/performance", models, "probe: {every: epoch} in its protocol")
        subjects, slots = self._extent(chosen)
        places, values, owners = [], [], []
        with open_checked(self.path) as file:
            for m, (name, model) in enumerate(chosen.items()):
                for k in range(model.subjects):
                    columns = [_read(file, model, name, k, f"curves/{c}") for c in ("phase", "presentation", "epoch")]
                    written = columns[0] >= 0
                    places.append(np.stack(columns, axis=1)[written])
                    values.append(_read(file, model, name, k, "curves/performance")[written])
                    owners.append(np.tile([m, k], (len(places[-1]), 1)))
        points, point = np.unique(np.concatenate(places).astype(np.int64), axis=0, return_inverse=True)
        owner = np.concatenate(owners)
        curves = np.full((len(chosen), subjects, len(points), slots), np.nan, dtype=np.float32)
        curves[owner[:, 0], owner[:, 1], point.reshape(-1)] = np.concatenate(values)
        columns_of_points = {name: ("point", points[:, i]) for i, name in enumerate(("phase", "presentation", "epoch"))}
        return xr.DataArray(
            curves,
            dims=("model", "subject", "point", "item"),
            coords={**_axes(chosen, subjects, slots), **columns_of_points, "point": np.arange(len(points))},
            name="performance",
        )

    def presentations(self) -> pd.DataFrame:
        """What each subject got, the same under every model.

        Returns
        -------
        pandas.DataFrame
            One row per presented item: ``subject, phase, order, item, label`` (item whose label was given),
            ``wrong`` (share of the images with a wrong label), ``phase_label`` and ``repetition`` of the phase.
        """
        import pandas as pd

        name, model = next(iter(self._contents.models.items()))
        tables = []
        with open_checked(self.path) as file:
            phases = _read_phases(file)
            for k in range(model.subjects):
                columns = {c: _read(file, model, name, k, f"presentations/{c}") for c in PRESENTATION_COLUMNS}
                phase = columns["phase"].astype(np.int64)
                if phase.size and not (phase.min() >= 0 and phase.max() < len(phases["index"])):
                    raise file.refuse(f"the presentations of subject {k} name steps that the timeline does not have")
                tables.append(
                    pd.DataFrame(
                        {
                            "subject": k,
                            "phase": phase,
                            "order": columns["order"].astype(np.int64),
                            "item": columns["item"].astype(np.int64) + 1,
                            "label": columns["label"].astype(np.int64) + 1,
                            "wrong": columns["wrong"],
                            "phase_label": phases["label"][phase],
                            "repetition": phases["repetition"][phase],
                        }
                    )
                )
        return pd.concat(tables, ignore_index=True)

    def trials(self, models: str | Sequence[str] | None = None) -> pd.DataFrame:
        """Single responses, one row per test image, in the columns of psifr.

        Parameters
        ----------
        models : str or sequence of str, optional
            Names of the models, all by default.

        Returns
        -------
        pandas.DataFrame
            ``model, subject, list`` (name of the list), ``probe, input_position`` (item of the image),
            ``output_position`` (number of the image among those of its item in this probe, from 1), ``item`` (class
            name), ``response`` (item whose label was given) and ``correct``.

        Raises
        ------
        ValueError
            If the run did not record single responses.
        """
        import pandas as pd

        chosen = self._having("probes/trials", models, "record: {responses: trials} in its protocol")
        tables = []
        with open_checked(self.path) as file:
            phases = _read_phases(file)
            for name, model in chosen.items():
                for k in range(model.subjects):
                    given = _read(file, model, name, k, "probes/trials")
                    classes = np.array(file.texts(f"{subject_path(name, k)}/items", model.slots), dtype=object)
                    steps = self._steps(file, model, name, k, phases)
                    probe, slot, image = np.nonzero(given >= 0)
                    response = given[probe, slot, image].astype(np.int64)
                    tables.append(
                        pd.DataFrame(
                            {
                                "model": name,
                                "subject": k,
                                "list": phases["list"][steps][probe],
                                "probe": probe,
                                "input_position": slot + 1,
                                "output_position": image + 1,
                                "item": classes[slot],
                                "response": response + 1,
                                "correct": response == slot,
                            }
                        )
                    )
        return pd.concat(tables, ignore_index=True).astype({"model": "category", "list": "category"})

    def weights(self) -> pd.DataFrame:
        """Summaries of the weights.

        Returns
        -------
        pandas.DataFrame
            One row per model, subject, projection and recorded step that is written: ``model, subject, projection,
            phase, label, repetition, mean_displacement`` (mean of abs(w - w0)), ``rms_displacement,
            mean_abs_weight, mean_gate, units``.

        Raises
        ------
        ValueError
            If the run did not record weights.
        """
        import pandas as pd

        tables = []
        with open_checked(self.path) as file:
            phases = _read_phases(file)
            for name, model in self._contents.models.items():
                for projection, units in model.projections.items():
                    for k in range(model.subjects):
                        place = f"weights/{projection}"
                        columns = {c: _read(file, model, name, k, f"{place}/{c}") for c in SUMMARY_COLUMNS}
                        phase = self._steps(file, model, name, k, phases, f"{place}/phase")
                        table = pd.DataFrame(
                            {
                                "model": name,
                                "subject": k,
                                "projection": projection,
                                "phase": phase,
                                "label": phases["label"][phase],
                                "repetition": phases["repetition"][phase],
                                **columns,
                                "units": units,
                            }
                        )
                        tables.append(table.dropna(subset=list(SUMMARY_COLUMNS), how="all"))
        if not tables:
            raise ValueError(f"{self.path} holds no weights: record: {{weights: summary}} in its protocol records them")
        return pd.concat(tables, ignore_index=True)

    def snapshots(self, model: str, subject: int, projection: str) -> np.ndarray:
        """Whole weight arrays of one projection of one subject.

        Parameters
        ----------
        model : str
            Name of the model.
        subject : int
            Index of the subject.
        projection : str
            Name of the projection.

        Returns
        -------
        ndarray, shape (row, *projection), float32
            One row per recorded step, NaN where not written yet. The steps are ``/weights/<projection>/phase`` in the
            file and the column ``phase`` of `weights`.

        Raises
        ------
        ValueError
            If there is no such model, subject or projection, or the run did not record snapshots.
        """
        chosen = self._chosen(model)[model]
        if not 0 <= subject < chosen.subjects:
            raise ValueError(f"subject {subject} of {model}: expected 0 to {chosen.subjects - 1}")
        known = chosen.projections
        if projection not in known:
            raise ValueError(
                f'no projection "{projection}" of {model} in {self.path}, it has {one_of(known) or "none"}.'
                f"{nearest(projection, known)}"
            )
        table = f"weights/{projection}/snapshots"
        if table not in chosen.tables:
            raise ValueError(f"{self.path} holds no snapshots: record: {{weights: snapshots}} in its protocol does")
        with open_checked(self.path) as file:
            return _read(file, chosen, model, subject, table)

    def subjects(self) -> pd.DataFrame:
        """How each subject stands.

        Returns
        -------
        pandas.DataFrame
            One row per model and subject: ``model, subject, seed`` (path of its seed), ``status, message,
            sensitivity`` (1/weight, NaN where the model has none or it is not known yet).
        """
        import pandas as pd

        rows = []
        with open_checked(self.path) as file:
            for name, model in self._contents.models.items():
                for k in range(model.subjects):
                    place = subject_path(name, k)
                    rows.append(
                        {
                            "model": name,
                            "subject": k,
                            "seed": file.text(place, "seed"),
                            "status": read_status(file, place),
                            "message": file.text(place, "message"),
                            "sensitivity": float(file.number(place, "sensitivity")),
                        }
                    )
        return pd.DataFrame(rows)

    def items(self) -> pd.DataFrame:
        """Which class filled which place of each subject's list.

        Returns
        -------
        pandas.DataFrame
            One row per model, subject and item: ``model, subject, item, name`` (of the class).
        """
        import pandas as pd

        tables = []
        with open_checked(self.path) as file:
            for name, model in self._contents.models.items():
                for k in range(model.subjects):
                    names = file.texts(f"{subject_path(name, k)}/items", model.slots)
                    item = np.arange(1, model.slots + 1)
                    tables.append(pd.DataFrame({"model": name, "subject": k, "item": item, "name": names}))
        return pd.concat(tables, ignore_index=True)

    def _labelled(
        self, table: str, name: str, axes: tuple[str, ...], models: str | Sequence[str] | None, missing: float
    ) -> xr.DataArray:
        import xarray as xr

        chosen = self._having(table, models, "record: {responses: counts} in its protocol")
        subjects, slots = self._extent(chosen)
        rows = next(iter(chosen.values())).tables[table][1][0]
        kind = np.float32 if np.isnan(missing) else np.int32
        values = np.full((len(chosen), subjects, rows, *[slots] * len(axes)), missing, dtype=kind)
        with open_checked(self.path) as file:
            phases = _read_phases(file)
            for m, (model_name, model) in enumerate(chosen.items()):
                for k in range(model.subjects):
                    values[m, k] = _read(file, model, model_name, k, table)
                    steps = self._steps(file, model, model_name, k, phases)
        columns = ("label", "repetition", "list", "lesion", "stop")
        along_probe = {column: ("probe", phases[column][steps]) for column in columns}
        coordinates = {**_axes(chosen, subjects, slots), "probe": np.arange(rows), "phase": ("probe", steps)}
        if "response" in axes:
            coordinates["response"] = np.arange(1, slots + 1)
        dims = ("model", "subject", "probe", *axes)
        return xr.DataArray(values, dims=dims, coords={**coordinates, **along_probe}, name=name)

    def _steps(
        self,
        file: CheckedFile,
        model: ModelContents,
        name: str,
        subject: int,
        phases: dict[str, np.ndarray],
        table: str = "probes/phase",
    ) -> np.ndarray:
        steps = _read(file, model, name, subject, table).astype(np.int64)
        if steps.size and not (steps.min() >= 0 and steps.max() < len(phases["index"])):
            raise file.refuse(f"{subject_path(name, subject)}/{table} names steps that the timeline does not have")
        return steps

    def _chosen(self, models: str | Sequence[str] | None) -> dict[str, ModelContents]:
        known = self._contents.models
        names = list(known) if models is None else [models] if isinstance(models, str) else list(models)
        for name in names:
            if name not in known:
                raise ValueError(f'no model "{name}" in {self.path}, it has {one_of(known)}.{nearest(name, known)}')
        return {name: known[name] for name in names}

    def _having(self, table: str, models: str | Sequence[str] | None, asked_by: str) -> dict[str, ModelContents]:
        chosen = {name: model for name, model in self._chosen(models).items() if table in model.tables}
        if not chosen:
            raise ValueError(f"{self.path} holds no {table}: {asked_by} records it")
        return chosen

    def _extent(self, chosen: dict[str, ModelContents]) -> tuple[int, int]:
        """Number of subjects and of items."""
        return max(model.subjects for model in chosen.values()), next(iter(chosen.values())).slots


def _axes(chosen: dict[str, ModelContents], subjects: int, slots: int) -> dict[str, Any]:
    return {
        "model": list(chosen),
        "chance": ("model", [model.chance for model in chosen.values()]),
        "subject": np.arange(subjects),
        "item": np.arange(1, slots + 1),
    }


def _read(file: CheckedFile, model: ModelContents, name: str, subject: int, table: str) -> np.ndarray:
    kind, shape = model.tables[table]
    return file.table(f"{subject_path(name, subject)}/{table}", kind, shape)[...]


def _read_phases(file: CheckedFile) -> dict[str, np.ndarray]:
    length = file.table("phases/index", "i", (None,)).shape[0]
    columns: dict[str, np.ndarray] = {}
    for column, kind in PHASE_COLUMNS.items():
        if kind == "S":
            columns[column] = np.array(file.texts(f"phases/{column}", length), dtype=object)
        else:
            values = file.table(f"phases/{column}", kind[1], (length,))[...]
            columns[column] = values.astype(np.int64 if kind[1] == "i" else np.float64)
    return columns
