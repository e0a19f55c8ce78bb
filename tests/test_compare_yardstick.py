"""The yardstick: where a perfect model and a replication lie on it."""

import numpy as np
import pytest

from engram.analysis.behaviour import distance

CONDITIONS = 400  # many, so that the expected place is seen in one draw
NOTHING = np.full(CONDITIONS, np.nan)


@pytest.fixture
def rng():
    return np.random.default_rng(2)


def ratio(model, own, human, error, **options):
    return distance(model, own, human, error, NOTHING, NOTHING, **options).rmsd_over_replication


def test_numbers_by_hand():
    human, model = np.array([0.2, 0.4, 0.9]), np.array([0.3, 0.4, 0.7])
    found = distance(model, np.array([0.1, 0.0, 0.0]), human, np.full(3, 0.05), human - 0.1, human + 0.1)
    assert found.rmsd == pytest.approx(np.sqrt((0.01 + 0 + 0.04) / 3))
    assert found.bias == pytest.approx(-0.1 / 3)
    assert found.replication == pytest.approx(np.sqrt(2 * 0.05**2 + 0.01 / 3))
    assert found.rmsd_over_replication == pytest.approx(found.rmsd / found.replication)
    assert found.within_ci == pytest.approx(2 / 3)
    assert found.correlation == pytest.approx(np.corrcoef(model, human)[0, 1])
    assert found.own_error == pytest.approx(np.sqrt(0.01 / 3))


def test_a_perfect_model_lies_at_one_over_root_two(rng):
    truth = rng.uniform(0.2, 0.8, CONDITIONS)
    human = truth + rng.normal(0, 0.03, CONDITIONS)
    assert ratio(truth, np.zeros(CONDITIONS), human, np.full(CONDITIONS, 0.03)) == pytest.approx(0.5**0.5, abs=0.07)


def test_a_second_sample_of_people_lies_at_one(rng):
    truth = rng.uniform(0.2, 0.8, CONDITIONS)
    first, second = truth + rng.normal(0, 0.03, (2, CONDITIONS))
    error = np.full(CONDITIONS, 0.03)
    assert ratio(second, error, first, error, people=True) == pytest.approx(1, abs=0.1)


def test_a_smaller_second_sample_lies_at_one_by_its_own_error(rng):
    truth = rng.uniform(0.2, 0.8, CONDITIONS)
    human = truth + rng.normal(0, 0.02, CONDITIONS)
    small = truth + rng.normal(0, 0.08, CONDITIONS)
    found = ratio(small, np.full(CONDITIONS, 0.08), human, np.full(CONDITIONS, 0.02), people=True)
    assert found == pytest.approx(1, abs=0.1)


def test_a_model_as_far_as_a_replication_lies_at_one_whatever_its_own_error(rng):
    human = rng.uniform(0.2, 0.8, CONDITIONS)
    expectation = human + rng.normal(0, 2**0.5 * 0.03, CONDITIONS)
    simulated = expectation + rng.normal(0, 0.05, CONDITIONS)
    found = ratio(simulated, np.full(CONDITIONS, 0.05), human, np.full(CONDITIONS, 0.03))
    assert found == pytest.approx(1, abs=0.1)


def test_without_errors_of_people_there_is_no_yardstick():
    flat = np.full(3, 0.5)
    found = distance(flat, flat * 0, flat + 0.1, flat * np.nan, flat * np.nan, flat * np.nan)
    assert (found.replication, found.rmsd_over_replication, found.within_ci, found.correlation) == (None,) * 4
    assert found.rmsd == pytest.approx(0.1)


def test_correlation_is_blind_to_level_and_scale():
    human = np.array([0.2, 0.4, 0.6, 0.5])
    found = distance(0.1 * human, human * 0, human, human * 0 + 0.01, human, human)
    assert found.correlation == pytest.approx(1)
    assert found.rmsd_over_replication > 10
