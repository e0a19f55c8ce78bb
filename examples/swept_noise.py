"""A sweep: two parameters of a model, in one recording.

Serial recall of eight items against the noise of retrieval, for networks that differ in how weak a memory may be and
still be spoken out. Every combination has the same subjects with the same lists, so that differences between the lines
are those of the parameters alone. Where a curve is steep, a conclusion hangs on that number. ``engram sweep`` does the
same over processes or a cluster, and goes on after an interruption.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import engram as eg
from engram.models.ordered import PositionalNetwork
from engram.protocols import ItemSpec, Protocol, probe, repeat, wake

SUBJECTS = 30
NOISE = [0.0, 0.04, 0.08, 0.12, 0.16]
THRESHOLD = [0.1, 0.3, 0.5]

protocol = Protocol(
    name="eight-items",
    items=ItemSpec(set="patterns", count=32, options={"classes": 32}, lists={"words": {"size": 8, "fresh": True}}),
    schedule=[repeat(4, [wake("words"), probe("words", kind="recall", scoring="strict")], label="list")],
)
vary = {"positional.noise": NOISE, "positional.threshold": THRESHOLD}
run = eg.sweep(
    protocol, {"positional": PositionalNetwork()}, vary, subjects=SUBJECTS, seed=1, out="runs/sweep.h5", overwrite=True
)
scores = (
    run.performance()
    .mean(["probe", "item"])
    .to_dataframe(name="score")
    .reset_index()
    .merge(run.parameters(), on="model")
)
means = scores.groupby(["threshold", "noise"])["score"].agg(["mean", "sem"]).reset_index()

figure, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
for (threshold, rows), marker in zip(means.groupby("threshold"), "os^", strict=True):
    ax.errorbar(
        rows["noise"], rows["mean"], 1.96 * rows["sem"], marker=marker, capsize=2, label=f"threshold {threshold:g}"
    )
ax.set(xlabel="noise of retrieval", ylabel="items recalled at their place", ylim=(0, 1))
ax.legend(fontsize="small")
figure.savefig("runs/swept_noise.png")
