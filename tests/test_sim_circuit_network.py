"""The network of a circuit against Brian2 written by hand, event-by-event references, and formulas."""

import sys

import brian2 as b2
import numpy as np
import pytest
from brian2 import ms, second
from scipy.linalg import expm
from scipy.stats import ks_2samp

from engram.data.seeds import child_rng
from engram.models.spiking import (
    LIF,
    AllToAll,
    BennaFusi,
    BrainState,
    Circuit,
    Decay,
    DownScaling,
    EquationCell,
    EquationRule,
    FixedRates,
    IncomingCap,
    InDegree,
    InhibitoryPlasticity,
    MixedStability,
    OneToOne,
    PairSTDP,
    Population,
    Probability,
    Projection,
    Static,
    TraceRule,
    TripletSTDP,
)
from engram.models.synapses import gate
from engram.sim import targets
from engram.sim.circuit_network import CircuitNetwork

pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning")


def network(circuit, seed=1, target="numpy", **options):
    return CircuitNetwork(circuit, lambda *names: child_rng(seed, *names), target=target, **options)


def same_spikes(a, b):
    return all(np.array_equal(a[name][0], b[name][0]) and np.array_equal(a[name][1], b[name][1]) for name in a)


def trains(rng, cells, rate, seconds):
    """Poisson spikes on a grid of 1 ms, at most one for a cell and step."""
    steps, ids = np.nonzero(rng.random((round(seconds * 1000), cells)) < rate / 1000)
    return steps / 1000.0, ids


PARROT = EquationCell(  # spikes in the step after a spike has reached it
    model="g : 1\ndx/dt = -x/tau_x : 1",
    threshold="g > 0",
    reset="g = 0; x += 1",
    method="exact",
    constants={"tau_x": "20 ms"},
    receptors={"excitatory": ("g", "1"), "inhibitory": ("g", "1")},
    trace="x",
)


def small_circuit(sigma=0.25, delay="0 ms", refresh="continuous"):
    """Excitation and inhibition with a gated and an instar projection."""
    cell = LIF(mu=0.4, sigma=sigma, b=0.05)
    gated = TraceRule(
        eta=0.02,
        initial=0.3,
        maximum=1.0,
        pre_threshold=0.2,
        post_threshold=0.0,
        stability=MixedStability(sensitivity=10.0, refresh=refresh),
        mechanisms=(DownScaling("2 Hz", ("wake",)),),
    )
    return Circuit(
        [
            Population("A", 40, cell, "front", drive_weight=1.5),
            Population("B", 30, cell, "back"),
            Population("I", 10, LIF(mu=0.2, sigma=sigma, tau_m="10 ms", tau_a=None, tau_x=None), "back"),
        ],
        [
            Projection("A", "A", gated, Probability(0.5), delay=delay),
            Projection("A", "B", TraceRule(eta=0.05, initial=0.5, post_threshold=0.2), InDegree(20), delay=delay),
            Projection("B", "I", Static(0.8), Probability(0.5)),
            Projection("I", "A", Static(0.5), AllToAll(), receptor="inhibitory"),
            Projection("I", "B", Static(0.5), AllToAll(), receptor="inhibitory"),
        ],
        [BrainState("wake", {"A-A": 0.7}, {"A-A": 1.0, "A-B": 0.5}), BrainState("still", {"A-A": 0.7})],
    )


def by_hand(circuit_network, spikes, seconds, sigma, seed=0):
    """`small_circuit` in the state wake, in plain Brian2; only the pairs and flexibilities are taken over."""
    with targets.generated_for("numpy"):
        return _by_hand(circuit_network, spikes, seconds, sigma, seed)


