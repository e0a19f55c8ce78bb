"""The rule of the mixed-stability synapse against independent formulas."""

from __future__ import annotations

import mpmath
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from numpy.testing import assert_allclose, assert_array_equal

from engram.models.synapses import BRIAN2_GATE, auto_sensitivity, gate, gate_torch, stiffness

mpmath.mp.dps = 60
FLEXIBILITIES = [0.0, 1e-300, 1e-12, 1e-3, 0.1, 0.3, 0.5, 0.9, 1 - 1e-9, 1.0]
DISTANCES = [0.0, 1e-12, 1e-6, 1e-3, 0.02, -0.02, 0.5, -3.0, 1e6]
SENSITIVITIES = [1e-6, 1.0, 1e3, 4e5, 1e12]


def as_tensors(f: np.ndarray, s: np.ndarray | float) -> tuple[torch.Tensor, torch.Tensor]:
    """Stiffness and frozen mask, as `gate_torch` takes them."""
    return torch.from_numpy(stiffness(f, s).astype(np.float32)), torch.from_numpy(np.asarray(f) == 0)


def exact_gate(distance: float, f: float, s: float) -> float:
    """1 - tanh² of the paper, with sixty digits."""
    if f == 0:
        return 0.0
    x = mpmath.mpf(s) * (1 - mpmath.mpf(f)) / mpmath.mpf(f) * mpmath.mpf(distance)
    return float(1 / mpmath.cosh(x) ** 2)


def cases() -> np.ndarray:
    grid = np.meshgrid(DISTANCES, FLEXIBILITIES, SENSITIVITIES, indexing="ij")
    return np.stack([axis.ravel() for axis in grid])


def test_numpy_gate_is_the_papers_formula_over_the_whole_range() -> None:
    distance, f, s = cases()
    expected = [exact_gate(*case) for case in cases().T]
    with np.errstate(all="raise", under="ignore"):
        found = gate(distance, 0.0, f, s)
    assert np.isfinite(found).all()
    # An error of 2^-52 in the exponent 2x is a relative error of 2x · 2^-52 in the gate; gates below 1e-300 are 0.
    assert_allclose(found, expected, rtol=1e-12, atol=1e-300)


def test_torch_gate_follows_the_numpy_gate() -> None:
    distance, f, s = cases()
    weight = torch.tensor(distance, dtype=torch.float32)
    k, frozen = as_tensors(f, s)
    out = torch.full_like(weight, torch.nan)
    assert gate_torch(weight, torch.zeros_like(weight), k, frozen, out) is out
    expected = gate(weight.double().numpy(), 0.0, f, s)
    assert torch.isfinite(out).all()
    assert_allclose(out.numpy(), expected, rtol=2e-4, atol=1e-37)


def test_extremes_are_exact() -> None:
    distance = np.array(DISTANCES)
    assert_array_equal(gate(distance, 0.0, 1.0, 4e5), np.ones_like(distance))
    assert_array_equal(gate(distance, 0.0, 0.0, 4e5), np.zeros_like(distance))
    weight = torch.tensor(distance, dtype=torch.float32)
    for f, value in ((1.0, 1.0), (0.0, 0.0)):
        k, frozen = as_tensors(np.full(distance.shape, f), 4e5)
        out = gate_torch(weight, torch.zeros_like(weight), k, frozen, torch.empty_like(weight))
        assert_array_equal(out.numpy(), np.full(distance.shape, value, np.float32))


def test_gate_is_open_at_the_initial_weight_but_for_frozen_synapses() -> None:
    assert_array_equal(gate(0.3, 0.3, [0.0, 1e-300, 0.5, 1.0], 1e12), [0.0, 1.0, 1.0, 1.0])


@given(
    st.floats(0, 1),
    st.floats(0, 1e9),
    st.floats(-1e6, 1e6),
    st.floats(-1e6, 1e6),
)
def test_gate_lies_in_the_unit_interval_and_closes_with_distance(f: float, s: float, near: float, far: float) -> None:
    near, far = sorted((abs(near), abs(far)))
    open_near, open_far = gate([near, -far], 0.0, f, s)
    assert 0 <= open_far <= 1
    assert 0 <= open_near <= 1
    assert open_far <= open_near + 2**-52  # both are rounded


def test_gate_in_torch_allocates_nothing() -> None:
    weight, initial = torch.randn(64, 64), torch.randn(64, 64)
    k, frozen = as_tensors(np.random.default_rng(0).uniform(size=(64, 64)).round(1), 10.0)
    out = torch.empty_like(weight)
    with torch.profiler.profile(profile_memory=True) as profile:
        gate_torch(weight, initial, k, frozen, out)
    # A scalar operand is wrapped in a few bytes; the array would be 16 KiB.
    assert max(event.self_cpu_memory_usage for event in profile.key_averages()) < 1024


def test_brian2_gate_is_the_same_rule() -> None:
    import brian2

    brian2.prefs.codegen.target = "numpy"
    f = np.array([0.0, 0.1, 0.5, 0.9, 1.0])
    group = brian2.NeuronGroup(
        len(f), f"w : 1\nw0 : 1\nf : 1\ns : 1 (shared)\ngate = {BRIAN2_GATE} : 1", name="gated_synapses"
    )
    group.f, group.w, group.w0, group.s = f, 0.03, 0.01, 20.0
    assert_allclose(group.gate[:], gate(0.03, 0.01, f, 20.0), rtol=1e-9)


@pytest.mark.parametrize("f", [-0.1, 1.1, np.nan])
def test_flexibility_out_of_range_is_refused(f: float) -> None:
    with pytest.raises(ValueError, match=r"flexibility must lie in \[0, 1\]"):
        stiffness(f, 1.0)


@pytest.mark.parametrize("s", [-1.0, np.inf, np.nan])
def test_impossible_sensitivity_is_refused(s: float) -> None:
    with pytest.raises(ValueError, match="sensitivity must be a finite number"):
        stiffness(0.5, s)


def test_auto_sensitivity_scales_with_the_inverse_of_the_distance() -> None:
    assert_allclose(auto_sensitivity([0.5, 0.005], kappa=2.0), [4.0, 400.0])
    with pytest.raises(ValueError, match="weights that moved"):
        auto_sensitivity([0.1, 0.0])
