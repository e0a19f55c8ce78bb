"""Reading of a recording: labelled arrays and tables."""

from __future__ import annotations

import copy
import os
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..wording import counted, nearest, one_of
from .checked_file import open_checked
from .contents import Contents, ModelContents, read_contents, read_seconds, read_status, read_table, subject_path
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
    >>> info = ModelInfo(
    ...     spec={}, item_set={"name": "digits"}, encoder="none", abilities=(), chance=0.1,
    ...     subjects=2, statuses=("complete", "failed"), projections={},
    ... )
    >>> info.statuses.count("failed")
    1
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
    >>> Recording("absent.h5")
    Traceback (most recent call last):
    ...
    FileNotFoundError: absent.h5: there is no such recording
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
        """What performance of a model is: ``"share correct"`` of the test images, or ``"auc"`` of recalled cells."""
        return self._model(model).measure

    def time_scale(self, model: str) -> float:
        """Biological seconds per simulated second; NaN for a model that does not live in simulated time."""
        return self._model(model).time_scale

    def circuit(self, model: str) -> dict[str, Any]:
        """The plain graph of a circuit.

        Returns
        -------
        dict
            ``nodes``, each with ``name, size, module, cell``, and ``edges``, each with ``source, target, name,
            synapses, rule, receptor, mean_weight, delay``.

        Raises
        ------
        ValueError
            If the model is no circuit.
        """
        circuit = self._model(model).circuit
        if circuit is None:
            raise ValueError(f"{model} in {self.path} is no circuit: nothing of that kind was recorded")
        return copy.deepcopy(circuit)

    def populations(self, model: str) -> dict[str, int]:
        """Number of cells by population of a circuit; empty for other models."""
        return dict(self._model(model).populations)

    def streams(self, model: str) -> tuple[str, ...]:
        """Names of the tables that grew with the run, such as ``"spikes/C"``; empty where there are none."""
        return tuple(self._model(model).streams)

    def spikes(self, model: str, subject: int, population: str) -> tuple[np.ndarray, np.ndarray]:
        """All spikes of a population of one subject.

        Parameters
        ----------
        model : str
            Name of the model.
        subject : int
            Index of the subject.
        population : str
            Name of the population.

        Returns
        -------
        times : ndarray, shape (spike,), float64
            Simulated time from the start of the subject's run, in s.
        node_ids : ndarray, shape (spike,), int32
            Number of the cell within its population, from 0.

        Raises
        ------
        ValueError
            If there is no such model, subject or population, or the run did not record spikes.
        """
        from .circuit_tables import read_spikes

        chosen = self._with_stream(
            model, subject, "spikes", population, "circuits record them, unless by record: {spikes: none}"
        )
        return read_spikes(self.path, chosen, model, subject, population)

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

    def segments(self, model: str, subject: int) -> pd.DataFrame:
        """What happened when, in simulated time.

        Parameters
        ----------
        model : str
            Name of the model.
        subject : int
            Index of the subject.

        Returns
        -------
        pandas.DataFrame
            One row per stretch of simulated time: ``phase`` (index of the step), ``stage`` (exposure, gap, cue, reset,
            nrem, rem, rest or quiet), ``item`` (0 where none), ``lesion, cycle, start, stop`` (simulated s), and
            ``label, repetition, kind`` of the step.

        Raises
        ------
        ValueError
            If there is no such model or subject, or the model does not live in simulated time.
        """
        from .circuit_tables import segments_table

        return segments_table(self.path, self._with_stream(model, subject, "segments"), model, subject)

    def stages(self, model: str, subject: int) -> pd.DataFrame:
        """Strong synapses before and after each stage of sleep.

        Parameters
        ----------
        model : str
            Name of the model.
        subject : int
            Index of the subject.

        Returns
        -------
        pandas.DataFrame
            One row per stage and projection: ``phase, cycle, stage, projection, strong`` (synapses above 1.5 times
            their initial weight before the stage), ``before, after`` (sums of their weights).

        Raises
        ------
        ValueError
            If there is no such model or subject, or the run did not record it.
        """
        from .circuit_tables import stages_table

        return stages_table(self.path, self._with_stream(model, subject, "stages"), model, subject)

    def rates(self, model: str, subject: int) -> pd.DataFrame:
        """Mean rate of the cells of each population.

        Parameters
        ----------
        model : str
            Name of the model.
        subject : int
            Index of the subject.

        Returns
        -------
        pandas.DataFrame
            One row per bin: ``time`` (s), and the rate of each population in Hz; ``attrs["bin"]`` is the bin in s.

        Raises
        ------
        ValueError
            If there is no such model or subject, or the run did not record rates.
        """
        from .circuit_tables import rates_table

        chosen = self._with_stream(model, subject, "rates", recorded_by="circuits do with record: {rates: 50 ms}")
        return rates_table(self.path, chosen, model, subject)

    def states(self, model: str, subject: int, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """One state variable of some cells over time.

        Parameters
        ----------
        model : str
            Name of the model.
        subject : int
            Index of the subject.
        name : str
            Population and variable, such as ``"C.v"``.

        Returns
        -------
        time : ndarray, shape (sample,), float64
            Simulated time in s.
        values : ndarray, shape (sample, cell), float32
            Values in the units of the variable.
        node_ids : ndarray, shape (cell,), int64
            The cells.

        Raises
        ------
        ValueError
            If there is no such model, subject or state, or the run did not record states.
        """
        from .circuit_tables import read_states

        chosen = self._with_stream(model, subject, "states", name, "circuits do with record: {states: ...}")
        return read_states(self.path, chosen, model, subject, name)

    def synapses(self, model: str, subject: int, projection: str) -> pd.DataFrame:
        """What does not change of the synapses of a projection.

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
        pandas.DataFrame
            One row per synapse, in the order of `snapshots`: ``pre, post`` (cells), ``initial`` (weight) and
            ``flexibility``.

        Raises
        ------
        ValueError
            If there is no such model, subject or projection, or it is not a list of synapses.
        """
        from .circuit_tables import synapses_table

        chosen = self._with_projection(model, subject, projection)
        if f"weights/{projection}/pre" not in chosen.tables:
            raise ValueError(f"{projection} of {model} in {self.path} is an array of weights, not a list of synapses")
        return synapses_table(self.path, chosen, model, subject, projection)

    def assemblies(self, model: str, subject: int, population: str) -> np.ndarray:
        """Which cells of a population stand for which item.

        Parameters
        ----------
        model : str
            Name of the model.
        subject : int
            Index of the subject.
        population : str
            Name of the population.

        Returns
        -------
        ndarray, shape (slot, cell), bool
            Row 0 is item 1.

        Raises
        ------
        ValueError
            If there is no such model, subject or population, or it has no assemblies of its own.
        """
        from .circuit_tables import read_assemblies

        chosen = self._model(model, subject)
        if population not in chosen.populations or f"assemblies/{population}" not in chosen.tables:
            raise self._unknown("population", population, model, chosen.populations)
        return read_assemblies(self.path, chosen, model, subject, population)

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

    def _chosen(self, models: str | Sequence[str] | None) -> dict[str, ModelContents]:
        known = self._contents.models
        names = list(known) if models is None else [models] if isinstance(models, str) else list(models)
        for name in names:
            if name not in known:
                raise ValueError(f'no model "{name}" in {self.path}, it has {one_of(known)}.{nearest(name, known)}')
        if not names:
            raise ValueError(f"no model chosen, {self.path} has {one_of(known)}")
        return {name: known[name] for name in names}

    def _model(self, model: str, subject: int = 0) -> ModelContents:
        chosen = self._chosen(model)[model]
        if not 0 <= subject < chosen.subjects:
            raise ValueError(f"subject {subject} of {model}: expected 0 to {chosen.subjects - 1}")
        return chosen

    def _with_projection(self, model: str, subject: int, projection: str) -> ModelContents:
        chosen = self._model(model, subject)
        if projection not in chosen.projections:
            raise self._unknown("projection", projection, model, chosen.projections)
        return chosen

    def _model_with(self, model: str, subject: int, stream: str) -> ModelContents:
        chosen = self._model(model, subject)
        if stream not in chosen.streams:
            raise self._unknown("table", stream, model, chosen.streams)
        return chosen

    def _with_stream(
        self, model: str, subject: int, kind: str, part: str = "", recorded_by: str = "circuits record them"
    ) -> ModelContents:
        chosen = self._model(model, subject)
        if (f"{kind}/{part}" if part else kind) in chosen.streams:
            return chosen
        parts = [name.removeprefix(f"{kind}/") for name in chosen.streams if name.startswith(f"{kind}/")]
        if parts:
            raise self._unknown(kind, part, model, parts)
        raise ValueError(f"{self.path} holds no {kind} of {model}: {recorded_by}")

    def _unknown(self, what: str, name: str, model: str, known: Collection[str]) -> ValueError:
        return ValueError(
            f'no {what} "{name}" of {model} in {self.path}, it has {one_of(known) or "none"}.{nearest(name, known)}'
        )

    def _having(self, table: str, models: str | Sequence[str] | None, asked_by: str) -> dict[str, ModelContents]:
        chosen = {name: model for name, model in self._chosen(models).items() if table in model.tables}
        if not chosen:
            raise self._lacks(table, asked_by)
        return chosen

    def _lacks(self, what: str, asked_by: str) -> ValueError:
        return ValueError(f"{self.path} holds no {what}: a protocol with {asked_by} records it")
