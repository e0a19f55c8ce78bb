"""The two-stage circuit in plain Brian2: one script, for those who want to leave the framework.

The circuit of the preset `two-stage`. Down-scaling in REM and the forgetting of the hippocampus are done in one step at
the end of a night instead of in time.
"""

# ruff: noqa: F403, F405
import numpy as np
from brian2 import *
from sklearn.metrics import roc_auc_score

ITEMS = 8
EXPOSURES = 3
NIGHTS = 3
NIGHT = 10.0  # seconds of NREM
prefs.codegen.target = "numpy"
defaultclock.dt = 1 * ms
rng = np.random.default_rng(1)
seed(1)

CELL = """dv/dt = (-v + mu + gE - gI - a - a2)/tau_m + sigma*sqrt(2/tau_m)*xi : 1 (unless refractory)
dgE/dt = -gE/tau_e : 1
dgI/dt = -gI/(8*ms) : 1
da/dt = -a/tau_a : 1
da2/dt = -a2/(6*second) : 1
dx/dt = -x/(20*ms) : 1
"""
NEUROMODULATED = ("mu", "sigma", "b", "b2")
ASLEEP, AWAKE, PROBED, LESIONED = (
    (0.5, 0.33, 0.22, 0.012),
    (0.3, 0.15, 0.02, 0.03),
    (0.3, 0.15, 0.1, 0.03),
    (-10, 0, 0, 0),
)


def population(size, mu, sigma, b, tau_m, tau_e, refractory, tau_a):
    cells = CELL + "".join(f"{name} : 1 (shared)\n" for name in NEUROMODULATED)
    space = {"tau_m": tau_m * ms, "tau_e": tau_e * ms, "tau_a": tau_a * ms}
    reset, wait = "v = 0; a += b; a2 += b2; x += 1", refractory * ms
    group = NeuronGroup(size, cells, threshold="v > 1", reset=reset, refractory=wait, method="euler", namespace=space)
    group.set_states({"mu": mu, "sigma": sigma, "b": b})
    return group


def project(source, target, w0, high=10, pre="0", post="0", alpha="1", receptor="gE", p=0.5, draws=None):
    learn = "w = clip(w + eta*({})*({}), 0, {})"
    transmit = f"{receptor}_post += gain*w; " + learn.format(alpha, pre, high)
    model = "w : 1\nw0 : 1\nf : 1\ngain : 1 (shared)\neta : 1 (shared)"
    synapses = Synapses(source, target, model, on_pre=transmit, on_post=learn.format(alpha, post, high))
    chosen = (rng.random((len(source), len(target))) if draws is None else draws) < p
    i, j = np.nonzero(chosen & ~np.eye(*chosen.shape, dtype=bool) if source is target else chosen)
    synapses.connect(i=i, j=j)
    synapses.set_states({"w": w0, "w0": w0, "f": rng.uniform(0.05, 1, len(i)), "gain": 1})
    return synapses


C, CI = population(500, 0.3, 0.25, 0.05, 20, 5, 3, 100), population(80, 0.25, 0.2, 0, 10, 3, 2, 100)
H, HI = population(300, 0.3, 0.15, 0.02, 20, 5, 3, 300), population(50, -0.4, 0.2, 0, 10, 3, 2, 100)
gate = "1 - tanh(10*((1 - f)/f)*(w - w0))**2"
CC = project(C, C, 0.02, 0.6, pre="x_post - 0.2", post="x_pre", alpha=gate)
sources = rng.random((500, 300)).argsort(axis=0)  # exactly 75 for each cell of H
CH = project(C, H, rng.normal(1.3, 0.078, 75 * 300), 2.4, post="x_pre - 0.2", p=75, draws=sources)
HH = project(H, H, 0, 0.5, pre="x_post - 0.3", post="x_pre - 0.3", p=1)
HC = project(H, C, 0, 0.8, pre="x_post - 0.2", post="x_pre")
fixed = project(C, CI, 0.5), project(CI, C, 0.1, receptor="gI"), project(H, HI, 0.7), project(HI, H, 0.2, receptor="gI")
drive = PoissonGroup(500, rates="shown(t - start, i)*Hz")
inputs = Synapses(drive, C, on_pre="gE_post += 0.6")
inputs.connect(j="i")
spikes = SpikeMonitor(C)
network = Network(C, CI, H, HI, CC, CH, HH, HC, *fixed, drive, inputs, spikes)
patterns = np.array([rng.choice(500, 30, replace=False) for _ in range(ITEMS)])


def block(seconds, state, gains, rates=(0, 0, 0, 0), shown=(), every=0.6, long=0.4):
    """Run with gains and rates of C-H, H-H, H-C, C-C; return the spike counts of C while each item is shown."""
    for synapses, gain, eta in zip((CH, HH, HC, CC), gains, rates, strict=True):
        synapses.gain, synapses.eta = gain, eta
    H.set_states(dict(zip(NEUROMODULATED, state, strict=True)))
    hertz, start = np.zeros((round(seconds * 100), 500)), network.t
    for k, cells in enumerate(shown):
        hertz[round(k * every * 100) : round((k * every + long) * 100), cells] = 500
    network.run(seconds * second, namespace={"shown": TimedArray(hertz, dt=10 * ms), "start": start})
    times = (spikes.t - start) / second
    windows = [(times >= k * every) & (times < k * every + long) for k in range(len(shown))]
    return [np.bincount(spikes.i[window], minlength=500) for window in windows]


def recall(lesioned):
    """Mean AUC of the half of each item that is not cued against all cells of no part in it; nothing is learned."""
    state, gains = (LESIONED, (1.2, 0.5, 0, 2)) if lesioned else (PROBED, (1.2, 0.5, 1, 2))
    fixed[3].gain = 2  # stronger inhibition of H keeps overlapping items from running away
    block(1, state, gains)
    cued = patterns[:, :15]
    counts = block(0.35 * ITEMS, state, gains, shown=cued, every=0.35, long=0.18)
    fixed[3].gain = 1
    scored = [np.delete(np.arange(500), cells) for cells in cued]
    return np.mean([roc_auc_score(np.isin(s, p), n[s]) for s, p, n in zip(scored, patterns, counts, strict=True)])


for _ in range(EXPOSURES):
    block(0.6 * ITEMS, AWAKE, (1, 0, 0, 0.3), (0.16, 0.12, 0.05, 0.000825), shown=rng.permutation(patterns))
HH.w = HH.w * np.minimum(1, 5 / np.bincount(HH.j, HH.w, 300).clip(5))[HH.j]  # a cell's input is capped
print(f"before sleep: intact {recall(lesioned=False):.2f}, lesioned {recall(lesioned=True):.2f}")
for night in range(NIGHTS):
    block(NIGHT, ASLEEP, (0, 4.8, 1.5, 1), (0, 0, 0, 0.0033))
    CC.w = CC.w - 0.45 * (1 - np.tanh(10 * (1 / CC.f - 1) * (CC.w - CC.w0)) ** 2) * (CC.w - CC.w0)
    for synapses, kept in ((CH, 0.88), (HH, 0.97), (HC, 0.97)):  # six hours of decay over 2 d and 8 d
        synapses.w = synapses.w0 + kept * (synapses.w - synapses.w0)
    print(f"night {night + 1}: intact {recall(lesioned=False):.2f}, lesioned {recall(lesioned=True):.2f}")