def _by_hand(circuit_network, spikes, seconds, sigma, seed):
    clock = b2.Clock(dt=1 * ms)
    cell = """dv/dt = (-v + mu + ge - gi - a)/tau_m + sigma*sqrt(2/tau_m)*xi : 1 (unless refractory)
        dge/dt = -ge/(5*ms) : 1
        dgi/dt = -gi/(8*ms) : 1
        da/dt = -a/(100*ms) : 1
        dtrace/dt = -trace/(20*ms) : 1"""
    common = {"sigma": sigma, "ms": ms}
    options = {"threshold": "v > 1", "method": "euler", "clock": clock, "codeobj_class": targets.CODE["numpy"]}
    reset = "v = 0; a += 0.05; trace += 1"
    excitatory = {**common, "mu": 0.4, "tau_m": 20 * ms}
    A = b2.NeuronGroup(40, cell, reset=reset, refractory=3 * ms, namespace=excitatory, name="a_cells", **options)
    B = b2.NeuronGroup(30, cell, reset=reset, refractory=3 * ms, namespace=excitatory, name="b_cells", **options)
    inhibitory = {**common, "mu": 0.2, "tau_m": 10 * ms}
    I = b2.NeuronGroup(  # noqa: E741
        10,
        cell,
        reset="v = 0",
        refractory=3 * ms,
        namespace=inhibitory,
        name="i_cells",
        **options,
    )
    source = b2.SpikeGeneratorGroup(40, spikes[1], spikes[0] * second, clock=clock, name="given")
    objects = {}

    def connect(name, pre, post, model, on_pre, on_post=None):
        # Sums of floats depend on the order of the pathways, and so on the order of the names.
        synapses = b2.Synapses(
            pre,
            post,
            model,
            on_pre=on_pre,
            on_post=on_post,
            clock=clock,
            name=f"s_{name.replace('-', '_')}",
            codeobj_class=targets.CODE["numpy"],
        )
        i, j, initial, flexibility = circuit_network.synapses(name)
        synapses.connect(i=i, j=j)
        objects[name] = synapses
        return synapses, initial, flexibility

    sech2 = "1/cosh(10*(1 - f)/f*(w - w0))**2"
    AA, w0, f = connect(
        "A-A",
        A,
        A,
        "w : 1\nw0 : 1\nf : 1",
        f"ge_post += 0.7*w; w = clip(w + 0.02*{sech2}*(trace_post - 0.2), 0, 1)",
        f"w = clip(w + 0.02*{sech2}*trace_pre, 0, 1)",
    )
    AA.w, AA.w0, AA.f = w0, w0, f
    AA.run_regularly(f"w -= 2*0.1*({sech2})*(w - w0)", dt=100 * ms, when="start")
    AB, w0, _ = connect("A-B", A, B, "w : 1", "ge_post += w", "w = clip(w + 0.025*(trace_pre - 0.2), 0, 1)")
    AB.w = w0
    connect("B-I", B, I, "", "ge_post += 0.8")
    connect("I-A", I, A, "", "gi_post += 0.5")
    connect("I-B", I, B, "", "gi_post += 0.5")
    given = b2.Synapses(source, A, on_pre="ge_post += 1.5", clock=clock, name="t_given")
    given.connect(j="i")
    monitors = {name: b2.SpikeMonitor(group) for name, group in zip("ABI", (A, B, I), strict=True)}
    b2.seed(seed)
    b2.Network(A, B, I, source, given, *objects.values(), *monitors.values()).run(seconds * second, namespace={})
    found = {name: (np.array(m.t / second), np.array(m.i)) for name, m in monitors.items()}
    return found, {"A-A": np.array(AA.w), "A-B": np.array(AB.w)}


# --- against plain Brian2


def test_same_spikes_and_weights_as_the_equations_written_by_hand():
    spikes = trains(np.random.default_rng(0), 40, 60, 1.0)
    ours = network(small_circuit(sigma=0.0), spike_trains={"A": spikes})
    ours.run(1.0, seed=0)
    found, weights = by_hand(ours, spikes, 1.0, sigma=0.0)
    taken = ours.take_spikes()
    assert all(len(times) > 50 for times, _ in taken.values())
    assert same_spikes(taken, found)
    for name, w in weights.items():
        assert np.abs(ours.weights(name) - ours.synapses(name)[2]).max() > 0.05
        np.testing.assert_allclose(ours.weights(name), w, rtol=1e-9)


def test_with_noise_rates_and_weights_have_the_distribution_of_those_by_hand():
    spikes = trains(np.random.default_rng(0), 40, 40, 6.0)
    ours = network(small_circuit(), spike_trains={"A": spikes})
    ours.run(6.0, seed=3)
    found, weights = by_hand(ours, spikes, 6.0, sigma=0.25, seed=4)
    for name in "AB":
        theirs = np.bincount(found[name][1], minlength=len(ours.counts(name)))
        assert theirs.mean() > 5
        assert abs(ours.counts(name).mean() / theirs.mean() - 1) < 0.1
        assert ks_2samp(ours.counts(name), theirs).pvalue > 0.01
    for name, w in weights.items():
        assert ks_2samp(ours.weights(name), w).pvalue > 0.01


