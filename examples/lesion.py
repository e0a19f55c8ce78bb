"""Which pathway does the work: parts of a circuit are silenced for a night, or for a single probe.

A line for each part that is silent at night: recall in the morning, intact and with other parts silenced at the test.
With the way from hippocampus to cortex cut (H-C) the cortex learns nothing in the night: it is this pathway, and not
sleep as such, that consolidates.
"""

import engram as eg
from engram.protocols import ItemSpec, Protocol, lesion, probe, sleep, wake

SUBJECTS = 3
COUNT = 8
CYCLES = 4
NIGHTS = ("none", "H-C", "H-H")  # what is silent: modules, populations, and projections, from H to C: H-C
CYCLE = [{"nrem": "60 min"}, {"rem": "30 min"}]
half = {"fraction": 0.5}


def night_without(part):
    """A day and a night; during the night one part of the circuit is silent."""
    tested = probe("all", kind="cued", cue=half, lesions=["none", "hippocampus", "H-H", "C-C"], label="morning")
    schedule = [wake("all", exposures=3, order="shuffled"), lesion(part), sleep(cycles=CYCLES, stages=CYCLE)]
    name = f"night-without-{part.lower()}"
    return Protocol(
        name=name, items=ItemSpec(set="patterns", count=COUNT), schedule=[*schedule, lesion("none"), tested]
    )


for part in NIGHTS:
    run = eg.run(night_without(part), "two-stage", subjects=SUBJECTS, seed=1, out=f"runs/{part}.h5", overwrite=True)
    recall = run.performance().mean(["model", "subject", "item"])
    found = {str(row.lesion.values): round(float(row), 2) for row in recall}
    print(f"silent at night: {part}; recall in the morning without {found}")
