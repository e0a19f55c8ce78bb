"""Replay in recorded nights: the bursts of the hippocampus, and which item each reactivates."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..data.wording import nearest, one_of
from .bursts import burst_counts, events_per_second, population_bursts
from .consolidation import night_of_phases
from .probes import require_columns
from .recorded_circuits import circuit_subjects, item_assemblies, replaying_population
from .replay import match_bursts, replay_counts, replay_evenness

if TYPE_CHECKING:
    from ..data.recording import Recording

REPLAY_STAGES = ("nrem", "cue", "quiet")  # a cue is part of the NREM, or quiet wake, that it interrupts
NIGHT_COLUMNS = (
    "model", "subject", "night", "phase", "events", "seconds", "per_simulated_second", "per_biological_second",
    "median_ms", "within", "matched", "null_shuffled", "null_random", "items", "replayed", "cv",
)  # fmt: skip
WITHIN_MS = (30.0, 150.0)


def replay_events(
    recording: Recording, model: str, subject: int, *, population: str | None = None, seed: int = 0
) -> pd.DataFrame:
    """Population bursts in the NREM and quiet replay of one subject, each with the item that it reactivates.

    Bursts are found in each night by itself (`population_bursts`) and matched (`match_bursts`) to the cells of the
    items that were exposed before that night: the assemblies that the recording holds for the population, or else the
    cells found in the spikes of the last exposures (`index_assemblies`).

    Parameters
    ----------
    recording : engram.data.recording.Recording
        An opened recording of a circuit, with spikes.
    model : str
        Name of the model.
    subject : int
        Which subject, from 0.
    population : str, optional
        Where to look: the hippocampal population with recurrent excitation unless given.
    seed : int
        Of the random sets and shuffles.

    Returns
    -------
    pandas.DataFrame
        One row per burst: ``model``, ``subject``, ``night`` (from 1), ``phase``, ``stage`` (``cue`` where a cue falls
        into the burst, which is then not spontaneous), ``cycle``, then the columns of `population_bursts` and, but for
        ``burst``, of `match_bursts`.

    Raises
    ------
    ValueError
        If the model is no circuit, there is no such population, or spikes were not recorded.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> run = engram.open("runs/consolidation.h5")  # doctest: +SKIP
    >>> engram.analysis.replay_events(run, "two-stage", 0)[["night", "start", "duration_ms", "item"]]  # doctest: +SKIP
    """
    return _Replay(recording, model, subject, population, seed).events()


def replay_by_night(recording: Recording, models: Sequence[str] | None = None, *, seed: int = 0) -> pd.DataFrame:
    """Bursts and what they reactivate, one row per night, for all subjects that did not fail.

    Parameters
    ----------
    recording : engram.data.recording.Recording
        An opened recording.
    models : sequence of str, optional
        Which models; all circuits whose spikes were recorded unless given.
    seed : int
        Of the random sets and shuffles.

    Returns
    -------
    pandas.DataFrame
        ``model``, ``subject``, ``night`` (from 1), ``phase``, ``events``, ``seconds`` (simulated, of NREM or quiet
        replay), ``per_simulated_second``, ``per_biological_second``, ``median_ms``, ``within`` (share that lasts 30 to
        150 ms), ``matched`` (share that reactivates exactly one item), ``null_shuffled`` and ``null_random`` (that
        share by chance), ``items`` (that have cells), ``replayed`` (how many of them are) and ``cv`` (of their counts).

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> run = engram.open("runs/consolidation.h5")  # doctest: +SKIP
    >>> engram.analysis.replay_by_night(run)[["night", "per_simulated_second", "matched", "cv"]]  # doctest: +SKIP
    """
    parts = []
    for model, subject in circuit_subjects(recording, models):
        try:
            parts.append(_Replay(recording, model, subject, None, seed).nights())
        except ValueError:  # no spikes, or no hippocampus
            continue
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=NIGHT_COLUMNS)


def replay_and_recall(counts: pd.DataFrame, recall: pd.DataFrame) -> pd.DataFrame:
    """Are items that are replayed more often recalled better? Rank correlation over items, within each subject.

    Parameters
    ----------
    counts : pandas.DataFrame
        Columns ``subject``, ``item``, ``count``; several nights of an item are summed. A column ``model`` is kept
        apart.
    recall : pandas.DataFrame
        Columns ``subject``, ``item``, ``performance``, one row each, such as `final_performance` of the lesioned
        subject.

    Returns
    -------
    pandas.DataFrame
        One row per subject: ``model`` (where given), ``subject``, ``items`` and ``rho`` (Spearman; NaN where all counts
        or all performances are alike). `mean_over_subjects` gives its mean with an interval.

    Raises
    ------
    ValueError
        If a column is missing or an item has several performances.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import replay_and_recall
    >>> counts = pd.DataFrame({"subject": 0, "item": [1, 2, 3, 1], "count": [1, 4, 9, 1]})
    >>> recall = pd.DataFrame({"subject": 0, "item": [1, 2, 3], "performance": [0.6, 0.9, 0.8]})
    >>> replay_and_recall(counts, recall)
       subject  items  rho
    0        0      3  0.5
    """
    require_columns(counts, ("subject", "item", "count"), "counts")
    require_columns(recall, ("subject", "item", "performance"), "recall")
    keys = [name for name in ("model", "subject") if name in counts.columns and name in recall.columns]
    if recall.duplicated([*keys, "item"]).any():
        raise ValueError("an item has several performances; expected one per subject and item: choose one probe")
    total = counts.groupby([*keys, "item"], sort=False)["count"].sum().reset_index()
    both = total.merge(recall, on=[*keys, "item"]).dropna(subset=["performance"])
    rows = []
    for subject, group in both.groupby(keys, sort=False):
        ranks = group[["count", "performance"]].rank()
        varied = (ranks.nunique() > 1).all()
        rho = ranks["count"].corr(ranks["performance"]) if varied else float("nan")
        rows.append((*subject, len(group), round(float(rho), 12)))
    return pd.DataFrame(rows, columns=[*keys, "items", "rho"])


class _Replay:
    """One subject's spikes of one population, looked at night by night."""

    def __init__(self, recording: Recording, model: str, subject: int, population: str | None, seed: int) -> None:
        sizes = recording.populations(model)
        name = population or replaying_population(recording.circuit(model))
        if name not in sizes:
            raise ValueError(
                f'{model} has no population "{name}"; it has {one_of(sizes) or "none"}.{nearest(name, sizes)}'
            )
        self.recording, self.model, self.subject, self.population = recording, model, subject, name
        self.size, self.seed = sizes[name], seed
        self.spikes = recording.spikes(model, subject, name)
        self.segments = recording.segments(model, subject)
        self.night_of = night_of_phases(recording.phases())
        self.time_scale = recording.time_scale(model)
        asleep = self.segments["kind"].isin(["sleep", "rest"]) & self.segments["stage"].isin(REPLAY_STAGES)
        self.looked_at = self.segments[asleep]

    def events(self) -> pd.DataFrame:
        parts = [self._night(phase)[0] for phase in self._phases()]
        if parts:
            return pd.concat(parts, ignore_index=True)
        nothing = population_bursts([], np.array([], dtype=int), self.size, [])
        return self._described(nothing, 0, self.looked_at, np.zeros((0, self.size), dtype=bool))

    def nights(self) -> pd.DataFrame:
        rows = []
        for phase in self._phases():
            events, assemblies = self._night(phase)
            stretch = self._looked_at(phase)
            present = np.flatnonzero(assemblies.any(axis=1)) + 1
            seconds = float((stretch["stop"] - stretch["start"]).sum())
            rate = events_per_second(events, seconds, time_scale=self.time_scale).iloc[0]
            even = replay_evenness(replay_counts(events, present.tolist()))
            duration = events["duration_ms"]
            night = {
                "model": self.model,
                "subject": self.subject,
                "night": int(self.night_of[phase]),
                "phase": phase,
                **rate,
                "median_ms": duration.median(),
                "within": duration.between(*WITHIN_MS).mean() if len(events) else np.nan,
                "matched": (events["item"] > 0).mean() if len(events) else np.nan,
                "null_shuffled": events["null_shuffled"].mean() if len(events) else np.nan,
                "null_random": events["null_random"].mean() if len(events) else np.nan,
                "items": present.size,
                "replayed": int(even["replayed"].sum()),
                "cv": even["cv"].mean(),
            }
            rows.append(night)
        return pd.DataFrame(rows, columns=NIGHT_COLUMNS)

    def _phases(self) -> list[int]:
        return sorted(set(self.looked_at["phase"].tolist()))

    def _looked_at(self, phase: int) -> pd.DataFrame:
        return self.looked_at[self.looked_at["phase"] == phase]

    def _night(self, phase: int) -> tuple[pd.DataFrame, np.ndarray]:
        stretch = self._looked_at(phase)
        intervals = stretch[["start", "stop"]].to_numpy(dtype=float)
        begin = float(intervals[:, 0].min())
        bursts = population_bursts(*self.spikes, self.size, intervals)
        assemblies = item_assemblies(self.recording, self.model, self.subject, self.population, before=begin + 1e-9)
        return self._described(bursts, phase, stretch, assemblies), assemblies

    def _described(
        self, bursts: pd.DataFrame, phase: int, stretch: pd.DataFrame, assemblies: np.ndarray
    ) -> pd.DataFrame:
        counts = burst_counts(*self.spikes, self.size, bursts)
        matched = match_bursts(counts, assemblies, np.random.default_rng([self.seed, phase])).drop(columns="burst")
        starts = stretch["start"].to_numpy(dtype=float)
        place = np.maximum(np.searchsorted(starts, bursts["peak"].to_numpy(dtype=float), side="right") - 1, 0)
        cues = stretch.loc[stretch["stage"] == "cue", ["start", "stop"]].to_numpy(dtype=float)
        begin, end = (bursts[side].to_numpy(dtype=float)[:, None] for side in ("start", "stop"))
        cued = ((begin < cues[:, 1]) & (end > cues[:, 0])).any(axis=1)
        where = pd.DataFrame(
            {
                "model": self.model,
                "subject": self.subject,
                "night": int(self.night_of.get(phase, 0)),
                "phase": phase,
                "stage": np.where(cued, "cue", stretch["stage"].to_numpy()[place]) if len(stretch) else "",
                "cycle": stretch["cycle"].to_numpy()[place] if len(stretch) else 0,
            },
            index=bursts.index,
        )
        return pd.concat([where, bursts, matched], axis=1)