@pytest.mark.parametrize("delay", ["0 ms", "5 ms"])
def test_many_short_runs_are_one_long_run(delay):
    spikes = trains(np.random.default_rng(0), 40, 60, 0.5)
    once, often = (network(small_circuit(0.0, delay), spike_trains={"A": spikes}) for _ in range(2))
    once.run(0.5, seed=0)
    for piece in range(50):
        often.run(0.01, seed=piece)
    assert often.time == once.time == 0.5
    assert same_spikes(once.take_spikes(), often.take_spikes())
    assert np.array_equal(once.weights("A-A"), often.weights("A-A"))


def test_a_lesion_equals_a_network_built_without_the_population():
    spikes = trains(np.random.default_rng(0), 40, 60, 0.5)
    whole = small_circuit(0.0)
    lesioned = network(whole, spike_trains={"A": spikes})
    lesioned.silence(["I"])
    without = Circuit(
        [p for p in whole.populations if p.name != "I"],
        [p for p in whole.projections if "I" not in (p.source, p.target)],
        whole.states,
    )
    built_without = network(without, spike_trains={"A": spikes})
    intact = network(whole, spike_trains={"A": spikes})
    for net in (lesioned, built_without, intact):
        net.run(0.5, seed=0)
    a, b, c = (net.take_spikes() for net in (lesioned, built_without, intact))
    assert len(a["I"][0]) == 0
    assert same_spikes(b, a)
    assert len(c["A"][0]) < len(a["A"][0])  # the inhibition had been doing something
    assert np.array_equal(lesioned.weights("A-A"), built_without.weights("A-A"))


def test_a_silenced_projection_neither_transmits_nor_learns_until_the_lesion_is_lifted():
    net = network(small_circuit())
    net.drive("A", 500.0)
    net.silence(["A-B"])
    net.set_state("wake")  # which keeps the lesion
    net.run(0.3, seed=0)
    assert net.counts("A").sum() > 100
    assert net.counts("B").sum() < 20
    assert np.array_equal(net.weights("A-B"), np.full(600, 0.5))
    net.silence([])
    net.run(0.3, seed=1)
    assert net.counts("B").sum() > 50
    assert not np.array_equal(net.weights("A-B"), np.full(600, 0.5))


# --- rules, against a reference that goes through the spikes one by one


def pair_of_parrots(rule, receptor="excitatory"):
    cells = [Population(name, 1, PARROT, drive_weight=1.0) for name in "AB"]
    # What A sends B must not make B spike: B hears only of its own train.
    deaf = EquationCell(
        **{
            **PARROT.model_dump(),
            "model": PARROT.model + "\nh : 1",
            "receptors": {"excitatory": ("g", "1"), "inhibitory": ("h", "1")},
        }
    )
    cells[1] = Population("B", 1, deaf, drive_weight=1.0)
    return Circuit(
        cells,
        [Projection("A", "B", rule, OneToOne(), receptor="inhibitory")],
        [BrainState("wake", rates={"A-B": 1.0})],
    )


def spikes_of_a_pair(rule, seconds=1.0):
    rng = np.random.default_rng(5)
    given = {name: trains(rng, 1, 30, seconds) for name in "AB"}
    net = network(pair_of_parrots(rule), spike_trains=given)
    net.run(seconds + 0.01, seed=0)
    taken = net.take_spikes()
    events = [(t, name) for name in "AB" for t in taken[name][0]]
    return net, sorted(events)  # where both spike, source before target: the order within a step


def reference(events, step, traces, increments, w):
    """Weight after the events: traces decay exponentially, ``step(name, traces, w)`` gives the new weight."""
    value, last = dict.fromkeys(traces, 0.0), 0.0
    for t, name in events:
        for trace, tau in traces.items():
            value[trace] *= np.exp(-(t - last) / tau)
        last = t
        w = min(max(w + step(name, value), 0.0), 1.0)
        for trace in increments[name]:
            value[trace] += 1
    return w


