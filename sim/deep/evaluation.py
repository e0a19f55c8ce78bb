"""What is asked of a network beyond accuracy: calibration, and whether it knows what it does not know."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

BINS = 15
KNOWN_ACCEPTED = 0.95

Logits = NDArray[np.float32]


def maximum_softmax(logits: Logits) -> NDArray[np.float64]:
    """The largest probability that an image is given: high for what is known.

    Parameters
    ----------
    logits : float array, [image, slot]
        -inf for slots that were not taught.

    Returns
    -------
    float64 array, [image]

    Notes
    -----
    Source: Hendrycks & Gimpel (2017), "A baseline for detecting misclassified and out-of-distribution examples".

    Examples
    --------
    >>> maximum_softmax(np.array([[0.0, 0.0, -np.inf]])).tolist()
    [0.5]
    """
    top: NDArray[np.float64] = 1 / np.exp(_from_the_top(logits)).sum(axis=1)
    return top


def negative_energy(logits: Logits) -> NDArray[np.float64]:
    """log Σ exp(logit): high for what is known.

    Parameters
    ----------
    logits : float array, [image, slot]
        -inf for slots that were not taught.

    Returns
    -------
    float64 array, [image]

    Notes
    -----
    Source: Liu et al. (2020), "Energy-based out-of-distribution detection", equation 4 at T = 1.

    Examples
    --------
    >>> negative_energy(np.log([[1.0, 3.0]])).round(6).tolist() == np.log([4.0]).round(6).tolist()
    True
    """
    top: NDArray[np.float64] = logits.max(axis=1).astype(np.float64)
    top += np.log(np.exp(_from_the_top(logits)).sum(axis=1))
    return top


def detection(known: NDArray[np.float64], unknown: NDArray[np.float64]) -> dict[str, float]:
    """How well a score tells images of known classes from images of unknown ones.

    Parameters
    ----------
    known, unknown : float array, [image]
        Scores; high ones speak for a known class.

    Returns
    -------
    dict
        ``auroc``, the same whichever side is positive; ``aupr``, with the known side positive, and ``aupr_unknown``,
        with the unknown side positive (average precision); ``fpr95``: share of the unknown images that are taken for
        known where 95 % of the known ones are.

    Examples
    --------
    >>> told = detection(np.array([0.9, 0.8, 0.4]), np.array([0.5, 0.1]))
    >>> round(told["auroc"], 4), told["fpr95"]
    (0.8333, 0.5)
    """
    from sklearn.metrics import average_precision_score, roc_auc_score, roc_curve

    is_known = np.repeat([1, 0], [len(known), len(unknown)])
    score = np.concatenate([known, unknown])
    false_positive, true_positive, _ = roc_curve(is_known, score, drop_intermediate=False)
    return {
        "auroc": float(roc_auc_score(is_known, score)),
        "aupr": float(average_precision_score(is_known, score)),
        "aupr_unknown": float(average_precision_score(1 - is_known, -score)),
        "fpr95": float(false_positive[np.argmax(true_positive >= KNOWN_ACCEPTED)]),
    }


def calibration_error(logits: Logits, labels: NDArray[np.int64], bins: int = BINS) -> float:
    """Expected calibration error: how far confidence lies from accuracy, on average over the images.

    Parameters
    ----------
    logits : float array, [image, slot]
        -inf for slots that were not taught.
    labels : int64 array, [image]
    bins : int
        Of confidence, equally wide.

    Returns
    -------
    float
        Between 0 and 1.

    Notes
    -----
    Source: Guo et al. (2017), "On calibration of modern neural networks", equation 3, with 15 bins.

    Examples
    --------
    Sure of both answers, and right in one: half.

    >>> calibration_error(np.array([[9.0, -np.inf], [9.0, -np.inf]]), np.array([0, 1]))
    0.5
    """
    confidence = maximum_softmax(logits)
    right = logits.argmax(axis=1) == labels
    number = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)
    gaps = np.bincount(number, weights=right - confidence, minlength=bins)
    return float(np.abs(gaps).sum() / len(labels))


def _from_the_top(logits: Logits) -> NDArray[np.float64]:
    below: NDArray[np.float64] = logits.astype(np.float64) - logits.max(axis=1, keepdims=True)
    return below
