"""From a model's score to the probability of a response."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, xlog1py, xlogy

Floats = NDArray[np.float64]

LINKS = ("identity", "logistic")


@dataclass(frozen=True)
class Link:
    """A fixed way from score to probability.

    Attributes
    ----------
    name : str
        ``identity``: the score is the probability. ``logistic``: 1 / (1 + exp(-(a + b · score))), b ≥ 0, since a link
        must not turn the order of conditions round.
    a, b : float
        Of the logistic link.
    fitted : int
        Number of fitted parameters.

    Examples
    --------
    >>> Link("logistic", a=-2.0, b=4.0, fitted=2)(0.5)
    array(0.5)
    """

    name: str = "identity"
    a: float = field(default=0.0)
    b: float = field(default=1.0)
    fitted: int = 0

    def __call__(self, score: Floats | float) -> Floats:
        """Probability of a response at a score, or many."""
        score = np.asarray(score, dtype=float)
        return score if self.name == "identity" else np.asarray(expit(self.a + self.b * score))

    def slope(self, score: Floats | float) -> Floats:
        """Derivative of the probability at a score: carries standard errors over."""
        if self.name == "identity":
            return np.ones_like(np.asarray(score, dtype=float))
        probability = self(score)
        return np.asarray(self.b * probability * (1 - probability))

    @property
    def formula(self) -> str:
        """The link in words, with its parameters."""
        if self.name == "identity":
            return "identity: the model's score is the probability"
        return f"logistic: p = 1 / (1 + exp(-({self.a:.3f} + {self.b:.3f} · score)))"


def fit_logistic(score: Floats, human: Floats, trials: Floats) -> Link:
    """The logistic link of greatest binomial likelihood.

    Parameters
    ----------
    score : ndarray, shape [condition]
        Mean scores of the model.
    human : ndarray, shape [condition]
        People's proportions.
    trials : ndarray, shape [condition]
        How many independent trials each proportion is worth, see `worth_in_trials`.

    Returns
    -------
    Link
        With b ≥ 0.

    Raises
    ------
    ValueError
        The scores are all alike, so that two parameters cannot be told apart.

    Examples
    --------
    >>> import numpy as np
    >>> link = fit_logistic(np.array([0.0, 1.0]), np.array([0.25, 0.75]), np.array([100.0, 100.0]))
    >>> round(link.a, 3), round(link.b, 3)
    (-1.099, 2.197)
    """
    from scipy.optimize import minimize

    centre, scale = float(score.mean()), float(score.std())
    if len(score) < 2 or scale < 1e-9:
        raise ValueError(
            "a logistic link has two parameters, and the model's scores in the conditions that it is fitted on are all "
            "alike; fit it on conditions in which they differ (fit_on=)"
        )
    x = (score - centre) / scale  # parameters of like size: the search is round

    def loss(parameters: Floats) -> tuple[float, Floats]:
        probability = expit(parameters[0] + parameters[1] * x)
        wrong = trials * (probability - human) / trials.sum()
        value = -log_likelihood(probability, human, trials) / trials.sum()
        return value, np.array([wrong.sum(), (wrong * x).sum()])

    found = minimize(
        loss, np.zeros(2), jac=True, method="L-BFGS-B", bounds=[(-30, 30), (0, 30)],
        options={"ftol": 1e-15, "gtol": 1e-10},
    )  # fmt: skip
    b = float(found.x[1]) / scale
    return Link("logistic", a=float(found.x[0]) - b * centre, b=b, fitted=2)


def log_likelihood(probability: Floats, human: Floats, trials: Floats) -> float:
    """Binomial log-likelihood of people's proportions; the binomial coefficient, alike for all models, left out.

    Probabilities of exactly 0 or 1 are moved by half a trial, a quarter at most: no finite simulation shows that
    something cannot happen.

    Examples
    --------
    >>> import numpy as np
    >>> round(log_likelihood(np.array([0.5]), np.array([0.5]), np.array([10.0])), 3)
    -6.931
    """
    edge = np.minimum(0.5 / np.maximum(trials, 1), 0.25)
    probability = np.where(probability <= 0, edge, np.where(probability >= 1, 1 - edge, probability))
    return float((trials * (xlogy(human, probability) + xlog1py(1 - human, -probability))).sum())


def bic(log_likelihood_: float, parameters: int, trials: float) -> float:
    """Bayesian information criterion, smaller is better.

    Examples
    --------
    >>> round(bic(-10.0, 2, 100.0), 3)
    29.21
    """
    return float(parameters * np.log(max(trials, 1)) - 2 * log_likelihood_)


def worth_in_trials(human: Floats, error: Floats, subjects: Floats) -> Floats:
    """How many independent trials a mean over people is worth: p(1 - p) / SE².

    People differ from each other, so a mean is worth fewer trials than were run: its standard error says how many.
    Without a standard error each person counts as one trial, and without the number of people each condition as one.

    Examples
    --------
    >>> import numpy as np
    >>> worth_in_trials(np.array([0.5, 0.5]), np.array([0.05, np.nan]), np.array([20.0, 20.0]))
    array([100.,  20.])
    """
    with np.errstate(divide="ignore", invalid="ignore"):
        from_error = human * (1 - human) / error**2
    fallback = np.where(np.isfinite(subjects), subjects, 1.0)
    return np.asarray(np.where(np.isfinite(from_error) & (from_error > 0), from_error, fallback))
