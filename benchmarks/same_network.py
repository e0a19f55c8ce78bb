"""One network twice: as a circuit of engram, and as the script that somebody who knows Brian2 well would write.

2,000 excitatory and 500 inhibitory cells; every excitatory cell is reached by 200 others through synapses that learn
under the mixed-stability gate, which makes 400,000 of them; a tenth of the cells is driven.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from engram.data.seeds import child_rng

if TYPE_CHECKING:
    import brian2

    from engram.models.spiking import Circuit
    from engram.sim.circuit_network import CircuitNetwork

Target = Literal["numpy", "cython"]

ETA, INITIAL, MAXIMUM, SENSITIVITY, PRE_THRESHOLD, POST_THRESHOLD = 1e-3, 0.02, 0.2, 10.0, 0.2, 0.0
DRIVE_RATE, DRIVE_WEIGHT = 500.0, 0.6


@dataclass(frozen=True)
class Sizes:
    """Cells, and how many excitatory cells reach each of them and each excitatory cell; one cell in ten is driven."""

    excitatory: int = 2000
    inhibitory: int = 500
    in_degree: int = 200

    @property
    def gated(self) -> int:
        return self.excitatory * self.in_degree

    @property
    def driven(self) -> int:
        return self.excitatory // 10


def described(sizes: Sizes) -> Circuit:
    """The network as a circuit of engram."""
    from engram.models.spiking import (
        LIF,
        BrainState,
        Circuit,
        InDegree,
        MixedStability,
        Population,
        Projection,
        Static,
        TraceRule,
    )

    learning = TraceRule(
        eta=ETA,
        initial=INITIAL,
        maximum=MAXIMUM,
        pre_threshold=PRE_THRESHOLD,
        post_threshold=POST_THRESHOLD,
        stability=MixedStability({"kind": "uniform", "low": 0.05, "high": 1.0}, SENSITIVITY),
    )
    return Circuit(
        populations=[
            Population("E", sizes.excitatory, LIF(mu=0.3, sigma=0.25, b=0.05), drive_weight=DRIVE_WEIGHT),
            Population(
                "I",
                sizes.inhibitory,
                LIF(mu=0.25, sigma=0.2, tau_m="10 ms", tau_e="3 ms", refractory="2 ms", tau_a=None, tau_x=None),
            ),
        ],
        projections=[
            Projection("E", "E", learning, InDegree(sizes.in_degree)),
            Projection("E", "I", Static(0.25), InDegree(sizes.in_degree // 2)),
            Projection("I", "E", Static(0.1), InDegree(sizes.in_degree // 4), receptor="inhibitory"),
        ],
        states=[BrainState("wake", rates={"E-E": 1.0}), BrainState("probe"), BrainState("reset")],
    )


def drive(sizes: Sizes) -> NDArray[np.float64]:
    """Rates of the Poisson sources of the excitatory cells, in Hz."""
    rates = np.zeros(sizes.excitatory)
    rates[: sizes.driven] = DRIVE_RATE
    return rates


def by_engram(sizes: Sizes, target: Target) -> CircuitNetwork:
    """The circuit, ready to run."""
    from engram.sim.circuit_network import CircuitNetwork

    network = CircuitNetwork(described(sizes), lambda *names: child_rng(0, *names), target)
    network.set_state("wake")
    network.drive("E", drive(sizes))
    return network


def by_hand(sizes: Sizes, target: Target, anatomy: CircuitNetwork) -> brian2.Network:
    """The same network written in Brian2, with the synapses of ``anatomy``, ready to run."""
    import brian2 as b2
    from brian2 import Hz, ms

    b2.prefs.codegen.target = target
    b2.defaultclock.dt = 1 * ms
    excitatory = b2.NeuronGroup(
        sizes.excitatory,
        """dv/dt = (-v + 0.3 + gE - gI - a)/(20*ms) + 0.25*sqrt(2/(20*ms))*xi : 1 (unless refractory)
           dgE/dt = -gE/(5*ms) : 1
           dgI/dt = -gI/(8*ms) : 1
           da/dt = -a/(100*ms) : 1
           dx/dt = -x/(20*ms) : 1""",
        threshold="v > 1",
        reset="v = 0; a += 0.05; x += 1",
        refractory=3 * ms,
        method="euler",
        name="E",
    )
    inhibitory = b2.NeuronGroup(
        sizes.inhibitory,
        """dv/dt = (-v + 0.25 + gE - gI)/(10*ms) + 0.2*sqrt(2/(10*ms))*xi : 1 (unless refractory)
           dgE/dt = -gE/(3*ms) : 1
           dgI/dt = -gI/(8*ms) : 1""",
        threshold="v > 1",
        reset="v = 0",
        refractory=2 * ms,
        method="euler",
        name="I",
    )
    learning = b2.Synapses(
        excitatory,
        excitatory,
        """w : 1
           w0 : 1 (constant)
           f : 1 (constant)""",
        on_pre="""gE_post += w
                  w = clip(w + eta*(1 - tanh(s*(1 - f)/f*(w - w0))**2)*(x_post - 0.2), 0, w_max)""",
        on_post="w = clip(w + eta*(1 - tanh(s*(1 - f)/f*(w - w0))**2)*x_pre, 0, w_max)",
        namespace={"eta": ETA, "s": SENSITIVITY, "w_max": MAXIMUM},
        name="E_E",
    )
    drawn = anatomy.synapses("E-E")
    learning.connect(i=drawn.pre, j=drawn.post)
    learning.w = learning.w0 = drawn.initial
    learning.f = drawn.flexibility
    exciting = b2.Synapses(excitatory, inhibitory, on_pre="gE_post += 0.25", name="E_I")
    inhibiting = b2.Synapses(inhibitory, excitatory, on_pre="gI_post += 0.1", name="I_E")
    for synapses, name in ((exciting, "E-I"), (inhibiting, "I-E")):
        drawn = anatomy.synapses(name)
        synapses.connect(i=drawn.pre, j=drawn.post)
    # Of many slow sources, since one fast source would spike at most once in a step.
    driven = b2.PoissonInput(excitatory[: sizes.driven], "gE", 100, DRIVE_RATE / 100 * Hz, DRIVE_WEIGHT)
    spikes = b2.SpikeMonitor(excitatory, name="spikes_of_E"), b2.SpikeMonitor(inhibitory, name="spikes_of_I")
    b2.seed(0)
    return b2.Network(excitatory, inhibitory, learning, exciting, inhibiting, driven, *spikes)
