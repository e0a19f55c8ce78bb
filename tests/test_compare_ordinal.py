"""Tests of ordinal checks against scipy and the formulas of effect sizes."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from engram.analysis.behaviour import evaluate_check
from engram.data.behaviour import OrdinalCheck

TWO = pd.DataFrame({"spacing": ["massed", "long"]})
SPACING = OrdinalCheck("spacing", "", "greater", {"left": {"spacing": "long"}, "right": {"spacing": "massed"}})
HUMAN = np.array([0.3, 0.4])
NAN = float("nan")


def evaluate(*scores, check=SPACING, conditions=TWO, human=HUMAN):
    return evaluate_check(check, conditions, np.array(scores, dtype=float), np.asarray(human), samples=2000)


def test_subjects_with_both_sides_are_tested_within():
    found = evaluate([0.2, 0.5], [0.3, 0.4], [0.1, 0.3], [0.3, 0.4])
    differences = np.array([0.3, 0.1, 0.2, 0.1])
    assert found.statistic == pytest.approx(0.175)
    assert found.human == pytest.approx(0.1)
    assert found.p == pytest.approx(stats.ttest_1samp(differences, 0, alternative="greater").pvalue)
    assert found.passed is True
    assert found.test == "t test within subjects"
    dz = differences.mean() / differences.std(ddof=1)
    correction = 1 - 3 / (4 * 3 - 1)  # Hedges' approximation of the exact factor
    assert found.effect_size.value == pytest.approx(dz * correction, rel=0.01)
    assert found.effect_size.low < found.effect_size.value < found.effect_size.high


def test_the_other_direction_fails_however_clear():
    found = evaluate([0.5, 0.2], [0.4, 0.3], [0.3, 0.1])
    assert found.statistic < 0
    assert found.passed is False
    assert found.p > 0.95


def test_the_right_direction_by_chance_fails():
    found = evaluate([0.1, 0.5], [0.5, 0.2], [0.3, 0.4])
    assert found.statistic > 0
    assert found.p > 0.05
    assert found.passed is False


def test_decreasing_passes_downwards():
    delays = pd.DataFrame({"delay": [1.0, 2.0, 3.0]})
    check = OrdinalCheck("forgetting", "", "decreasing", {"over": "delay", "where": {}})
    rng = np.random.default_rng(1)
    scores = np.array([0.8, 0.5, 0.2]) + 0.02 * rng.standard_normal((10, 3))
    scores[0] = [0.4, 0.5, 0.3]  # not everyone alike
    found = evaluate(*scores, check=check, conditions=delays, human=[0.9, 0.5, 0.4])
    assert (found.statistic, found.human, found.passed) == (-1, -1, True)
    upwards = evaluate(*(1 - scores), check=check, conditions=delays, human=[0.9, 0.5, 0.4])
    assert (upwards.statistic, upwards.passed) == (1, False)


def test_subjects_with_one_side_each_are_tested_between():
    left, right = [0.5, 0.6, 0.55, 0.7], [0.3, 0.4, 0.35]
    rows = [[NAN, value] for value in left] + [[value, NAN] for value in right]
    found = evaluate(*rows)
    assert found.test == "Welch's t test between subjects"
    assert found.p == pytest.approx(stats.ttest_ind(left, right, equal_var=False, alternative="greater").pvalue)
    pooled = np.sqrt((3 * np.var(left, ddof=1) + 2 * np.var(right, ddof=1)) / 5)
    difference = np.mean(left) - np.mean(right)
    assert found.statistic == pytest.approx(difference)
    assert found.effect_size.measure == "hedges_g"
    assert found.effect_size.value == pytest.approx(difference / pooled * (1 - 3 / (4 * 5 - 1)), rel=0.01)


@pytest.mark.parametrize(("scores", "passed"), [([[0.2, 0.4]] * 3, True), ([[0.4, 0.4]] * 3, False)])
def test_subjects_that_do_not_differ_are_judged_by_direction(scores, passed):
    found = evaluate(*scores)
    assert (found.passed, found.p, found.effect_size) == (passed, None, None)
    assert "do not differ" in found.test


def test_too_few_subjects_are_refused():
    with pytest.raises(ValueError, match="too few subjects"):
        evaluate([0.2, 0.4], [0.3, NAN])


def test_a_null_effect_passes_in_about_one_of_twenty_samples():
    rng = np.random.default_rng(0)
    passed = [evaluate_check(SPACING, TWO, rng.normal(0.5, 0.1, (12, 2)), HUMAN, samples=1).passed for _ in range(500)]
    assert 0.025 < np.mean(passed) < 0.08


def test_the_interval_of_the_effect_size_holds_the_true_one():
    rng = np.random.default_rng(3)
    truth, held = 0.5, 0
    for _ in range(200):
        first = rng.normal(0, 1, 60)
        found = evaluate_check(
            SPACING, TWO, np.stack([first, first + rng.normal(truth, 1, 60)], axis=1), HUMAN, samples=400
        )
        held += found.effect_size.low <= truth <= found.effect_size.high
    assert 0.9 <= held / 200 <= 0.99


def test_a_seed_gives_the_same_interval():
    scores = np.random.default_rng(5).random((20, 2))
    one, same, other = (evaluate_check(SPACING, TWO, scores, HUMAN, seed=seed).effect_size for seed in (1, 1, 2))
    assert one == same
    assert one.value == other.value
    assert one.low != other.low
