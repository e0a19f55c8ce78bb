"""The timeline of a protocol: a schedule of blocks, laid out step by step.

A protocol says in a few lines what happens to every subject; ``unroll`` makes of it the list of steps that all models
go through. Dots are the items that one subject is presented, grey bands tests, blue ones sleep. Looked at in this way
before a run of hours, most mistakes of a design can be seen.
"""

from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import engram as eg
from engram.protocols import ItemSpec, Protocol, each, probe, repeat, sleep, wake

protocol = Protocol(
    name="two-lists-two-nights",
    items=ItemSpec(set="patterns", count=8, lists={"A": [0, 1, 2, 3], "B": [4, 5, 6, 7]}),
    schedule=[
        repeat(2, [each("item", [wake("current")], of="A", order="shuffled")], label="repetition"),
        probe("A", kind="cued", cue={"fraction": 0.5}),
        sleep("6 h"),
        wake("B", order="shuffled", exposures=2),
        probe("all", kind="cued", cue={"fraction": 0.5}),
        sleep("6 h"),
        probe("all", kind="cued", cue={"fraction": 0.5}),
    ],
)
timeline = eg.protocols.unroll(protocol)
print(timeline)
presented = timeline.presentations(np.random.default_rng(1))  # what one subject gets

figure, ax = plt.subplots(figsize=(9, 3.2), layout="constrained")
for step in timeline:
    if step.kind in ("probe", "sleep"):
        ax.axvspan(step.index - 0.4, step.index + 0.4, color="0.85" if step.kind == "probe" else "#9ecae1")
        ax.text(step.index, 8.8, step.kind, ha="center", fontsize="small")
    elif step.kind == "wake":
        items = presented.of(step.index).item + 1
        ax.plot(step.index + np.linspace(-0.3, 0.3, len(items) + 2)[1:-1], items, "ko", markersize=4)
ax.set(xlabel="step of the timeline", ylabel="item", ylim=(0.3, 9.5), yticks=range(1, 9))

Path("runs").mkdir(exist_ok=True)
figure.savefig("runs/timeline.png")
