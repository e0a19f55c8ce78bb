"""The gate of a synapse: how far it has moved decides how far it still can.

Left, the factor by which the next step of a weight is scaled, 1 - tanh²(s · (1 - f) / f · (w - w0)), against how far
the weight has moved. A synapse of flexibility 1 never hardens, as in an ordinary network; one of .3 soon does. Right,
how flexible the synapses of a whole network are. This one line of mathematics is all that parts a hybrid network from a
conventional one: whatever else they do differently in this gallery comes from here.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import engram as eg
from engram.models import gate

SENSITIVITY = 10.0  # s, in units of 1 / weight
FLEXIBILITIES = (0.1, 0.3, 0.5, 0.7, 0.9, 1.0)
SYNAPSES = 20_000

distributions = {
    "Uniform()": eg.Uniform(),
    "Rising()": eg.Rising(),
    "Falling()": eg.Falling(),
    "Beta(2, 5)": eg.Beta(2, 5),
}
distance = np.linspace(0, 0.5, 201)  # w - w0
shades = plt.get_cmap("viridis")(np.linspace(0.9, 0, len(FLEXIBILITIES)))

figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
for f, color in zip(FLEXIBILITIES, shades, strict=True):
    left.plot(distance, gate(distance, 0 * distance, f, SENSITIVITY), color=color, label=f"f = {f:g}")
left.set(xlabel="distance from the initial weight", ylabel="gate", ylim=(0, 1.05))
left.legend(fontsize="small")

for name, distribution in distributions.items():
    sampled = distribution.sample((SYNAPSES,), np.random.default_rng(1))
    right.hist(sampled, bins=40, range=(0, 1), density=True, histtype="step", label=name)
right.set(xlabel="flexibility f", ylabel="density over synapses")
right.legend(fontsize="small")

Path("runs").mkdir(exist_ok=True)
figure.savefig("runs/gates.png")
