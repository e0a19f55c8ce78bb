"""What goes wrong in serial recall: how far items move, and what kinds of errors stand at each position."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from .recall_order import counts_by_group
from .recall_scoring import in_place
from .recall_tables import first_list, list_outputs, require_factors, subject_key, tidy_recalls

ERROR_TYPES = ("correct", "transposition", "intrusion", "omission", "repetition", "extra-list")


def transposition_gradient(recalls: pd.DataFrame, studied: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Probability that an item comes out so many positions away from its own.

    The displacement is output position minus input position: below 0 an item came too early (anticipation), above 0
    too late (postponement), and 0 is correct. An item that was given twice counts at its first place.

    Parameters
    ----------
    recalls, studied : pandas.DataFrame
        See `score_recalls`; ``output_position`` is the place in the answer, omissions taking up theirs.
    by : sequence of str
        Columns of a whole list that keep conditions apart, such as ``list_length``.

    Returns
    -------
    pandas.DataFrame
        One row per subject, condition and displacement: ``model`` (where there is one), ``subject``, `by`,
        ``displacement``, ``prob``, ``actual`` (responses so displaced), ``possible`` (responses at whose place an item
        so displaced could have stood). ``prob`` is their ratio, NaN where none could.

    Raises
    ------
    ValueError
        See `score_recalls`.

    References
    ----------
    Henson (1996), PhD thesis, University of Cambridge; Farrell & Lewandowsky (2004), Journal of Memory and Language
    51:115, for the sign.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import transposition_gradient
    >>> studied = pd.DataFrame({"subject": 0, "list": 1, "input_position": [1, 2, 3]})
    >>> recalls = pd.DataFrame({
    ...     "subject": 0, "list": 1, "output_position": [1, 2, 3], "input_position": [1, 3, 2]
    ... })
    >>> transposition_gradient(recalls, studied).round(2)
       subject  displacement  prob  actual  possible
    0        0            -2  0.00       0         1
    1        0            -1  0.50       1         2
    2        0             0  0.33       1         3
    3        0             1  0.50       1         2
    4        0             2  0.00       0         1
    """
    lists = list_outputs(recalls, studied, by)
    longest = lists.pool.shape[1] - 1
    left = lists.pool.copy()
    actual = np.zeros((len(lists.groups), 2 * longest + 1), dtype=int)
    possible = np.zeros_like(actual)
    every = np.arange(len(lists.outputs))
    for came, place in zip(lists.outputs.T, lists.places.T, strict=True):
        first = np.flatnonzero(left[every, came] & (place <= longest))
        left[every, came] = False
        np.add.at(actual, (lists.group[first], place[first] - came[first] + longest), 1)
        row, position = np.nonzero(lists.pool[first])
        np.add.at(possible, (lists.group[first][row], place[first][row] - position + longest), 1)
    displacements = np.arange(1 - longest, longest)
    return counts_by_group(lists, "displacement", displacements, actual[:, 1:-1], possible[:, 1:-1])


def classify_errors(recalls: pd.DataFrame, studied: pd.DataFrame) -> pd.DataFrame:
    """Say of every response what kind it is, where the table does not say so itself.

    Parameters
    ----------
    recalls, studied : pandas.DataFrame
        See `score_recalls`. What is nothing of the list (``input_position`` 0 or NaN) is told apart by ``response``:
        missing or -1 an omission, -2 a thing never presented, anything else an intrusion. Without that column,
        ``item`` (a name or nothing) takes its place; without both it is an intrusion, since a table of human recall has
        no row where nothing came out.

    Returns
    -------
    pandas.DataFrame
        `recalls` with ``error_type``: correct (at its own position), transposition (at another), repetition (given
        before in the same answer), omission, intrusion or extra-list. A column of that name is kept as it is.

    Raises
    ------
    ValueError
        See `score_recalls`.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import classify_errors
    >>> studied = pd.DataFrame({"subject": 0, "list": 1, "input_position": [1, 2, 3, 4]})
    >>> recalls = pd.DataFrame({
    ...     "subject": 0, "list": 1, "output_position": [1, 2, 3, 4],
    ...     "input_position": [1, 3, 1, None], "item": ["cat", "sun", "cat", None],
    ... })
    >>> classify_errors(recalls, studied)["error_type"].to_list()
    ['correct', 'transposition', 'repetition', 'omission']
    """
    if "error_type" in recalls.columns:
        return recalls
    checked, _, key = tidy_recalls(recalls, studied)
    checked = checked.reset_index(drop=True)
    ordered = checked.sort_values([*key, "output_position"], kind="stable")
    repeated = ordered.duplicated([*key, "input_position"]).reindex(checked.index).to_numpy()
    kinds = np.where(in_place(checked), "correct", "transposition")
    kinds = np.where(repeated & (kinds != "correct"), "repetition", kinds)
    kinds = np.where(checked["input_position"] > 0, kinds, _nothing_of_the_list(checked))
    return recalls.assign(error_type=kinds)


