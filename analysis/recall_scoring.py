"""Recall scored as people's recall is scored: in its position, anywhere, or recalled at all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import pandas as pd

from ..data.wording import nearest, one_of
from .confidence import mean_over_subjects
from .probes import require_columns
from .recall_tables import require_factors, subject_key, tidy_recalls

SCORINGS = ("strict", "item", "free", "cued")
Scoring = Literal["strict", "item", "free", "cued"]


def score_recalls(recalls: pd.DataFrame, studied: pd.DataFrame, scoring: Scoring) -> pd.DataFrame:
    """Score every studied item of every recall test 0 or 1.

    Under ``strict`` (and ``cued``, where cues take the place of positions) an item counts where it came out at its own
    position; under ``item`` and ``free`` it counts wherever it came out. Whether repeated, it counts once.

    Parameters
    ----------
    recalls : pandas.DataFrame
        One row per response: ``subject``, ``trial`` (or ``list``), ``output_position`` (from 1) and ``input_position``
        (from 1; 0 or NaN: nothing of this list), as a recording's ``recalls(model)`` or a table of human recall gives
        it. Where ``expected`` and ``response`` (slots) are there, strict scoring compares these.
    studied : pandas.DataFrame
        One row per studied item and recall test: the same keys and ``input_position``. A column ``model`` in both
        tables keeps models apart.
    scoring : {"strict", "item", "free", "cued"}
        What counts as correct.

    Returns
    -------
    pandas.DataFrame
        The rows of `studied` with ``list_length``, what `recalls` says of the whole test (``list``, ``label``,
        ``repetition``, ``delay``, ``condition`` …), ``position`` (the input position), ``output_position`` (NaN: not
        recalled) and ``correct`` (0 or 1).

    Raises
    ------
    TypeError
        If one is no table.
    ValueError
        If a column is missing, positions are no whole numbers from 1, a position is studied twice, a response belongs
        to no studied list, or the scoring is unknown.

    Examples
    --------
    The second and third word changed places.

    >>> import pandas as pd
    >>> from engram.analysis import score_recalls
    >>> studied = pd.DataFrame({"subject": 0, "list": 1, "input_position": [1, 2, 3]})
    >>> recalls = pd.DataFrame({
    ...     "subject": 0, "list": 1, "output_position": [1, 2, 3], "input_position": [1, 3, 2]
    ... })
    >>> score_recalls(recalls, studied, "strict")["correct"].to_list()
    [1, 0, 0]
    >>> score_recalls(recalls, studied, "item")["correct"].to_list()
    [1, 1, 1]
    """
    if scoring not in SCORINGS:
        raise ValueError(f'scoring is "{scoring}"; expected {one_of(SCORINGS)}.{nearest(scoring, SCORINGS)}')
    recalls, studied, key = tidy_recalls(recalls, studied)
    counted = (recalls["input_position"] > 0).to_numpy()
    if scoring in ("strict", "cued"):
        counted = counted & in_place(recalls)
    at = [*key, "input_position"]
    came = recalls.loc[counted, [*at, "output_position"]].drop_duplicates(at)
    scored = studied.drop(columns="output_position", errors="ignore").merge(came, on=at, how="left")
    return scored.assign(position=scored["input_position"], correct=scored["output_position"].notna().astype(int))


def in_place(recalls: pd.DataFrame) -> np.ndarray:
    """Responses that stand where they belong: the expected slot where one is named, else the same position; bool."""
    same = (recalls["output_position"] == recalls["input_position"]).to_numpy()
    if "expected" not in recalls.columns or "response" not in recalls.columns:
        return same
    expected, response = recalls["expected"].to_numpy(), recalls["response"].to_numpy()
    return np.asarray(np.where(expected >= 0, expected == response, same))


def scores_by_subject(scored: pd.DataFrame, by: Sequence[str] = ("position",)) -> pd.DataFrame:
    """Average what was correct within each subject and condition.

    Parameters
    ----------
    scored : pandas.DataFrame
        Rows with ``subject`` and ``correct`` (0 or 1, or a proportion): from `score_recalls`, or a human table.
    by : sequence of str
        Columns whose values make the conditions.

    Returns
    -------
    pandas.DataFrame
        Columns ``model`` (where there is one), ``subject``, `by`, ``score`` (proportion) and ``items`` (how many were
        averaged), sorted by these.

    Raises
    ------
    ValueError
        If a column is missing, or the condition of a row is not known.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import scores_by_subject
    >>> scored = pd.DataFrame({"subject": 0, "position": [1, 2, 1, 2], "correct": [1, 0, 1, 1]})
    >>> scores_by_subject(scored)
       subject  position  score  items
    0        0         1    1.0      2
    1        0         2    0.5      2
    """
    require_columns(scored, ("subject", "correct"), "scored")
    require_factors(scored, by)
    groups = scored.groupby([*subject_key(scored), *by], sort=True, observed=True)["correct"]
    return groups.agg(score="mean", items="count").reset_index()


def condition_means(scores: pd.DataFrame, by: Sequence[str], *, confidence: float = 0.95) -> pd.DataFrame:
    """Mean over subjects of every condition, laid out as the conditions of a behavioural data set.

    The interval is Student's t over subjects and not cut at 0 and 1.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row per subject and condition: `by` and ``score``, as from `scores_by_subject`.
    by : sequence of str
        Columns that make the conditions.
    confidence : float
        Of the interval.

    Returns
    -------
    pandas.DataFrame
        Columns ``model`` (where there is one), `by`, ``mean``, ``low``, ``high``, ``se`` (standard error) and ``n``
        (subjects), sorted by the conditions. One subject has no interval (NaN).

    Raises
    ------
    ValueError
        If a column is missing, a subject has several scores of a condition, or `confidence` is not between 0 and 1.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import condition_means
    >>> scores = pd.DataFrame({"subject": [0, 1, 2], "position": 1, "score": [0.2, 0.3, 0.4]})
    >>> condition_means(scores, ("position",)).round(3)
       position  mean    low   high     se  n
    0         1   0.3  0.052  0.548  0.058  3
    """
    require_columns(scores, ("subject", *by, "score"), "scores")
    if scores.duplicated([*subject_key(scores), *by]).any():
        raise ValueError("a subject has several scores of one condition; average them first with scores_by_subject")
    columns = [*subject_key(scores)[:-1], *by]
    ordered = scores.sort_values(columns, kind="stable")
    table = mean_over_subjects(ordered, "score", columns, confidence=confidence).rename(columns={"subjects": "n"})
    table["se"] = ordered.groupby(columns, sort=False, observed=True, dropna=False)["score"].sem().to_numpy()
    return table[[*columns, "mean", "low", "high", "se", "n"]]


def recall_by_position(
    recalls: pd.DataFrame, studied: pd.DataFrame, scoring: Scoring, *,
    by: Sequence[str] = ("list_length",), confidence: float = 0.95,
) -> pd.DataFrame:  # fmt: skip
    """Serial position curves: proportion recalled by input position, with intervals over subjects.

    Parameters
    ----------
    recalls, studied : pandas.DataFrame
        See `score_recalls`.
    scoring : {"strict", "item", "free", "cued"}
        What counts as correct.
    by : sequence of str
        Columns beside the position that make the conditions, such as ``list_length`` or ``condition``.
    confidence : float
        Of the interval (Student's t over subjects).

    Returns
    -------
    pandas.DataFrame
        Columns ``model`` (where there is one), `by`, ``position``, ``mean``, ``low``, ``high``, ``se``, ``n``.

    Raises
    ------
    ValueError
        See `score_recalls` and `condition_means`.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import recall_by_position
    >>> studied = pd.DataFrame({"subject": [0, 0, 1, 1], "list": 1, "input_position": [1, 2, 1, 2]})
    >>> recalls = pd.DataFrame({
    ...     "subject": [0, 1], "list": 1, "output_position": [1, 1], "input_position": [1, 2]
    ... })
    >>> recall_by_position(recalls, studied, "free")[["list_length", "position", "mean", "n"]]
       list_length  position  mean  n
    0            2         1   0.5  2
    1            2         2   0.5  2
    """
    conditions = (*by, "position")
    scored = score_recalls(recalls, studied, scoring)
    return condition_means(scores_by_subject(scored, conditions), conditions, confidence=confidence)
