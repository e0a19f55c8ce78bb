"""Recalled or not, response by response: logistic regression that knows which responses are of one subject."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.special import ndtr, ndtri

from ..data.wording import nearest, one_of
from .probes import require_columns
from .recall_tables import subject_key

METHODS = ("gee", "mixed")


def recall_regression(
    scored: pd.DataFrame, terms: Sequence[str], *, method: Literal["gee", "mixed"] = "gee", confidence: float = 0.95
) -> pd.DataFrame:
    """Logistic regression of what was recalled on the conditions, responses being clustered in subjects.

    ``gee`` are generalised estimating equations with an exchangeable correlation within subjects and robust standard
    errors: odds averaged over the population. ``mixed`` is a logistic model with a random intercept for each subject,
    its posterior approximated at the mode (Laplace; normal priors of standard deviation 10 on the coefficients): odds
    of a subject, which are farther from 1 the more subjects differ. Both are statsmodels'.

    Parameters
    ----------
    scored : pandas.DataFrame
        One row per item asked for: ``subject``, ``correct`` (0 or 1) and the columns of `terms`, as from
        `score_recalls`.
    terms : sequence of str
        Columns, and interactions such as ``list_type:repetition``. Numbers enter as they are; of words the first in
        alphabetical order (of a pandas categorical, its first category) is what the others are compared with.
    method : {"gee", "mixed"}
        See above.
    confidence : float
        Of the intervals.

    Returns
    -------
    pandas.DataFrame
        One row per coefficient: ``term`` (``intercept``, ``repetition``, ``list_type[repeated]`` …), ``estimate`` (log
        odds), ``se``, ``low``, ``high``, ``z``, ``p`` (two-sided, normal) and ``odds_ratio``. A mixed model has a last
        row ``subject (sd)``: the standard deviation of the subjects' intercepts (log odds), with its interval.

    Raises
    ------
    ImportError
        If statsmodels is not installed.
    ValueError
        If a column is missing, `correct` is not 0 or 1 or all alike, there are fewer than two subjects, terms determine
        each other, or the fit does not settle.

    References
    ----------
    Liang & Zeger (1986), Biometrika 73:13 (GEE).

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
    if method not in METHODS:
        raise ValueError(f'method is "{method}"; expected {one_of(METHODS)}.{nearest(method, METHODS)}')
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
    subject = scored.groupby(subject_key(scored), sort=True).ngroup().to_numpy()
    if subject.max() < 1:
        raise ValueError("scored holds one subject; expected two or more, between whom responses are independent")
    design = _design(scored, terms)
    if np.linalg.matrix_rank(design.to_numpy()) < design.shape[1]:
        raise ValueError(
            f"the terms {one_of(design.columns[1:])} determine each other; leave out one that follows from the others"
        )
    fit = _gee if method == "gee" else _mixed
    estimates, errors, spread = fit(correct, design.to_numpy(), subject)
    if not (np.isfinite(estimates).all() and np.isfinite(errors).all() and (np.abs(estimates) < 1e3).all()):
        raise ValueError(
            "the fit did not settle; the likely cause is a condition in which everything, or nothing, was recalled"
        )
    half = ndtri((1 + confidence) / 2)
    z = estimates / errors
    table = pd.DataFrame(
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
    if spread is None:
        return table
    log_sd, log_se = spread
    low, high = np.exp([log_sd - half * log_se, log_sd + half * log_se])
    sd = {"term": "subject (sd)", "estimate": np.exp(log_sd), "se": np.exp(log_sd) * log_se, "low": low, "high": high}
    return pd.concat([table, pd.DataFrame([sd])], ignore_index=True)


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


def _gee(correct: np.ndarray, design: np.ndarray, subject: np.ndarray) -> tuple[np.ndarray, np.ndarray, None]:
    sm = _statsmodels()
    model = sm.GEE(
        correct, design, groups=subject, family=sm.families.Binomial(), cov_struct=sm.cov_struct.Exchangeable()
    )
    result = _fitted(model.fit)
    return np.asarray(result.params), np.asarray(result.bse), None


def _mixed(
    correct: np.ndarray, design: np.ndarray, subject: np.ndarray
) -> tuple[np.ndarray, np.ndarray, tuple[float, float]]:
    from scipy.sparse import csr_matrix

    _statsmodels()
    from statsmodels.genmod.bayes_mixed_glm import BinomialBayesMixedGLM

    intercepts = csr_matrix((np.ones(len(subject)), (np.arange(len(subject)), subject)))
    model = BinomialBayesMixedGLM(correct, design, intercepts, np.zeros(subject.max() + 1, dtype=int), fe_p=10)
    result = _fitted(model.fit_map)
    return np.asarray(result.fe_mean), np.asarray(result.fe_sd), (float(result.vcp_mean[0]), float(result.vcp_sd[0]))


def _fitted(fit: Any) -> Any:
    import warnings

    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")  # what does not settle is refused by its result
        return fit()


def _statsmodels() -> Any:
    try:
        import statsmodels.api as sm
    except ModuleNotFoundError:
        raise ImportError(
            "logistic regression of recall needs statsmodels; install it with: pip install 'engram[behaviour]'"
        ) from None
    return sm
