"""Free recall: where it begins, and where it goes next.

Twelve items are shown, then recalled in any order. Left, how often each position comes out at all; in the middle, how
often it comes first. Right, wherever recall stands, how far away the next item was in the list: near ones come, and
rather the following than the one before (the lag-CRP of Kahana, 1996). Models that recall equally much are told apart
by these three curves.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import engram as eg
from engram.models.ordered import PositionalNetwork

SUBJECTS = 40

run = eg.run(
    "free-recall-12", {"positional": PositionalNetwork()}, subjects=SUBJECTS, seed=1, out="runs/free.h5", overwrite=True
)
recalls, studied = (
    table[table["label"] != "final"] for table in (run.recalls("positional"), run.studied("positional"))
)

figure, (by_position, first, next_one) = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained")
eg.analysis.plot_recall_by_position(eg.analysis.recall_by_position(recalls, studied, "free"), ax=by_position)
by_position.set_ylim(0, 1)
eg.analysis.plot_first_recall(eg.analysis.first_recall(recalls, studied), ax=first)
eg.analysis.plot_lag_crp(eg.analysis.lag_crp(recalls, studied), ax=next_one)
figure.savefig("runs/free_recall.png")
