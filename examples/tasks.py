"""Digits in five tasks: what a network still knows of each, with and without replay.

A network that only learns the task at hand (``finetune``) forgets the ones before at once: after each task it is right
about that task alone, which is the diagonal of its matrix. Replay of a few stored images (``er``, here within 8 kB)
keeps most. That, and not the learning of any one task, is the problem of continual learning. Accuracy is that of a
choice among all ten classes; no task is named.
"""

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt

import engram as eg
from engram.models.deep import ExperienceReplay, FineTune, SmallConvNet
from engram.protocols import ItemSpec, Protocol, each, probe, wake

SUBJECTS = 4
BUDGET = "8kB"

protocol = Protocol(
    name="digits-in-five-tasks",
    items=ItemSpec(set="digits", count="all", train=50, test=25, lists={"count": 5}),
    schedule=[each("task", [wake("current", order="shuffled"), probe("seen")], label="task")],
)
small = {"backbone": SmallConvNet(width=8), "epochs": 3}
models = {"finetune": FineTune(**small), "er": ExperienceReplay(store="raw", **small)}
run = eg.run(protocol, models, subjects=SUBJECTS, seed=1, budget=BUDGET, out="runs/tasks.h5", overwrite=True)

figure, (left, *right) = plt.subplots(1, 3, figsize=(11, 3.4), layout="constrained", width_ratios=(1.5, 1, 1))
performance, taught = run.performance(), eg.analysis.tasks_of(run.presentations(), run.phases())
eg.analysis.plot_accuracy_over_tasks(eg.analysis.accuracy_on_seen(performance, taught), ax=left)
left.legend(fontsize="small")
for ax, name in zip(right, ("finetune", "er"), strict=True):
    eg.analysis.plot_task_matrix(eg.analysis.accuracy_matrix(performance, taught), ax=ax, model=name)
    ax.set_title(name)
figure.savefig("runs/tasks.png")
