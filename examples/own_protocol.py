"""A protocol of your own: written in Python, kept as YAML, run, and read again with plain h5py and with engram.

List A is learned, then list B; how much of list A is left? Performance on the first list falls as the second is learned
over it: less so where synapses are of mixed stability, which in turn take in less of list B. In the figure, items 1 to
3 are list A, 4 to 6 list B; under it stands the paired comparison of the two networks, subject by subject.
"""

from pathlib import Path

import h5py
import numpy as np

import engram as eg
from engram.protocols import ItemSpec, Protocol, each, probe, repeat, wake

SUBJECTS = 6
FOLDER = Path("runs")

protocol = Protocol(
    name="interference",
    about="List A is learned three times, then list B; what is left of list A?",
    items=ItemSpec(set="digit-pairs", count=6, train=60, test=40, lists={"A": [0, 1, 2], "B": [3, 4, 5]}),
    schedule=[
        repeat(3, [each("item", [wake("current")], of="A"), probe("A")], label="repetition"),
        wake("B", order="shuffled", exposures=3, label="interference"),
        probe("all", label="after"),
    ],
)
FOLDER.mkdir(exist_ok=True)
(FOLDER / "interference.yaml").write_text(protocol.to_yaml(), encoding="utf-8")
print(eg.protocols.unroll(protocol))

out = FOLDER / "interference.h5"
run = eg.run(FOLDER / "interference.yaml", "conventional,hybrid", subjects=SUBJECTS, seed=1, out=out, overwrite=True)

# With h5py alone, as docs/recording-format.md describes it: list A before and after list B.
with h5py.File(out, "r", locking=False) as file:
    for name in file["models"]:
        subjects = file["models"][name]["subjects"]
        tested = np.stack(
            [subjects[str(k)]["probes/performance"][:] for k in range(SUBJECTS)]
        )  # subject × probe × item
        print(f"{name}: list A {tested[:, -2, :3].mean():.2f} before list B, {tested[:, -1, :3].mean():.2f} after it")

# The same with labels, and a paired comparison: subject k learned the same items in both models.
performance = eg.open(out).performance()
kept = performance.isel(probe=performance.label == "after").sel(item=[1, 2, 3]).mean(["probe", "item"])
table = kept.to_dataframe(name="kept").reset_index()
print(eg.analysis.compare_models(table, "hybrid", "conventional", value="kept").T)
eg.analysis.plot_serial_position(performance).figure.savefig("runs/interference.png")
