"""A list learned nine times and then poisoned, kept by one network and lost by another."""

import engram as eg

SUBJECTS = 3

models = {"conventional": eg.MetaplasticNetwork(flexibility=eg.Fixed(1.0)), "hybrid": eg.MetaplasticNetwork()}
run = eg.run("hebb-repetition", models, subjects=SUBJECTS, seed=7, out="runs/hebb.h5", overwrite=True)
performance = run.performance()  # xarray: model × subject × probe × item
print(eg.analysis.minimum_by_repetition(performance))  # the weakest item of each subject, after each repetition
print(eg.analysis.retention_after_poisoning(performance))
eg.analysis.plot_recording(run).savefig("runs/hebb.png")