def test_trace_rule():
    net, events = spikes_of_a_pair(TraceRule(eta=0.01, initial=0.5, pre_threshold=0.2, post_threshold=0.1))
    # Cells' traces rise at the reset, after both pathways of the step.
    value, last, w, rising = {"A": 0.0, "B": 0.0}, 0.0, 0.5, []
    for t, name in events:
        if t != last:
            for cell in rising:
                value[cell] += 1
            value = {cell: x * np.exp(-(t - last) / 0.02) for cell, x in value.items()}
            rising = []
        last = t
        w += 0.01 * (value["B"] - 0.2 if name == "A" else value["A"] - 0.1)
        rising.append(name)
    assert abs(w - 0.5) > 0.01
    np.testing.assert_allclose(net.weights("A-B"), [w], rtol=1e-9)


def test_pair_stdp():
    rule = PairSTDP(A_plus=0.02, A_minus=0.01, tau_plus="10 ms", tau_minus="30 ms", initial=0.5)
    net, events = spikes_of_a_pair(rule)
    w = reference(
        events,
        lambda name, x: -0.01 * x["o1"] if name == "A" else 0.02 * x["r1"],
        {"r1": 0.01, "o1": 0.03},
        {"A": ["r1"], "B": ["o1"]},
        0.5,
    )
    np.testing.assert_allclose(net.weights("A-B"), [w], rtol=1e-9)


def test_triplet_stdp():
    rule = TripletSTDP(A2_plus=0.001, A3_plus=0.005, A2_minus=0.002, A3_minus=0.003, initial=0.5)
    net, events = spikes_of_a_pair(rule)
    w = reference(
        events,
        lambda name, x: -x["o1"] * (0.002 + 0.003 * x["r2"]) if name == "A" else x["r1"] * (0.001 + 0.005 * x["o2"]),
        {"r1": 0.0168, "r2": 0.101, "o1": 0.0337, "o2": 0.114},
        {"A": ["r1", "r2"], "B": ["o1", "o2"]},
        0.5,
    )
    np.testing.assert_allclose(net.weights("A-B"), [w], rtol=1e-9)


def test_inhibitory_plasticity():
    net, events = spikes_of_a_pair(InhibitoryPlasticity(eta=0.01, target_rate="10 Hz", tau="20 ms", initial=0.5))
    w = reference(
        events,
        lambda name, x: 0.01 * (x["o1"] - 0.4) if name == "A" else 0.01 * x["r1"],
        {"r1": 0.02, "o1": 0.02},
        {"A": ["r1"], "B": ["o1"]},
        0.5,
    )
    np.testing.assert_allclose(net.weights("A-B"), [w], rtol=1e-9)


def test_own_rule_sees_gate_traces_and_constants():
    rule = EquationRule(
        on_pre="w = clip(w + eta*gate*step, 0, w_max)",
        eta=0.5,
        initial=0.1,
        constants={"step": 0.1},
        stability=FixedRates({"kind": "fixed", "value": 0.4}),
    )
    net, events = spikes_of_a_pair(rule, 0.3)
    spikes = sum(name == "A" for _, name in events)
    np.testing.assert_allclose(net.weights("A-B"), [0.1 + spikes * 0.5 * 0.4 * 0.1])


def test_gate_is_that_of_the_synapse_module_and_can_be_held_over_an_item():
    circuits = [
        pair_of_parrots(
            EquationRule(
                on_pre="w = clip(w + eta*gate, 0, w_max)",
                eta=0.05,
                stability=MixedStability({"kind": "fixed", "value": 0.5}, 10.0, refresh),
            )
        )
        for refresh in ("continuous", "item")
    ]
    times = np.arange(6) * 0.01
    continuous, item = (network(c, spike_trains={"A": (times, np.zeros(6, int))}) for c in circuits)
    for net in (continuous, item):
        net.run(0.031, seed=0)  # of the six spikes the parrot has repeated three
    w = 0.0
    for _ in range(3):
        w += 0.05 * float(gate(w, 0.0, 0.5, 10.0))
    np.testing.assert_allclose(continuous.weights("A-B"), [w], rtol=1e-12)
    np.testing.assert_allclose(item.weights("A-B"), [0.15], rtol=1e-12)  # gate 1 for all three
    item.refresh_gates()
    item.run(0.03, seed=0)
    np.testing.assert_allclose(item.weights("A-B"), [0.15 + 3 * 0.05 * float(gate(0.15, 0.0, 0.5, 10.0))], rtol=1e-12)


