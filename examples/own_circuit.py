"""A circuit of one's own: Izhikevich's cells, spike-timing plasticity and one driven ensemble, without a protocol.

Left, the circuit as it is described: excitatory and inhibitory cells, three projections, of which one learns. Right,
its first second: the forty cells that are driven twice as much fire more, and inhibition answers in volleys. The
numbers below the figure say which synapses moved: those within the ensemble, and of these the flexible ones most.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import engram as eg
from engram.models.spiking import (
    Circuit,
    EquationCell,
    MixedStability,
    PairSTDP,
    Population,
    Probability,
    Projection,
    Static,
)
from engram.sim import simulate

DURATION = "4 s"
TARGET = "numpy"  # "auto" compiles first, and is worth it for more than some seconds


def izhikevich(a, reset_u):
    """Izhikevich (2003): v in mV; regular spiking with a = .02 and a step of 8, fast spiking with a = .1 and 2."""
    return EquationCell(
        model="""dv/dt = (0.04*v**2 + 5*v + 140 - u + gE - gI)/ms : 1
        du/dt = a*(0.2*v - u)/ms : 1
        dgE/dt = -gE/(5*ms) : 1
        dgI/dt = -gI/(10*ms) : 1""",
        threshold="v > 30",
        reset=f"v = -65; u += {reset_u}",
        constants={"a": a},
        receptors={"excitatory": ("gE", "1"), "inhibitory": ("gI", "1")},
        initial={"v": -65, "u": -13},
    )


learning = PairSTDP(A_plus=0.01, A_minus=0.0105, initial=0.3, maximum=2.0, stability=MixedStability(sensitivity=20.0))
circuit = Circuit(
    populations=[
        Population("E", 200, izhikevich(0.02, 8), drive_weight=3.0),
        Population("I", 50, izhikevich(0.1, 2)),
    ],
    projections=[
        Projection("E", "E", learning, Probability(0.2), delay="2 ms"),
        Projection("E", "I", Static(1.0), Probability(0.2), delay="1 ms"),
        Projection("I", "E", Static(0.5), Probability(0.2), delay="1 ms", receptor="inhibitory"),
    ],
    dt="0.5 ms",
)
print({name: round(circuit.synapses(circuit.projection(name))) for name in ("E-E", "E-I", "I-E")}, "synapses")

drive = np.where(np.arange(200) < 40, 1000, 500)  # Hz; the first forty cells are an ensemble
result = simulate(circuit, DURATION, drive={"E": drive}, seed=1, target=TARGET)
pre, post, initial, flexibility = result.synapses["E-E"]
print(f"rates: ensemble {result.rates['E'][:40].mean():.1f} Hz, others {result.rates['E'][40:].mean():.1f} Hz")

change = np.abs(result.weights["E-E"] - initial)
ensemble = (pre < 40) & (post < 40)
for name, synapses in {"within the ensemble": ensemble, "all others": ~ensemble}.items():
    stable, flexible = (change[synapses & half].mean() for half in (flexibility < 0.5, flexibility >= 0.5))
    print(f"mean change of weights {name}: {stable:.3f} of stable, {flexible:.3f} of flexible synapses")

figure, (left, right) = plt.subplots(1, 2, figsize=(11, 4), layout="constrained", width_ratios=(1, 2))
eg.analysis.plot_circuit(circuit.plain_graph(), ax=left)
eg.analysis.plot_raster(result.spikes, circuit.plain_graph(), ax=right, start=0.0, stop=1.0)
Path("runs").mkdir(exist_ok=True)
figure.savefig("runs/own_circuit.png")
