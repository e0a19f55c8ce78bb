"""Serial position of three networks: what is left of ten items learned one after another.

Each line is recognition of the items of a list after all of it was learned. A conventional network knows the last item
and little else (recency): every item has been learned over the ones before. Where all synapses are stable, the first
item has hardened and the last ones find nothing left to change (primacy). The hybrid network, whose synapses are of
both kinds, keeps some of the first and takes in some of the last. The dotted line is guessing. Network and images are
small here, so that it takes seconds; subject k learns the same items in all three.
"""

import engram as eg
from engram.protocols import ItemSpec, Protocol, each, probe, wake

SUBJECTS = 6
HIDDEN = (64, 64)
KAPPA = 2.0  # sensitivity, in units of 1 / (distance that weights travel in the first item)
FLEXIBILITIES = {"conventional": eg.Fixed(1.0), "hybrid": eg.Uniform(), "stable": eg.Fixed(0.3)}

protocol = Protocol(
    name="ten-items",
    items=ItemSpec(set="digit-pairs", count=10, train=60, test=20),
    schedule=[each("item", [wake("current")]), probe("all")],
)
models = {name: eg.MetaplasticNetwork(flexibility=f, hidden=HIDDEN, kappa=KAPPA) for name, f in FLEXIBILITIES.items()}
run = eg.run(protocol, models, subjects=SUBJECTS, seed=1, out="runs/ten-items.h5", overwrite=True)
final = eg.analysis.final_performance(run.performance())
print(final.groupby(["model", "item"], sort=False)["performance"].mean().unstack().round(2).to_string())
eg.analysis.plot_serial_position(run.performance()).figure.savefig("runs/serial_position.png")
