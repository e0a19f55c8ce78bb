import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.analysis import cv_of_intervals, firing_rates, sparsity


def test_rates_count_only_what_lies_inside_the_intervals():
    times, cells = [0.0, 0.49, 0.5, 1.0, 1.2], [0, 0, 0, 1, 1]
    table = firing_rates(times, cells, 3, [(0, 0.5), (1, 1.5)])
    assert table["spikes"].tolist() == [2, 2, 0]  # .5 is where the first interval has ended
    assert table["rate_hz"].tolist() == [2.0, 2.0, 0.0]


def test_touching_and_overlapping_intervals_count_once():
    apart = firing_rates([0.1, 0.6, 0.9], [0, 0, 0], 1, [(0.5, 1.0), (0.0, 0.5), (0.4, 0.7)])
    assert apart["rate_hz"].tolist() == [3.0]


def test_spikes_need_not_be_in_order():
    table = cv_of_intervals([0.5, 0.1, 0.2], [0, 0, 0], 1, minimum=2)
    np.testing.assert_allclose(table.loc[0, ["mean_ms", "cv"]].astype(float), [200, 0.5])


def test_a_clock_has_no_variation_and_a_poisson_process_has_one():
    rng = np.random.default_rng(0)
    clock, poisson = np.arange(0, 100, 0.1), np.cumsum(rng.exponential(0.02, 5000))
    times = np.concatenate((clock, poisson))
    cells = np.repeat([0, 1], [len(clock), len(poisson)])
    cv = cv_of_intervals(times, cells, 2)["cv"]
    assert cv[0] == pytest.approx(0, abs=1e-9)
    assert cv[1] == pytest.approx(1, abs=0.05)


def test_intervals_across_a_gap_do_not_count():
    table = cv_of_intervals([0.1, 0.2, 0.4, 5.0, 5.1], [0] * 5, 1, [(0, 1), (5, 6)])
    assert table["intervals"].item() == 3
    gaps = np.array([0.1, 0.2, 0.1])
    np.testing.assert_allclose(table["cv"], gaps.std() / gaps.mean())


def test_too_few_intervals_have_no_cv():
    assert cv_of_intervals([0.1, 0.2], [0, 0], 1)["cv"].isna().all()
    with pytest.raises(ValueError, match="expected at least 2 intervals"):
        cv_of_intervals([0.1, 0.2], [0, 0], 1, minimum=1)


@given(st.integers(1, 20), st.integers(0, 20))
def test_sparsity_of_equal_rates_is_the_share_of_active_cells(active, silent):
    rates = np.array([7.0] * active + [0.0] * silent)
    assert sparsity(rates) == pytest.approx(active / (active + silent))


def test_sparsity_takes_an_axis_and_knows_silence():
    assert sparsity([[4.0, 0.0], [4.0, 0.0]], axis=0)[0] == 1
    assert np.isnan(sparsity([0.0, 0.0]))
    with pytest.raises(ValueError, match="the lowest rate is -1"):
        sparsity([-1.0, 2.0])


@pytest.mark.parametrize(
    ("times", "cells", "size", "message"),
    [
        ([0.1], [0, 1], 2, "expected one cell per spike"),
        ([0.1], [2], 2, "cell 2 fires in a population of 2; expected cells 0 to 1"),
        ([0.1], [0.5], 2, "expected whole numbers"),
        ([np.nan], [0], 2, "no finite time"),
        ([], [], 0, "size is 0"),
    ],
)
def test_bad_spikes_are_refused_in_words(times, cells, size, message):
    with pytest.raises(ValueError, match=message):
        firing_rates(times, cells, size)


def test_an_interval_that_ends_before_it_starts_is_refused():
    with pytest.raises(ValueError, match="from 2 to 1 s; expected each to stop after it starts"):
        firing_rates([0.1], [0], 1, [(2, 1)])
