import numpy as np
import pandas as pd
import pytest

from engram.analysis import compression, decode_items, decoded_sequences, item_rates

ITEMS, SIZE = 5, 8
CELLS = ITEMS * SIZE
RATES = np.kron(np.eye(ITEMS), np.full(SIZE, 20.0)) + 1.0


def swept(order, step, rng, bursts=20, rate=100.0):
    """Bursts in which items follow one another, `step` s each."""
    times, cells = [], []
    for burst in range(bursts):
        for place, item in enumerate(order):
            number = rng.poisson(rate * step * SIZE)
            times.append(burst + place * step + rng.uniform(0, step, number))
            cells.append(item * SIZE + rng.integers(0, SIZE, number))
    table = pd.DataFrame({"start": np.arange(float(bursts)), "stop": np.arange(float(bursts)) + step * len(order)})
    return np.concatenate(times), np.concatenate(cells), table


def test_probabilities_are_those_of_bayes():
    times, cells = [0.002, 0.004, 0.006], [0, 0, 9]
    bursts = pd.DataFrame({"start": [0.0], "stop": [0.01]})
    found = decode_items(times, cells, RATES, bursts).set_index("item")["probability"]
    share = RATES / RATES.sum(axis=1, keepdims=True)
    likelihood = share[:, 0] ** 2 * share[:, 9]
    np.testing.assert_allclose(found, likelihood / likelihood.sum())


def test_how_fast_all_cells_fire_does_not_matter():
    bursts = pd.DataFrame({"start": [0.0], "stop": [0.01]})
    one = decode_items([0.002, 0.004], [0, 9], RATES, bursts)
    pd.testing.assert_frame_equal(one, decode_items([0.002, 0.004], [0, 9], 7 * RATES, bursts))


def test_windows_without_spikes_and_unknown_items_are_left_out():
    rates = RATES.copy()
    rates[1] = np.nan
    bursts = pd.DataFrame({"start": [0.0, 5.0], "stop": [0.05, 5.1]})
    found = decode_items([0.001, 0.045], [0, 16], rates, bursts)
    assert sorted(set(found["time"].round(6))) == [0.005, 0.045]
    assert set(found["item"]) == {1, 3, 4, 5}
    assert set(found["burst"]) == {0}
    np.testing.assert_allclose(found.groupby("time")["probability"].sum(), 1)
    assert decode_items([], [], np.full((2, 3), np.nan), bursts).empty


def test_forward_sweeps_are_found_with_their_speed():
    times, cells, bursts = swept(range(ITEMS), 0.02, np.random.default_rng(0))
    found = decoded_sequences(decode_items(times, cells, RATES, bursts), rng=0)
    assert (found["rho"] > 0.9).all()
    assert found["seconds_per_item"].median() == pytest.approx(0.02, rel=0.05)
    row = compression(found, 0.6).iloc[0]
    assert row["compression"] == pytest.approx(30, rel=0.05)


def test_backward_sweeps_are_not_forward():
    times, cells, bursts = swept(range(ITEMS)[::-1], 0.02, np.random.default_rng(1))
    found = decoded_sequences(decode_items(times, cells, RATES, bursts), rng=0)
    assert (found["rho"] < -0.9).all()
    assert np.isnan(compression(found, 0.6)["compression"].item())
    learned = decoded_sequences(decode_items(times, cells, RATES, bursts), rng=0, order=[5, 4, 3, 2, 1])
    np.testing.assert_allclose(learned["rho"], -found["rho"])


def test_rho_is_the_weighted_correlation():
    rng = np.random.default_rng(2)
    probability = rng.dirichlet(np.ones(4), 4)
    probability[range(4), [2, 0, 3, 1]] += 2
    probability /= probability.sum(axis=1, keepdims=True)
    time, item = np.repeat([0.0, 0.01, 0.02, 0.03], 4), np.tile([1, 2, 3, 4], 4)
    decoded = pd.DataFrame({"burst": 0, "time": time, "item": item, "probability": probability.ravel()})
    by_hand = np.cov(np.array([time, item]), aweights=probability.ravel(), ddof=0)
    row = decoded_sequences(decoded, rng=0).iloc[0]
    assert row["rho"] == pytest.approx(by_hand[0, 1] / np.sqrt(by_hand[0, 0] * by_hand[1, 1]))
    assert row["seconds_per_item"] == pytest.approx(by_hand[0, 1] / by_hand[1, 1])
    assert np.isnan(decoded_sequences(decoded[decoded["time"] < 0.015], rng=0)["rho"].item())


def test_templates_are_the_rates_of_the_last_exposures():
    segments = pd.DataFrame({"stage": "exposure", "item": [1, 1, 3], "start": [0.0, 1.0, 2.0], "stop": [0.5, 1.5, 2.5]})
    found = item_rates([0.1, 1.1, 1.2, 2.1], [0, 0, 1, 1], 2, segments, last=1)
    np.testing.assert_array_equal(found, [[2, 2], [np.nan, np.nan], [0, 2]])


@pytest.mark.parametrize(
    ("rates", "window", "message"),
    [([1.0, 2.0], 0.01, r"expected \[item, cell\]"), ([[1.0]], 0.0, "window is 0"), ([[-1.0]], 0.01, "negative")],
)
def test_bad_templates_are_refused(rates, window, message):
    with pytest.raises(ValueError, match=message):
        decode_items([0.1], [0], rates, pd.DataFrame({"start": [0.0], "stop": [1.0]}), window=window)
