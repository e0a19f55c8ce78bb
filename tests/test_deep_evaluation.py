"""Measures of a probe against definitions written out."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.sim.deep.evaluation import calibration_error, detection, maximum_softmax, negative_energy

scores = st.lists(st.integers(0, 20), min_size=1, max_size=30).map(lambda values: np.array(values) / 20)


@given(scores, scores)
def test_detection_by_its_definitions(known, unknown):
    told = detection(known, unknown)
    pairs = (known[:, None] > unknown).mean() + 0.5 * (known[:, None] == unknown).mean()
    assert told["auroc"] == pytest.approx(pairs)
    # The highest threshold at which at least 95 % of the known are accepted.
    threshold = max(t for t in known if (known >= t).mean() >= 0.95)
    assert told["fpr95"] == pytest.approx((unknown >= threshold).mean())
    assert told["aupr"] == pytest.approx(average_precision(known, unknown))
    assert told["aupr_unknown"] == pytest.approx(average_precision(-unknown, -known))


def average_precision(positive, negative):
    """Σ (recall_n - recall_n-1) · precision_n over thresholds from high to low."""
    total = recall = 0.0
    for threshold in sorted({*positive, *negative}, reverse=True):
        hits, false = (positive >= threshold).sum(), (negative >= threshold).sum()
        total += (hits / len(positive) - recall) * hits / (hits + false)
        recall = hits / len(positive)
    return total


def test_scores_leave_out_what_was_not_taught():
    logits = np.array([[1.0, 3.0, -np.inf], [0.0, -np.inf, -np.inf]], dtype=np.float32)
    assert maximum_softmax(logits) == pytest.approx([np.exp(3) / (np.exp(1) + np.exp(3)), 1.0])
    assert negative_energy(logits) == pytest.approx([np.log(np.exp(1) + np.exp(3)), 0.0])


def test_large_logits_do_not_overflow():
    assert negative_energy(np.array([[1e4, 1e4]], dtype=np.float32)) == pytest.approx([1e4 + np.log(2)])


def test_calibration_by_hand():
    # Confidence .75 four times, right twice: .25 off. Confidence .5 twice, right once: 0 off.
    sure, unsure = np.log([0.75, 0.25]), np.log([0.5, 0.5])
    logits = np.array([sure] * 4 + [unsure] * 2)
    labels = np.array([0, 0, 1, 1, 0, 1])
    assert calibration_error(logits, labels) == pytest.approx(4 / 6 * 0.25)


def test_bins_of_confidence_are_averaged_before_they_are_compared():
    # Two confidences of one bin, .68 wrong and .72 right: mean .7, accuracy .5.
    logits = np.log([[0.68, 0.32], [0.72, 0.28]])
    assert calibration_error(logits, np.array([1, 0]), bins=5) == pytest.approx(0.2)
