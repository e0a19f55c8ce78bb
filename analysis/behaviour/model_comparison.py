"""One model against people: distance, link, order of conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from ..confidence import half_width
from .contrasts import contrast
from .links import Link, bic, fit_logistic, log_likelihood, worth_in_trials
from .onsets import Onsets, onsets_of
from .ordinal import OrdinalResult, evaluate_check
from .simulated_subjects import Subjects
from .standardised import is_effect_size, standardised
from .yardstick import Distance, distance

if TYPE_CHECKING:
    from ...data.behaviour import Dataset

Floats = NDArray[np.float64]

NORMAL = 1.959964
"""Standard errors from a mean to the end of its 95 % interval."""

CLOSE = 1.4
"""Halves of one sample of people lie between .7 and 1.4 replications from each other."""


@dataclass(frozen=True, kw_only=True)
class Likelihood:
    """How probable people's responses are under a model.

    Attributes
    ----------
    log_likelihood, bic : float
        Binomial, over all conditions, or over those that a link was fitted on.
    trials : float
        How many independent trials people's means are worth there.
    held_out : float or None
        Log-likelihood over the conditions that no link was fitted on; None where none was fitted.
    """

    log_likelihood: float
    bic: float
    trials: float
    held_out: float | None


@dataclass(frozen=True, kw_only=True)
class ModelComparison:
    """What came out for one model.

    Attributes
    ----------
    subjects : Subjects
    compared : int
        Number of subjects compared.
    points : pandas.DataFrame
        One row per condition: the factors, ``human, human_low, human_high, human_se``, ``score, score_se`` (the
        model's own), ``model, model_low, model_high, model_se`` (through the link) and ``fitted`` (the link was fitted
        on this condition).
    link : Link
    distance : Distance
        Over the conditions that no link was fitted on.
    on_fitted : Distance or None
        Over those that it was.
    likelihood : Likelihood or None
        None where people's scores are no proportions of responses, such as savings.
    ordinal : tuple of OrdinalResult
        On the model's own scores, before any link.
    not_applicable : mapping
        Checks that the compared conditions cannot show, and why.
    onsets : Onsets or None
        Of Hebb curves.
    """

    subjects: Subjects
    compared: int
    points: pd.DataFrame
    link: Link
    distance: Distance
    on_fitted: Distance | None
    likelihood: Likelihood | None
    ordinal: tuple[OrdinalResult, ...]
    not_applicable: Mapping[str, str]
    onsets: Onsets | None

    @property
    def passed(self) -> bool | None:
        """Every ordinal check passed, and means no farther from people's than halves of people are from each other.

        None where every check passed and people's means have no error, so that nobody knows how far is far.
        """
        ratio = self.distance.rmsd_over_replication
        if not all(check.passed for check in self.ordinal):
            return False
        return None if ratio is None else ratio <= CLOSE


def compare_model(
    scores: Floats, conditions: pd.DataFrame, data: Dataset, link: str, subjects: Subjects, *,
    fitted: NDArray[np.bool_] | None, seed: int, people: bool = False,
) -> ModelComparison:  # fmt: skip
    """Compare one model's scores [subject, condition] with people's means."""
    factors = conditions[list(data.factors)]
    human = conditions["mean"].to_numpy(dtype=float)
    human_error = _standard_error(conditions)
    mean, error, low, high = _means(scores)
    own, own_error = mean, error
    if is_effect_size(data.measure):
        mean, low, high = standardised(scores, human, seed)
        error = (high - low) / (2 * NORMAL)
    trials = worth_in_trials(human, human_error, conditions["n"].to_numpy(dtype=float))
    used = Link() if fitted is None else fit_logistic(mean[fitted], human[fitted], trials[fitted])
    tested = np.ones(len(human), dtype=bool) if fitted is None else ~fitted
    if is_effect_size(data.measure):
        tested = human != 0  # the condition that the others are compared with lies at 0 for everyone
    probability = used(mean)
    points = factors.assign(
        human=human, human_low=conditions["low"].to_numpy(dtype=float),
        human_high=conditions["high"].to_numpy(dtype=float), human_se=human_error,
        score=own, score_se=own_error, model=probability, model_low=used(low), model_high=used(high),
        model_se=used.slope(mean) * error, fitted=False if fitted is None else fitted,
    )  # fmt: skip
    ordinal, not_applicable = _ordinal(data, factors, scores, human, seed)
    return ModelComparison(
        subjects=subjects,
        compared=len(scores),
        points=points,
        link=used,
        distance=_distance(points[tested], people),
        on_fitted=None if fitted is None else _distance(points[fitted], people),
        likelihood=_likelihood(data, probability, human, trials, fitted, used.fitted),
        ordinal=ordinal,
        not_applicable=not_applicable,
        onsets=onsets_of(scores, factors),
    )


@dataclass(frozen=True)
class Flat:
    """The baseline that knows nothing but people's mean over conditions; of effect sizes, the one without effect."""

    value: float
    distance: Distance
    likelihood: Likelihood | None


