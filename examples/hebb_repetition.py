"""A list learned nine times and then poisoned: kept by one network and lost by another.

Panels show the items of the list after some of the repetitions, the weakest and the mean item by repetition, and what
is left after the list came once with wrong labels. What repetition hardens, a hybrid network protects from what comes
later; a conventional one learns the wrong labels as readily as the right ones.
"""

import engram as eg

SUBJECTS = 3

models = {"conventional": eg.MetaplasticNetwork(flexibility=eg.Fixed(1.0)), "hybrid": eg.MetaplasticNetwork()}
run = eg.run("hebb-repetition", models, subjects=SUBJECTS, seed=7, out="runs/hebb.h5", overwrite=True)
performance = run.performance()  # xarray: model × subject × probe × item
print(eg.analysis.minimum_by_repetition(performance))  # the weakest item of each subject, after each repetition
print(eg.analysis.retention_after_poisoning(performance))
eg.analysis.plot_recording(run).savefig("runs/hebb.png")
