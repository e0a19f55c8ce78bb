"""What the sensitivity does: from too flexible to too stable, on one list of ten items.

The one free parameter of the rule, over nearly three orders of magnitude. At the left, networks are conventional: the
last item is known best, the first hardly. At the right they stop with the first item. What lies between decides whether
a claim about mixed stability is one about the rule or about a number that was well chosen.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import engram as eg

SUBJECTS = 3
KAPPAS = (0.1, 0.5, 2.0, 10.0, 50.0)  # sensitivity in units of 1 / (distance that a weight travels in the first item)
EPOCHS = 3

models = {f"kappa-{kappa:g}": eg.MetaplasticNetwork(kappa=kappa, epochs_per_exposure=EPOCHS) for kappa in KAPPAS}
run = eg.run("serial-position-10", models, subjects=SUBJECTS, seed=1, out="runs/sensitivity.h5", overwrite=True)
print(run.subjects().groupby("model", sort=False)["sensitivity"].mean())  # what kappa came to, in 1 / weight

final = eg.analysis.final_performance(run.performance())
by_place = final.groupby(["model", "item"], sort=False)["performance"].mean().unstack()
figure, ax = plt.subplots(layout="constrained")
ax.plot(KAPPAS, by_place[1], "o-", label="first item")
ax.plot(KAPPAS, by_place.loc[:, 2:9].mean(axis=1), "^:", label="items between")
ax.plot(KAPPAS, by_place[10], "s--", label="last item")
ax.set(xscale="log", xlabel="kappa", ylabel="performance at the end", ylim=(0, 1))
ax.legend()
figure.savefig("runs/sensitivity.png")
