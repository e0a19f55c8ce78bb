"""Reading of a recording: labelled arrays and tables."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..wording import counted
from .checked_file import open_checked
from .circuit_reader import CircuitReader
from .contents import ModelContents, read_contents, read_seconds, read_status, read_table, subject_path
from .model_info import ModelInfo
from .structure import LOG_NUMBERS, LOG_TEXTS

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from .recall_tables import RecallTables


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
    >>> from engram.data.recording import ModelLayout, RecordingWriter, SubjectLayout
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> nothing = {"phase": [], "order": [], "item": [], "label": [], "wrong": []}
    >>> subject = SubjectLayout(seed="7/subject/0", items=["01", "02"], presentations=nothing)
    >>> model = ModelLayout(spec="{}", item_set="{}", chance=0.5, subjects=[subject], slots=2)
    >>> timeline = {
    ...     "index": [0], "kind": ["probe"], "label": [""], "repetition": [0],
    ...     "list": ["all"], "lesion": ["none"], "start": [0.0], "stop": [0.0],
    ... }
    >>> writer = RecordingWriter.create(
    ...     folder.name + "/demo.h5", name="demo", protocol="name: demo", seed=7, timeline=timeline,
    ...     probe_steps=[0], models={"hybrid": model}, settings={},
    ... )
    >>> recording = open_recording(folder.name + "/demo.h5")
    >>> recording.protocol_name, recording.seed, recording.status
    ('demo', 7, 'running')
    >>> writer.write_probe("hybrid", [0], row=0, performance=[[0.75, 0.25]])
    >>> writer.close()
    >>> recording.performance().sel(model="hybrid", subject=0, probe=0, item=1).item()
    0.75
    >>> folder.cleanup()
    """
    return Recording(path)


