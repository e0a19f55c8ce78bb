"""Hippocampus and cortex: circuits that consolidate by replay, with the unit and the origin of every number.

Cells have threshold 1 and reset 0, so potentials, drives and weights are in units of the threshold. Where no other
source is named, a number was found by tuning, on subjects that no result is reported of, for four things: members of a
driven pattern fire at some 20 to 40 Hz and others hardly; each item recruits its own tenth of the hippocampus;
spontaneous bursts in NREM come 2 to 7 times a second, last 40 to 120 ms and are each one item; nothing runs away.
"""

from __future__ import annotations

from .cells import LIF
from .circuit import BrainState, Circuit, Population, Projection
from .connectivity import AllToAll, InDegree, Probability
from .mechanisms import Decay, DownScaling, IncomingCap
from .stability import MixedStability, Stability
from .synapse_rules import Static, SynapseRule
from .trace_rule import TraceRule

FORGETTING = Decay("8 d")
"""Of hippocampal weights, in biological time: six hours take 3 % (Abraham 2003: potentiation decays over days)."""

TURNOVER = Decay("2 d")
"""Of synapses onto the hippocampus: they return to their initial weight within days, so that cells which were an index
of old items are free for new ones. With 8 d, new items found no index by the fourth day of eight items a day."""

DRIVE = 0.6
"""Weight of a spike of a cell's Poisson source: at 500 Hz, members of a driven pattern fire at some 20 to 40 Hz."""

SPARSE = Probability(0.5)
"""Connectivity of inhibition and of cortex: dense enough that 30 cells of a pattern of 500 share some 435 synapses."""


