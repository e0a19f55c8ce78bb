"""A recording in the conditions of an experiment with people."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from ...data.wording import at_most, nearest, one_of
from ..recorded_recall import UNLESIONED
from .condition_labels import from_labels, label_keys
from .contrasts import matching, unknown_levels
from .item_scores import fitting, performed_items, recalled_items

if TYPE_CHECKING:
    from ...data.behaviour import Dataset
    from ...data.recording import Recording

STRUCTURAL = {
    "position": "position",
    "list_position": "list_position",
    "length": "list_length",
    "list_length": "list_length",
    "repetition": "repetition",
    "lesion": "lesion",
}
"""Factors that the course of the protocol itself gives, and the column that holds each."""

_OF_POINTS = ("human", "human_low", "human_high", "human_se", "model", "model_low", "model_high", "model_se")
OWN_COLUMNS = {"subject", "score", "score_se", "fitted", *_OF_POINTS}
"""Columns of tables of scores and of a comparison's points: no names of factors."""

NEAR = 0.05
"""A delay counts as a level of the data set's that it is this near to: 20 min for a third of an hour."""


def condition_table(
    recording: Recording, dataset: Dataset, model: str, *, where: Mapping[str, Any] | None = None
) -> pd.DataFrame:
    """Scores of a model's subjects in the conditions of an experiment with people.

    A model that recalls is scored from what came out, the way the people were scored; any other by its performance.
    A factor is read from the course of the protocol (position, length, repetition, delay, lesion), from the name of the
    list (``list_type``), or from a label that says so (``spacing=massed``). Lesioned tests are left out unless the
    lesion is a factor. With a factor ``position`` the first test of each list counts, with ``list_position`` a later
    one, such as a final test of all lists. Where the data set has positions and no lengths, only lists as long as its
    count.

    Parameters
    ----------
    recording : engram.data.recording.Recording
    dataset : engram.data.behaviour.Dataset
    model : str
        Name of the model in the recording.
    where : mapping, optional
        Levels of factors (a level or a list of them) that choose among the data set's conditions; needed for a factor
        that the recording does not have, such as the modality of words. What is no factor of the data set, such as
        ``length`` or a key of the recording's labels, chooses among the recording's tests.

    Returns
    -------
    pandas.DataFrame
        ``subject``, the factors, ``score`` (mean over items and lists, in [0, 1]); one row per subject and condition
        of the data set that the recording has.

    Raises
    ------
    ValueError
        The model or a factor is not there, or the tests cannot be scored the way the people were scored.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> from engram.data.behaviour import dataset  # doctest: +SKIP
    >>> condition_table(engram.open("runs/hebb.h5"), dataset("page2006-hebb"), "positional")  # doctest: +SKIP
    """
    models = recording.models
    if model not in models:
        raise ValueError(f'the recording has no model "{model}"; it has {one_of(models)}.{nearest(model, models)}')
    of_recall = recalls_items(dataset, models[model].abilities)
    items = recalled_items(recording, dataset, model) if of_recall else performed_items(recording, dataset, model)
    return in_conditions(items, dataset, recording.protocol_name, where or {})


def recalls_items(dataset: Dataset, abilities: tuple[str, ...]) -> bool:
    """Whether a model with these abilities is scored from what it recalls, and not from its performance."""
    return "recall" in abilities and dataset.scoring in ("strict", "item", "free", "cued")


def in_conditions(items: pd.DataFrame, dataset: Dataset, protocol: str, where: Mapping[str, Any]) -> pd.DataFrame:
    """Mean score of every subject in each of a data set's conditions, from scored items; see `condition_table`."""
    items = _chosen_tests(items, dataset, where)
    conditions = chosen_conditions(dataset, {k: v for k, v in where.items() if k in dataset.factors})
    columns = {}
    for factor in dataset.factors:
        levels = list(dict.fromkeys(conditions[factor]))
        column = _factor(factor, levels, items)
        if column is None and len(levels) > 1:
            raise ValueError(
                f'the protocol "{protocol}" does not vary "{factor}", which the data set "{dataset.name}" does '
                f"({at_most(map(_short, levels))}){fitting(dataset, protocol)}; or choose one level by where, such as "
                f"{factor}={_short(levels[0])}"
            )
        columns[factor] = pd.Series(levels[0], index=items.index) if column is None else column
    table = items[["subject"]].assign(**columns, score=items["score"].astype(float))
    factors = list(dataset.factors)
    means = table.dropna(subset=["score"]).groupby(["subject", *factors], sort=True)["score"].mean().reset_index()
    return means.merge(conditions[factors], on=factors, how="inner")


