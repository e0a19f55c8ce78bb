import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engram.analysis import burst_counts, events_per_second, population_bursts

CELLS = 300


def noise(rate, seconds, rng):
    number = rng.poisson(rate * CELLS * seconds)
    return rng.uniform(0, seconds, number), rng.integers(0, CELLS, number)


def with_bursts(starts, duration, rng, *, members=30, member_rate=60.0, rate=1.5, seconds=20.0):
    """Background, and bursts of a random assembly each."""
    times, cells = [], []
    for start in starts:
        number = rng.poisson(member_rate * members * duration)
        times.append(rng.uniform(start, start + duration, number))
        cells.append(rng.choice(CELLS, members, replace=False)[rng.integers(0, members, number)])
    background, who = noise(rate, seconds, rng)
    return np.concatenate([background, *times]), np.concatenate([who, *cells])


@pytest.mark.parametrize("duration", [0.04, 0.08, 0.15])
def test_every_planted_burst_is_found_once_with_its_edges(duration):
    starts = np.arange(0.1, 19.5, 0.25)  # four per second, as the hippocampus of the two-stage circuit
    times, cells = with_bursts(starts, duration, np.random.default_rng(1))
    found = population_bursts(times, cells, CELLS, [(0, 20)])
    assert len(found) == len(starts)
    np.testing.assert_allclose(found["start"], starts, atol=0.015)
    assert found["duration_ms"].median() == pytest.approx(1000 * duration + 6, abs=8)  # and the smoothing's width
    assert ((found["peak"] >= found["start"]) & (found["peak"] <= found["stop"])).all()


@pytest.mark.parametrize("rate", [0.3, 1.5, 5.0])
def test_noise_has_no_bursts(rate):
    times, cells = noise(rate, 120, np.random.default_rng(2))
    assert len(population_bursts(times, cells, CELLS, [(0, 120)])) <= 1


def test_cells_and_spikes_are_those_within_the_edges():
    times = np.concatenate([np.repeat([0.5, 0.51, 0.52], 20), [0.505, 0.9]])
    cells = np.concatenate([np.tile(np.arange(20), 3), [50, 50]])
    found = population_bursts(times, cells, CELLS, [(0, 1)])
    assert found[["cells", "spikes"]].to_numpy().tolist() == [[21, 61]]


def test_few_cells_that_fire_fast_are_no_population_burst():
    times = np.tile(0.5 + 0.001 * np.arange(50), 4)
    cells = np.repeat(np.arange(4), 50)
    assert population_bursts(times, cells, CELLS, [(0, 1)]).empty
    assert len(population_bursts(times, cells, CELLS, [(0, 1)], cells=4)) == 1


def test_bursts_closer_than_merge_are_one():
    rng = np.random.default_rng(3)
    times, cells = with_bursts([1.0, 1.1], 0.05, rng, rate=0.5, seconds=3)
    assert len(population_bursts(times, cells, CELLS, [(0, 3)])) == 2
    assert len(population_bursts(times, cells, CELLS, [(0, 3)], merge=0.1)) == 1


def test_only_the_intervals_are_looked_at_and_touching_ones_are_joined():
    times, cells = with_bursts([0.98, 2.5], 0.06, np.random.default_rng(4), seconds=4)
    found = population_bursts(times, cells, CELLS, [(0, 1), (1, 2), (3, 4)])
    assert len(found) == 1
    assert found["start"].item() < 1 < found["stop"].item()


@settings(max_examples=25)
@given(st.integers(0, 2**32 - 1), st.floats(-50, 50))
def test_found_bursts_move_with_the_spikes_and_lie_apart(seed, shift):
    times, cells = with_bursts([0.3, 0.8, 1.4], 0.07, np.random.default_rng(seed), seconds=2)
    shift = round(shift, 3)  # bins are a millisecond
    found = population_bursts(times, cells, CELLS, [(0, 2)])
    moved = population_bursts(times + shift, cells, CELLS, [(shift, 2 + shift)])
    assert len(found) == len(moved) >= 3
    np.testing.assert_allclose(moved["start"] - shift, found["start"], atol=0.0021)
    assert (found["start"].to_numpy()[1:] > found["stop"].to_numpy()[:-1]).all()


def test_nothing_to_look_at_gives_an_empty_table():
    for empty in (population_bursts([], [], CELLS, []), population_bursts([], [], CELLS, [(0, 1)])):
        assert list(empty.columns) == ["start", "stop", "peak", "duration_ms", "peak_hz", "cells", "spikes"]
        assert empty.empty
    with pytest.raises(ValueError, match="threshold is 0"):
        population_bursts([], [], CELLS, threshold=0)


def test_counts_are_those_of_each_burst():
    bursts = pd.DataFrame({"start": [0.0, 1.0], "stop": [0.5, 1.5]})
    counts = burst_counts([0.0, 0.5, 1.0, 1.2, 1.2], [0, 0, 1, 2, 2], 3, bursts)
    assert counts.tolist() == [[1, 0, 0], [0, 1, 2]]
    with pytest.raises(ValueError, match="no column 'stop'"):
        burst_counts([], [], 3, bursts[["start"]])


def test_events_per_second_in_both_times():
    row = events_per_second(pd.DataFrame(index=range(30)), 10, time_scale=1440).iloc[0]
    assert row["per_simulated_second"] == 3
    assert row["per_biological_second"] == pytest.approx(3 / 1440)
    nothing = events_per_second(pd.DataFrame(), 0).iloc[0]
    assert np.isnan(nothing["per_simulated_second"])
