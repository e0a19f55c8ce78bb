"""A network of a few cells against the same written step by step in NumPy, from what the docstrings say alone."""

import numpy as np
import pytest

from engram.data.seeds import child_rng
from engram.models.spiking import (
    LIF,
    AllToAll,
    Circuit,
    MixedStability,
    Population,
    Projection,
    Static,
    TraceRule,
)
from engram.sim import CircuitNetwork

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CELLS, STEPS, DT = 8, 1000, 1e-3
ETA, W_MAX, S = 0.02, 0.6, 10.0


def circuit(delay):
    excitatory = LIF(mu=0.85, b=0.05, tau_a="100 ms")
    inhibitory = LIF(mu=0.2, tau_m="10 ms", tau_e="3 ms", refractory="2 ms", tau_a=None, tau_x=None)
    stability = MixedStability({"kind": "uniform", "low": 0.05, "high": 1.0}, S)
    rule = TraceRule(eta=ETA, initial=0.05, maximum=W_MAX, pre_threshold=0.2, post_threshold=0.05, stability=stability)
    return Circuit(
        [Population("E", CELLS, excitatory, drive_weight=0.5), Population("I", 3, inhibitory)],
        [
            Projection("E", "E", rule, AllToAll(), delay),
            Projection("E", "I", Static(1.5), AllToAll()),
            Projection("I", "E", Static(0.1), AllToAll(), receptor="inhibitory"),
        ],
    )


def by_hand(steps, ids, delay, synapses):
    """Spikes as sorted (step, cell) of E and of I, and the weights at the end."""
    pre, post, w0, f = synapses
    v, g_e, g_i, a, x = np.zeros((5, CELLS))
    v_i, g_i_e = np.zeros((2, 3))
    last, last_i = np.full(CELLS, -(10**9)), np.full(3, -(10**9))
    w, arriving, spikes = w0.copy(), {}, {"E": [], "I": []}

    def learned(w, step):
        gate = 1 - np.tanh(S * (1 - f) / f * (w - w0)) ** 2
        return np.clip(w + ETA * gate * step, 0, W_MAX)

    for t in range(STEPS):
        free, free_i = t - last >= 3, t - last_i >= 2
        v = np.where(free, v + DT * (-v + 0.85 + g_e - g_i - a) / 0.02, v)
        v_i = np.where(free_i, v_i + DT * (-v_i + 0.2 + g_i_e) / 0.01, v_i)
        for variable, tau in ((g_e, 0.005), (g_i, 0.008), (a, 0.1), (x, 0.02), (g_i_e, 0.003)):
            variable *= 1 - DT / tau
        fired, fired_i = (v > 1) & free, (v_i > 1) & free_i
        spikes["E"] += [(t, int(k)) for k in np.flatnonzero(fired)]
        spikes["I"] += [(t, int(k)) for k in np.flatnonzero(fired_i)]
        arriving[t + delay] = fired
        reached = arriving.pop(t, np.zeros(CELLS, dtype=bool))[pre]
        np.add.at(g_e, post[reached], w[reached])
        w = np.where(reached, learned(w, x[post] - 0.2), w)
        w = np.where(fired[post], learned(w, x[pre] - 0.05), w)
        g_i_e += 1.5 * fired.sum()
        g_i += 0.1 * fired_i.sum()
        g_e[ids[steps == t]] += 0.5
        v[fired], last[fired], v_i[fired_i], last_i[fired_i] = 0, t, 0, t
        a[fired] += 0.05
        x[fired] += 1
    return spikes, w


@pytest.mark.parametrize("delay", [0, 3])
def test_spikes_and_gated_weights_are_those_written_by_hand(delay):
    steps, ids = np.nonzero(np.random.default_rng(4).random((STEPS, CELLS)) < 0.08)
    network = CircuitNetwork(
        circuit(f"{delay} ms"),
        lambda *names: child_rng(1, *names),
        target="numpy",
        spike_trains={"E": (steps * DT, ids)},
    )
    network.run(STEPS * DT, seed=1)
    spikes, weights = by_hand(steps, ids, delay, network.synapses("E-E"))
    for name, (times, cells) in network.take_spikes().items():
        assert sorted(zip(np.round(times / DT).astype(int).tolist(), cells.tolist(), strict=True)) == spikes[name]
        assert len(spikes[name]) > 30
    assert np.ptp(weights) > 0.05
    np.testing.assert_allclose(network.weights("E-E"), weights, rtol=0, atol=1e-12)
