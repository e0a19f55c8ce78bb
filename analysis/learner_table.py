"""Continual learners side by side, over several recordings: what they know, and what it cost."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from .continual import SCORES, continual_scores
from .learning_costs import BYTES, COSTS, costs_by_phase, memory_by_phase
from .probe_evaluations import at_last_probe, corruption_accuracies, evaluations, unknown_detection
from .recorded_performance import recorded_responses, sound_performance
from .tasks import tasks_of

if TYPE_CHECKING:
    from ..data.recording import Recording

MEASURED = ("corruption_accuracy", "auroc", "aupr", "fpr95", "ece")
STORED = ("bytes", *(name for name in BYTES if name != "total_bytes"), "items", "psnr", "bits_per_pixel")
TABLE_COLUMNS = (
    "recording", "protocol", "seed", "model", "subject", "store", "budget", *SCORES, *STORED, *COSTS, "seconds",
    *MEASURED,
)  # fmt: skip


def continual_table(recordings: Recording | Sequence[Recording]) -> pd.DataFrame:
    """What every learner of one or several recordings knows at the end, and what it cost, by subject.

    Recordings of one protocol with other budgets, stores or sizes make a comparison at equal bytes or equal image
    passes: see `plot_accuracy_against`.

    Parameters
    ----------
    recordings : Recording or sequence of Recording
        Opened recordings.

    Returns
    -------
    pandas.DataFrame
        One row per recording, model and subject, failed ones left out: ``recording`` (name of the file), ``protocol``,
        ``seed``, ``model``, ``subject``, ``store`` (its kind, ``none`` without one), ``budget`` (bytes, NaN where none
        is set); ``average_incremental``, ``last``, ``forgetting``, ``bwt``, ``fwt`` (see `continual_scores`); at the
        end ``bytes`` (all that the store keeps), its parts, ``items``, ``psnr`` (dB), ``bits_per_pixel``; over the
        whole run ``updates``, ``image_passes``, ``forward_passes``, ``seconds``; at the last probe that tested them
        ``corruption_accuracy`` (mean over corruptions and severities), ``auroc``,
        ``aupr`` (known images are the positives) and ``fpr95`` of unknown images by
        maximum softmax, and ``ece``. NaN is what a model or a protocol does not have.

    Raises
    ------
    ValueError
        If no recording is given.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> runs = [engram.open(f"runs/budget-{size}.h5") for size in ("1MB", "4MB", "16MB")]  # doctest: +SKIP
    >>> table = engram.analysis.continual_table(runs)  # doctest: +SKIP
    >>> table.groupby(["model", "budget"])["last"].agg(["mean", "sem"])  # doctest: +SKIP
    """
    given = list(recordings) if isinstance(recordings, Sequence) else [recordings]
    if not given:
        raise ValueError("no recording is given; expected one or more opened recordings")
    return pd.concat([_of_one(recording) for recording in given], ignore_index=True)


def _of_one(recording: Recording) -> pd.DataFrame:
    performance = sound_performance(recording)
    subjects = recording.subjects()
    table = subjects.loc[subjects["status"] != "failed", ["model", "subject"]].reset_index(drop=True)
    table = table.assign(
        recording=recording.path.stem, protocol=recording.protocol_name, seed=recording.seed,
        **_stores(recording, table["model"]),
    )  # fmt: skip
    tasks = tasks_of(recording.presentations(), recording.phases())
    if not tasks.empty:
        scores = continual_scores(performance, tasks, recorded_responses(recording))
        table = table.merge(scores, on=["model", "subject"], how="left")
    for part in (_memory(recording), _costs(recording), _measured(recording)):
        table = table.merge(part, on=["model", "subject"], how="left")
    return table.reindex(columns=list(TABLE_COLUMNS))


def _stores(recording: Recording, models: pd.Series) -> dict[str, Any]:
    infos = recording.models
    stores = {name: info.spec.get("store") or {} for name, info in infos.items()}
    kinds = [stores[name].get("kind", "none") for name in models]
    return {"store": kinds, "budget": [float(stores[name].get("budget") or np.nan) for name in models]}


def _memory(recording: Recording) -> pd.DataFrame:
    kept = memory_by_phase(recording).groupby(["model", "subject"], sort=False).tail(1)
    return kept.rename(columns={"total_bytes": "bytes"})[["model", "subject", *STORED]]


def _costs(recording: Recording) -> pd.DataFrame:
    columns = [*COSTS, "seconds"]
    return costs_by_phase(recording).groupby(["model", "subject"], sort=False)[columns].sum().reset_index()


def _measured(recording: Recording) -> pd.DataFrame:
    """Each measure at the last probe that took it."""
    keys = ["model", "subject"]
    measured = evaluations(recording)
    corrupted = corruption_accuracies(measured)
    corrupted = at_last_probe(corrupted[corrupted["severity"] > 0])
    means = corrupted.groupby(keys)["accuracy"].mean().rename("corruption_accuracy")
    unknown = unknown_detection(measured)
    unknown = at_last_probe(unknown[unknown["score"] == "msp"]).set_index(keys)[["auroc", "aupr", "fpr95"]]
    ece = at_last_probe(measured[measured["name"] == "calibration/ece"]).set_index(keys)["value"].rename("ece")
    return pd.concat([means, unknown, ece], axis=1).reset_index(names=keys) if len(measured) else measured[keys]