# --- mechanisms


def quiet_pair(rule):
    states = [BrainState("wake"), BrainState("rem")]
    return Circuit([Population("A", 6, PARROT)], [Projection("A", "A", rule, AllToAll())], states)


def test_down_scaling_acts_in_its_stage_only_and_spares_by_the_gate():
    rule = TraceRule(
        post_threshold=0.2,
        initial=0.2,
        stability=MixedStability(sensitivity=5.0),
        mechanisms=[DownScaling("0.5 Hz", ("rem",))],
    )
    net = network(quiet_pair(rule))
    _, _, w0, f = net.synapses("A-A")
    start = np.random.default_rng(0).uniform(0, 1, 30)
    net.set_weights("A-A", start)
    net.run(1.0, seed=0)
    assert np.array_equal(net.weights("A-A"), start)
    net.set_state("rem")
    net.run(1.0, seed=0)
    w = start.copy()
    for _ in range(10):
        w -= 0.5 * 0.1 * gate(w, w0, f, 5.0) * (w - w0)
    np.testing.assert_allclose(net.weights("A-A"), w, rtol=1e-12)


def test_decay_forgets_in_biological_time():
    net = network(quiet_pair(TraceRule(post_threshold=0.2, initial=0.2, mechanisms=[Decay("2 h")])), time_scale=3600.0)
    net.set_weights("A-A", np.full(30, 0.8))
    net.run(1.0, seed=0)  # an hour
    np.testing.assert_allclose(net.weights("A-A"), 0.2 + 0.6 * np.exp(-0.5), rtol=1e-12)


def test_benna_fusi_is_a_chain_that_diffuses():
    rule = BennaFusi(post_threshold=0.2, initial=0.2, variables=3, tau="20 s")
    net = network(quiet_pair(rule))
    net.set_weights("A-A", np.full(30, 0.8))
    net.run(60.0, seed=0)
    # u1' = -(u1 - u2), 2 u2' = (u1 - u2) - (u2 - u3)/2, 4 u3' = (u2 - u3)/2 - u3/4, in units of tau
    chain = np.array([[-1, 1, 0], [0.5, -0.75, 0.25], [0, 0.125, -0.1875]])
    expected = expm(chain * 3.0) @ [0.6, 0, 0]
    np.testing.assert_allclose(net.weights("A-A") - 0.2, expected[0], rtol=0.005)


def test_incoming_cap_only_lowers():
    net = network(quiet_pair(TraceRule(post_threshold=0.2, mechanisms=[IncomingCap(1.0)])))
    _, post, _, _ = net.synapses("A-A")
    net.set_weights("A-A", np.where(post == 2, 0.8, 0.1))
    net.apply_caps()
    sums = np.bincount(post, weights=net.weights("A-A"))
    np.testing.assert_allclose(sums, [0.5, 0.5, 1.0, 0.5, 0.5, 0.5])


# --- noise, drive, states


def test_free_membrane_fluctuates_by_sigma_and_cells_of_mu_alone_fire_at_the_analytic_interval():
    free = network(Circuit([Population("N", 400, LIF(mu=-20.0, sigma=0.4))]))
    free.run(0.3, seed=0)
    free.watch("N", "v", range(400), 0.02)
    free.run(0.4, seed=1)
    _, values = free.take_states()["N.v"]
    # Euler-Maruyama with step h: stationary variance sigma² / (1 - h / 2 tau)
    assert values.std() == pytest.approx(0.4 / np.sqrt(1 - 1 / 40), rel=0.03)
    assert values.mean() == pytest.approx(-20, abs=0.03)
    regular = network(Circuit([Population("N", 1, LIF(mu=1.5, tau_a=None, refractory="2 ms"))], dt="0.01 ms"))
    regular.run(0.5, seed=0)
    intervals = np.diff(regular.take_spikes()["N"][0])
    assert intervals == pytest.approx(0.02 * np.log(3) + 0.002, abs=5e-5)


