"""Contexts of place and time against their formulas."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engram.sim.ordered.contexts import drift, position_context

START, E0, END, RHO = 0.8, 0.6, 0.5, 0.7


def context(position, length, size=24):
    return position_context(position, length, size, START, E0, END, RHO).astype(float)


@pytest.mark.parametrize("position", range(6))
def test_markers_have_the_strengths_of_the_start_end_model(position):
    start, end = np.split(context(position, 6), 2)
    assert np.linalg.norm(start) == pytest.approx(START**position, rel=1e-6)
    assert np.linalg.norm(end) == pytest.approx(E0 * END ** (5 - position), rel=1e-6)


@given(st.integers(0, 11), st.integers(0, 11))
def test_directions_resemble_each_other_by_a_power_of_their_distance(one, other):
    """Within as many places as a marker has elements; here 12."""
    a, b = (np.split(context(k, 12), 2) for k in (one, other))
    for u, v in zip(a, b, strict=True):
        assert u @ v / np.linalg.norm(u) / np.linalg.norm(v) == pytest.approx(RHO ** abs(one - other), abs=1e-5)


def test_the_first_place_is_the_same_in_lists_of_any_length_but_for_the_end_marker():
    short, long = context(0, 4), context(0, 9)
    assert np.array_equal(short[:12], long[:12])
    assert not np.allclose(short[12:], long[12:])


@given(st.floats(0.01, 1), st.integers(0, 2**32 - 1))
def test_drift_keeps_the_length_and_goes_by_its_share(share, seed):
    rng = np.random.default_rng(seed)
    old, towards = (v / np.linalg.norm(v, axis=1, keepdims=True) for v in rng.standard_normal((2, 3, 8)))
    new = old.astype(np.float32)
    drift(new, towards.astype(np.float32), share)
    assert np.linalg.norm(new, axis=1) == pytest.approx(1, abs=1e-5)
    rho = (new - share * towards) / old  # the new context is ρ · old + β · towards, with one ρ per subject
    assert np.ptp(np.where(np.abs(old) > 0.05, rho, np.nan)[0][np.abs(old[0]) > 0.05]) < 1e-3
