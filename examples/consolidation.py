"""Systems consolidation: what the hippocampus learned in a day, the cortex recalls alone after some nights.

Recall by night, intact and without the hippocampus; beside it how often items were replayed, how long, and how clearly.
In the first evening nothing can be recalled without the hippocampus; after each night more can, although nothing was
presented again. That is what a theory of consolidation in sleep has to show, and where a lesion is its test.
"""

import matplotlib

matplotlib.use("Agg")
import engram as eg

SUBJECTS = 5
WORKERS = 1  # subjects simulated at the same time

if __name__ == "__main__":  # needed where WORKERS is more than 1
    run = eg.run(
        "systems-consolidation",
        "two-stage",
        subjects=SUBJECTS,
        seed=1,
        workers=WORKERS,
        out="runs/consolidation.h5",
        overwrite=True,
    )
    # Recall is the area under the ROC curve of cells that belong to an item and were not cued; .5 is chance.
    recall = eg.analysis.recall_over_nights(run.performance(), run.phases())
    print(recall.groupby(["lesion", "night"])["recall"].agg(["mean", "std"]).round(2))
    replay = eg.analysis.replay_by_night(run)
    print(replay.groupby("night")[["per_simulated_second", "median_ms", "matched"]].mean().round(2))
    figure = eg.analysis.plot_nights(recall, chance=0.5).figure
    figure.savefig("runs/consolidation.png")
