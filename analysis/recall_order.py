"""In what order free recall comes out: where it starts, and how far it steps."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .recall_tables import ListOutputs, list_outputs


def lag_crp(recalls: pd.DataFrame, studied: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Probability of stepping from one recalled item to the next, by their distance in the list.

    The conditional response probability of a lag is how often recall stepped by that many positions, over how often it
    could have: an item of that lag was in the list and not yet recalled. A response that is nothing of the list, or
    was already given, breaks the chain: neither the step to it nor the step from it is counted.

    Parameters
    ----------
    recalls, studied : pandas.DataFrame
        See `score_recalls`; responses count in the order of ``output_position``.
    by : sequence of str
        Columns of a whole list that keep conditions apart, such as ``list_length``.

    Returns
    -------
    pandas.DataFrame
        One row per subject, condition and lag: ``model`` (where there is one), ``subject``, `by`, ``lag`` (positions
        forward in the list), ``prob`` (NaN where no step was possible), ``actual``, ``possible`` (counts of steps).

    Raises
    ------
    ValueError
        See `score_recalls`.

    References
    ----------
    Kahana (1996), Memory & Cognition 24:103; Morton (2020), psifr, Journal of Open Source Software 5:2669.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import lag_crp
    >>> studied = pd.DataFrame({"subject": 0, "list": 1, "input_position": [1, 2, 3]})
    >>> recalls = pd.DataFrame({
    ...     "subject": 0, "list": 1, "output_position": [1, 2, 3], "input_position": [2, 3, 1]
    ... })
    >>> lag_crp(recalls, studied)
       subject  lag  prob  actual  possible
    0        0   -2   1.0       1         1
    1        0   -1   0.0       0         1
    2        0    1   1.0       1         1
    3        0    2   NaN       0         0
    """
    lists = list_outputs(recalls, studied, by)
    longest = lists.pool.shape[1] - 1
    left = lists.pool.copy()
    actual = np.zeros((len(lists.groups), 2 * longest + 1), dtype=int)
    possible = np.zeros_like(actual)
    every = np.arange(len(lists.outputs))
    for before, after in zip(lists.outputs.T[:-1], lists.outputs.T[1:], strict=True):
        fresh = left[every, before]  # place 0 is never in the pool
        left[every, before] = False
        step = np.flatnonzero(fresh & left[every, after])
        np.add.at(actual, (lists.group[step], after[step] - before[step] + longest), 1)
        row, position = np.nonzero(left[step])
        np.add.at(possible, (lists.group[step][row], position - before[step][row] + longest), 1)
    lags = np.arange(1 - longest, longest)
    table = counts_by_group(lists, "lag", lags, actual[:, 1:-1], possible[:, 1:-1])
    return table[table["lag"] != 0].reset_index(drop=True)


def first_recall(recalls: pd.DataFrame, studied: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Probability of each input position to be recalled first.

    The first response that is an item of the list counts; lists without one are left out.

    Parameters
    ----------
    recalls, studied : pandas.DataFrame
        See `score_recalls`.
    by : sequence of str
        Columns of a whole list that keep conditions apart.

    Returns
    -------
    pandas.DataFrame
        ``model`` (where there is one), ``subject``, `by`, ``position``, ``prob``, ``actual`` (lists that began so),
        ``possible`` (lists that could have).

    Raises
    ------
    ValueError
        See `score_recalls`.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import first_recall
    >>> studied = pd.DataFrame({"subject": 0, "list": [1, 1, 2, 2], "input_position": [1, 2, 1, 2]})
    >>> recalls = pd.DataFrame({
    ...     "subject": 0, "list": [1, 1, 2], "output_position": [1, 2, 1], "input_position": [1, 2, 2]
    ... })
    >>> first_recall(recalls, studied)
       subject  position  prob  actual  possible
    0        0         1   0.5       1         2
    1        0         2   0.5       1         2
    """
    lists = list_outputs(recalls, studied, by)
    began = np.flatnonzero((lists.outputs > 0).any(axis=1))
    first = lists.outputs[began, (lists.outputs[began] > 0).argmax(axis=1)]
    actual = np.zeros((len(lists.groups), lists.pool.shape[1]), dtype=int)
    possible = np.zeros_like(actual)
    np.add.at(actual, (lists.group[began], first), 1)
    row, position = np.nonzero(lists.pool[began])
    np.add.at(possible, (lists.group[began][row], position), 1)
    return counts_by_group(lists, "position", np.arange(1, lists.pool.shape[1]), actual[:, 1:], possible[:, 1:])


def counts_by_group(
    lists: ListOutputs, name: str, values: np.ndarray, actual: np.ndarray, possible: np.ndarray
) -> pd.DataFrame:
    table = lists.groups.loc[np.repeat(lists.groups.index, len(values))].reset_index(drop=True)
    with np.errstate(invalid="ignore"):
        prob = np.where(possible > 0, actual / np.maximum(possible, 1), np.nan)
    table[name] = np.tile(values, len(lists.groups))
    return table.assign(prob=prob.ravel(), actual=actual.ravel(), possible=possible.ravel())