def hippocampus(size: int = 300, inhibitory: int = 50, separation: int = 0, output: int = 0) -> Circuit:
    """A recurrent network as in CA3, under late and steep inhibition; optionally with separation and an output.

    H learns at once (all-to-all, fast trace rule) and, in NREM, bursts spontaneously: adaptation ends a burst, a slow
    adaptation current (6 s) gives every stored item its turn. The summed recurrent input of a cell is capped, without
    which a few items take all bursts.

    Parameters
    ----------
    size, inhibitory : int
        Cells of H (excitatory) and HI.
    separation : int
        Cells of DG, a sparse layer before H as in the dentate gyrus: strongly inhibited by DGI, few strong synapses
        onto H (mossy fibres). 0 is none: the cortex then reaches H itself.
    output : int
        Cells of O, a layer behind H as in CA1, through which the cortex is reached. 0 is none.

    Returns
    -------
    Circuit
        Without brain states, for `two_stage`.

    Examples
    --------
    >>> [p.name for p in hippocampus(separation=1000).populations]
    ['H', 'HI', 'DG', 'DGI']
    """
    adapting = LIF(mu=0.3, sigma=0.15, b=0.02, tau_a="300 ms", b2=0.03, tau_a2="6 s")
    recurrent = TraceRule(
        eta=0.12,
        maximum=0.5,
        mechanisms=(IncomingCap(5.0), FORGETTING),
        pre_threshold=0.3,  # lower ones spend the recurrent weight on weakly active cells
        post_threshold=0.3,
    )
    populations = [
        Population("H", size, adapting, "hippocampus", drive_weight=DRIVE),
        Population("HI", inhibitory, _inhibitory(mu=-0.4, sigma=0.2), "hippocampus"),
    ]
    projections = [
        Projection("H", "H", recurrent, AllToAll()),
        Projection("H", "HI", Static(0.7), SPARSE),
        Projection("HI", "H", Static(0.2), SPARSE, receptor="inhibitory"),
    ]
    if separation:
        populations += [
            Population("DG", separation, LIF(mu=0.0, sigma=0.15, b=0.1, tau_a="100 ms"), "hippocampus"),
            Population("DGI", max(1, separation // 10), _inhibitory(mu=0.3, sigma=0.1), "hippocampus"),
        ]
        projections += [
            Projection("DG", "H", _instar(initial=4.0, maximum=6.0), InDegree(min(separation, 25))),
            Projection("DG", "DGI", Static(1.0), SPARSE),
            Projection("DGI", "DG", Static(0.3), SPARSE, receptor="inhibitory"),
        ]
    if output:
        populations.append(Population("O", output, LIF(mu=0.3, sigma=0.15, b=0.05), "hippocampus"))
        projections += [
            Projection("H", "O", _instar(initial=1.3, maximum=2.4), InDegree(min(size, 45))),
            Projection("HI", "O", Static(0.2), SPARSE, receptor="inhibitory"),
        ]
    return Circuit(populations=tuple(populations), projections=tuple(projections))


def cortex(size: int = 500, inhibitory: int = 80, areas: int = 1, stability: Stability | None = None) -> Circuit:
    """One or more areas of excitatory cells with slow mixed-stability synapses, each under its own early inhibition.

    Parameters
    ----------
    size, inhibitory : int
        Excitatory and inhibitory cells of each area. Areas are named C, C2, C3, …, their inhibitory cells CI, C2I, ….
    areas : int
        Each area drives the next one, and is reached by it through weak synapses that learn.
    stability : Stability or None
        Of the synapses within and between areas; None is the mixed-stability gate with flexibilities from .05 to 1 and
        a sensitivity of 10. At a weight of .1 above the initial one, a synapse of flexibility .5 has a gate of .42.

    Returns
    -------
    Circuit
        Without brain states, for `two_stage`.

    Examples
    --------
    >>> [p.name for p in cortex(areas=2).projections if p.source != p.target and p.rule.plastic]
    ['C-C2', 'C2-C']
    """
    gate = stability or MixedStability({"kind": "uniform", "low": 0.05, "high": 1.0}, 10.0)
    within = TraceRule(
        eta=3.3e-3,
        initial=0.02,
        maximum=0.6,
        stability=gate,
        mechanisms=(DownScaling("0.12 Hz", ("rem",)),),
        pre_threshold=0.2,
        post_threshold=0.0,
    )
    populations: list[Population] = []
    projections: list[Projection] = []
    for area in range(areas):
        C = f"C{area + 1}" if area else "C"
        CI = f"{C}I"
        populations += [
            Population(C, size, LIF(mu=0.3, sigma=0.25, b=0.05), "cortex", drive_weight=DRIVE),
            Population(CI, inhibitory, _inhibitory(mu=0.25, sigma=0.2), "cortex"),
        ]
        projections += [
            Projection(C, C, within, SPARSE),
            Projection(C, CI, Static(0.5), SPARSE),
            Projection(CI, C, Static(0.1), SPARSE, receptor="inhibitory"),
        ]
        if area:
            below = f"C{area}" if area > 1 else "C"
            forward = _instar(initial=1.3, maximum=2.4).model_copy(update={"eta": 0.02, "stability": gate})
            projections += [
                Projection(below, C, forward, InDegree(min(size, 75))),
                Projection(C, below, within, SPARSE),
            ]
    return Circuit(populations=tuple(populations), projections=tuple(projections))


def two_stage(hippocampus_: Circuit | None = None, cortex_: Circuit | None = None) -> Circuit:
    """Hippocampus and cortex joined: awake, the cortex drives and teaches the hippocampus; asleep, it is taught by it.

    The highest area of the cortex speaks with the hippocampus: with its DG where it has one, else with H; and is
    reached by its O where it has one, else by H.

    Brain states: ``wake`` (the hippocampus learns at full rate, the cortex at a quarter), ``probe`` (nothing learns),
    ``reset`` (everything is hyperpolarised, between cues), ``nrem`` (H excitable and cut off from the cortex's input,
    strong recurrence and output: it bursts, and the cortex learns), ``reactivation`` (the same with the way from
    cortex to hippocampus open and H less excitable, for cues in NREM), ``rem`` (cortex active, hippocampus to cortex
    weak, down-scaling), ``rest`` (quiet wake without recurrence: no replay) and ``quiet-replay`` (quiet wake with
    replay, the cortex learning at a quarter of its rate).

    Parameters
    ----------
    hippocampus_, cortex_ : Circuit or None
        From `hippocampus` and `cortex`; None is their default.

    Returns
    -------
    Circuit

    Examples
    --------
    >>> circuit = two_stage()
    >>> circuit.parts()[:4], sum(circuit.synapses(p) for p in circuit.projections)
    (('cortex', 'hippocampus', 'C', 'CI'), 366950)
    """
    first, second = hippocampus_ or hippocampus(), cortex_ or cortex()
    names = {p.name for p in first.populations}
    area = next(p.name for p in reversed(second.populations) if p.drive_weight is not None)
    entry, exit_ = ("DG" if "DG" in names else "H"), ("O" if "O" in names else "H")
    into, back = f"{area}-{entry}", f"{exit_}-{area}"
    output = TraceRule(eta=0.05, maximum=0.8, mechanisms=(FORGETTING,), pre_threshold=0.2, post_threshold=0.0)
    between = (
        Projection(area, entry, _instar(initial=1.3, maximum=2.4), InDegree(75)),
        Projection(exit_, area, output, SPARSE),
    )
    projections = (*second.projections, *between, *first.projections)
    slow = [p.name for p in second.projections if p.rule.plastic]  # cortical
    associative = [
        name for name in slow if second.projection(name).rule.mean_initial() < 1
    ]  # not those that drive an area
    fast = [p.name for p in (*between, *first.projections) if p.rule.plastic]  # hippocampal

    def gains(*, into_H: float, recurrent: float, out: float, cortical: float) -> dict[str, float]:
        return {**dict.fromkeys(associative, cortical), into: into_H, "H-H": recurrent, back: out}

    def rates(hippocampal: float, cortical: float) -> dict[str, float]:
        return {name: rate for names, rate in ((fast, hippocampal), (slow, cortical)) for name in names if rate}

    bursting = {"H": {"mu": 0.5, "sigma": 0.33, "b": 0.22, "b2": 0.012}}
    cued = {"H": {**bursting["H"], "mu": 0.3, "sigma": 0.15}}  # so that only cells which the cue reaches begin to burst
    replay = {"recurrent": 4.8, "out": 1.5, "cortical": 1.0}
    everyone = [p.name for p in (*second.populations, *first.populations)]
    excitatory = [p.name for p in second.populations if p.drive_weight is not None]
    return Circuit(
        populations=(*second.populations, *first.populations),
        projections=projections,
        states=(
            BrainState("wake", gains(into_H=1.0, recurrent=0.0, out=0.0, cortical=0.3), rates(1.0, 0.25)),
            BrainState(
                "probe",
                # Twice the inhibition: without it H runs away (180 Hz) at cues of items that overlap.
                {**gains(into_H=1.2, recurrent=0.5, out=1.0, cortical=2.0), "HI-H": 2.0},
                cells={"H": {"b": 0.1}},
            ),
            BrainState("reset", cells={name: {"mu": -5.0, "sigma": 0.0} for name in everyone}),
            BrainState("nrem", gains(into_H=0.0, **replay), rates(0.0, 1.0), bursting),
            BrainState("reactivation", gains(into_H=0.7, **replay), rates(0.0, 1.0), cued),
            BrainState(
                "rem",
                gains(into_H=0.0, recurrent=0.0, out=0.2, cortical=0.5),
                cells={name: {"mu": 0.6} for name in excitatory},
            ),
            BrainState("rest", gains(into_H=0.0, recurrent=0.0, out=0.0, cortical=0.3)),
            BrainState("quiet-replay", gains(into_H=0.0, **replay), rates(0.0, 0.25), bursting),
        ),
    )


def _inhibitory(mu: float, sigma: float) -> LIF:
    """Faster than excitatory cells; a low mu makes inhibition come late and steeply, a higher one early."""
    return LIF(mu=mu, sigma=sigma, tau_m="10 ms", tau_e="3 ms", refractory="2 ms", tau_a=None, tau_x=None)


def _instar(initial: float, maximum: float) -> SynapseRule:
    """A cell that fires turns to those that made it fire: different patterns recruit different cells."""
    return TraceRule(
        eta=0.16, initial=initial, maximum=maximum, spread=0.06, mechanisms=(TURNOVER,), post_threshold=0.2
    )
