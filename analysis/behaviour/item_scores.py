"""What each subject got right, item by item, scored the way people were scored."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..probes import measured
from ..recall_scoring import score_recalls
from ..recorded_performance import sound_performance
from ..recorded_recall import UNLESIONED
from .condition_labels import label_keys

if TYPE_CHECKING:
    from ...data.behaviour import Dataset
    from ...data.recording import Recording

OF_A_TEST = {"delay_hours", "repetition", "lesion", "session", "presentations", "spacing"}
OF_SERIAL_RECALL = ("strict", "item", "cued")

OWN_SCORING = "say scoring in a NAME.yaml beside your NAME.csv and compare with NAME.yaml, or use dataset_from_table"


def recalled_items(recording: Recording, dataset: Dataset, model: str) -> pd.DataFrame:
    """Items of every recall test, scored 0 or 1 under the data set's scoring.

    Returns
    -------
    pandas.DataFrame
        ``subject, trial, list_trial, list, label, repetition, list_length, delay, lesion, position, list_position,
        score``.

    Raises
    ------
    ValueError
        The recall tests of the recording cannot be scored that way.
    """
    recalls, studied = recording.recall_tables(model)
    if studied.empty:
        raise ValueError(f'no recall test of the model "{model}" is written yet; was the run interrupted?')
    serial = _serial_trials(recalls)
    wanted = serial if dataset.scoring in OF_SERIAL_RECALL else ~serial
    if not wanted.any():
        found, expected = (
            ("free", "serial or cued") if dataset.scoring in OF_SERIAL_RECALL else ("serial or cued", "free")
        )
        raise ValueError(
            f'the data set "{dataset.name}" scores {dataset.scoring} recall, but the tests of the protocol '
            f'"{recording.protocol_name}" are of {found} recall; expected tests of {expected} recall'
            f"{fitting(dataset, recording.protocol_name) or f'; or a data set scored otherwise: {OWN_SCORING}'}"
        )
    recalls, studied = (_of_trials(table, wanted.index[wanted]) for table in (recalls, studied))
    scored = score_recalls(recalls, studied, dataset.scoring)  # type: ignore[arg-type]
    return _sound(recording, model, scored.rename(columns={"correct": "score"}))


def performed_items(recording: Recording, dataset: Dataset, model: str) -> pd.DataFrame:
    """Performance at every probed item, as recall tests give it; for models that do not recall.

    Where the data set has no factor that tells tests apart, such as a delay or one that labels name, the last probe
    counts.

    Returns
    -------
    pandas.DataFrame
        Columns as of `recalled_items`. A place in the list is the place among the asked items in the order of their
        last presentations, and the last probe counts as the test of the list; a delay is the rest and sleep since the
        last presentation, in seconds.
    """
    array = sound_performance(recording)
    array = array.sel(model=[model]).assign_coords(trial=("probe", np.arange(array.sizes["probe"])))
    table = measured(array.astype(np.float64)).rename(columns={"performance": "score"})
    if table.empty:
        raise ValueError(f'no probe of the model "{model}" is written yet; was the run interrupted?')
    latest = _latest_presentation(table, recording.presentations())
    table = table.assign(presented=latest).dropna(subset=["presented"])
    idle = _idle_seconds(recording.phases())
    last = table.loc[table["lesion"].astype(str).isin(UNLESIONED), "trial"].max()
    if not (OF_A_TEST | set(label_keys(table["label"]))) & set(dataset.factors):
        table = table[table["trial"] == last]
    presented = (table["presented"] // 1).to_numpy(dtype=np.int64)
    key = ["subject", "trial"]
    position = table.groupby(key)["presented"].rank(method="first").astype(np.int64)
    return table.assign(
        position=position,
        list_position=position,
        list_trial=last,
        list_length=table.groupby(key)["item"].transform("size"),
        delay=idle[table["phase"].to_numpy(dtype=np.int64)] - idle[presented],
        label=table["label"].astype(str),
        lesion=table["lesion"].astype(str),
        list=table["list"].astype(str),
    ).reset_index(drop=True)


def fitting(dataset: Dataset, protocol: str = "") -> str:
    """Which other protocols of the library reproduce a data set's experiment, as the end of a message."""
    others = [name for name in dataset.protocols if name != protocol]
    return f"; protocols that fit it: {', '.join(others)}" if others else ""


def _serial_trials(recalls: pd.DataFrame) -> pd.Series:
    """Whether each test asks for items at places (or by cues), and not for any in any order."""
    return (recalls["expected"] >= 1).groupby([recalls["subject"], recalls["trial"]]).any()


def _of_trials(table: pd.DataFrame, trials: pd.Index) -> pd.DataFrame:
    return table[pd.MultiIndex.from_frame(table[["subject", "trial"]]).isin(trials)]


def _sound(recording: Recording, model: str, scored: pd.DataFrame) -> pd.DataFrame:
    """Rows of subjects that did not fail."""
    statuses = recording.models[model].statuses
    failed = [subject for subject, status in enumerate(statuses) if status == "failed"]
    return scored[~scored["subject"].isin(failed)].reset_index(drop=True)


def _latest_presentation(table: pd.DataFrame, presentations: pd.DataFrame) -> pd.Series:
    """When each probed item was last presented before its probe: step + place within it (below 1); NaN: never."""
    within = presentations.groupby(["subject", "phase"])["order"].transform("max") + 1
    when = presentations["phase"] + presentations["order"] / within
    shown = presentations.assign(when=when.astype(float))[["subject", "item", "when"]].sort_values(
        "when", kind="stable"
    )
    asked = table[["subject", "item", "phase"]].assign(phase=table["phase"].astype(float), row=np.arange(len(table)))
    asked = asked.sort_values("phase", kind="stable")
    found = pd.merge_asof(asked, shown, left_on="phase", right_on="when", by=["subject", "item"])
    return pd.Series(found.set_index("row")["when"].sort_index().to_numpy(), index=table.index)


def _idle_seconds(phases: pd.DataFrame) -> np.ndarray:
    """Seconds of rest and sleep up to the end of each step."""
    seconds = (phases["stop"] - phases["start"]).to_numpy(dtype=float)
    return np.cumsum(np.where(phases["kind"].astype(str).isin(["rest", "sleep"]), seconds, 0.0))
