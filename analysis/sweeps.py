"""Sweeps: a score of every subject over the parameters that its model has."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..data.wording import nearest, one_of
from .confidence import mean_over_subjects
from .probes import final_probe, in_order, require_columns
from .recorded_performance import sound_performance

if TYPE_CHECKING:
    from ..data.recording import Recording

KEYS = ("model", "base")


def last_scores(recording: Recording) -> pd.DataFrame:
    """Mean performance of each subject over the items of its model's last probe without a lesion.

    Parameters
    ----------
    recording : engram.data.recording.Recording
        An opened recording.

    Returns
    -------
    pandas.DataFrame
        Columns ``model``, ``subject``, ``performance`` (in the measure of the model); without subjects that failed and
        what is not there yet.

    Examples
    --------
    >>> import engram  # doctest: +SKIP
    >>> last_scores(engram.open("runs/sweep.h5")).head(1)  # doctest: +SKIP
                 model  subject  performance
    0  hybrid_rate-0.1        0         0.72
    """
    performance = in_order(sound_performance(recording))
    last = final_probe(performance)
    models = [str(name) for name in performance["model"].values]
    scores = [
        performance.isel(model=place, probe=int(probe)).mean("item", skipna=True).values
        for place, probe in enumerate(last)
        if probe >= 0
    ]
    answered = [name for name, probe in zip(models, last, strict=True) if probe >= 0]
    subjects = performance["subject"].values
    table = pd.DataFrame(
        {
            "model": np.repeat(np.asarray(answered, dtype=object), len(subjects)),
            "subject": np.tile(subjects, len(answered)),
            "performance": np.concatenate(scores) if scores else np.empty(0),
        }
    )
    return table.dropna(subset=["performance"]).reset_index(drop=True)


def score_over_parameters(
    scores: pd.DataFrame, parameters: pd.DataFrame, value: str, *, confidence: float = 0.95
) -> pd.DataFrame:
    """Mean of a score over subjects, with its confidence interval, for every combination of parameters of a sweep.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row for each model and subject: ``model``, ``subject`` and the score. Rows of one subject (items, lists) are
        averaged first.
    parameters : pandas.DataFrame
        As `engram.data.recording.sweep_parameters.sweep_parameters` gives it: ``model``, ``base`` and a column for each
        parameter.
    value : str
        Column of the score.
    confidence : float
        Of the intervals, which are Student's.

    Returns
    -------
    pandas.DataFrame
        In the order of `parameters`, one row for each of its models that has scores: its columns, then ``mean``,
        ``low``, ``high`` (units of the score; NaN bounds for one subject) and ``subjects``.

    Raises
    ------
    ValueError
        A column is missing, or the scores are of models that the sweep does not have.

    Examples
    --------
    >>> import pandas as pd
    >>> parameters = pd.DataFrame({"model": ["m_rate-1", "m_rate-2"], "base": "m", "rate": [1, 2]})
    >>> scores = pd.DataFrame({"model": ["m_rate-1"] * 2 + ["m_rate-2"] * 2, "subject": [0, 1, 0, 1],
    ...                        "recall": [0.2, 0.4, 0.5, 0.7]})
    >>> score_over_parameters(scores, parameters, "recall")[["base", "rate", "mean", "subjects"]]
      base  rate  mean  subjects
    0    m     1   0.3         2
    1    m     2   0.6         2
    """
    require_columns(parameters, KEYS, "parameters")
    require_columns(scores, ("model", "subject", value), "scores")
    unknown = set(scores["model"]) - set(parameters["model"])
    if unknown:
        known = list(parameters["model"])
        first = str(min(unknown, key=str))
        raise ValueError(f'scores: "{first}" is no model of the sweep.{nearest(first, known)}')
    by_subject = scores.groupby(["model", "subject"], sort=False, observed=True)[value].mean().reset_index()
    means = mean_over_subjects(by_subject, value, confidence=confidence)
    return parameters.merge(means, on="model", how="inner", validate="one_to_one")


def varied_parameters(parameters: pd.DataFrame) -> list[str]:
    """Parameters that have more than one value in a sweep.

    Parameters
    ----------
    parameters : pandas.DataFrame
        A table of parameters, or of scores over them.

    Examples
    --------
    >>> import pandas as pd
    >>> varied_parameters(pd.DataFrame({"model": ["a", "b"], "base": "m", "rate": [1, 2], "hidden": 8}))
    ['rate']
    """
    of_scores = ("mean", "low", "high", "subjects")
    names = [name for name in parameters.columns if name not in (*KEYS, *of_scores)]
    return [name for name in names if parameters[name].nunique(dropna=True) > 1]


def one_parameter(names: Sequence[str], asked: str | None, what: str) -> str:
    """The parameter that a figure shows along an axis, chosen or the only one."""
    if asked is None and len(names) == 1:
        return names[0]
    if asked is None or asked not in names:
        told = f"found {len(names)} varied parameters" if asked is None else f'found no varied parameter "{asked}"'
        choice = f"choose {one_of(names)} by {what}=" if names else "nothing varies"
        raise ValueError(f"{told}; {choice}.{nearest(asked or '', names)}")
    return asked