class Recording(CircuitReader):
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
    >>> Recording("absent.h5")
    Traceback (most recent call last):
    ...
    FileNotFoundError: absent.h5: there is no such recording
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        with open_checked(Path(path)) as file:
            super().__init__(Path(path), read_contents(file))

    def __repr__(self) -> str:
        try:
            status = self.status
        except (ValueError, OSError):
            status = "no longer readable"
        models = ", ".join(
            f"{name} ({counted(model.subjects, 'subject')})" for name, model in self._contents.models.items()
        )
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
        from .tidy_tables import phases_table

        return phases_table(self.path)

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
        from .labelled_arrays import probe_array

        return probe_array(self.path, self._chosen(models), "performance", np.nan)

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
        from .labelled_arrays import probe_array

        chosen = self._having("probes/responses", models, "record: {responses: counts}")
        return probe_array(self.path, chosen, "responses", -1)

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
        from .labelled_arrays import curve_array

        return curve_array(self.path, self._having("curves/performance", models, "probe: {every: epoch}"))

    def presentations(self) -> pd.DataFrame:
        """What each subject got, the same under every model.

        Returns
        -------
        pandas.DataFrame
            One row per presented item: ``subject, phase, order, item, label`` (item whose label was given),
            ``wrong`` (share of the images with a wrong label), ``phase_label`` and ``repetition`` of the phase.
        """
        from .tidy_tables import presentations_table

        name, model = next(iter(self._contents.models.items()))
        return presentations_table(self.path, name, model)

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
        from .tidy_tables import trials_table

        return trials_table(self.path, self._having("probes/trials", models, "record: {responses: trials}"))

    def parameters(self) -> pd.DataFrame:
        """Parameters of each model of a sweep, one row a model; see `engram.data.recording.sweep_parameters`.

        Raises
        ------
        ValueError
            If the recording is none of a sweep.
        """
        from .sweep_parameters import sweep_parameters

        return sweep_parameters(self)

    def recalls(self, model: str) -> pd.DataFrame:
        """What came out at the recall tests of a model.

        Parameters
        ----------
        model : str
            Name of the model.

        Returns
        -------
        pandas.DataFrame
            One row for each thing that came out, in the order in which it did; of serial and cued recall, also for
            what failed to; of free recall, one row where nothing came out at all. ``subject``, ``phase`` (step of the
            test), ``trial`` (number of the test, from 0), ``list``, ``output_position`` and ``input_position`` (from 1;
            0: not of this list), ``expected`` (item that stood at this position or belonged to this cue, -1 in free
            recall), ``response`` (item, -1 nothing, -2 something never presented), ``error_type`` (correct,
            transposition, intrusion, omission, repetition or extra-list), ``latency`` (s), ``list_trial`` and
            ``list_position`` (the first test that asked for what came out since it was last presented, and its position
            there: where it comes from; -1 and 0 without one), ``list_length``, ``repetition``, ``label``, ``delay`` (s
            of rest and sleep since the list was last presented) and ``lesion``.

        Raises
        ------
        ValueError
            If there is no such model, or it recorded no recall.
        """
        return self.recall_tables(model).recalls

    def studied(self, model: str) -> pd.DataFrame:
        """What the recall tests of a model asked for: the rows that `recalls` is held against.

        Parameters
        ----------
        model : str
            Name of the model.

        Returns
        -------
        pandas.DataFrame
            One row for each test and item, in the order of the list, which is that of the last presentations:
            ``subject``, ``phase`` (step of that presentation, -1 without one), ``trial`` (number of the test),
            ``list``, ``input_position`` (from 1), ``item``, and ``list_trial, list_position, list_length, repetition,
            label, delay, lesion`` as of `recalls`.

        Raises
        ------
        ValueError
            If there is no such model, or it recorded no recall.
        """
        return self.recall_tables(model).studied

    def recall_tables(self, model: str) -> RecallTables:
        """The tables of `recalls` and `studied` at once, in half the time of one after the other.

        Parameters
        ----------
        model : str
            Name of the model.

        Returns
        -------
        RecallTables
            A named tuple: ``recalls``, ``studied``.

        Raises
        ------
        ValueError
            If there is no such model, or it recorded no recall.
        """
        from .recall_tables import recall_tables

        recorded_by = "models that recall lists do, at probe: {kind: recall}"
        return recall_tables(self.path, self._with_stream(model, 0, "recalls", recorded_by=recorded_by), model)

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
        from .tidy_tables import weights_table

        recorded = {name: model for name, model in self._contents.models.items() if model.projections}
        if not recorded:
            raise self._lacks("weights", "record: {weights: summary}")
        return weights_table(self.path, recorded)

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
        chosen = self._with_projection(model, subject, projection)
        table = f"weights/{projection}/snapshots"
        if table not in chosen.tables:
            raise self._lacks("snapshots", "record: {weights: snapshots}")
        with open_checked(self.path) as file:
            return read_table(file, chosen, model, subject, table)

    def measure(self, model: str) -> str:
        """What performance of a model is.

        ``"share correct"`` of the test images, ``"auc"`` of recalled cells, or ``"proportion recalled"`` of lists.
        """
        return self._model(model).measure

    def table(self, model: str, subject: int, stream: str) -> pd.DataFrame:
        """Any table that grew with the run, as it stands in the file.

        Parameters
        ----------
        model : str
            Name of the model.
        subject : int
            Index of the subject.
        stream : str
            Name of the table, one of `streams`, such as ``"losses"``.

        Returns
        -------
        pandas.DataFrame
            One row per row of the table; of a column with several values per row, each cell is an ndarray. Slots are
            counted from 0, as in the file. What else is said of the table (sizes, units of its bins) is in ``attrs``.

        Raises
        ------
        ValueError
            If there is no such model, subject or table.
        """
        from .tidy_tables import stream_table

        return stream_table(self.path, self._model_with(model, subject, stream), model, subject, stream)

    def seconds(self, model: str) -> np.ndarray:
        """Wall time that each subject spent in each step of the timeline.

        Parameters
        ----------
        model : str
            Name of the model.

        Returns
        -------
        ndarray, shape (subject, step), float64
            Seconds; NaN where a step has not begun, and in recordings before format 1.2. Subjects that were simulated
            together share the time evenly; what was done again after a kill is counted again.
        """
        chosen = self._model(model)
        with open_checked(self.path) as file:
            found = read_seconds(file, self._contents, model)
            if found is None:
                steps = file.table("phases/index", "i", (None,)).shape[0]
                found = np.full((chosen.subjects, steps), np.nan)
        return found

    def subjects(self) -> pd.DataFrame:
        """How each subject stands.

        Returns
        -------
        pandas.DataFrame
            One row per model and subject: ``model, subject, seed`` (path of its seed), ``status, message,
            sensitivity`` (1/weight, NaN where the model has none or it is not known yet).
        """
        from .tidy_tables import subjects_table

        return subjects_table(self.path, self._contents.models)

    def items(self) -> pd.DataFrame:
        """Which class filled which place of each subject's list.

        Returns
        -------
        pandas.DataFrame
            One row per model, subject and item: ``model, subject, item, name`` (of the class).
        """
        from .tidy_tables import items_table

        return items_table(self.path, self._contents.models)

    def _having(self, table: str, models: str | Sequence[str] | None, asked_by: str) -> dict[str, ModelContents]:
        chosen = {name: model for name, model in self._chosen(models).items() if table in model.tables}
        if not chosen:
            raise self._lacks(table, asked_by)
        return chosen

    def _lacks(self, what: str, asked_by: str) -> ValueError:
        return ValueError(f"{self.path} holds no {what}: a protocol with {asked_by} records it")
