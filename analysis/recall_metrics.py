"""Metrics of recall tests for `metrics`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import xarray as xr

from .circuit_metrics import Metric, plain
from .hebb_curves import hebb_slopes
from .recall_errors import error_shares
from .recall_scoring import scores_by_subject
from .recorded_recall import CONDITION, RecordedRecall, kinds_of_lists, recalling_models, recorded_recall

if TYPE_CHECKING:
    from ..data.recording import Recording

Found = dict[str, dict[str, Metric]]
ERRORS = {
    "omissions": "omission",
    "transpositions": "transposition",
    "intrusions": "intrusion",
    "repetitions": "repetition",
}


def recall_test_metrics(recording: Recording, performance: xr.DataArray) -> dict[str, dict[str, Metric]]:
    """What every model that recalls lists recalled of them, and what went wrong; means over sound subjects."""
    tests = recorded_recall(recording, performance)
    if tests is None:
        return {}
    parts = [_recalled(tests), _recalled_by_position(tests), _errors(tests), _slopes(tests)]
    return {
        model: {name: value for part in parts for name, value in part.get(model, {}).items()} or {"recalled": None}
        for model in recalling_models(recording)
    }


def _recalled(tests: RecordedRecall) -> Found:
    found: Found = {}
    first = tests.first()
    _add(found, "recalled", _means(first.studied))
    if tests.factor:
        for level in first.studied[CONDITION].cat.categories:
            rows = first.studied[first.studied[CONDITION] == level]
            _add(found, f"recalled ({tests.factor}={level})", _means(rows))
    _add(found, "recalled_later", _means(tests.later().studied))
    return found


def _recalled_by_position(tests: RecordedRecall) -> Found:
    lists = tests.first().of("serial", "free").of_usual_length().studied
    if lists.empty:
        return {}
    scores = scores_by_subject(lists.assign(position=lists["input_position"]))
    means = scores.groupby(["model", "position"])["score"].mean().unstack("position")
    return {
        str(model): {"recalled_by_position": [plain(value) for value in row]}
        for model, row in zip(means.index, means.to_numpy(), strict=True)
    }


def _errors(tests: RecordedRecall) -> Found:
    in_place = tests.first().of("serial", "cued")
    if not in_place:
        return {}
    shares = error_shares(in_place.recalls, in_place.studied)
    found: Found = {}
    for name, kind in ERRORS.items():
        rows = shares[shares["error_type"] == kind]
        sums = rows.assign(share=rows["share"] * rows["lists"]).groupby(["model", "subject"])[["share", "lists"]].sum()
        _add(found, name, (sums["share"] / sums["lists"]).groupby("model").mean())
    return found


def _slopes(tests: RecordedRecall) -> Found:
    scores = hebb_scores(tests)
    found: Found = {}
    if scores.empty:
        return found
    counts = scores.groupby(["model", "subject", "list_type"])["repetition"].nunique().unstack("list_type")
    ready = (counts.reindex(columns=["repeated", "filler"]) > 1).all(axis=1)
    scores = scores[pd.MultiIndex.from_frame(scores[["model", "subject"]]).isin(ready.index[ready])]
    if not scores.empty:
        means = hebb_slopes(scores).groupby("model")[["repeated", "filler"]].mean()
        for kind in means:
            _add(found, f"{kind}_slope", means[kind])
    return found


def hebb_scores(tests: RecordedRecall) -> pd.DataFrame:
    """Scores of repeated list and fillers by repetition, as `hebb_slopes` takes them; empty without both."""
    studied = tests.studied.assign(list_type=kinds_of_lists(tests))
    return scores_by_subject(studied[studied["list_type"] != ""], ("list_type", "repetition"))


def _means(studied: pd.DataFrame) -> pd.Series:
    """Mean over the items of each subject, then over subjects."""
    return studied.groupby(["model", "subject"])["correct"].mean().groupby("model").mean()


def _add(found: Found, name: str, means: pd.Series) -> None:
    for model, value in means.items():
        found.setdefault(str(model), {})[name] = plain(value)
