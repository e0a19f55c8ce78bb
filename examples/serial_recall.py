"""Serial recall by list length: a network with order, beside people.

Left, lists of six, eight and twelve new items, shown once and recalled in their order by simulated subjects; right,
people who wrote down lists of words (Grenfell-Essam & Ward, 2012). The first items come back best, the last one better
than those before it, and long lists badly: any account of memory for order has to bring forth these bows. The network
has contexts of place and of time, and synapses of mixed stability between them and the items. It does not know these
people: nothing was fitted to this figure.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import engram as eg
from engram.data.behaviour import dataset
from engram.models.ordered import PositionalNetwork

SUBJECTS = 40
LENGTHS = (6, 8, 12)

run = eg.run(
    "serial-recall",
    {"positional": PositionalNetwork()},
    subjects=SUBJECTS,
    seed=1,
    out="runs/serial.h5",
    overwrite=True,
)
curves = eg.analysis.recall_by_position(run.recalls("positional"), run.studied("positional"), "strict")
people = dataset("grenfell-essam-ward2012-serial").conditions.rename(columns={"length": "list_length"})

figure, axes = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained", sharey=True)
for ax, name, table in zip(axes, ("positional network", "people"), (curves, people), strict=True):
    eg.analysis.plot_recall_by_position(table[table["list_length"].isin(LENGTHS)], ax=ax)
    ax.set(title=name, ylim=(0, 1))
axes[1].legend(fontsize="small")
figure.savefig("runs/serial_recall.png")