def flat_mean(conditions: pd.DataFrame, data: Dataset, fitted: NDArray[np.bool_] | None) -> Flat:
    """People's mean over the conditions (those a link is fitted on, where it is), foretold of every condition."""
    human, error = conditions["mean"].to_numpy(dtype=float), _standard_error(conditions)
    tested = np.ones(len(human), dtype=bool) if fitted is None else ~fitted
    value = float(human.mean() if fitted is None else human[fitted].mean())
    if is_effect_size(data.measure):
        tested, value = human != 0, 0.0
    predicted = np.full(int(tested.sum()), value)
    low, high = (conditions[name].to_numpy(dtype=float)[tested] for name in ("low", "high"))
    trials = worth_in_trials(human, error, conditions["n"].to_numpy(dtype=float))
    return Flat(
        value,
        distance(predicted, 0 * predicted, human[tested], error[tested], low, high),
        _likelihood(data, np.full(len(human), value), human, trials, fitted, 1),
    )


def _distance(points: pd.DataFrame, people: bool) -> Distance:
    columns = ("model", "model_se", "human", "human_se", "human_low", "human_high")
    model, own, human, error, low, high = (points[name].to_numpy(dtype=float) for name in columns)
    return distance(model, own, human, error, low, high, people=people)


def _means(scores: Floats) -> tuple[Floats, Floats, Floats, Floats]:
    """Mean over subjects, its standard error, and the ends of Student's interval; each [condition]."""
    n = np.isfinite(scores).sum(axis=0)
    mean = np.nanmean(scores, axis=0)
    squares = np.nansum((scores - mean) ** 2, axis=0)
    error = np.sqrt(squares / np.where(n > 1, n - 1, np.nan) / n)
    half = half_width(error, n)
    return mean, error, mean - half, mean + half


def _standard_error(conditions: pd.DataFrame) -> Floats:
    """As given, or from the 95 % interval; NaN where there is neither."""
    given = conditions["se"].to_numpy(dtype=float)
    width = (conditions["high"] - conditions["low"]).to_numpy(dtype=float)
    return np.where(np.isfinite(given), given, width / (2 * NORMAL))


def _likelihood(
    data: Dataset, probability: Floats, human: Floats, trials: Floats, fitted: NDArray[np.bool_] | None, parameters: int
) -> Likelihood | None:
    if not data.measure.startswith("proportion"):
        return None  # savings are no share of responses
    on = np.ones(len(human), dtype=bool) if fitted is None else fitted
    value = log_likelihood(probability[on], human[on], trials[on])
    return Likelihood(
        log_likelihood=value,
        bic=bic(value, parameters, trials[on].sum()),
        trials=float(trials[on].sum()),
        held_out=None if fitted is None else log_likelihood(probability[~on], human[~on], trials[~on]),
    )


def _ordinal(
    data: Dataset, factors: pd.DataFrame, scores: Floats, human: Floats, seed: int
) -> tuple[tuple[OrdinalResult, ...], dict[str, str]]:
    results, not_applicable = [], {}
    for number, check in enumerate(data.ordinal):
        try:
            contrast(check.kind, check.arguments, factors, human[None, :])
        except ValueError as error:
            not_applicable[check.name] = str(error)
            continue
        results.append(evaluate_check(check, factors, scores, human, seed=seed + number))
    return tuple(results), not_applicable
