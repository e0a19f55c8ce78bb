"""Does a model, or another group of people, show the order of conditions that people showed?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from ..comparison import hedges_factor
from .contrasts import Contrast, contrast

LEVEL = 0.05
"""Of each one-sided test; a model that passes has passed every one, so no correction is made."""

ALIKE = 1e-9
"""A spread below this is rounding: subjects do not differ."""


class Check(Protocol):
    """What an ordinal check of a data set has."""

    @property
    def name(self) -> str: ...
    @property
    def about(self) -> str: ...
    @property
    def kind(self) -> str: ...
    @property
    def arguments(self) -> Mapping[str, Any]: ...


@dataclass(frozen=True)
class EffectSize:
    """How large an effect is, in standard deviations between subjects.

    Attributes
    ----------
    measure : str
        ``hedges_gz`` (mean over SD of the subjects' own differences) or ``hedges_g`` (two groups of subjects).
    value, low, high : float
        Bias-corrected, with its bootstrap percentile interval over subjects.
    subjects : int
    """

    measure: str
    value: float
    low: float
    high: float
    subjects: int


@dataclass(frozen=True)
class OrdinalResult:
    """How an ordinal check came out.

    Attributes
    ----------
    name, about, kind : str
        Of the check.
    passed : bool
        In people's direction, and not by chance (`p` < .05 where there is a test).
    statistic : float
        Difference, difference of slopes, or rank correlation of the condition means.
    human : float
        The same of people's.
    test : str
        Name of the test, or why there is none.
    p : float or None
        One-sided, in people's direction.
    effect_size : EffectSize or None
        None where subjects do not differ, or where there are two only.
    """

    name: str
    about: str
    kind: str
    passed: bool
    statistic: float
    human: float
    test: str
    p: float | None
    effect_size: EffectSize | None


def evaluate_check(
    check: Check,
    conditions: pd.DataFrame,
    scores: NDArray[np.float64],
    human: NDArray[np.float64],
    *,
    samples: int = 10_000,
    seed: int = 0,
) -> OrdinalResult:
    """Evaluate an ordinal check on subjects.

    Where subjects have both sides of the check, its contrast is tested within subjects (t test of the subjects' own
    contrasts against 0); where each has one side only, between them (Welch's t test). Subjects that do not differ at
    all leave nothing to test: the direction alone decides.

    Parameters
    ----------
    check : OrdinalCheck
        Of a data set.
    conditions : pandas.DataFrame
        One row per condition, one column per factor.
    scores : ndarray, shape [subject, condition]
        NaN where a subject lacks a condition.
    human : ndarray, shape [condition]
        People's means.
    samples : int
        Bootstrap samples of the effect size.
    seed : int
        Of the bootstrap.

    Returns
    -------
    OrdinalResult

    Raises
    ------
    ValueError
        The check does not fit the conditions, or no subject has what it needs.

    Examples
    --------
    >>> import numpy as np, pandas as pd
    >>> from engram.data.behaviour import OrdinalCheck
    >>> check = OrdinalCheck("late", "The last item is recalled best.", "recency", {"over": "position", "where": {}})
    >>> scores = np.array([[0.5, 0.25, 0.75], [0.5, 0.5, 0.75], [0.25, 0.0, 0.75]])
    >>> result = evaluate_check(check, pd.DataFrame({"position": [1, 2, 3]}), scores, np.array([0.6, 0.3, 0.8]))
    >>> result.passed, round(result.statistic, 3), round(result.p, 3)
    (True, 0.5, 0.037)
    """
    found = contrast(check.kind, check.arguments, conditions, scores)
    of_people, of_means = (
        float(contrast(check.kind, check.arguments, conditions, means[None, :]).values[0])
        for means in (human, np.nanmean(scores, axis=0))
    )
    values = found.values[np.isfinite(found.values)]
    if len(values) >= 2 or (found.sides is None and len(values)):
        mean, test, p, effect = _within(values, found.sign, samples, seed)
    else:
        mean, test, p, effect = _between(found, samples, seed, check.name)
    right_way = min(mean * found.sign, of_means * found.sign) > ALIKE
    return OrdinalResult(
        name=check.name,
        about=check.about,
        kind=check.kind,
        passed=bool(right_way and (p is None or p < LEVEL)),
        statistic=of_means,
        human=of_people,
        test=test,
        p=p,
        effect_size=effect,
    )


Tested = tuple[float, str, float | None, EffectSize | None]


def _within(values: NDArray[np.float64], sign: int, samples: int, seed: int) -> Tested:
    mean, spread = float(values.mean()), float(values.std(ddof=1)) if len(values) > 1 else 0.0
    if len(values) < 2:
        return mean, "none: one subject", None, None
    if spread < ALIKE:
        return mean, "none: subjects do not differ", None, None
    p = float(stats.ttest_1samp(values, 0, alternative="greater" if sign > 0 else "less").pvalue)
    factor = hedges_factor(len(values) - 1)
    drawn = values[np.random.default_rng(seed).integers(0, len(values), (samples, len(values)))]
    low, high = _interval(factor * _share(drawn.mean(axis=1), drawn.std(axis=1, ddof=1)))
    effect = EffectSize("hedges_gz", factor * mean / spread, low, high, len(values))
    return mean, "t test within subjects", p, effect if len(values) > 2 else None


def _between(found: Contrast, samples: int, seed: int, name: str) -> Tested:
    sides = [side[np.isfinite(side)] for side in found.sides] if found.sides else []
    if not sides or min(map(len, sides)) < 2:
        raise ValueError(f'the check "{name}" finds too few subjects with the conditions that it compares')
    left, right = sides
    difference = float(left.mean() - right.mean())
    if max(left.std(), right.std()) < ALIKE:
        return difference, "none: subjects do not differ", None, None
    p = float(stats.ttest_ind(left, right, equal_var=False, alternative="greater" if found.sign > 0 else "less").pvalue)
    rng = np.random.default_rng(seed)
    a, b = (side[rng.integers(0, len(side), (samples, len(side)))] for side in sides)
    factor = hedges_factor(len(left) + len(right) - 2)
    low, high = _interval(factor * _share(a.mean(axis=1) - b.mean(axis=1), _pooled(a, b)))
    value = factor * float(_share(np.array(difference), _pooled(left[None], right[None])[0]))
    effect = EffectSize("hedges_g", value, low, high, len(left) + len(right))
    return difference, "Welch's t test between subjects", p, effect


def _pooled(a: NDArray[np.float64], b: NDArray[np.float64]) -> NDArray[np.float64]:
    n, m = a.shape[1], b.shape[1]
    variance = ((n - 1) * a.var(axis=1, ddof=1) + (m - 1) * b.var(axis=1, ddof=1)) / (n + m - 2)
    return np.asarray(np.sqrt(variance))


def _share(mean: NDArray[np.float64], spread: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(mean / np.where(spread > ALIKE, spread, np.nan))


def _interval(drawn: NDArray[np.float64]) -> tuple[float, float]:
    sound = drawn[np.isfinite(drawn)]  # a sample of one subject over and over has no spread
    if len(sound) <= 0.5 * len(drawn):
        return float("nan"), float("nan")
    low, high = np.quantile(sound, [0.025, 0.975])
    return float(low), float(high)
