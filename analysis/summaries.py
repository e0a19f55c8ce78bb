"""The numbers of a recording in plain types: what ``engram show --json`` prints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import xarray as xr

from .capacity import average_performance, gross_memory
from .circuit_metrics import Metric, plain, recall_metrics, replay_metrics
from .continual_metrics import Missing, continual_metrics
from .frequency import frequency_and_order_correlation, frequency_varies
from .poisoning import retention_after_poisoning
from .probes import final_probe, intact, probe_column
from .recall_metrics import recall_test_metrics
from .recorded_performance import in_shares, recorded_responses, sound_performance
from .recorded_recall import recalling_models
from .repetition import mean_by_repetition, minimum_by_repetition
from .serial_position import final_performance, serial_position_curve
from .shuffle_test import count_by_subject, memorised

if TYPE_CHECKING:
    from ..data.recording import Recording

Found = dict[str, dict[str, Metric]]


def metrics(recording: Recording) -> dict[str, dict[str, Metric]]:
    """Metrics of every model of a recording, each where the protocol has it.

    ``final_performance`` (by position in the list, mean over subjects), ``memorised`` (items), ``average`` and
    ``gross_memory`` belong to the last probe. ``minimum_by_repetition`` and ``mean_by_repetition`` (by repetition) need
    probes labelled ``repetition``; ``after_poisoning`` (mean over items) and ``retained_after_poisoning`` (with chance
    taken off, ratio of the means over subjects) need probes labelled ``poisoning``; ``rho_frequency`` and ``rho_order``
    (mean over subjects) need items that differ in how often they are presented. ``memorised`` needs recorded responses,
    and like ``gross_memory`` a model whose performance is the share of test images that it names.

    Models that recall lists have none of those of the last probe and of frequencies, but ``recalled`` (share of what
    was asked for, scored as the test says; by list length or labelled condition too, where there are several),
    ``recalled_later`` (where lists were tested again), ``recalled_by_position`` (of the list length tested most often),
    ``omissions``, ``transpositions``, ``intrusions`` and ``repetitions`` (shares of the responses in serial and cued
    recall; the rest are correct or things never shown), ``repeated_slope`` and ``filler_slope`` (per repetition).

    Where there are nights or lesions: ``intact_recall`` and ``lesioned_recall`` (by night, from before the first; means
    over items and subjects). Of circuits: ``burst_rate`` (per simulated second of NREM), ``burst_median_ms``,
    ``burst_match`` (share that reactivates exactly one item) and ``burst_match_null`` (that share by chance, the larger
    of the two nulls), ``replay_cv`` (of the counts of the items in a night) and ``downscaling`` (relative change of
    strong cortical synapses across the REM of a night); means over nights and subjects.

    Where the protocol has tasks, and of deep learners: ``average_incremental``, ``last``, ``forgetting``, ``bwt`` and
    ``fwt`` (see `continual_scores`); ``bytes`` (all that the store keeps at the end), ``psnr`` (dB) and ``bpp`` (bits
    per pixel) of what it keeps; ``image_passes`` and ``updates`` of the whole run; at the last probe that tested them
    ``corruption_accuracy`` (mean over corruptions and severities), ``auroc``, ``aupr`` and ``fpr95`` of unknown
    images (maximum softmax) and ``ece`` (calibration); means over subjects. `summary` says why one is None.

    Subjects that failed are left out. A running recording gives what is there: None stands for what is not there yet.

    Parameters
    ----------
    recording : engram.data.recording.Recording
        An opened recording.

    Returns
    -------
    dict of str to dict
        Metrics by model, in JSON types: numbers, lists of numbers, None in the place of NaN.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> engram.analysis.metrics(engram.open("runs/hebb.h5"))["hybrid"]["retained_after_poisoning"]  # doctest: +SKIP
    0.82
    """
    return {
        model: {name: None if isinstance(value, Missing) else value for name, value in values.items()}
        for model, values in _with_reasons(recording).items()
    }


def _with_reasons(recording: Recording) -> dict[str, dict[str, Metric | Missing]]:
    performance = sound_performance(recording)
    presentations = recording.presentations()
    recalling = recalling_models(recording)
    naming = [str(name) for name in performance["model"].values if name not in recalling]
    found: dict[str, dict[str, Metric | Missing]] = {str(name): {} for name in performance["model"].values}
    parts: list[Mapping[str, Mapping[str, Metric | Missing]]] = [recall_test_metrics(recording, performance)]
    if naming:  # where lists are recalled one by one, the last probe asks for one of them only
        parts.append(_at_the_end(recording, performance.sel(model=naming), presentations))
    parts.append(_under_labels(performance))
    if naming and frequency_varies(presentations):
        parts.append(_of_frequencies(performance.sel(model=naming), presentations))
    parts += [recall_metrics(recording, performance), replay_metrics(recording)]
    for part in [*parts, continual_metrics(recording, performance)]:
        for model, values in part.items():
            found[model] |= values
    return found


def _at_the_end(recording: Recording, performance: xr.DataArray, presentations: pd.DataFrame) -> Found:
    curve = serial_position_curve(performance)
    counts = _final_counts(recording, performance)
    average = _at_final_probe(average_performance(performance, presentations), performance)
    gross = _at_final_probe(gross_memory(performance, presentations), performance)
    found: Found = {}
    for model in map(str, performance["model"].values):
        found[model] = {"final_performance": _column(curve, model, "item", list(performance["item"].values))}
        shares = in_shares(recording, model)
        if shares and counts is not None:
            found[model]["memorised"] = _mean(counts, model, "memorised")
        found[model]["average"] = _mean(average, model, "average_performance")
        if shares:
            found[model]["gross_memory"] = _mean(gross, model, "gross_memory")
    return found


def _under_labels(performance: xr.DataArray) -> Found:
    found: Found = {str(model): {} for model in performance["model"].values}
    if has_label(performance, "repetition"):
        repetitions = repetition_numbers(performance)
        weakest, mean = minimum_by_repetition(performance), mean_by_repetition(performance)
        for model, values in found.items():
            values["minimum_by_repetition"] = _column(weakest, model, "repetition", repetitions)
            values["mean_by_repetition"] = _column(mean, model, "repetition", repetitions)
    if has_label(performance, "poisoning"):
        kept = retention_after_poisoning(performance, samples=1)  # the intervals are not printed
        for model, values in found.items():
            values["after_poisoning"] = _mean(kept, model, "after")
            values["retained_after_poisoning"] = _mean(kept, model, "retained")
    return found


def _of_frequencies(performance: xr.DataArray, presentations: pd.DataFrame) -> Found:
    rho = frequency_and_order_correlation(performance, presentations)
    names = ("rho_frequency", "rho_order")
    return {str(model): {name: _mean(rho, model, name) for name in names} for model in performance["model"].values}


def summary(recording: Recording) -> dict[str, object]:
    """What a recording is and what it shows, in JSON types.

    Parameters
    ----------
    recording : engram.data.recording.Recording
        An opened recording.

    Returns
    -------
    dict
        ``format``, ``format_version``, ``status``, ``protocol`` (its name), ``seed`` and ``models``: for each model
        ``subjects`` (all of them), ``failed`` (how many of them the metrics leave out), ``metrics`` (see `metrics`)
        and, where one of the metrics of continual learning is None, ``reasons``: why, by metric.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> engram.analysis.summary(engram.open("runs/hebb.h5"))["status"]  # doctest: +SKIP
    'complete'
    """
    subjects = recording.subjects()
    return {
        "format": "engram",
        "format_version": str(recording.format_version),
        "status": str(recording.status),
        "protocol": str(recording.protocol_name),
        "seed": int(recording.seed),
        "models": {
            model: {
                "subjects": int((subjects["model"] == model).sum()),
                "failed": int(((subjects["model"] == model) & (subjects["status"] == "failed")).sum()),
                **_told(values),
            }
            for model, values in _with_reasons(recording).items()
        },
    }


def _told(values: dict[str, Metric | Missing]) -> dict[str, object]:
    reasons = {name: value.reason for name, value in values.items() if isinstance(value, Missing)}
    plain_values = {name: None if isinstance(value, Missing) else value for name, value in values.items()}
    return {"metrics": plain_values, **({"reasons": reasons} if reasons else {})}


def has_label(performance: xr.DataArray, label: str) -> bool:
    """Whether the unlesioned subject is probed under a label."""
    return bool(((probe_column(performance, "label").astype(str) == label) & intact(performance)).any())


def repetition_numbers(performance: xr.DataArray, label: str = "repetition") -> list[int]:
    """Repetitions that the timeline probes."""
    rows = (probe_column(performance, "label").astype(str) == label) & intact(performance)
    return [int(number) for number in np.unique(probe_column(performance, "repetition")[rows])]


def _final_counts(recording: Recording, performance: xr.DataArray) -> pd.DataFrame | None:
    responses = recorded_responses(recording)
    if responses is None:
        return None
    scored = set(map(tuple, final_performance(performance)[["model", "subject"]].itertuples(index=False)))
    parts = [
        memorised(responses.sel(model=[model]).isel(probe=[row]))
        for model, row in zip(performance["model"].values, final_probe(performance), strict=True)
        if row >= 0 and model in responses["model"].values
    ]
    if not parts:
        return pd.DataFrame({"model": [], "subject": [], "memorised": []})
    counts = count_by_subject(pd.concat(parts, ignore_index=True))
    return counts[[pair in scored for pair in zip(counts["model"], counts["subject"], strict=True)]]


def _at_final_probe(table: pd.DataFrame, performance: xr.DataArray) -> pd.DataFrame:
    last = dict(zip(performance["model"].values, final_probe(performance), strict=True))
    return table[table["probe"] == table["model"].map(last)]


def _mean(table: pd.DataFrame, model: str, column: str) -> float | None:
    return plain(table.loc[table["model"] == model, column].mean())


def _column(table: pd.DataFrame, model: str, by: str, places: list) -> list[float | None]:
    values = table[table["model"] == model].set_index(by)["mean"].reindex(places)
    return [plain(value) for value in values]
