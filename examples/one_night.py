"""A night of hippocampus and cortex: what is recalled without this part or that, and what comes back in sleep.

Printed are recall before and after a night with parts silenced, mean rates in every stage, and which items were
replayed how often. It is the shortest way from a protocol to spikes: everything is in one recording.
"""

import numpy as np

import engram as eg
from engram.protocols import ItemSpec, Protocol, probe, sleep, wake

SUBJECTS = 2
COUNT = 8
NIGHT = "6 h"

asked = probe("all", kind="cued", cue={"fraction": 0.5}, lesions=["none", "hippocampus", "C-C"])
schedule = [wake("all", exposures=3), asked, sleep(NIGHT), asked]
protocol = Protocol(name="one-night", items=ItemSpec(set="patterns", count=COUNT), schedule=schedule)
run = eg.run(protocol, "two-stage", subjects=SUBJECTS, seed=7, out="runs/one-night.h5", overwrite=True)

recall = eg.analysis.recall_over_nights(run.performance(), run.phases())
print(recall.groupby(["night", "lesion"])["recall"].mean().unstack().round(2))  # .5 is chance

times, cells = run.spikes("two-stage", 0, "H")  # of subject 0's hippocampus: simulated seconds, and which cell
segments = run.segments("two-stage", 0)  # what happened when: phase, stage, item, start, stop, ...
for stage, parts in segments.groupby("stage"):
    spikes = np.diff(np.searchsorted(times, parts[["start", "stop"]])).sum()
    rate = spikes / (parts["stop"] - parts["start"]).sum() / run.populations("two-stage")["H"]
    print(f"{stage}: {rate:.1f} Hz")
print(eg.analysis.replay_events(run, "two-stage", subject=0)["item"].value_counts())  # item of each burst
