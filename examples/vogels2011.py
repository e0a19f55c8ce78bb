"""A published result, rebuilt: inhibitory plasticity balances a network, hides a memory in it, and lets a cue bring it
back. Vogels, Sprekeler, Zenke, Clopath & Gerstner (2011), figure 4, at a quarter of its size.
doi:10.1126/science.1211095

A  Without inhibition of excitatory cells the network fires at high rates.
B  Plasticity of the synapses I-E brings the cells to their target rate: asynchronous, irregular activity.
C  Two assemblies are learned: the synapses within each become five times as strong, and they fire away.
D  Plasticity balances the assemblies as well; by their activity they can no longer be told from other cells.
E  A second of input to a quarter of the first assembly brings back all of it, and nothing else.
"""

from functools import partial
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

from engram.data import child_rng
from engram.models.spiking import (
    BrainState,
    Circuit,
    EquationCell,
    EquationRule,
    InhibitoryPlasticity,
    Population,
    Probability,
    Projection,
    Static,
)
from engram.sim.circuit_network import CircuitNetwork

CELLS = 2000  # excitatory; 8,000 in the paper. Synapses are as many to a cell as there
LEARNING = 0.1  # nS; thirty times as fast as in the paper, which gives B and D an hour each
SECONDS = {"A": 1.0, "B": 90.0, "C": 2.0, "D": 90.0, "E": 1.0, "after": 2.0}
TARGET = "auto"
SEED = 1

cell = EquationCell(
    model="""dv/dt = (g_leak*(E_leak - v) - gE*v + gI*(E_inh - v) + background)/C_m : volt (unless refractory)
    dgE/dt = -gE/tau_e : siemens
    dgI/dt = -gI/tau_i : siemens""",
    threshold="v > -50*mV",
    reset="v = E_leak",
    refractory="5 ms",
    constants={"C_m": "200 pF", "g_leak": "10 nS", "E_leak": "-60 mV", "E_inh": "-80 mV", "background": "200 pA"}
    | {"tau_e": "5 ms", "tau_i": "10 ms"},
    receptors={"excitatory": ("gE", "1 nS"), "inhibitory": ("gI", "1 nS")},
    initial={"v": "-60 mV"},
)
sparse = Probability(160 / CELLS)
set_by_hand = EquationRule(initial=3.0, maximum=15.0, on_pre="w = w")  # a weight for each synapse; it never learns
balance = InhibitoryPlasticity(eta=LEARNING, maximum=300.0, target_rate="3 Hz")
circuit = Circuit(
    [Population("E", CELLS, cell, drive_weight=3.0), Population("I", CELLS // 4, cell)],
    [
        Projection("E", "E", set_by_hand, sparse, "0.5 ms"),
        Projection("E", "I", Static(3.0), sparse, "0.5 ms"),
        Projection("I", "E", balance, sparse, "0.5 ms", "inhibitory"),
        Projection("I", "I", Static(30.0), sparse, "0.5 ms", "inhibitory"),
    ],
    [BrainState("unbalanced"), BrainState("balancing", rates={"I-E": 1.0})],
    dt="0.1 ms",
)
network = CircuitNetwork(circuit, partial(child_rng, SEED), TARGET)

size = round(0.098 * CELLS)  # of an assembly; 784 of 8,000 cells, of which 64 belong to both
first, second = np.arange(size), np.arange(size) + size - round(0.008 * CELLS)
cued, uncued = first[: size // 4], first[size // 4 :]
groups = {"first": uncued, "second": second, "others": np.arange(second[-1] + 1, CELLS)}
cue = np.where(np.isin(np.arange(CELLS), cued), 50 * 100.0, 0.0)  # 50 sources of 100 Hz to each cell
pre, post, *_ = network.synapses("E-E")
receiver = network.synapses("I-E")[1]

BIN = 0.1
began, rates, weights, spikes = {}, [], [], []
for stage, seconds in SECONDS.items():
    began[stage] = len(rates)
    network.set_state("unbalanced" if stage == "A" else "balancing")
    if stage == "C":
        within = [np.isin(pre, cells) & np.isin(post, cells) for cells in (first, second)]
        network.set_weights("E-E", np.where(within[0] | within[1], 15.0, 3.0))
    network.drive("E", cue if stage == "E" else 0.0)
    for _ in range(round(seconds / BIN)):
        network.run(BIN, seed=len(rates))
        counts, inhibition = network.counts("E"), network.weights("I-E")
        rates.append({name: counts[cells].mean() / BIN for name, cells in groups.items()})
        weights.append({name: inhibition[np.isin(receiver, cells)].mean() for name, cells in groups.items()})
        spikes.append(network.take_spikes()["E"])


def irregularity(stage, cells, last=2.0):
    """Mean coefficient of variation of the intervals of cells, where there are at least three."""
    stop = began[stage] + round(SECONDS[stage] / BIN)
    pieces = spikes[max(began[stage], stop - round(last / BIN)) : stop]
    times, ids = (np.concatenate([piece[k] for piece in pieces]) for k in (0, 1))
    intervals = [np.diff(times[ids == k]) for k in cells]
    return np.mean([gaps.std() / gaps.mean() for gaps in intervals if len(gaps) > 2] or np.nan)


table = {}
for stage in SECONDS:
    last = rates[began[stage] : began[stage] + round(SECONDS[stage] / BIN)][-10:]
    table[stage] = {name: np.mean([row[name] for row in last]) for name in groups}
    shown = ", ".join(f"{name} {rate:.1f} Hz" for name, rate in table[stage].items())
    print(f"{stage}: {shown}; CV of intervals: first {irregularity(stage, uncued):.2f}")

COLOURS = {"first": "tab:red", "second": "tab:blue", "others": "0.4"}
figure = plt.figure(figsize=(12, 6.5), layout="constrained")
above, below = figure.subfigures(2, 1, height_ratios=(3, 2))
for ax, stage in zip(above.subplots(1, 5, sharey=True), "ABCDE", strict=True):
    stop = began[stage] + round(SECONDS[stage] / BIN)
    for low, (name, cells) in zip((0, 60, 120), groups.items(), strict=True):
        for times, ids in spikes[stop - 5 : stop]:
            kept = np.isin(ids, cells[-60:])
            ax.plot(times[kept], ids[kept] - cells[-60:].min() + low, ".", markersize=2, color=COLOURS[name])
    ax.set(title=stage, xlabel="time (s)", yticks=(30, 90, 150), yticklabels=groups)
left, right = below.subplots(1, 2)
time = BIN * (np.arange(len(rates)) + 0.5)
for name in ("others", "second", "first"):
    smooth = np.convolve([row[name] for row in rates], np.full(5, 0.2), "same")
    left.semilogy(time, np.maximum(smooth, 0.1), color=COLOURS[name], label=name)
    right.plot(time, [row[name] for row in weights], color=COLOURS[name], label=name)
for ax in (left, right):
    for stage in "ABCDE":
        ax.axvline(BIN * began[stage], color="0.8", zorder=0)
    ax.set(xlabel="time (s)")
left.set_ylabel("rate (Hz)")
right.set_ylabel("weight I-E (nS)")
right.legend()
Path("runs").mkdir(exist_ok=True)
figure.savefig("runs/vogels2011.png", dpi=100)
