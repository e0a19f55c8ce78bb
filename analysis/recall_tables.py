"""Which responses belong to which studied list: what the measures of recall read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from ..data.wording import nearest, one_of
from .probes import require_columns

OF_A_TRIAL = ("phase", "list", "list_length", "label", "repetition", "delay", "lesion", "condition", "list_type")


_LIST_OF_PEOPLE = ("condition", "list", "repetition", "delay", "session", "list_length")
_OF_A_RESPONSE = ("output_position", "response", "correct", "latency", "repeat", "error_type")


@dataclass(frozen=True)
class ListOutputs:
    """Responses and studied positions of every list as arrays, with the group that each list counts for.

    ``outputs`` [list, response] holds the input position of each response in the order of output, 0 where nothing of
    the list came out; ``places`` [list, response] its output position; ``pool`` [list, position from 0] is True at the
    studied positions (place 0 is none); ``group`` [list] is a row of ``groups``: model, subject and factors.
    """

    outputs: np.ndarray
    places: np.ndarray
    pool: np.ndarray
    group: np.ndarray
    groups: pd.DataFrame

    @property
    def lengths(self) -> np.ndarray:
        """Number of studied positions, shape [list]."""
        return np.asarray(self.pool.sum(axis=1))


def recalls_and_studied(table: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Part a table of human recall into responses and studied items, as the measures of recall take them.

    Parameters
    ----------
    table : pandas.DataFrame
        One row per studied item, recalled or not, and one per response that was not on the list or came again, as
        `engram.data.behaviour.read_table` and `from_psifr` give it: ``subject``, ``list``, ``input_position`` (NaN:
        not on the list) and ``output_position`` (NaN: not recalled); ``repeat`` above 0 marks repeats. ``condition``,
        ``repetition``, ``delay``, ``session`` and ``list_length`` tell lists of the same number apart.

    Returns
    -------
    recalls : pandas.DataFrame
        The responses; ``trial`` numbers the lists of all subjects from 0.
    studied : pandas.DataFrame
        The studied items, with ``trial`` and every column that does not tell of a response.

    Raises
    ------
    ValueError
        If a column is missing, as in a table of averages.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import lag_crp, recalls_and_studied
    >>> table = pd.DataFrame({
    ...     "subject": 1, "list": 1, "input_position": [1, 2, 3], "output_position": [3, 1, 2]
    ... })
    >>> crp = lag_crp(*recalls_and_studied(table))
    >>> crp[crp["actual"] > 0]
       subject  lag  prob  actual  possible
    0        1   -2   1.0       1         1
    2        1    1   1.0       1         1
    """
    for name in ("subject", "list", "input_position", "output_position"):
        if name not in table.columns:
            raise ValueError(
                f"the table has no column {name!r}; expected subject, list, input_position and output_position, "
                "one row per studied item (averages have no responses: condition_means takes them)"
            )
    key = [*subject_key(table), *(name for name in _LIST_OF_PEOPLE if name in table.columns)]
    table = table.assign(trial=table.groupby(key, sort=False, dropna=False).ngroup())
    first = table["repeat"].fillna(0) == 0 if "repeat" in table.columns else pd.Series(True, index=table.index)
    recalls = table[table["output_position"].notna()].drop(columns=["correct", "repeat"], errors="ignore")
    studied = table[table["input_position"].notna() & first].drop(columns=list(_OF_A_RESPONSE), errors="ignore")
    return recalls.reset_index(drop=True), studied.reset_index(drop=True)


def subject_key(table: pd.DataFrame) -> list[str]:
    """Columns that tell subjects apart: ``subject``, and before it ``model`` where several were run."""
    return ["model", "subject"] if "model" in table.columns else ["subject"]


def trial_key(recalls: pd.DataFrame, studied: pd.DataFrame) -> list[str]:
    """Columns that tell one recall test from another: the subject, and ``trial`` or else ``list``."""
    for name in ("trial", "list"):
        if name in recalls.columns and name in studied.columns:
            require_columns(recalls, ("subject",), "recalls")
            require_columns(studied, ("subject",), "studied")
            if ("model" in recalls.columns) != ("model" in studied.columns):
                raise ValueError(
                    "only one of recalls and studied has the column 'model'; expected it in both or neither"
                )
            return [*subject_key(studied), name]
    raise ValueError(
        "recalls and studied share neither a column 'trial' nor a column 'list'; expected one of them, "
        "which says what list a response belongs to"
    )


