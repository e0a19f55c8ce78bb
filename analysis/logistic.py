"""Recalled or not, response by response: logistic regression that knows which responses are of one subject."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from ..data.wording import one_of
from .probes import require_columns

_CERTAIN = 9.0  # log odds; beyond it, nothing or everything is recalled for certain


def recall_regression(scored: pd.DataFrame, terms: Sequence[str], *, confidence: float = 0.95) -> pd.DataFrame:
    """Logistic regression of what was recalled on the conditions, responses being clustered in subjects.

    Generalised estimating equations of statsmodels with working independence and robust standard errors, which take
    the correlation within subjects from the data: the odds are those of the population, averaged over subjects. With
    fewer than some 30 subjects the standard errors are too small.

    Parameters
    ----------
    scored : pandas.DataFrame
        One row per item asked for: ``subject``, ``correct`` (0 or 1) and the columns of `terms`, as from
        `score_recalls`. What subject k does under several models is one cluster, since it meets the same lists.
    terms : sequence of str
        Columns, and interactions such as ``list_type:repetition``. Numbers enter as they are; of words the first in
        alphabetical order (of a pandas categorical, its first category) is what the others are compared with.
    confidence : float
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row per coefficient: ``term`` (``intercept``, ``repetition``, ``list_type[repeated]`` …), ``estimate`` (log
        odds), ``se``, ``low``, ``high``, ``z``, ``p`` (two-sided, normal) and ``odds_ratio``.

    Raises
    ------
    ImportError
        If statsmodels is not installed.
    ValueError
        If a column is missing, `correct` is not 0 or 1 or all alike, there are fewer than two subjects, terms determine
        each other, or the fit does not settle.

    References
    ----------
    Liang & Zeger (1986), Biometrika 73:13; Pepe & Anderson (1994), Communications in Statistics 23:939, for working
    independence where conditions vary within subjects.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from engram.analysis import recall_regression
    >>> scored = pd.DataFrame({
    ...     "subject": np.repeat(range(20), 8), "list_type": np.tile(["filler", "repeated"], 80),
    ...     "correct": np.tile([1, 1, 0, 1, 0, 1, 0, 0], 20),
    ... })
    >>> recall_regression(scored, ["list_type"])[["term", "estimate", "odds_ratio"]].round(2)
                      term  estimate  odds_ratio
    0            intercept      -1.1        0.33
    1  list_type[repeated]       2.2        9.00
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence is {confidence}; expected a number between 0 and 1, such as 0.95")
    columns = list(dict.fromkeys(name for term in terms for name in term.split(":")))
    require_columns(scored, ("subject", "correct", *columns), "scored")
    correct = pd.to_numeric(scored["correct"], errors="coerce").to_numpy(dtype=float)
    if not np.isin(correct, (0, 1)).all():
        raise ValueError(
            "correct holds values other than 0 and 1; expected one row per item asked for, not proportions"
        )
    if len(set(correct)) < 2:
        raise ValueError(
            f"correct is {correct[0]:g} in every row; a regression needs items recalled and items forgotten"
        )
    subject = scored.groupby("subject", sort=True).ngroup().to_numpy()
    if subject.max() < 1:
        raise ValueError("scored holds one subject; expected two or more, between whom responses are independent")
    design = _design(scored, terms)
    if np.linalg.matrix_rank(design.to_numpy()) < design.shape[1]:
        raise ValueError(
            f"the terms {one_of(design.columns[1:])} determine each other; leave out one that follows from the others"
        )
    estimates, errors = _fit(correct, design.to_numpy(), subject)
    if not np.isfinite(errors).all() or not (np.abs(design.to_numpy() @ estimates) < _CERTAIN).all():
        raise ValueError(
            "the fit did not settle; the likely cause is a condition in which everything, or nothing, was recalled"
        )
    half = ndtri((1 + confidence) / 2)
    z = estimates / errors
    return pd.DataFrame(
        {
            "term": design.columns,
            "estimate": estimates,
            "se": errors,
            "low": estimates - half * errors,
            "high": estimates + half * errors,
            "z": z,
            "p": 2 * ndtr(-np.abs(z)),
            "odds_ratio": np.exp(estimates),
        }
    )


def _design(scored: pd.DataFrame, terms: Sequence[str]) -> pd.DataFrame:
    """Intercept, then the columns of every term, with treatment contrasts for words."""
    columns = {"intercept": np.ones(len(scored))}
    for term in terms:
        product = {"": np.ones(len(scored))}
        for name in term.split(":"):
            coded = _coded(scored[name], name)
            product = {
                f"{left}:{right}".lstrip(":"): product[left] * coded[right] for left in product for right in coded
            }
        columns |= product
    return pd.DataFrame(columns)


def _coded(column: pd.Series, name: str) -> dict[str, np.ndarray]:
    if column.isna().any():
        raise ValueError(f"{name} is missing in some rows; expected a value for every item asked for")
    if pd.api.types.is_numeric_dtype(column):
        return {name: column.to_numpy(dtype=float)}
    words = column.astype("category").cat.remove_unused_categories()
    if len(words.cat.categories) < 2:
        raise ValueError(f'{name} is "{words.iloc[0]}" in every row; a term needs at least two values')
    return {f"{name}[{word}]": (words == word).to_numpy(dtype=float) for word in words.cat.categories[1:]}


def _fit(correct: np.ndarray, design: np.ndarray, subject: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    sm = _statsmodels()
    order = np.argsort(subject, kind="stable")
    model = sm.GEE(
        correct[order], design[order], groups=subject[order], family=sm.families.Binomial(),
        cov_struct=sm.cov_struct.Independence(),
    )  # fmt: skip
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what does not settle is refused by its result
        result = model.fit()
    return np.asarray(result.params), np.asarray(result.bse)


def _statsmodels() -> Any:
    try:
        import statsmodels.api as sm
    except ModuleNotFoundError:
        raise ImportError(
            "logistic regression of recall needs statsmodels; install it with: pip install 'engram[behaviour]'"
        ) from None
    return sm
