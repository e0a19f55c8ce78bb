"""From the scores of subjects to condition means with intervals, and to a data set."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from ..wording import at_most, counted, nearest, one_of
from .data_set import Dataset, OrdinalCheck, OutputOrder, Scoring
from .tidy_table import COLUMNS, LIST_KEY, checked_table, scored

if TYPE_CHECKING:
    from pandas import DataFrame

Interval = Literal["t", "bootstrap"]

_FACTORS = {"condition": "condition", "list_length": "length", "input_position": "position", "repetition": "repetition"}
_BY_NAME = (
    "delay_hours",
    "list_position",
    "list_type",
    "lesion",
    "spacing",
    "presentations",
    "modality",
    "activity",
    "nights",
    "cueing",
    "feature",
)
"""Further factors that the shipped data sets have, or that recordings are compared in."""


def condition_means(
    scores: DataFrame, factors: Sequence[str], interval: Interval = "t", *, samples: int = 10_000, seed: int = 0
) -> DataFrame:
    """Mean, 95 % interval, standard error and number of subjects of every condition.

    Parameters
    ----------
    scores : pandas.DataFrame
        ``subject``, the factors, and ``score`` between 0 and 1. Rows of one subject and condition are averaged first,
        so that every subject counts the same.
    factors : sequence of str
        Columns that tell conditions apart.
    interval : {"t", "bootstrap"}
        Student's t over subjects, cut at 0 and 1; or percentiles of means of subjects drawn with replacement, the
        same subjects for all conditions.
    samples : int
        Draws of the bootstrap.
    seed : int
        Seed of the bootstrap.

    Returns
    -------
    pandas.DataFrame
        The factors, ``mean``, ``low``, ``high``, ``se`` and ``n``, sorted by the factors. With one subject there is no
        interval, and ``low``, ``high`` and ``se`` are NaN.

    Examples
    --------
    >>> scores = pd.DataFrame({"subject": [1, 1, 2, 3], "score": [0.5, 0.7, 0.4, 0.2], "list_type": "filler"})
    >>> condition_means(scores, ["list_type"]).round(3).to_dict("records")
    [{'list_type': 'filler', 'mean': 0.4, 'low': 0.0, 'high': 0.897, 'se': 0.115, 'n': 3.0}]
    """
    factors = list(factors)
    by_subject = scores.groupby([*factors, "subject"], sort=True)["score"].mean()
    grouped = by_subject.groupby(level=list(range(len(factors))))
    table = pd.DataFrame({"mean": grouped.mean(), "n": grouped.count().astype(float)})
    # The deviation of equal scores is nought, and not the last bit of their mean.
    spread = grouped.std(ddof=1).where(grouped.max() > grouped.min(), 0.0).where(table["n"] > 1)
    table["se"] = spread / np.sqrt(table["n"])
    if interval == "t":
        table["low"], table["high"] = _t_interval(table)
    else:
        table["low"], table["high"] = _bootstrap(by_subject.unstack("subject"), samples, seed)
    table.index.names = factors
    return table.reset_index()[[*factors, "mean", "low", "high", "se", "n"]]


def dataset_from_table(
    table: DataFrame,
    *,
    name: str = "own data",
    factors: Sequence[str] | None = None,
    measure: str = "proportion correct",
    scoring: Scoring = "item",
    output_order: OutputOrder = "none",
    chance: float = 0.0,
    needs: Sequence[str] = (),
    protocols: Sequence[str] = (),
    ordinal: Sequence[OrdinalCheck] = (),
    interval: Interval = "t",
    about: str = "",
    citation: str = "",
    source: str = "",
) -> Dataset:
    """A data set made of a user's own table.

    Parameters
    ----------
    table : pandas.DataFrame
        Human data, one row for each item of a list, or one for each subject and condition (see `read_table`).
    name : str
        What the data set is called in reports.
    factors : sequence of str, optional
        Columns that tell conditions apart. ``position`` means ``input_position`` and ``length`` ``list_length``, as
        the factors of the shipped data sets do; where lists differ in length and the table has no ``list_length``, it
        is the largest input position of the list. By default those of ``condition``, ``list_length``,
        ``input_position``, ``repetition``, ``delay`` (as ``delay_hours``) and of the columns called as a factor of
        a shipped data set (``list_type``, ``spacing``, ``lesion`` …) that take more than one value.
    measure, scoring, output_order, chance, needs, protocols, ordinal, about, citation, source
        As in `Dataset`. ``scoring`` also says how ``correct`` is worked out where the table does not hold it; where it
        does, ``correct`` is taken as it stands, and ``scoring`` has to say how it came about.
    interval : {"t", "bootstrap"}
        As in `condition_means`.

    Returns
    -------
    Dataset
        Its ``about`` says where there is one subject only, and so no interval, or one condition only; ``cannot_show``
        names columns that vary and are no factor, since the means are over all their levels.

    Raises
    ------
    ValueError
        If the table is none (`checked_table`), or a factor is no column of it.

    Examples
    --------
    >>> lists = pd.DataFrame({
    ...     "subject": [1, 1, 2, 2], "list": 1, "input_position": [1, 2, 1, 2], "output_position": [1, None, 1, 2],
    ... })
    >>> ours = dataset_from_table(lists, scoring="free")
    >>> ours.factors, ours.conditions["mean"].tolist()
    (('position',), [1.0, 0.5])
    """
    if interval not in ("t", "bootstrap"):
        raise ValueError(f'interval "{interval}" is none of t or bootstrap.{nearest(interval, ("t", "bootstrap"))}')
    rows = _with_factor_names(_with_lengths(scored(checked_table(table, name), scoring)))
    chosen = _varying(rows) if factors is None else list(factors)
    for factor in chosen:
        if factor not in rows:
            columns = [str(column) for column in rows.columns if column not in ("subject", "correct")]
            raise ValueError(
                f"{name}: no column {factor} for a factor; there are {one_of(columns)}.{nearest(factor, columns)}"
            )
        if rows[factor].isna().any():
            raise ValueError(
                f"{name}: the factor {factor} is empty in some rows; every row needs one, or choose other factors"
            )
    if not chosen:
        rows, chosen = rows.assign(condition="all"), ["condition"]
    means = condition_means(rows.rename(columns={"correct": "score"}), chosen, interval)
    return Dataset(
        name=name,
        about=" ".join([about, *_remarks(rows, means)]).strip(),
        citation=citation,
        doi=None,
        source=source,
        licence="",
        measure=measure,
        scoring=scoring,
        output_order=output_order,
        chance=chance,
        needs=tuple(needs),
        protocols=tuple(protocols),
        factors=tuple(chosen),
        conditions=means,
        ordinal=tuple(ordinal),
        cannot_show=_pooled(rows, chosen),
    )


def _with_lengths(rows: DataFrame) -> DataFrame:
    """Rows with the lengths of their lists, where these differ and no column holds them."""
    if not {"list", "input_position"} <= set(rows) or {"list_length", "length"} & set(rows):
        return rows
    key = ["subject", *(column for column in LIST_KEY if column in rows)]
    length = rows.groupby(key, dropna=False)["input_position"].transform("max")
    return rows.assign(length=length) if length.nunique() > 1 else rows


def _with_factor_names(rows: DataFrame) -> DataFrame:
    rows = rows.rename(columns={old: new for old, new in _FACTORS.items() if new not in rows})
    if "delay" in rows and "delay_hours" not in rows:
        rows = rows.assign(delay_hours=rows["delay"] / 3600)
    for column in ("position", "length", "repetition"):
        if column in rows and rows[column].notna().all() and (rows[column] % 1 == 0).all():
            rows = rows.astype({column: int})
    return rows


def _varying(rows: DataFrame) -> list[str]:
    return [name for name in (*_FACTORS.values(), *_BY_NAME) if name in rows and rows[name].nunique() > 1]


def _pooled(rows: DataFrame, factors: Sequence[str]) -> str:
    """What to say of columns that vary without being factors."""
    told = {*COLUMNS, "repeat", "position", "delay_hours", *factors}
    varying = [str(column) for column in rows if column not in told and rows[column].nunique() > 1]
    return f"The means are over all levels of {at_most(varying, 6)}, which the factors leave out." if varying else ""


def _remarks(rows: DataFrame, means: DataFrame) -> list[str]:
    remarks = []
    subjects = rows["subject"].nunique()
    if subjects == 1:
        remarks.append("One subject only: there is no interval, and no statement about other people.")
    elif (means["n"] < 2).any():
        lone = counted(int((means["n"] < 2).sum()), "condition")
        remarks.append(f"{lone} with one subject only, without interval.")
    if len(means) == 1:
        remarks.append("One condition only: there is no effect to compare.")
    return remarks


def _t_interval(table: DataFrame) -> tuple[pd.Series, pd.Series]:
    from scipy.special import stdtrit

    degrees = (table["n"] - 1).where(table["n"] > 1)
    half = table["se"] * stdtrit(degrees, 0.975)
    return (table["mean"] - half).clip(lower=0), (table["mean"] + half).clip(upper=1)


def _bootstrap(by_subject: DataFrame, samples: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    values = by_subject.to_numpy()  # [condition, subject]
    present = ~np.isnan(values)
    drawn = np.random.default_rng(seed).multinomial(
        values.shape[1], np.full(values.shape[1], 1 / values.shape[1]), samples
    )
    with np.errstate(invalid="ignore"):
        means = (drawn @ np.where(present, values, 0).T) / (drawn @ present.T)  # [sample, condition]
    low, high = np.nanpercentile(means, [2.5, 97.5], axis=0)
    one = present.sum(axis=1) < 2
    return np.where(one, np.nan, low), np.where(one, np.nan, high)
