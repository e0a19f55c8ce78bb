"""Links: fitted against statsmodels, and what they must not do."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.analysis.behaviour.links import Link, bic, fit_logistic, log_likelihood, worth_in_trials


def test_the_logistic_link_is_that_of_a_generalised_linear_model():
    sm = pytest.importorskip("statsmodels.api")
    score = np.array([0.1, 0.2, 0.35, 0.5, 0.8])
    human, trials = np.array([0.2, 0.15, 0.5, 0.55, 0.9]), np.array([40.0, 80.0, 20.0, 50.0, 60.0])
    link = fit_logistic(score, human, trials)
    model = sm.GLM(human, sm.add_constant(score), family=sm.families.Binomial(), var_weights=trials).fit()
    np.testing.assert_allclose([link.a, link.b], model.params, rtol=1e-4)
    np.testing.assert_allclose(link(score), model.fittedvalues, rtol=1e-4)
    assert link.fitted == 2


def test_a_link_does_not_turn_the_order_round():
    link = fit_logistic(np.array([0.1, 0.5, 0.9]), np.array([0.9, 0.5, 0.1]), np.full(3, 50.0))
    assert link.b == 0
    np.testing.assert_allclose(link(np.array([0.1, 0.9])), 0.5, atol=1e-4)  # the mean is all that is left


@given(st.floats(-3, 3), st.floats(0.1, 8))
def test_what_a_link_made_is_found_again(a, b):
    score = np.array([0.1, 0.3, 0.6, 0.9])
    made = Link("logistic", a=a, b=b, fitted=2)(score)
    link = fit_logistic(score, made, np.full(4, 1000.0))
    np.testing.assert_allclose(link(score), made, atol=1e-4)


def test_the_slope_is_the_derivative():
    link = Link("logistic", a=-1.0, b=3.0, fitted=2)
    step = 1e-6
    numerical = (link(0.4 + step) - link(0.4 - step)) / (2 * step)
    assert link.slope(0.4) == pytest.approx(float(numerical), rel=1e-6)
    np.testing.assert_array_equal(Link().slope(np.array([0.1, 0.9])), [1, 1])


def test_scores_that_are_all_alike_cannot_be_fitted():
    with pytest.raises(ValueError, match="all alike"):
        fit_logistic(np.full(3, 0.5), np.array([0.1, 0.5, 0.9]), np.full(3, 10.0))


def test_log_likelihood_by_hand():
    found = log_likelihood(np.array([0.25, 0.5]), np.array([0.5, 1.0]), np.array([4.0, 2.0]))
    assert found == pytest.approx(2 * np.log(0.25) + 2 * np.log(0.75) + 2 * np.log(0.5))


def test_what_a_simulation_never_did_is_not_impossible():
    assert log_likelihood(np.array([0.0]), np.array([0.1]), np.array([10.0])) == pytest.approx(
        np.log(0.05) + 9 * np.log(0.95)
    )


def test_bic_by_hand():
    assert bic(-50.0, 2, 100.0) == pytest.approx(2 * np.log(100) + 100)


def test_means_of_people_are_worth_what_their_error_says():
    p, trials = 0.3, 250
    error = np.sqrt(p * (1 - p) / trials)
    assert worth_in_trials(np.array([p]), np.array([error]), np.array([20.0])) == pytest.approx([trials])
    assert worth_in_trials(np.array([1.0]), np.array([0.0]), np.array([20.0])) == pytest.approx([20])
    assert worth_in_trials(np.array([0.5]), np.array([np.nan]), np.array([np.nan])) == pytest.approx([1])


def test_only_what_cannot_or_must_happen_is_moved():
    one = np.array([1.0])
    for probability in (0.1, 0.02, 0.98):
        expected = 0.9 * np.log(probability) + 0.1 * np.log1p(-probability)
        assert log_likelihood(np.array([probability]), np.array([0.9]), one) == pytest.approx(expected)
    assert np.isfinite(log_likelihood(np.array([0.0, 1.0]), np.array([0.9, 0.1]), np.ones(2)))


def test_a_fit_of_equal_weights_does_not_depend_on_how_large_they_are():
    score, human = np.array([0.95, 0.9, 0.5, 0.3, 0.1, 0.02]), np.array([0.6, 0.5, 0.4, 0.35, 0.3, 0.2])
    one, many = (fit_logistic(score, human, np.full(6, trials)) for trials in (1.0, 300.0))
    assert (one.a, one.b) == pytest.approx((many.a, many.b), rel=1e-4)
    assert one.b > 1
