"""Hippocampus and cortex: the circuits that consolidate, with every number's unit and origin.

Numbers without another source are those of a prototype that was tuned on three subjects to consolidate by replay.
"""

from __future__ import annotations

from .cells import LIF
from .circuit import BrainState, Circuit, Population, Projection
from .connectivity import AllToAll, InDegree, Probability
from .mechanisms import Decay, DownScaling, IncomingCap
from .stability import MixedStability, Stability
from .synapse_rules import Static
from .trace_rule import TraceRule

INHIBITORY = LIF(tau_m="10 ms", tau_e="3 ms", refractory="2 ms", tau_a=None, tau_x=None)


def hippocampus(size: int = 300, inhibitory: int = 50, input_cap: float = 5.0) -> Circuit:
    """A CA3-like recurrent network of excitatory cells H under late and steep inhibition HI."""
    forgetting = Decay("8 d")
    return Circuit(
        populations=(
            Population(
                "H",
                size,
                LIF(mu=0.3, sigma=0.15, b=0.02, tau_a="300 ms", b2=0.03, tau_a2="6 s"),
                "hippocampus",
                drive_weight=0.6,
            ),
            Population("HI", inhibitory, INHIBITORY.model_copy(update={"mu": -0.4, "sigma": 0.2}), "hippocampus"),
        ),
        projections=(
            Projection(
                "H",
                "H",
                TraceRule(
                    eta=0.12,
                    pre_threshold=0.3,
                    post_threshold=0.3,
                    maximum=0.5,
                    mechanisms=(IncomingCap(input_cap), forgetting),
                ),
                AllToAll(),
            ),
            Projection("H", "HI", Static(0.7), Probability(0.5)),
            Projection("HI", "H", Static(0.2), Probability(0.5), receptor="inhibitory"),
        ),
    )


def cortex(size: int = 500, inhibitory: int = 80, stability: Stability | None = None) -> Circuit:
    """An area of excitatory cells C with mixed-stability synapses among them, under early inhibition CI."""
    return Circuit(
        populations=(
            Population("C", size, LIF(mu=0.3, sigma=0.25, b=0.05), "cortex", drive_weight=0.6),
            Population("CI", inhibitory, INHIBITORY.model_copy(update={"mu": 0.25, "sigma": 0.2}), "cortex"),
        ),
        projections=(
            Projection(
                "C",
                "C",
                TraceRule(
                    eta=2e-3,
                    initial=0.02,
                    maximum=0.6,
                    pre_threshold=0.2,
                    post_threshold=0.0,
                    stability=stability or MixedStability({"kind": "uniform", "low": 0.05, "high": 1.0}, 10.0),
                    mechanisms=(DownScaling("0.04 Hz", ("rem",)),),
                ),
                Probability(0.5),
            ),
            Projection("C", "CI", Static(0.5), Probability(0.5)),
            Projection("CI", "C", Static(0.1), Probability(0.5), receptor="inhibitory"),
        ),
    )


def two_stage(hippocampus_: Circuit | None = None, cortex_: Circuit | None = None) -> Circuit:
    """Hippocampus and cortex joined: C drives H while awake, H drives C while asleep."""
    forgetting = Decay("8 d")
    first, second = hippocampus_ or hippocampus(), cortex_ or cortex()
    between = (
        Projection(
            "C",
            "H",
            TraceRule(eta=0.16, initial=1.3, maximum=2.4, spread=0.06, post_threshold=0.2, mechanisms=(forgetting,)),
            InDegree(75),
        ),
        Projection(
            "H",
            "C",
            TraceRule(eta=0.05, maximum=0.8, pre_threshold=0.2, post_threshold=0.0, mechanisms=(forgetting,)),
            Probability(0.5),
        ),
    )
    learning = {"C-H": 1.0, "H-H": 1.0, "H-C": 1.0, "C-C": 0.25}
    bursting = {"H": {"mu": 0.5, "sigma": 0.33, "b": 0.22, "b2": 0.012}}
    replaying = {"C-H": 0.0, "H-H": 4.8, "H-C": 1.5, "C-C": 1.0}
    silent = {name: {"mu": -5.0, "sigma": 0.0} for name in ("C", "CI", "H", "HI")}
    return Circuit(
        populations=(*second.populations, *first.populations),
        projections=(*second.projections, *between, *first.projections),
        states=(
            BrainState("wake", {"C-H": 1.0, "H-H": 0.0, "H-C": 0.0, "C-C": 0.3}, learning),
            BrainState("probe", {"C-H": 1.2, "H-H": 0.5, "H-C": 1.0, "C-C": 2.0}, {}, {"H": {"b": 0.1}}),
            BrainState("reset", {}, {}, silent),
            BrainState("nrem", replaying, {"C-C": 1.0}, bursting),
            BrainState("rem", {"C-H": 0.0, "H-H": 0.0, "H-C": 0.2, "C-C": 0.5}, {}, {"C": {"mu": 0.45}}),
            BrainState("rest", {"C-H": 0.0, "H-H": 0.0, "H-C": 0.0, "C-C": 0.3}),
            BrainState("quiet-replay", replaying, {"C-C": 0.25}, bursting),
        ),
    )
