"""The recall tests of a recording, scored as each test says: what metrics and figures of recall begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import xarray as xr

if TYPE_CHECKING:
    from ..data.recording import Recording

TEST = ["model", "subject", "trial"]
CONDITION = "condition"
UNLESIONED = ("", "none")


@dataclass(frozen=True)
class RecordedRecall:
    """Recall tests of some models: what came out, and what was asked for.

    Both tables have the columns of a recording's ``recalls`` and ``studied`` with ``model`` before them, and ``kind``
    of the test: serial, cued or free. ``studied`` has also ``correct`` (as the session scored it) and ``condition``:
    what the label of the test says, or else how long its list was, as an ordered category (NaN: none of these).
    ``factor`` names the condition: "" where there is only one.
    """

    recalls: pd.DataFrame
    studied: pd.DataFrame
    factor: str = ""

    def __bool__(self) -> bool:
        return not self.studied.empty

    def where(self, chosen: pd.Series) -> RecordedRecall:
        """The tests of the rows of `studied` that are chosen."""
        studied = self.studied[chosen]
        tests = pd.MultiIndex.from_frame(studied[TEST].drop_duplicates())
        return RecordedRecall(
            self.recalls[pd.MultiIndex.from_frame(self.recalls[TEST]).isin(tests)], studied, self.factor
        )

    def of(self, *kinds: str) -> RecordedRecall:
        """Tests of these kinds alone."""
        return self.where(self.studied["kind"].isin(kinds))

    def first(self) -> RecordedRecall:
        """Tests of lists that were not tested since they were presented."""
        return self.where(_is_first(self.studied))

    def later(self) -> RecordedRecall:
        """Tests of lists that were tested before, such as a final test of everything."""
        return self.where(~_is_first(self.studied))

    def of_conditions(self) -> RecordedRecall:
        """Tests that belong to a condition."""
        return self.where(self.studied[CONDITION].notna())

    def of_usual_length(self) -> RecordedRecall:
        """Tests of the list length that was tested most often, and of those the longest."""
        lengths = self.studied.drop_duplicates(TEST)["list_length"].value_counts()
        usual = max(lengths.index[lengths == lengths.max()], default=0)
        return self.where(self.studied["list_length"] == usual)


def recalling_models(recording: Recording) -> list[str]:
    """Models of a recording whose recall of lists is recorded."""
    if not callable(getattr(recording, "streams", None)):
        return []
    return [name for name in recording.models if "recalls" in recording.streams(name)]


def recorded_recall(recording: Recording, performance: xr.DataArray) -> RecordedRecall | None:
    """Recall tests of all models that recall, of sound subjects without a lesion; None where no model recalls."""
    models = recalling_models(recording)
    if not models:
        return None
    tables = {name: recording.recall_tables(name) for name in models}
    recalls = pd.concat([both.recalls.assign(model=name) for name, both in tables.items()], ignore_index=True)
    studied = pd.concat([both.studied.assign(model=name) for name, both in tables.items()], ignore_index=True)
    subjects = recording.subjects()
    failed = pd.MultiIndex.from_frame(subjects.loc[subjects["status"] == "failed", ["model", "subject"]])
    recalls, studied = (
        table[
            table["lesion"].astype(str).isin(UNLESIONED)
            & ~pd.MultiIndex.from_frame(table[["model", "subject"]]).isin(failed)
        ].reset_index(drop=True)
        for table in (recalls, studied)
    )
    tests = recalls.drop_duplicates(TEST).set_index(TEST)["phase"]
    step = tests.reindex(pd.MultiIndex.from_frame(studied[TEST])).to_numpy()
    kind_of_step = _kinds(recalls, studied)
    studied = studied.assign(
        kind=pd.Series(step).map(kind_of_step).astype(str), correct=_scores(performance, studied, step)
    )
    recalls = recalls.assign(kind=recalls["phase"].map(kind_of_step).astype(str))
    factor, conditions = _conditions(studied)
    return RecordedRecall(recalls, studied.assign(**{CONDITION: conditions}), factor)


def kinds_of_lists(tests: RecordedRecall) -> pd.Series:
    """Which rows of ``studied`` are of a repeated list and which of fillers, "" where a protocol has not got both.

    A list of serial recall is repeated if its items keep their places at all repetitions, for every subject.
    """
    studied = tests.studied
    rows = studied[(studied["kind"] == "serial") & _is_first(studied) & (studied["repetition"] > 0)]
    places = rows.groupby(["model", "subject", "list", "input_position"])
    repeated = (places["item"].nunique() == 1).groupby("list").all()
    once = rows.groupby("list")["repetition"].nunique() < 2
    words = repeated.map({True: "repeated", False: "filler"})[~once]
    if set(words) != {"repeated", "filler"}:
        return pd.Series("", index=studied.index)
    return rows["list"].map(words).reindex(studied.index).fillna("").astype(str)


def _is_first(studied: pd.DataFrame) -> pd.Series:
    return studied["trial"] == studied["list_trial"]


def _scores(performance: xr.DataArray, studied: pd.DataFrame, step: np.ndarray) -> np.ndarray:
    """Performance of each row of `studied` at the probe that asked for it."""
    table = performance.transpose("model", "subject", "probe", "item")
    places = (
        pd.Index(table["model"].values).get_indexer(studied["model"]),
        pd.Index(table["subject"].values).get_indexer(studied["subject"]),
        pd.Index(table["phase"].values).get_indexer(step),
        pd.Index(table["item"].values).get_indexer(studied["item"]),
    )
    return np.asarray(table.values[places], dtype=float)


def _kinds(recalls: pd.DataFrame, studied: pd.DataFrame) -> pd.Series:
    """Whether each step tests serial, cued or free recall.

    A recording names the scoring of a test nowhere; items are expected in the order of the list in serial recall, and
    in the order of the cues, drawn for each subject, in cued recall.
    """
    place = [*TEST, "output_position"]
    listed = studied[[*TEST, "input_position", "item"]].rename(columns={"input_position": "output_position"})
    asked = recalls[[*place, "phase", "expected"]].merge(listed, on=place, how="left")
    expects = (asked["expected"] > 0).groupby(asked["phase"]).any()
    in_order = (asked["expected"] == asked["item"]).groupby(asked["phase"]).all()
    return pd.Series(np.where(~expects, "free", np.where(in_order, "serial", "cued")), index=expects.index)


def _conditions(studied: pd.DataFrame) -> tuple[str, pd.Series[Any]]:
    """What tells tests apart, and which level each row is of."""
    labels = studied["label"].astype(str)
    named = labels.where(labels.str.contains("="))
    if named.nunique() > 1:
        factors = set(named.dropna().str.partition("=")[0])
        single = len(factors) == 1 and not named.dropna().str.contains(",").any()
        words = named.str.partition("=")[2] if single else named
        levels = list(dict.fromkeys(words.dropna()))
        if all(level.isdecimal() for level in levels):
            levels.sort(key=int)
        return factors.pop() if single else CONDITION, _ordered(words, levels)
    first = _is_first(studied)
    lengths = studied["list_length"].where(first)
    if lengths.nunique() > 1:
        return "list_length", _ordered(lengths, sorted(lengths.dropna().astype(int).unique()))
    return "", _ordered(pd.Series("", index=studied.index), [""])


def _ordered(column: pd.Series, levels: list) -> pd.Series[Any]:
    return pd.Series(pd.Categorical(column, levels, ordered=True), index=column.index)
