import brian2
import numpy as np
import pytest

from engram.models.spiking import LIF, AllToAll, BrainState, Circuit, Population, Probability, Projection, TraceRule
from engram.sim import simulate

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")

CIRCUIT = Circuit(
    [Population("A", 20, LIF(mu=0.4), drive_weight=2.0), Population("B", 10, LIF(mu=0.4))],
    [
        Projection("A", "B", TraceRule(eta=0.05, initial=0.5, spread=0.2, post_threshold=0.2), AllToAll()),
        Projection("B", "B", TraceRule(eta=0.05, initial=0.1, pre_threshold=0.1, post_threshold=0.0), Probability(0.5)),
    ],
    [BrainState("wake", rates={"A-B": 1.0, "B-B": 0.5}), BrainState("still")],
)


def given(seconds):
    rng = np.random.default_rng(0)
    steps, ids = np.nonzero(rng.random((round(seconds * 1000), 20)) < 0.04)
    return {"A": (steps / 1000.0, ids)}


def test_a_state_decides_what_is_learned_and_rates_count_the_spikes():
    wake = simulate(CIRCUIT, "300 ms", spike_trains=given(0.3), target="numpy")
    still = simulate(CIRCUIT, "300 ms", state="still", spike_trains=given(0.3), target="numpy")
    for run in (wake, still):
        for name, (times, cells) in run.spikes.items():
            assert len(times) > 20
            assert np.array_equal(np.bincount(cells, minlength=len(run.rates[name])) / 0.3, run.rates[name])
    assert np.array_equal(still.weights["A-B"], still.synapses["A-B"].initial)
    assert not np.array_equal(wake.weights["A-B"], wake.synapses["A-B"].initial)
    assert np.array_equal(wake.synapses["A-B"].initial, still.synapses["A-B"].initial)


def test_the_seed_draws_everything():
    a, b, c = (simulate(CIRCUIT, "100 ms", drive={"A": 300.0}, seed=seed, target="numpy") for seed in (1, 1, 2))
    assert np.array_equal(a.spikes["A"], b.spikes["A"])
    assert not np.array_equal(a.spikes["A"][1], c.spikes["A"][1])
    assert not np.array_equal(a.synapses["A-B"].initial, c.synapses["A-B"].initial)


def test_mistakes_are_told():
    with pytest.raises(ValueError, match='no brain state "awake"'):
        simulate(CIRCUIT, "100 ms", state="awake", target="numpy")
    with pytest.raises(ValueError, match="found 100, which has no unit"):
        simulate(CIRCUIT, 100, target="numpy")
    with pytest.raises(ValueError, match="expected as many cells as times, whole numbers from 0 to 19"):
        simulate(CIRCUIT, "100 ms", spike_trains={"A": ([0.1], [20])}, target="numpy")
    with pytest.raises(ValueError, match="two spikes within a time step"):
        simulate(CIRCUIT, "100 ms", spike_trains={"A": ([0.01, 0.0101], [2, 2])}, target="numpy")
    with pytest.raises(ValueError, match="population B cannot be driven"):
        simulate(CIRCUIT, "100 ms", spike_trains={"B": ([0.1], [2])}, target="numpy")


@pytest.mark.slow
def test_a_standalone_program_gives_the_same_spikes_where_nothing_is_random():
    numpy = simulate(CIRCUIT, "500 ms", spike_trains=given(0.5), target="numpy")
    program = simulate(CIRCUIT, "500 ms", spike_trains=given(0.5), target="cpp_standalone")
    assert type(brian2.get_device()).__name__ == "RuntimeDevice"
    for name in "AB":
        assert np.array_equal(numpy.spikes[name][1], program.spikes[name][1])
        np.testing.assert_allclose(numpy.spikes[name][0], program.spikes[name][0], rtol=1e-12)
    for name in ("A-B", "B-B"):
        assert np.array_equal(numpy.synapses[name].initial, program.synapses[name].initial)
        np.testing.assert_allclose(numpy.weights[name], program.weights[name], rtol=1e-9)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"duration": "0 ms"}, "at least one step of the circuit, 1 ms"),
        ({"duration": 5}, "has no unit"),
        ({"time_scale": float("nan")}, "time_scale: found nan"),
        ({"seed": -1}, "seed: found -1"),
    ],
)
def test_what_simulates_nothing_is_refused(changed, message):
    circuit = Circuit([Population("A", 3, LIF())])
    with pytest.raises(ValueError, match=message):
        simulate(circuit, **{"duration": "5 ms", "target": "numpy", **changed})
    with pytest.raises(TypeError, match="expected a Circuit; found Population"):
        simulate(circuit.populations[0], "5 ms")
