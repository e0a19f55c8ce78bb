import json

import brian2
import networkx
import pytest

from engram.models.spiking import (
    LIF,
    AdEx,
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
    cortex,
    hippocampus,
    two_stage,
)

E = Population("E", 10, LIF(), "front", drive_weight=0.5)
I = Population("I", 4, LIF(tau_x=None), "back")  # noqa: E741
EI = Projection("E", "I", Static(0.5), AllToAll())
EE = Projection("E", "E", TraceRule(eta=0.1, post_threshold=0.2), AllToAll())


def every_kind():
    rules = [
        Static(0.5),
        TraceRule(pre_threshold=0.2, stability=MixedStability(sensitivity=3.0, refresh="item")),
        PairSTDP(stability=FixedRates({"kind": "beta", "a": 2, "b": 2})),
        TripletSTDP(mechanisms=[DownScaling("1 Hz", ["sleep"]), Decay("2 d"), IncomingCap(4.0)]),
        InhibitoryPlasticity(),
        BennaFusi(post_threshold=0.1),
        EquationRule(on_pre="w += eta*gate*step", constants={"step": 0.1}),
    ]
    connectivity = [AllToAll(), OneToOne(), InDegree(2), Probability(0.4), AllToAll(True), InDegree(1), InDegree(3)]
    own = EquationCell(
        model="dv/dt = -v/tau : 1\ndx/dt = -x/tau : 1\nb : 1 (shared)",
        threshold="v > b",
        reset="v = 0; x += 1",
        constants={"tau": "5 ms"},
        receptors={"excitatory": ("v", "1")},
        states={"b": 1.0},
        trace="x",
    )
    return Circuit(
        [Population("A", 6, LIF()), Population("B", 6, own, "front"), Population("D", 5, AdEx(b="10 pA"), "back")],
        [
            Projection("A", "B", rule, where, delay="2 ms", name=f"p{k}")
            for k, (rule, where) in enumerate(zip(rules, connectivity, strict=True))
        ],
        [BrainState("sleep", {"p0": 2.0}, {"p1": 0.5}, {"B": {"b": 2.0}, "D": {"I": "5 pA"}})],
        dt="0.1 ms",
    )


def test_circuits_survive_json():
    for circuit in (every_kind(), two_stage(), two_stage(hippocampus(separation=200, output=100), cortex(areas=3))):
        text = circuit.model_dump_json()
        assert Circuit.model_validate_json(text) == circuit
        assert Circuit(**json.loads(text)) == circuit


