"""What people did: four of the data sets that come with engram.

Condition means of classic experiments, with 95 % intervals where the source allows them. Each carries its citation, how
it was scored, what stands for chance, and what it cannot show. These are what models are held against; ``engram list
datasets`` has them all.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

from engram.data.behaviour import dataset

SHOWN = {  # name: what stands on the horizontal axis, what parts the lines
    "page2006-hebb": ("repetition", "list_type"),
    "grenfell-essam-ward2012-free": ("position", "length"),
    "farrell-lewandowsky2004-serial": ("position", "condition"),
    "ebbinghaus1885-forgetting": ("delay_hours", None),
}

figure, axes = plt.subplots(2, 2, figsize=(9.5, 6.4), layout="constrained")
for ax, (name, (across, parted_by)) in zip(axes.flat, SHOWN.items(), strict=True):
    data = dataset(name)
    print(f"{name}: {data.citation}")
    groups = data.conditions.groupby(parted_by) if parted_by else [("", data.conditions)]
    for shade, (level, rows) in enumerate(groups):
        color = plt.get_cmap("viridis")(shade / max(1, len(groups) - 1) * 0.85)
        ax.plot(rows[across], rows["mean"], "o-", color=color, markersize=3, label=str(level))
        ax.fill_between(rows[across], rows["low"], rows["high"], color=color, alpha=0.15, linewidth=0)
    ax.set(title=name, xlabel=across.replace("_", " "), ylabel=data.measure, ylim=(0, 1))
    if parted_by:
        ax.legend(title=parted_by.replace("_", " "), fontsize="x-small", title_fontsize="x-small", ncols=2)
axes.flat[-1].set_xscale("log")

Path("runs").mkdir(exist_ok=True)
figure.savefig("runs/human_data.png")