def test_drive_is_poisson_with_each_cell_its_own_rate():
    cell = EquationCell(model="g : 1", threshold="g < 0", reset="g = 0", receptors={"excitatory": ("g", "1")})
    net = network(Circuit([Population("A", 3000, cell, drive_weight=2.0)]))
    rates = np.repeat([0.0, 50.0, 2500.0], 1000)
    net.drive("A", rates)
    net.run(0.2, seed=0)
    received = net._groups["A"].variables["g"].get_value().reshape(3, 1000) / 2.0
    assert not received[0].any()
    for got, mean in ((received[1], 10.0), (received[2], 500.0)):
        assert got.mean() == pytest.approx(mean, abs=4 * np.sqrt(mean / 1000))
        assert got.var() == pytest.approx(mean, rel=0.2)
    net.drive("A", 0.0)
    net.run(0.1, seed=0)
    assert np.array_equal(net._groups["A"].variables["g"].get_value().reshape(3, 1000) / 2.0, received)


def test_brain_states_set_gains_rates_and_cells_and_restore_what_they_do_not_name():
    circuit = Circuit(
        [Population("A", 5, LIF(mu=0.3, sigma=0.1), drive_weight=1.0)],
        [Projection("A", "A", TraceRule(eta=0.4, post_threshold=0.2), AllToAll())],
        [
            BrainState("wake", rates={"A-A": 1.0}),
            BrainState("nrem", {"A-A": 4.0}, {"A-A": 0.25}, {"A": {"mu": 0.5}}),
        ],
    )
    net = network(circuit)

    def shared(owner, name):
        return float(owner.variables[name].get_value()[0])

    A, AA = net._groups["A"], net._synapses["A-A"]
    assert (shared(A, "mu"), shared(AA, "gain"), shared(AA, "eta")) == (0.3, 1.0, 0.4)
    net.set_state("nrem")
    assert (shared(A, "mu"), shared(A, "sigma"), shared(AA, "gain"), shared(AA, "eta")) == (0.5, 0.1, 4.0, 0.1)
    net.set_state("wake")
    assert (shared(A, "mu"), shared(AA, "gain"), shared(AA, "eta")) == (0.3, 1.0, 0.4)


def test_nothing_learns_where_the_rate_is_zero():
    net = network(small_circuit())
    net.set_state("still")
    net.drive("A", 500.0)
    net.run(0.3, seed=0)
    assert net.counts("B").sum() > 20
    assert np.array_equal(net.weights("A-B"), net.synapses("A-B")[2])


# --- what a run leaves behind


def test_spikes_are_taken_once_and_counts_are_those_of_the_last_run():
    net = network(small_circuit())
    net.drive("A", 500.0)
    net.run(0.2, seed=0)
    first = net.take_spikes()
    assert np.array_equal(np.bincount(first["A"][1], minlength=40), net.counts("A"))
    net.run(0.1, seed=1)
    second = net.take_spikes()
    assert second["A"][0].min() >= 0.2 > first["A"][0].max()
    assert np.array_equal(np.bincount(second["A"][1], minlength=40), net.counts("A"))
    assert all(len(times) == 0 for times, _ in net.take_spikes().values())


@pytest.mark.parametrize("delay", ["0 ms", "7 ms"])
def test_a_stored_state_continues_with_the_same_bits(delay):
    def fresh():
        net = network(small_circuit(delay=delay, refresh="item"))
        net.drive("A", 400.0)
        return net

    net = fresh()
    net.run(0.2, seed=0)
    net.refresh_gates()
    net.silence(["I-B"])
    state = net.state()
    net.run(0.3, seed=1)
    net.take_spikes()
    net.run(0.1, seed=2)
    expected, weights = net.take_spikes(), net.weights("A-A")
    for other in (net, fresh()):
        other.set_state("still")
        other.silence(["A"])
        other.run(0.05, seed=9)
        other.load_state(state)
        other.run(0.3, seed=1)
        other.take_spikes()
        other.run(0.1, seed=2)
        assert same_spikes(expected, other.take_spikes())
        assert np.array_equal(weights, other.weights("A-A"))
    assert len(expected["B"][0]) > 20
    assert all(type(array) is np.ndarray and array.dtype != object for array in state.values())


