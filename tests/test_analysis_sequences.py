from itertools import permutations

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from engram.analysis import burst_sequences, compression, learned_interval, sequence_replay

ITEMS, SIZE = 5, 8
CELLS = ITEMS * SIZE
MEMBER = np.kron(np.eye(ITEMS), np.ones(SIZE)).astype(bool)


def played(order, step, rng, jitter=0.001, start=0.0):
    """Every cell of each item fires once, items in `order` and `step` apart."""
    times = np.concatenate([start + place * step + rng.normal(0, jitter, SIZE) for place, _ in enumerate(order)])
    cells = np.concatenate([item * SIZE + np.arange(SIZE) for item in order])
    return times, cells


def test_forward_replay_is_found_with_its_speed():
    times, cells = played(range(ITEMS), 0.02, np.random.default_rng(0), start=0.01)
    row = sequence_replay(times, cells, MEMBER, pd.DataFrame({"start": [0.0], "stop": [0.2]}), rng=0).iloc[0]
    assert row["items"] == ITEMS
    assert row["rho"] > 0.97
    assert row["p"] == pytest.approx(1 / 120)  # the best of all orders of five items
    assert row["seconds_per_item"] == pytest.approx(0.02, abs=0.001)


def test_rho_and_its_null_are_those_of_all_orders_of_items():
    rng = np.random.default_rng(1)
    order = [0, 2, 1, 4, 3]
    times, cells = played(order, 0.02, rng, jitter=0.01, start=0.1)
    row = sequence_replay(times, cells, MEMBER, pd.DataFrame({"start": [0.0], "stop": [0.4]}), rng=0).iloc[0]
    item = cells // SIZE
    null = [spearmanr(np.array(new)[item], times).statistic for new in permutations(range(ITEMS))]
    assert row["rho"] == pytest.approx(spearmanr(item, times).statistic)
    assert row["null_sd"] == pytest.approx(np.std(null))
    assert row["p"] == pytest.approx((np.array(null) >= row["rho"] - 1e-12).mean())


def test_the_order_of_learning_may_be_another():
    learned = [3, 1, 5, 2, 4]  # item 1 came third
    times, cells = played(np.argsort(learned), 0.02, np.random.default_rng(2), start=0.01)
    bursts = pd.DataFrame({"start": [0.0], "stop": [0.2]})
    assert sequence_replay(times, cells, MEMBER, bursts, rng=0, order=learned)["rho"].item() > 0.97


def test_bursts_of_too_few_items_have_no_order():
    times, cells = played([0, 1], 0.02, np.random.default_rng(3), start=0.01)
    row = sequence_replay(times, cells, MEMBER, pd.DataFrame({"start": [0.0], "stop": [0.2]}), rng=0).iloc[0]
    assert row["items"] == 2
    assert np.isnan(row["rho"])
    with pytest.raises(ValueError, match="expected at least 3"):
        sequence_replay(times, cells, MEMBER, pd.DataFrame({"start": [0.0], "stop": [0.2]}), rng=0, items=2)


def test_many_items_are_permuted_at_random():
    member = np.kron(np.eye(8), np.ones(3)).astype(bool)
    times = np.repeat(0.01 * np.arange(8), 3) + 0.001 * np.tile(np.arange(3), 8)
    row = sequence_replay(times, np.arange(24), member, pd.DataFrame({"start": [0.0], "stop": [0.2]}), rng=0).iloc[0]
    assert row["p"] == pytest.approx(1 / 1000)


def test_compression_of_true_replay():
    rng, times, cells = np.random.default_rng(4), [], []
    for number in range(20):
        when, who = played(range(ITEMS), 0.02, rng, start=number + 0.01)
        times.append(when)
        cells.append(who)
    bursts = pd.DataFrame({"start": np.arange(20.0), "stop": np.arange(20.0) + 0.2})
    found = sequence_replay(np.concatenate(times), np.concatenate(cells), MEMBER, bursts, rng=0)
    row = compression(found, 0.6).iloc[0]
    assert row["compression"] == pytest.approx(30, rel=0.03)
    assert row["p"] < 1e-6
    assert row["reason"] == ""


def test_no_order_has_no_compression_but_a_reason():
    rng = np.random.default_rng(5)
    found = burst_sequences(rng.integers(1, 9, 400), 0.25 * np.arange(400))
    row = compression(found, 0.6).iloc[0]
    assert abs(row["z"]) < 2.5
    assert np.isnan(row["compression"])
    assert "not replayed in the order of the list" in row["reason"]
    nothing = compression(burst_sequences([1, 1, 1, 1], range(4)), 0.6).iloc[0]
    assert nothing["reason"] == "no burst or run of bursts holds enough items to have an order"


def test_z_of_random_orders_is_standard_normal():
    rng = np.random.default_rng(6)
    z = [
        compression(burst_sequences(rng.integers(1, 9, 80), 0.25 * np.arange(80)), 0.6)["z"].item() for _ in range(150)
    ]
    assert np.mean(z) == pytest.approx(0, abs=0.25)
    assert np.std(z) == pytest.approx(1, abs=0.17)


def test_sequences_of_bursts_do_not_cross_pauses_and_pass_over_the_unmatched():
    items = [1, 0, 2, 3, 4, 1, 2]
    times = [0.0, 0.1, 0.2, 0.3, 0.4, 5.0, 5.1]
    found = burst_sequences(items, times)
    assert found["rho"].tolist() == [1.0]  # one run of four, and a pause before the next two
    by_hand = spearmanr([1, 3, 2, 4], range(4)).statistic
    assert burst_sequences([1, 3, 2, 4], [0, 1, 2, 3])["rho"].item() == pytest.approx(by_hand)
    with pytest.raises(ValueError, match="length is 2"):
        burst_sequences(items, times, length=2)


def test_learned_interval_is_the_median_step_within_phases():
    segments = pd.DataFrame(
        {
            "phase": [0, 0, 0, 0, 4, 4],
            "stage": ["exposure", "gap", "exposure", "exposure", "exposure", "exposure"],
            "start": [0.0, 0.4, 0.6, 1.2, 50.0, 50.6],
        }
    )
    assert learned_interval(segments) == pytest.approx(0.6)
    assert np.isnan(learned_interval(segments.iloc[:1]))