def test_projections_are_named_by_their_ends():
    assert EI.name == "E-I"
    assert Projection("E", "I", Static(1.0), AllToAll(), name="slow").name == "slow"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Circuit([E, E]), "population names must differ; given more than once: E"),
        (lambda: Circuit([E, I], [EI, EI]), "a second projection between the same populations needs a name"),
        (
            lambda: Circuit([E], [Projection("E", "Ee", Static(1.0), AllToAll())]),
            r'"E-Ee": no population is called "Ee" \(target\); there are E.',
        ),
        (lambda: Circuit([E], [Projection("E", "E", Static(1.0), InDegree(10))]), '"E-E": an in-degree of 10 needs'),
        (
            lambda: Circuit([E, I], [Projection("E", "I", TraceRule(pre_threshold=0.1), AllToAll())]),
            'its rule "trace" reads the spike trace of cells of I, which have none; give them one',
        ),
        (
            lambda: Circuit(
                [Population("N", 2, EquationCell(model="v : 1", threshold="v > 1", reset="v = 0"))],
                [Projection("N", "N", Static(1.0), AllToAll())],
            ),
            "cells of N have no excitatory receptor; they have none",
        ),
        (lambda: Circuit([E], [EE], [BrainState("wake", gains={"E-I": 1.0})]), 'gains: no projection is called "E-I"'),
        (lambda: Circuit([E, I], [EI], [BrainState("wake", rates={"E-I": 1.0})]), '"E-I" is static and learns nothing'),
        (lambda: Circuit([E], [], [BrainState("wake", cells={"F": {}})]), 'no population is called "F"'),
        (
            lambda: Circuit([E], [], [BrainState("wake", cells={"E": {"sigm": 1.0}})]),
            'no parameter "sigm" that a state may change; they have mu, sigma or b. Did you mean "sigma"?',
        ),
        (
            lambda: Circuit([E], [], [BrainState("wake", cells={"E": {"mu": "5 mV"}})]),
            'E.mu: found "5 mV"; expected a plain number',
        ),
        (
            lambda: Circuit([Population("D", 2, AdEx())], [], [BrainState("up", cells={"D": {"I": 5.0}})]),
            "D.I: found 5.0, which has no unit; expected a current",
        ),
        (
            lambda: Circuit(
                [E],
                [
                    Projection(
                        "E", "E", TraceRule(post_threshold=0.2, mechanisms=[DownScaling("1 Hz", ["ren"])]), AllToAll()
                    )
                ],
                [BrainState("wake"), BrainState("rem")],
            ),
            'downscaling acts in "ren", but there is no such brain state; there are wake or rem. Did you mean "rem"',
        ),
        (lambda: Circuit([Population("front", 2, LIF(), "front")]), '"front" names a module and a part of it'),
        (lambda: Circuit([]), "at least 1 item"),
        (lambda: Population("E-1", 10, LIF()), "Population: name: found 'E-1'"),
        (lambda: Population("E", 0, LIF()), "Population: size: found 0"),
        (
            lambda: Population("E", 5, LIF(tau_m=20)),
            'LIF: tau_m: found 20, which has no unit; expected a time such as "20',
        ),
        (lambda: Population("E", 5, {"kind": "liff"}), 'no cell is called "liff".*Did you mean "lif"'),
        (lambda: LIF(sigam=0.1), 'LIF: sigam: found 0.1; there is no such parameter. Did you mean "sigma"?'),
        (lambda: LIF(mu=float("nan")), "LIF: mu: found nan"),
        (lambda: Static(-1.0), "Static: weight: found -1.0"),
        (lambda: TraceRule(), "a trace rule needs pre_threshold, post_threshold or both; found neither"),
        (lambda: TraceRule(pre_threshold=0.1, initial=2.0), "initial weight 2 lies above the maximum, 1"),
        (lambda: TraceRule(pre_threshold=0.1, mechanisms=[Decay("1 d"), Decay("2 d")]), "at most one of each kind"),
        (lambda: EquationRule(), "found neither"),
        (
            lambda: EquationCell(model="v : 1", threshold="v > 1", reset="v = 0", receptors={"excitatory": ("g", "1")}),
            'receptors: the model has no variable "g"; it has v',
        ),
        (
            lambda: EquationCell(model="v : 1\nb : 1", threshold="v > 1", reset="v = 0", states={"b": 1}),
            r'states: "b" must stand in the model as a parameter flagged \(shared\)',
        ),
    ],
)
def test_mistakes_are_told(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_lesions_take_the_projections_of_a_population_along():
    circuit = Circuit([E, I], [EI, EE, Projection("I", "E", Static(1.0), AllToAll(), receptor="inhibitory")])
    assert circuit.parts() == ("front", "back", "E", "I", "E-I", "E-E", "I-E")
    assert circuit.silenced(["back"]) == ({"I"}, {"E-I", "I-E"})
    assert circuit.silenced(["I"]) == ({"I"}, {"E-I", "I-E"})
    assert circuit.silenced(["E-E"]) == (frozenset(), {"E-E"})
    assert circuit.silenced([]) == (frozenset(), frozenset())
    with pytest.raises(ValueError, match=r'the part "bac" cannot lose it.*Did you mean "back"'):
        circuit.silenced(["bac"])


def test_the_graph_is_a_multigraph_whose_plain_form_networkx_reads():
    circuit = Circuit([E, I], [EI, Projection("E", "I", Static(0.2), AllToAll(), delay="3 ms", name="slow"), EE])
    graph = circuit.graph()
    assert sorted(graph.edges(keys=True)) == [("E", "E", "E-E"), ("E", "I", "E-I"), ("E", "I", "slow")]
    assert graph.nodes["E"] == {"name": "E", "size": 10, "module": "front", "cell": "lif"}
    plain = json.loads(json.dumps(circuit.plain_graph()))
    again = networkx.node_link_graph(plain, edges="edges")
    assert again.edges["E", "I", "slow"]["synapses"] == 40
    assert again.edges["E", "I", "slow"]["delay"] == 0.003
    assert again.edges["E", "E", "E-E"]["plastic"] is True


def test_two_stage_has_the_numbers_of_its_description():
    circuit = two_stage()
    assert {p.name: p.size for p in circuit.populations} == {"C": 500, "CI": 80, "H": 300, "HI": 50}
    assert circuit.plastic() == ("C-C", "C-H", "H-C", "H-H")
    count = {p.name: circuit.synapses(p) for p in circuit.projections}
    assert (count["C-C"], count["C-H"], count["H-H"], count["H-C"]) == (124750, 22500, 89700, 75000)
    assert circuit.sensitivity("C-C") == 10.0
    assert circuit.sensitivity("H-H") is None
    for state in ("wake", "probe", "reset", "nrem", "reactivation", "rem", "rest", "quiet-replay"):
        assert circuit.state(state)
    assert not circuit.state("probe").rates
    assert set(circuit.state("nrem").rates) == {"C-C"}


def test_entry_and_exit_of_the_hippocampus_follow_its_layers():
    circuit = two_stage(hippocampus(separation=100, output=50), cortex(areas=2))
    assert {"C2-DG", "DG-H", "H-O", "O-C2", "C-C2", "C2-C"} <= {p.name for p in circuit.projections}
    assert circuit.silenced(["hippocampus"])[0] == {"H", "HI", "DG", "DGI", "O"}


@pytest.mark.parametrize("name", ["none", "time"])
def test_names_that_protocols_and_recordings_use_name_no_part(name):
    with pytest.raises(ValueError, match=f'"{name}" cannot name a part of a circuit'):
        Circuit([Population(name, 3, LIF())])
    with pytest.raises(ValueError, match=f'"{name}" cannot name a part of a circuit'):
        Circuit([Population("E", 3, LIF(), name)])


def test_steps_delays_and_down_scaling_have_limits():
    with pytest.raises(ValueError, match="dt: found 1 s; no cell can be simulated in steps above 10 ms"):
        Circuit([E], dt="1 s")
    with pytest.raises(ValueError, match='projection "E-E": found a delay of 1 d; expected at most 10 s'):
        Circuit([E], [Projection("E", "E", Static(0.1), AllToAll(), "1 d")])
    with pytest.raises(ValueError, match="rate: found 11 Hz; expected at most 10 Hz"):
        DownScaling("11 Hz")
    assert DownScaling("10 Hz").rate == "10 Hz"


def test_a_quantity_where_a_plain_number_belongs_is_refused():
    with pytest.raises(ValueError, match=r"LIF: mu: found 20\. mV; expected a plain number, without unit"):
        LIF(mu=20 * brian2.mV)
    with pytest.raises(ValueError, match=r"Population: drive_weight: found 1\. nS; expected a plain number"):
        Population("E", 3, LIF(), drive_weight=1 * brian2.nS)


def test_a_long_wrong_value_is_not_repeated_in_full():
    with pytest.raises(ValueError, match="Population: name: found") as refusal:
        Population("x" * 10_000, 3, LIF())
    assert len(str(refusal.value)) < 400