def test_spikes_in_flight_are_part_of_the_state():
    circuit = Circuit(
        [Population("A", 1, PARROT, drive_weight=1.0), Population("B", 1, PARROT)],
        [Projection("A", "B", Static(1.0), OneToOne(), delay="50 ms")],
    )
    net = network(circuit, spike_trains={"A": ([0.01], [0])})
    net.run(0.03, seed=0)
    state = net.state()
    net.reset_activity()
    net.run(0.1, seed=0)
    assert len(net.take_spikes()["B"][0]) == 0
    net.load_state(state)
    net.run(0.1, seed=0)
    assert net.take_spikes()["B"][0] == pytest.approx([0.01 + 0.001 + 0.05 + 0.001])


def test_seeds_alone_decide_and_the_callers_random_numbers_are_left_alone():
    np.random.seed(12)  # noqa: NPY002
    expected = np.random.random(3)  # noqa: NPY002
    np.random.seed(12)  # noqa: NPY002
    a, b, c = (network(small_circuit()) for _ in range(3))
    for net, seed in ((a, 5), (b, 5), (c, 6)):
        net.run(0.3, seed=seed)
    assert np.array_equal(np.random.random(3), expected)  # noqa: NPY002
    a, b, c = (net.take_spikes() for net in (a, b, c))
    assert same_spikes(a, b)
    assert not same_spikes(a, c)


def test_reset_puts_cells_to_rest_and_keeps_weights():
    net = network(small_circuit())
    net.drive("A", 500.0)
    net.run(0.2, seed=0)
    weights = net.weights("A-A")
    net.reset_activity()
    A = net._groups["A"]
    assert not any(A.variables[name].get_value().any() for name in ("v", "gE", "gI", "a", "x"))
    assert A.variables["not_refractory"].get_value().all()
    assert np.array_equal(net.weights("A-A"), weights)
    assert net.time == 0.2


def test_connectivity_and_flexibilities_come_from_their_own_streams():
    a, b = network(small_circuit(), seed=1), network(small_circuit(), seed=2)
    i, j, w0, f = a.synapses("A-A")
    drawn = Probability(0.5).draw(40, 40, True, child_rng(1, "connectivity", "A-A"))
    assert np.array_equal([i, j], drawn)
    assert np.array_equal(f, child_rng(1, "flexibility", "A-A").random(len(f)))
    assert np.array_equal(w0, np.full(len(w0), 0.3))
    assert not np.array_equal(b.synapses("A-A")[3], f)


# --- bad input


@pytest.mark.parametrize(
    ("act", "message"),
    [
        (lambda n: n.set_state("wak"), 'has no brain state "wak"; it has wake or still. Did you mean "wake"?'),
        (lambda n: n.silence(["fron"]), 'without the part "fron" cannot lose it.*Did you mean "front"?'),
        (lambda n: n.drive("B", 5.0), "population B cannot be driven: give it a drive_weight"),
        (lambda n: n.drive("A", np.ones(3)), r"expected one rate for all, or 40 rates; found shape \(3,\)"),
        (lambda n: n.drive("A", -1), "expected finite rates of at least 0 Hz; found -1"),
        (lambda n: n.drive("A", "5 Hz"), "found '5 Hz'; expected plain numbers, in Hz"),
        (lambda n: n.drive("A", -1.0), "at least 0 Hz"),
        (lambda n: n.counts("Z"), 'no population "Z"'),
        (lambda n: n.weights("Z"), 'no projection "Z"'),
        (lambda n: n.set_weights("B-I", 1.0), '"B-I" is static'),
        (lambda n: n.set_weights("A-B", [1.0]), r"expected 600 finite weights; found shape \(1,\)"),
        (lambda n: n.watch("A", "u", [0], 0.1), 'cells of A have no variable "u"; they have .*gE'),
        (lambda n: n.load_state({}), "the state of another circuit"),
    ],
)
def test_what_there_is_not_is_told(act, message):
    with pytest.raises(ValueError, match=message):
        act(network(small_circuit()))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"constants": {"tau_x": "20 mV"}}, "cells_A: .*does not have the expected unit hertz"),
        ({"constants": {}}, 'cells_A: .*The identifier "tau_x" could not be resolved'),
        ({"threshold": "g >"}, "cells_A.*invalid syntax"),
        ({"reset": "g = 0; import os"}, "cells_A.*cannot be simulated: Parsing the statement failed"),
        ({"model": PARROT.model + "\nalive : 1"}, "population A: .*Duplicate definition of variable 'alive'"),
        ({"method": "magic"}, "cells_A.*cannot be simulated: No state updater"),
    ],
)
def test_equations_that_cannot_be_simulated_are_told_with_their_owner(changes, message):
    cell = EquationCell(**{**PARROT.model_dump(), **changes})
    with pytest.raises(ValueError, match=message):
        network(Circuit([Population("A", 1, cell)]))


