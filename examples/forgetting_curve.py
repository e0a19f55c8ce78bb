"""Forgetting: a list recalled after 20 minutes to a month.

Time is logarithmic. Synapses of one flexibility forget within a short stretch of that axis; mixed ones spread their
forgetting over a long one, which is nearer to the shape that people's curves have, here Ebbinghaus' own. He measured
savings of learning a list again, so that the shape can be compared with recall, and the height cannot.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import pandas as pd

import engram as eg
from engram.data.behaviour import dataset
from engram.models.ordered import PositionalNetwork

SUBJECTS = 60

models = {
    "mixed": PositionalNetwork(flexibility=eg.Uniform()),
    "flexible": PositionalNetwork(flexibility=eg.Fixed(1.0)),
    "stable": PositionalNetwork(flexibility=eg.Fixed(0.3)),
}
run = eg.run("forgetting", models, subjects=SUBJECTS, seed=1, out="runs/forgetting.h5", overwrite=True)
recalls, studied = (
    pd.concat([table(name).assign(model=name) for name in models]) for table in (run.recalls, run.studied)
)
scored = eg.analysis.score_recalls(recalls, studied, "strict")
means = eg.analysis.condition_means(eg.analysis.scores_by_subject(scored, ("delay",)), ("delay",))
people = dataset("ebbinghaus1885-forgetting").conditions

figure, ax = plt.subplots(figsize=(6, 3.8), layout="constrained")
for name, style in eg.analysis.model_styles(list(models)).items():
    rows = means[means["model"] == name]
    ax.plot(rows["delay"] / 3600, rows["mean"], **style.line, label=f"{name}: recalled")
ax.plot(people["delay_hours"], people["mean"], "kx:", label="Ebbinghaus: savings")
ax.set(xscale="log", xlabel="delay (hours)", ylabel="proportion", ylim=(0, 1))
ax.legend(fontsize="small")
figure.savefig("runs/forgetting_curve.png")
