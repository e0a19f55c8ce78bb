"""Human data in the form of psifr, the package of free recall measures, read and written.

psifr (Morton 2020, doi:10.21105/joss.02669) holds either events (``trial_type`` "study" or "recall", ``position``) or
merged pairs of study and recall (``input``, ``output``, ``study``, ``recall``, ``repeat``, ``intrusion``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..wording import at_most

if TYPE_CHECKING:
    from pandas import DataFrame

_TRUTH = {True: True, False: False, "True": True, "False": False}  # 1 and 0 are among them


def is_psifr(table: DataFrame) -> bool:
    """Whether the columns are those of psifr's form."""
    return "trial_type" in table or {"input", "output"} <= set(table.columns)


def from_psifr(table: DataFrame) -> DataFrame:
    """A table of psifr's as a tidy table: one row for each studied item, repeat and intrusion.

    Parameters
    ----------
    table : pandas.DataFrame
        Events (``subject``, ``list``, ``trial_type``, ``position``, ``item``) or merged events (``subject``, ``list``,
        ``item``, ``input``, ``output``, and where they are there ``study``, ``recall``, ``repeat``, ``intrusion``).

    Returns
    -------
    pandas.DataFrame
        ``subject``, ``list``, ``item``, ``input_position`` (NaN: an intrusion), ``output_position`` (NaN: not
        recalled) and ``repeat`` (0: the first time), then the other columns. There is no ``correct`` but one that the
        table had: what counts depends on the scoring (`dataset_from_table`).

    Raises
    ------
    ValueError
        If columns of psifr's form are missing, or ``trial_type`` holds other words.

    Examples
    --------
    >>> import pandas as pd
    >>> events = pd.DataFrame({
    ...     "subject": 1, "list": 1, "trial_type": ["study", "study", "recall"], "position": [1, 2, 1],
    ...     "item": ["absence", "hollow", "hollow"],
    ... })
    >>> from_psifr(events)[["item", "input_position", "output_position"]].to_dict("list")
    {'item': ['absence', 'hollow'], 'input_position': [1.0, 2.0], 'output_position': [nan, 1.0]}
    """
    merged = _paired(table) if "trial_type" in table else _as_merged(table)
    renamed = merged.rename(columns={"input": "input_position", "output": "output_position"})
    renamed = renamed.astype({"input_position": float, "output_position": float})
    first = ["subject", "list", "item", "input_position", "output_position", "repeat"]
    return renamed[[*first, *(column for column in renamed if column not in first)]]


def to_psifr(table: DataFrame) -> DataFrame:
    """A tidy table in psifr's merged form, which its measures (``psifr.fr.spc``, ``lag_crp`` …) take.

    Parameters
    ----------
    table : pandas.DataFrame
        With ``subject``, ``list``, ``input_position`` and ``output_position``, such as `read_table` gives; also
        a recording's recalls joined to what was studied.

    Returns
    -------
    pandas.DataFrame
        ``subject``, ``list``, ``item`` (the input position where the table has none), ``input``, ``output``, ``study``,
        ``recall``, ``repeat``, ``intrusion``, then the other columns but for ``correct``.

    Raises
    ------
    ValueError
        If a column is missing.

    Examples
    --------
    >>> import pandas as pd
    >>> tidy = pd.DataFrame({"subject": 1, "list": 1, "input_position": [1, 2, None], "output_position": [2, None, 1]})
    >>> to_psifr(tidy)[["input", "output", "study", "recall", "intrusion"]].values.tolist()
    [[1.0, 2.0, True, True, False], [2.0, nan, True, False, False], [nan, 1.0, False, True, True]]
    """
    _require(table, ("subject", "list", "input_position", "output_position"))
    merged = table.rename(columns={"input_position": "input", "output_position": "output"}).drop(
        columns=["correct", "study", "recall", "intrusion"], errors="ignore"
    )
    if "item" not in merged:
        merged["item"] = merged["input"]
    if "repeat" not in merged:
        merged["repeat"] = 0
    merged["repeat"] = merged["repeat"].fillna(0).astype(int)
    merged["intrusion"] = merged["input"].isna()
    merged["recall"] = merged["output"].notna()
    merged["study"] = merged["input"].notna() & (merged["repeat"] == 0)
    first = ["subject", "list", "item", "input", "output", "study", "recall", "repeat", "intrusion"]
    return merged[[*first, *(column for column in merged if column not in first)]]


def _paired(events: DataFrame) -> DataFrame:
    _require(events, ("subject", "list", "trial_type", "position", "item"))
    words = set(events["trial_type"].unique()) - {"study", "recall"}
    if words:
        raise ValueError(f'trial_type holds "{at_most(sorted(map(str, words)), 3)}"; psifr knows study and recall')
    key = ["subject", "list", "item"]
    key += [column for column in ("session",) if column in events]
    is_study = events["trial_type"] == "study"
    study = events[is_study].rename(columns={"position": "input"}).drop(columns="trial_type")
    if study.duplicated(key).any():
        row = study[study.duplicated(key)].iloc[0]
        raise ValueError(
            f"item {row['item']} is studied twice in list {row['list']} of subject {row['subject']}; "
            "expected one study event for each item of a list"
        )
    recall = events.loc[~is_study, [*key, "position"]].rename(columns={"position": "output"})
    recall = recall.sort_values([*key, "output"])
    recall["repeat"] = recall.groupby(key, sort=False).cumcount()
    merged = study.merge(recall, on=key, how="outer")
    merged["repeat"] = merged["repeat"].fillna(0).astype(int)
    # An item that came out again has been studied once: its position is known, and `repeat` tells the rows apart.
    order = ["subject", "list"] + (["session"] if "session" in merged else [])
    return merged.sort_values([*order, "input", "output"], kind="stable").reset_index(drop=True)


def _as_merged(table: DataFrame) -> DataFrame:
    _require(table, ("subject", "list", "input", "output"))
    merged = table.copy()
    if "item" not in merged:
        merged["item"] = merged["input"]
    for flag in ("study", "recall", "intrusion"):
        if flag in merged:
            known = merged[flag].map(_TRUTH)
            if known.isna().any():
                raise ValueError(f'{flag} holds "{merged.loc[known.isna(), flag].iloc[0]}"; expected True or False')
            merged[flag] = known.astype(bool)
    if "recall" in merged:
        merged["output"] = merged["output"].where(merged["recall"])
    if "intrusion" in merged:
        merged["input"] = merged["input"].where(~merged["intrusion"])
    merged["repeat"] = merged["repeat"].fillna(0).astype(int) if "repeat" in merged else 0
    return merged.drop(columns=["study", "recall", "intrusion"], errors="ignore")


def _require(table: DataFrame, wanted: tuple[str, ...]) -> None:
    lacking = [column for column in wanted if column not in table]
    if lacking:
        raise ValueError(
            f"missing {'column' if len(lacking) == 1 else 'columns'} {', '.join(lacking)} of psifr's form; "
            f"there are {at_most(map(str, table.columns))}"
        )