def test_without_a_compiler_the_notice_says_so(monkeypatch):
    monkeypatch.setattr(targets.CythonCodeObject, "is_available", classmethod(lambda cls: False))
    circuit = Circuit([Population("A", 1, LIF())])
    net = network(circuit, target="auto")
    assert net.target == "numpy"
    assert "no C++ compiler works here" in net.notice
    with pytest.raises(OSError, match="needs a C"):
        network(circuit, target="cython")
    with pytest.raises(ValueError, match='found target "cuda"; expected auto, numpy or cython'):
        network(circuit, target="cuda")
    assert network(circuit, target="numpy").notice == ""


@pytest.mark.parametrize("named", ["no-such-compiler -O2", "   "])
def test_a_compiler_that_is_gone_is_missed_even_where_its_trial_program_is_in_the_cache(monkeypatch, named):
    monkeypatch.setattr(targets.CythonCodeObject, "is_available", classmethod(lambda cls: True))
    monkeypatch.setenv("CXX", named)
    assert targets.runnable("auto") == "numpy"
    assert targets.runnable("cython") == "cython"
    monkeypatch.setenv("CXX", f"'{sys.executable}' --flag")
    assert targets.runnable("auto") == "cython"


@pytest.mark.slow  # compiles some ten modules, unless they are cached
def test_cython_gives_the_spikes_of_numpy_where_nothing_is_random_and_continues_with_the_same_bits():
    rule = small_circuit().projection("A-A").rule
    circuit = Circuit(
        [Population("A", 40, LIF(mu=0.4, b=0.05), drive_weight=1.5)],
        [Projection("A", "A", rule, Probability(0.5), delay="3 ms")],
        [BrainState("wake", rates={"A-A": 1.0}), BrainState("noisy", rates={"A-A": 1.0}, cells={"A": {"sigma": 0.3}})],
    )
    spikes = trains(np.random.default_rng(0), 40, 60, 0.5)
    nets = [network(circuit, target=target, spike_trains={"A": spikes}) for target in ("numpy", "cython")]
    for net in nets:
        net.run(0.3, seed=0)
    a, b = (net.take_spikes() for net in nets)
    assert len(a["A"][0]) > 100
    assert same_spikes(a, b)
    noisy, again = (network(circuit, target="cython") for _ in range(2))
    noisy.set_state("noisy")
    noisy.drive("A", 400.0)
    noisy.run(0.2, seed=0)
    state = noisy.state()
    noisy.take_spikes()
    noisy.run(0.2, seed=1)
    expected = noisy.take_spikes()
    again.load_state(state)
    again.run(0.2, seed=1)
    assert len(expected["A"][0]) > 100
    assert same_spikes(expected, again.take_spikes())


@pytest.mark.parametrize(
    "circuit",
    [
        Circuit([Population("C", 3, LIF(), drive_weight=0.5), Population("C_drive", 3, LIF())]),
        Circuit([Population("C", 3, LIF()), Population("C_stateupdater", 3, LIF())]),
        Circuit(
            [Population("A", 3, LIF())],
            [Projection("A", "A", Static(0.1), AllToAll(), name=name) for name in ("A-A", "A-A_pre")],
        ),
    ],
)
def test_names_that_meet_those_of_the_simulator_are_refused_instead_of_silencing_a_population(circuit):
    with pytest.raises(ValueError, match=r"two things in the simulator are called .*give it another name"):
        network(circuit)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (([np.nan], [0]), "expected finite times"),
        (([-1.0], [0]), "expected finite times"),
        (([0.01], [0.5]), "whole numbers from 0 to 2"),
        (([0.01], [3]), "whole numbers from 0 to 2"),
        (([0.01, 0.0101], [0, 0]), "two spikes within a time step"),
    ],
)
def test_impossible_spike_trains_are_refused(train, message):
    with pytest.raises(ValueError, match=message):
        network(Circuit([Population("A", 3, LIF(), drive_weight=0.1)]), spike_trains={"A": train})
