"""The numbers of a recording in plain types: what ``engram show --json`` prints."""

from __future__ import annotations

from collections.abc import Callable
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
from .recorded_performance import in_shares, recorded_responses, sound_performance
from .repetition import mean_by_repetition, minimum_by_repetition
from .serial_position import final_performance, serial_position_curve
from .shuffle_test import count_by_subject, memorised

if TYPE_CHECKING:
    from ..data.recording import Recording


def metrics(recording: Recording) -> dict[str, dict[str, Metric]]:
    """Metrics of every model of a recording, each where the protocol has it.

    ``final_performance`` (by position in the list, mean over subjects), ``memorised`` (items), ``average`` and
    ``gross_memory`` belong to the last probe. ``minimum_by_repetition`` and ``mean_by_repetition`` (by repetition) need
    probes labelled ``repetition``; ``after_poisoning`` (mean over items) and ``retained_after_poisoning`` (with chance
    taken off, ratio of the means over subjects) need probes labelled ``poisoning``; ``rho_frequency`` and ``rho_order``
    (mean over subjects) need items that differ in how often they are presented. ``memorised`` needs recorded responses,
    and like ``gross_memory`` a model whose performance is the share of test images that it names.

    Where there are nights or lesions: ``intact_recall`` and ``lesioned_recall`` (by night, from before the first; means
    over items and subjects). Of circuits: ``burst_rate`` (per simulated second of NREM), ``burst_median_ms``,
    ``burst_match`` (share that reactivates exactly one item) and ``burst_match_null`` (that share by chance, the larger
    of the two nulls), ``replay_cv`` (of the counts of the items in a night) and ``downscaling`` (relative change of
    strong cortical synapses across the REM of a night); means over nights and subjects.

    Where the protocol has tasks, and of deep learners: ``average_incremental``, ``last``, ``forgetting``, ``bwt`` and
    ``fwt`` (see `continual_scores`); ``bytes`` (all that the store keeps at the end), ``psnr`` (dB) and ``bpp`` (bits
    per pixel) of what it keeps; ``image_passes`` and ``updates`` of the whole run; at the last probe that tested them
    ``corruption_accuracy`` (mean over corruptions and severities), ``auroc`` and ``fpr95`` of unknown images (maximum
    softmax) and ``ece`` (calibration); means over subjects. `summary` says why one is None.

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
    models = [str(name) for name in performance["model"].values]
    found: dict[str, dict[str, Metric | Missing]] = {name: {} for name in models}

    def add(name: str, by_model: Callable[[str], Metric]) -> None:
        for model in models:
            found[model][name] = by_model(model)

    curve = serial_position_curve(performance)
    items = list(performance["item"].values)
    add("final_performance", lambda model: _column(curve, model, "mean", "item", items))
    counts = _final_counts(recording, performance)
    if counts is not None:
        for model in models:
            if in_shares(recording, model):
                found[model]["memorised"] = _mean(counts, model, "memorised")
    average = _at_final_probe(average_performance(performance, presentations), performance)
    gross = _at_final_probe(gross_memory(performance, presentations), performance)
    add("average", lambda model: _mean(average, model, "average_performance"))
    for model in models:
        if in_shares(recording, model):
            found[model]["gross_memory"] = _mean(gross, model, "gross_memory")
    if has_label(performance, "repetition"):
        repetitions = repetition_numbers(performance)
        weakest, mean = minimum_by_repetition(performance), mean_by_repetition(performance)
        add("minimum_by_repetition", lambda model: _column(weakest, model, "mean", "repetition", repetitions))
        add("mean_by_repetition", lambda model: _column(mean, model, "mean", "repetition", repetitions))
    if has_label(performance, "poisoning"):
        kept = retention_after_poisoning(performance, samples=1)  # the intervals are not printed
        add("after_poisoning", lambda model: _mean(kept, model, "after"))
        add("retained_after_poisoning", lambda model: _mean(kept, model, "retained"))
    if frequency_varies(presentations):
        rho = frequency_and_order_correlation(performance, presentations)
        add("rho_frequency", lambda model: _mean(rho, model, "rho_frequency"))
        add("rho_order", lambda model: _mean(rho, model, "rho_order"))
    for part in (recall_metrics(recording, performance), replay_metrics(recording)):
        for model, values in part.items():
            found[model] |= values
    for model, continual in continual_metrics(recording, performance).items():
        found[model] |= continual
    return found


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


def _column(table: pd.DataFrame, model: str, column: str, by: str, places: list) -> list[float | None]:
    values = table[table["model"] == model].set_index(by)[column].reindex(places)
    return [plain(value) for value in values]
