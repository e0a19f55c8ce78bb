"""The Hebb effect, held against people: a list that comes back among lists of the same items.

Every third list is the same one, and nobody says so. Fillers hold the same items in other orders, so only the order can
be learned. Lines are networks whose synapses are mixed, all flexible or all stable; marks are people (Page et al.,
2006). The report under the figure says how far each network is from people, where 1 would be as close as a second
sample of people, and which findings of the experiment it shows and which it does not. Its verdict is not spared.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import engram as eg
from engram.data.behaviour import dataset
from engram.models.ordered import PositionalNetwork

SUBJECTS = 40

models = {
    "mixed": PositionalNetwork(flexibility=eg.Uniform()),
    "flexible": PositionalNetwork(flexibility=eg.Fixed(1.0)),
    "stable": PositionalNetwork(flexibility=eg.Fixed(0.3)),
}
run = eg.run("hebb-and-fillers", models, subjects=SUBJECTS, seed=1, out="runs/hebb-and-fillers.h5", overwrite=True)
people = dataset("page2006-hebb")
report = eg.analysis.compare(run, people)
print(report.text())

figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained", sharey=True)
for ax, name in zip(axes, models, strict=True):
    scores = eg.analysis.condition_table(run, people, name)
    eg.analysis.plot_hebb_curves(scores, ax=ax)
    for (kind, rows), marker in zip(people.conditions.groupby("list_type"), "xo", strict=True):
        ax.plot(rows["repetition"], rows["mean"], marker, color="0.4", fillstyle="none", label=f"people, {kind}")
    ax.set(title=name, ylim=(0, 1))
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize="small")
figure.savefig("runs/hebb_and_people.png")