def tidy_recalls(recalls: pd.DataFrame, studied: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame, list[str]]:
    """Both tables checked: positions as whole numbers (0: nothing of the list), and the key of a recall test.

    Raises
    ------
    TypeError
        If one is no table.
    ValueError
        If a column is missing, a position is studied twice, or a response belongs to no studied list.
    """
    for name, table in (("recalls", recalls), ("studied", studied)):
        if not isinstance(table, pd.DataFrame):
            raise TypeError(
                f"{name} is a {type(table).__name__}; expected a pandas.DataFrame, as recording.{name}(model)"
            )
    key = trial_key(recalls, studied)
    require_columns(recalls, ("output_position", "input_position"), "recalls")
    require_columns(studied, ("input_position",), "studied")
    recalls = recalls.assign(
        input_position=_positions(recalls["input_position"], "recalls", "input_position", 0),
        output_position=_positions(recalls["output_position"], "recalls", "output_position", 1),
    )
    studied = studied.assign(input_position=_positions(studied["input_position"], "studied", "input_position", 1))
    twice = studied.duplicated([*key, "input_position"])
    if twice.any():
        raise ValueError(
            f"position {studied.loc[twice, 'input_position'].iloc[0]} of {first_list(studied, twice, key)} is studied "
            "twice; expected one row per position of a list"
        )
    known = pd.MultiIndex.from_frame(studied[key].drop_duplicates())
    lost = ~pd.MultiIndex.from_frame(recalls[key]).isin(known)
    if lost.any():
        raise ValueError(
            f"studied holds no {first_list(recalls, lost, key)}, of which recalls has responses; "
            "expected the positions that each recall test asks for"
        )
    if "list_length" not in studied.columns:
        studied = studied.assign(list_length=studied.groupby(key)["input_position"].transform("size"))
    of_trial = [name for name in OF_A_TRIAL if name in recalls.columns and name not in studied.columns]
    if of_trial:
        studied = studied.merge(recalls.groupby(key)[of_trial].first().reset_index(), on=key, how="left")
    return recalls, studied, key


def list_outputs(recalls: pd.DataFrame, studied: pd.DataFrame, by: Sequence[str]) -> ListOutputs:
    """The two tables as arrays over lists, grouped by subject and the factors `by`."""
    recalls, studied, key = tidy_recalls(recalls, studied)
    require_factors(studied, by)
    lists = studied.drop_duplicates(key)[[*key, *(name for name in by if name not in key)]].reset_index(drop=True)
    group_key = [*subject_key(studied), *by]
    group = lists.groupby(group_key, sort=True).ngroup().to_numpy()
    groups = lists[group_key].drop_duplicates().sort_values(group_key).reset_index(drop=True)
    number = pd.Series(lists.index, index=pd.MultiIndex.from_frame(lists[key]))

    def of_lists(table: pd.DataFrame) -> np.ndarray:
        return number.reindex(pd.MultiIndex.from_frame(table[key])).to_numpy(dtype=int)

    pool = np.zeros((len(lists), int(studied["input_position"].to_numpy().max(initial=0)) + 1), dtype=bool)
    pool[of_lists(studied), studied["input_position"]] = True
    recalls = recalls.sort_values([*key, "output_position"], kind="stable")
    order = recalls.groupby(key, sort=False).cumcount().to_numpy()
    outputs = np.zeros((len(lists), int(order.max(initial=0)) + 1), dtype=int)
    places = np.zeros_like(outputs)
    rows = of_lists(recalls)
    came = recalls["input_position"].to_numpy()
    inside = came < pool.shape[1]
    outputs[rows, order] = np.where(inside & pool[rows, np.where(inside, came, 0)], came, 0)
    places[rows, order] = recalls["output_position"]
    return ListOutputs(outputs, places, pool, group, groups)


def require_factors(table: pd.DataFrame, by: Sequence[str]) -> None:
    """Refuse factors that are no column, or that are not known of every list."""
    for name in by:
        if name not in table.columns:
            columns = [str(column) for column in table.columns]
            raise ValueError(f"no column {name!r} to group by; there are {one_of(columns)}.{nearest(name, columns)}")
        unknown = table[name].isna()
        if unknown.any():
            raise ValueError(
                f"{name!r} of a list of subject {table.loc[unknown, 'subject'].iloc[0]} is not known: nothing of the "
                f"list was recalled, and studied does not say; put the column {name!r} into studied"
            )


def first_list(table: pd.DataFrame, rows: pd.Series | np.ndarray, key: Sequence[str]) -> str:
    """The list of the first of these rows, in words."""
    first = table[rows]
    return f"{key[-1]} {first[key[-1]].iloc[0]} of subject {first['subject'].iloc[0]}"


def _positions(column: pd.Series, table: str, name: str, least: int) -> np.ndarray:
    try:
        numbers = column.to_numpy(dtype=float)
    except (TypeError, ValueError):
        raise ValueError(f"{name} of {table} holds {column.iloc[0]!r}; expected whole numbers, from {least}") from None
    if least == 0:
        numbers = np.where(np.isnan(numbers), 0, numbers)
    wrong = ~(numbers >= least) | (numbers != np.floor(numbers))
    if wrong.any():
        cause = "; positions are counted from 1" if (numbers[wrong] == 0).any() else ""
        raise ValueError(f"{name} of {table} holds {numbers[wrong][0]:g}; expected whole numbers, from {least}{cause}")
    return numbers.astype(int)
