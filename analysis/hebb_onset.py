"""Does learning set in at once or grow? A step and gradual rises, fitted to the learning curve of every subject."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from scipy.special import expit

from .probes import require_columns
from .recall_tables import subject_key

# mean and spread; with a slope; with a rise and its place; with a width too
_PARAMETERS = {"flat": 2, "linear": 3, "abrupt": 4, "logistic": 5}
_FEWEST = 6


def onset(scores: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """Abrupt against gradual learning of every subject, by the Bayesian information criterion.

    Four curves are fitted by least squares to the scores of each subject over repetitions: flat (one level), abrupt
    (two levels and the repetition at which the second begins), linear (a straight rise) and logistic (two levels, a
    midpoint, and a width such that the middle 80 % of the rise take at least two repetitions). All of them can only
    rise. BIC = n ln(RSS / n) + k ln n over the n repetitions, with k = 2, 4, 3 and 5 parameters, the standard
    deviation of the scores among them. The lowest BIC decides; linear and logistic are both gradual. RSS / n is not
    taken below the variance of rounding to the finest step between scores in the table (step² / 12), so that a perfect
    fit does not win by its decimals.

    Parameters
    ----------
    scores : pandas.DataFrame
        One row per curve and repetition: ``subject``, `by`, ``repetition`` (from 1) and ``score`` (proportion). Every
        curve has the same repetitions, six or more.
    by : sequence of str
        Columns that tell the curves of a subject apart, such as ``list_type``.

    Returns
    -------
    pandas.DataFrame
        One row per curve: ``model`` (where there is one), ``subject``, `by`; ``kind`` (abrupt, gradual or flat); of the
        best step ``onset`` (the first repetition on the second level), ``before`` and ``after`` (the levels), NaN where
        no step rises; ``bic_flat``, ``bic_abrupt``, ``bic_linear``, ``bic_logistic``; ``evidence`` (BIC of the better
        gradual curve minus that of the step: above 0 for a step, 2 is weak and 10 strong).

    Raises
    ------
    ValueError
        If a column is missing, a subject has two scores of a repetition or lacks one, or there are fewer than six.

    References
    ----------
    Musfeld, Souza & Oberauer (2023), PNAS 120, e2218042120, for abrupt onsets; Schwarz (1978), Annals of Statistics
    6:461; Kass & Raftery (1995), Journal of the American Statistical Association 90:773, for the words of evidence.

    Examples
    --------
    >>> import pandas as pd
    >>> from engram.analysis import onset
    >>> scores = pd.DataFrame({
    ...     "subject": 0, "repetition": range(1, 9), "score": [0.2, 0.3, 0.2, 0.3, 0.8, 0.9, 0.8, 0.9]
    ... })
    >>> onset(scores)[["subject", "kind", "onset", "before", "after"]].round(2)
       subject    kind  onset  before  after
    0        0  abrupt    5.0    0.25   0.85
    """
    require_columns(scores, ("subject", *by, "repetition", "score"), "scores")
    key = [*subject_key(scores), *by]
    if scores.duplicated([*key, "repetition"]).any():
        raise ValueError("a subject has several scores of one repetition; say by= which columns tell its curves apart")
    curves = scores.pivot(index=key, columns="repetition", values="score")
    if curves.isna().any(axis=None):
        missing = curves.columns[curves.isna().any(axis=0)][0]
        raise ValueError(f"a subject has no score of repetition {missing}; expected every repetition of every subject")
    if curves.shape[1] < _FEWEST:
        raise ValueError(f"scores have {curves.shape[1]} repetitions; expected at least {_FEWEST} to tell curves apart")
    repetitions, values = curves.columns.to_numpy(dtype=float), curves.to_numpy(dtype=float)
    total = ((values - values.mean(axis=1, keepdims=True)) ** 2).sum(axis=1)
    starts = np.arange(1, len(repetitions) - 1)  # of the second level, which lasts two repetitions or more
    steps = (np.arange(len(repetitions)) >= starts[:, None]).astype(float)
    explained = {
        "flat": np.zeros((len(values), 1)),
        "linear": _explained(values, repetitions[None]),
        "abrupt": _explained(values, steps),
        "logistic": _explained(values, _rises(repetitions)),
    }
    best = {name: sums.max(axis=1) for name, sums in explained.items()}
    bic = {name: _bic(total - gain, values, _PARAMETERS[name]) for name, gain in best.items()}
    gradual = np.minimum(bic["linear"], bic["logistic"])
    choice = np.argmin([bic["flat"], bic["abrupt"], gradual], axis=0)
    step = explained["abrupt"].argmax(axis=1)
    second = steps[step]
    rising = best["abrupt"] > 0
    table = curves.index.to_frame(index=False)
    table["kind"] = np.array(["flat", "abrupt", "gradual"])[choice]
    table["onset"] = np.where(rising, repetitions[starts[step]], np.nan)
    table["before"] = np.where(rising, (values * (1 - second)).sum(axis=1) / (1 - second).sum(axis=1), np.nan)
    table["after"] = np.where(rising, (values * second).sum(axis=1) / second.sum(axis=1), np.nan)
    for name in ("flat", "abrupt", "linear", "logistic"):
        table[f"bic_{name}"] = bic[name]
    return table.assign(evidence=gradual - bic["abrupt"])


def _explained(values: np.ndarray, shapes: np.ndarray) -> np.ndarray:
    """Sum of squares that a level plus a share (0 or more) of each shape explains: [subject, shape]."""
    centred = shapes - shapes.mean(axis=1, keepdims=True)
    units = centred / np.linalg.norm(centred, axis=1, keepdims=True)
    gains: np.ndarray = np.maximum(values @ units.T, 0) ** 2
    return gains


def _rises(repetitions: np.ndarray) -> np.ndarray:
    """Logistic rises of all midpoints and widths on a fine grid: [shape, repetition]."""
    span = repetitions[-1] - repetitions[0]
    midpoints = np.arange(repetitions[0], repetitions[-1] + 0.05, 0.1)
    ninety = np.log(9)  # a logistic of scale 1 goes from .1 to .9 in 2 ln 9
    scales = np.geomspace(2 / (2 * ninety), span / ninety, 24)
    off = repetitions - midpoints[:, None, None]
    return np.asarray(expit(off / scales[:, None])).reshape(-1, len(repetitions))


def _bic(residual: np.ndarray, values: np.ndarray, parameters: int) -> np.ndarray:
    n = values.shape[1]
    gaps = np.diff(np.unique(np.round(values, 9)))
    floor = (gaps.min() if len(gaps) else 1.0) ** 2 / 12
    bic: np.ndarray = n * np.log(np.maximum(residual / n, floor)) + parameters * np.log(n)
    return bic
