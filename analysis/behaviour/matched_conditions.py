"""Conditions that people and models share, and the scores of subjects in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ...data.wording import at_most, nearest, one_of
from .conditions import chosen_conditions
from .contrasts import matching, unknown_levels
from .item_scores import fitting
from .report import Source

if TYPE_CHECKING:
    from ...data.behaviour import Dataset


def shared_conditions(
    tables: Mapping[str, pd.DataFrame], data: Dataset, where: Mapping[str, Any], source: Source | None
) -> tuple[pd.DataFrame, list[str]]:
    """The data set's conditions that every model has, and what is left out, in words."""
    factors = list(data.factors)
    conditions = chosen_conditions(data, {k: v for k, v in where.items() if k in factors})
    there = np.ones(len(conditions), dtype=bool)
    wanted = pd.MultiIndex.from_frame(conditions[factors])
    for table in tables.values():
        there &= wanted.isin(pd.MultiIndex.from_frame(table[factors]))
    if not there.any():
        raise ValueError(
            f'the scores hold none of the conditions of "{data.name}": {_described(conditions, factors)}{fitting(data)}'
        )
    if there.all():
        return conditions, []
    lacking = _described(conditions[~there], factors, conditions[there])
    if source is None or not source.declared:
        rest = " ".join(f"--where {f}={','.join(_levels(conditions[there], f))}" for f in factors)
        raise ValueError(
            f'{source.protocol if source else "the table"} lacks conditions of "{data.name}": {lacking}; '
            f"compare the rest alone by where ({rest}){fitting(data, source.protocol if source else '')}"
        )
    left = f"{int(there.sum())} of {len(there)} conditions of the data set; {source.protocol} leaves out {lacking}"
    return conditions[there].reset_index(drop=True), [left]


def _described(conditions: pd.DataFrame, factors: list[str], rest: pd.DataFrame | None = None) -> str:
    """Conditions by the levels that only they have; by their levels where there are none such."""
    own = {f: [v for v in _levels(conditions, f) if rest is None or v not in _levels(rest, f)] for f in factors}
    told = [f"{factor} {at_most(levels)}" for factor, levels in own.items() if levels]
    return "; ".join(told or [f"{f} {at_most(_levels(conditions, f))}" for f in factors])


def _levels(conditions: pd.DataFrame, factor: str) -> list[str]:
    return [f"{v:g}" if isinstance(v, float) else str(v) for v in dict.fromkeys(conditions[factor])]


def plain_factors(table: pd.DataFrame, data: Dataset) -> pd.DataFrame:
    """Factors of the types that the data set's conditions have here."""
    conditions = chosen_conditions(data, {})
    columns = {}
    for factor in data.factors:
        if conditions[factor].dtype == float:
            columns[factor] = pd.to_numeric(table[factor], errors="coerce").astype(float)
        else:
            columns[factor] = table[factor].astype(str).astype(object)
    return table.assign(**columns)


def wide_scores(table: pd.DataFrame, conditions: pd.DataFrame, data: Dataset, name: str) -> NDArray[np.float64]:
    """Scores as [subject, condition], NaN where a subject lacks one."""
    factors = list(data.factors)
    column = pd.MultiIndex.from_frame(conditions[factors]).get_indexer(pd.MultiIndex.from_frame(table[factors]))
    row, subjects = pd.factorize(table["subject"], sort=True)
    wide = np.full((len(subjects), len(conditions)), np.nan)
    wide[row[column >= 0], column[column >= 0]] = table["score"].to_numpy(dtype=float)[column >= 0]
    if np.isfinite(wide).any(axis=1).sum() < 2:
        raise ValueError(f'"{name}" has one subject, whose scores have no interval; expected two or more')
    if not np.isfinite(wide).any(axis=0).all():
        raise ValueError(f'"{name}" has conditions without any score (all NaN)')
    return wide


def fitted_conditions(
    conditions: pd.DataFrame, data: Dataset, link: str | None, fit_on: Mapping[str, Any] | None
) -> NDArray[np.bool_] | None:
    """Conditions that a link is fitted on; bool [condition], None where nothing is fitted."""
    if link != "logistic":
        return None
    if not fit_on:
        mask = np.arange(len(conditions)) % 2 == 0
    else:
        factors = conditions[list(data.factors)]
        for factor, level in unknown_levels(factors, fit_on):
            has = _levels(conditions, factor)
            raise ValueError(
                f"fit_on: no condition has {factor} {level}; they have {one_of(has)}.{nearest(str(level), has)}"
            )
        mask = matching(factors, fit_on)
    if mask.sum() < 2 or mask.all():
        raise ValueError(
            f"the link would be fitted on {int(mask.sum())} of {len(mask)} conditions; expected at least two to fit it "
            "on, and at least one to test it on (fit_on)"
        )
    return np.asarray(mask)
