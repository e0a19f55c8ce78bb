"""What only circuits have, as methods of a recording."""

from __future__ import annotations

import copy
from collections.abc import Collection, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..wording import nearest, one_of
from .contents import Contents, ModelContents

if TYPE_CHECKING:
    import pandas as pd


class CircuitReader:
    """The part of `Recording` that reads circuits, with the look-up of models, subjects and streams.

    Parameters
    ----------
    path : Path
        The file.
    contents : Contents
        What does not change of it.
    """

    def __init__(self, path: Path, contents: Contents) -> None:
        self.path = path
        self._contents = contents

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

    def _model_with(self, model: str, subject: int, stream: str) -> ModelContents:
        chosen = self._model(model, subject)
        if stream not in chosen.streams:
            raise self._unknown("table", stream, model, chosen.streams)
        return chosen

    def _unknown(self, what: str, name: str, model: str, known: Collection[str]) -> ValueError:
        return ValueError(
            f'no {what} "{name}" of {model} in {self.path}, it has {one_of(known) or "none"}.{nearest(name, known)}'
        )