def chosen_conditions(dataset: Dataset, where: Mapping[str, Any]) -> pd.DataFrame:
    """The data set's conditions that have the levels asked for; factors that are numbers as float64.

    Raises
    ------
    ValueError
        No condition has them, or there is no such factor.
    """
    factors = list(dataset.factors)
    if taken := set(factors) & OWN_COLUMNS:
        raise ValueError(
            f'the data set "{dataset.name}" has a factor {min(taken)!r}, which is the name of a column of comparisons; '
            "give it another"
        )
    table = dataset.conditions.reset_index(drop=True)
    table = table.assign(**{f: _plain(table[f]) for f in factors})
    for factor, level in unknown_levels(table[factors], where):
        levels = list(dict.fromkeys(table[factor]))
        raise ValueError(
            f'the data set "{dataset.name}" has no condition with {factor} {level!r}; '
            f"it has {one_of(_short(v) for v in levels)}.{nearest(str(level), map(str, levels))}"
        )
    chosen = table[matching(table[factors], where)].reset_index(drop=True)
    if chosen.empty:
        raise ValueError(f'no condition of the data set "{dataset.name}" has {dict(where)!r}')
    return chosen


def _chosen_tests(items: pd.DataFrame, dataset: Dataset, where: Mapping[str, Any]) -> pd.DataFrame:
    """Tests that belong to the experiment: unlesioned, first or later as the factors say, of the chosen labels."""
    if "lesion" not in {*dataset.factors, *where}:
        items = items[items["lesion"].astype(str).isin(UNLESIONED)]
    first = items["trial"] == items["list_trial"]
    if "list_position" in dataset.factors:
        items = items[~first]
    elif "position" in dataset.factors:
        items = items[first]
    if "position" in dataset.factors and not {"length", "list_length"} & {*dataset.factors, *where}:
        items = items[items["list_length"] == dataset.conditions["position"].nunique()]  # not the start of longer lists
    keys = label_keys(items["label"])
    for key in where:
        if key not in dataset.factors and key not in keys and key not in STRUCTURAL:
            raise ValueError(
                f'where names "{key}"; the factors of the data set "{dataset.name}" are '
                f"{one_of(dataset.factors)}.{nearest(key, dataset.factors)}"
            )
    for key in dict.fromkeys([*keys, *(key for key in where if key in STRUCTURAL)]):
        if key not in dataset.factors:
            items = _of_levels(items, key, where, dataset)
    if items.empty:
        raise ValueError(f'the recording has no test that the data set "{dataset.name}" speaks of{fitting(dataset)}')
    return items.reset_index(drop=True)


def _of_levels(items: pd.DataFrame, key: str, where: Mapping[str, Any], dataset: Dataset) -> pd.DataFrame:
    """Tests with the chosen levels of something that the recording varies and the data set does not know."""
    values = from_labels(items["label"], key)
    if values.isna().all() and key in STRUCTURAL:
        values = items[STRUCTURAL[key]]
    if key in where:
        return items[matching(pd.DataFrame({key: values}), {key: where[key]})]
    if values.nunique() > 1:
        raise ValueError(
            f'the recording varies "{key}" ({at_most(map(str, values.dropna().unique()))}), which the data set '
            f'"{dataset.name}" does not know; choose by where, such as {key}={values.dropna().iloc[0]}'
        )
    return items


def _factor(factor: str, levels: list[Any], items: pd.DataFrame) -> pd.Series | None:
    """The level of a factor at each scored item; None where the recording does not have the factor."""
    numeric = all(isinstance(level, (int, float, np.number)) for level in levels)
    named = from_labels(items["label"], factor)
    if named.notna().any():
        return pd.to_numeric(named, errors="coerce") if numeric else named
    if factor == "delay_hours":
        return _nearest_level(items["delay"].to_numpy(dtype=float) / 3600, np.array(levels, dtype=float))
    if factor in STRUCTURAL:
        values = items[STRUCTURAL[factor]]
        if factor == "repetition" and not (values > 0).any():
            return None
        return values.astype(float) if numeric else values.astype(str)
    if factor == "list_type":
        filler = items["list"].astype(str).str.contains("filler")
        if filler.any() and not filler.all():
            return pd.Series(np.where(filler, "filler", "repeated"), index=items.index)
    for column in ("list", "label"):
        if items[column].astype(str).isin([str(level) for level in levels]).any():
            return items[column].astype(str)
    return None


def _nearest_level(values: np.ndarray, levels: np.ndarray) -> pd.Series:
    nearest_ = levels[np.abs(values[:, None] - levels).argmin(axis=1)]
    return pd.Series(np.where(np.isclose(values, nearest_, rtol=NEAR), nearest_, np.nan))


def _plain(column: pd.Series) -> pd.Series:
    numeric = pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)
    return column.astype(float) if numeric else column.astype(str).astype(object)


def _short(level: object) -> str:
    return f"{level:g}" if isinstance(level, float) else str(level)
