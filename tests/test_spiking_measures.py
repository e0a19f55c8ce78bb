import numpy as np
import pytest
from scipy.stats import beta

from engram.models.spiking import InDegree
from engram.models.spiking.measures import communities, degrees, distribution


def test_degrees_of_a_fixed_in_degree():
    i, j = InDegree(3).draw(8, 5, False, np.random.default_rng(0))
    out, into = degrees(i, j, 8, 5)
    assert into.tolist() == [3] * 5
    assert out.sum() == 15
    assert len(out) == 8


def test_distribution_is_the_density():
    values = beta(2, 5).rvs(200_000, random_state=np.random.default_rng(0))
    found = distribution(values, bins=10)
    middle = (found["edges"][1:] + found["edges"][:-1]) / 2
    assert np.sum(found["density"] * np.diff(found["edges"])) == pytest.approx(1.0)
    assert found["density"][1:8] == pytest.approx(beta(2, 5).pdf(middle[1:8]), rel=0.05)
    with pytest.raises(ValueError, match="no values"):
        distribution([])


def test_planted_assemblies_are_found_and_weak_synapses_are_not_seen():
    rng = np.random.default_rng(0)
    planted = [np.arange(0, 12), np.arange(12, 20), np.arange(20, 25)]
    i, j = np.nonzero(~np.eye(40, dtype=bool))
    within = np.zeros((40, 40), dtype=bool)
    for cells in planted:
        within[np.ix_(cells, cells)] = True
    weights = np.where(within[i, j], rng.uniform(0.3, 0.6, len(i)), rng.uniform(0.0, 0.1, len(i)))
    found = communities(i, j, weights, 40, above=0.15)
    assert [cells.tolist() for cells in found] == [cells.tolist() for cells in planted]
    assert communities(i, j, weights, 40, above=1.0) == []


def test_arrays_that_do_not_belong_together_are_refused():
    with pytest.raises(ValueError, match="one source, target and weight of each synapse"):
        communities([0, 1], [1, 0], [0.5], 2, above=0.1)
    with pytest.raises(ValueError, match="outside a population of 2 cells"):
        communities([0, 2], [1, 0], [0.5, 0.5], 2, above=0.1)