def error_shares(recalls: pd.DataFrame, studied: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Share of every kind of response at each output position of serial recall.

    A position of the answer at which the table has no response counts as an omission; responses beyond the length of
    the list are left out.

    Parameters
    ----------
    recalls, studied : pandas.DataFrame
        See `score_recalls`; without a column ``error_type``, `classify_errors` makes it.
    by : sequence of str
        Columns of a whole list that keep conditions apart, such as ``list_length``.

    Returns
    -------
    pandas.DataFrame
        One row per subject, condition, position and kind: ``model`` (where there is one), ``subject``, `by`,
        ``position`` (of output), ``error_type`` (correct, transposition, intrusion, omission, repetition, extra-list),
        ``share`` (they sum to 1) and ``lists`` (how many were asked for).

    Raises
    ------
    ValueError
        See `score_recalls`; or if two responses stand at one output position, or an error type is unknown.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import error_shares
    >>> studied = pd.DataFrame({"subject": 0, "list": [1, 1, 2, 2], "input_position": [1, 2, 1, 2]})
    >>> recalls = pd.DataFrame({
    ...     "subject": 0, "list": [1, 1, 2], "output_position": [1, 2, 1], "input_position": [2, 1, 1]
    ... })
    >>> shares = error_shares(recalls, studied)
    >>> shares[shares["share"] > 0]
       subject  position     error_type  share  lists
    0        0         1        correct    0.5      2
    1        0         1  transposition    0.5      2
    7        0         2  transposition    0.5      2
    9        0         2       omission    0.5      2
    """
    events = classify_errors(recalls, studied)
    unknown = set(events["error_type"]) - set(ERROR_TYPES)
    if unknown:
        raise ValueError(f"error_type holds {min(map(str, unknown))!r}; expected {', '.join(ERROR_TYPES)}")
    events, studied, key = tidy_recalls(events, studied)
    require_factors(studied, by)
    twice = events.duplicated([*key, "output_position"])
    if twice.any():
        raise ValueError(
            f"two responses stand at output position {events.loc[twice, 'output_position'].iloc[0]} of "
            f"{first_list(events, twice, key)}; expected one"
        )
    lists = studied.assign(position=studied.groupby(key).cumcount() + 1)  # a list is asked for at 1 … its length
    found = events[[*key, "output_position", "error_type"]].rename(columns={"output_position": "position"})
    asked = lists[list(dict.fromkeys([*key, *by, "position"]))].merge(found, on=[*key, "position"], how="left")
    asked["error_type"] = pd.Categorical(asked["error_type"].fillna("omission"), ERROR_TYPES)
    group_key = [*subject_key(studied), *by, "position"]
    counts = asked.groupby(group_key, sort=True)["error_type"].value_counts(sort=False).unstack("error_type")
    counts = counts.reindex(columns=list(ERROR_TYPES), fill_value=0)
    shares = counts.div(counts.sum(axis=1), axis=0).stack().reset_index().rename(columns={0: "share"})
    return shares.assign(error_type=shares["error_type"].astype(str), lists=np.repeat(counts.sum(axis=1).to_numpy(), 6))


def _nothing_of_the_list(recalls: pd.DataFrame) -> np.ndarray:
    """Kind of each response, were it nothing of the list."""
    if "response" in recalls.columns:
        response = recalls["response"]
        nothing = (response.isna() | (response == -1)).to_numpy()
        return np.where(nothing, "omission", np.where((response == -2).to_numpy(), "extra-list", "intrusion"))
    if "item" in recalls.columns:
        return np.where(recalls["item"].isna().to_numpy(), "omission", "intrusion")
    return np.full(len(recalls), "intrusion")
