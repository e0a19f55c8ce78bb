"""Digits in five tasks: what replay and sleep keep at two budgets, and what is left without the hippocampus.

Tables of accuracy and forgetting by learner and budget, with the bytes and image passes that each took; then accuracy
with and without the store at the test. Learners that answer by replay alone do not miss it, one that recognises by its
store does; the difference says where a memory lies.
"""

import engram as eg
from engram.models.deep import BrainCL, ExperienceReplay, MixedStabilityCortex
from engram.protocols import ItemSpec, Protocol, each, probe, sleep, wake

SUBJECTS = 2
BUDGETS = ("4kB", "16kB")  # 68 bytes for an image of 8 × 8 pixels

protocol = Protocol(
    name="digits-in-tasks",
    about="Two digits at a time, a night after each; in the end with and without the hippocampus.",
    items=ItemSpec(set="digits", count="all", lists={"count": 5}),
    schedule=[
        each("task", [wake("current", order="shuffled"), sleep(), probe("seen")], label="task"),
        probe("all", lesions=["none", "hippocampus"], label="after"),
    ],
)
# At so small a size no cue is shorter than the pixels. Recognition answers by what is recalled, beside the cortex.
hippocampus = {"store": "raw", "recognition": {"neighbours": 3}}
models = {
    "er": ExperienceReplay(store="raw", batch_size=32),
    "braincl": BrainCL(**hippocampus, batch_size=32),
    "braincl-stable": BrainCL(**hippocampus, batch_size=32, mixed_stability=MixedStabilityCortex()),
}
settings = {"subjects": SUBJECTS, "seed": 7, "threads": 1, "overwrite": True}
runs = [eg.run(protocol, models, budget=budget, out=f"runs/{budget}.h5", **settings) for budget in BUDGETS]
table = eg.analysis.continual_table(runs)  # one row per recording, model and subject
shown = ["average_incremental", "last", "forgetting", "bytes", "image_passes"]
print(table.groupby(["model", "budget"])[shown].mean().round(3).to_string())

recall = eg.analysis.recall_over_nights(runs[-1].performance(), runs[-1].phases())
last_night = recall[recall["night"] == recall["night"].max()]
lesioned = last_night.groupby(["model", "lesion"])["recall"].mean().unstack()
print(lesioned.round(3))

eg.analysis.plot_recordings(runs).savefig("runs/digits-in-tasks.png")
