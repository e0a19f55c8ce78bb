"""Does mixed stability bring about a Hebb effect among fillers that permute the same items?

    python benchmarks/ordered_hebb.py --subjects 100 --seeds 2001 2002
    python benchmarks/ordered_hebb.py --kappas 0.03 0.1 --seeds 100

A sweep of the positional network over flexibilities and kappa on the human design (16 cycles of two fillers and the
repeated list). Seeds 100 to 199 were used while the model was made; what is reported is of seeds from 2001 on. Printed
as a table of CSV, one row for each model: levels, slopes per cycle, and the difference of slopes with its 95 % interval
over subjects.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from numpy.typing import NDArray

import engram as eg
from engram.models import Fixed, Uniform
from engram.models.base import Model
from engram.models.ordered import SIMPLE, PositionalNetwork, PrimacyModel
from engram.protocols import load, unroll

CYCLES = 16
RATES = (0.2, 0.3, 0.4, 0.5)


def models(kappas: list[float]) -> dict[str, Model]:
    """What is compared, by name."""
    grid: dict[str, Model] = {"flexible": PositionalNetwork(flexibility=Fixed(1.0))}
    for rate in RATES:  # ordinary synapses that learn less from a presentation, for a level like that of the others
        grid[f"flexible-rate-{rate:g}"] = PositionalNetwork(flexibility=Fixed(1.0), learning_rate=rate)
    for kappa in kappas:
        grid[f"mixed-{kappa:g}"] = PositionalNetwork(flexibility=Uniform(), kappa=kappa)
        grid[f"stable-{kappa:g}"] = PositionalNetwork(flexibility=Fixed(0.3), kappa=kappa)
    return {**grid, "simple": SIMPLE(), "primacy": PrimacyModel()}


def levels(performance: NDArray) -> tuple[NDArray, NDArray]:
    """Proportion recalled of the repeated list, and of the fillers of its cycle: each [subject, cycle]."""
    steps = unroll(load("hebb-and-fillers")).steps
    lists = np.array([step.list for step in steps if step.kind == "probe"])
    recalled = np.nanmean(performance, axis=2)  # [subject, probe]
    fillers = recalled[:, lists == "filler"].reshape(len(recalled), CYCLES, -1)
    return recalled[:, lists == "hebb"], fillers.mean(axis=2)


def slopes(curves: NDArray) -> NDArray:
    """Least-squares slope over cycles of each subject, [subject]."""
    cycle = np.arange(CYCLES) - (CYCLES - 1) / 2
    return np.asarray(curves @ cycle / (cycle @ cycle))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--subjects", type=int, default=100)
    parser.add_argument("--seeds", type=int, nargs="+", default=[2001, 2002, 2003])
    parser.add_argument("--kappas", type=float, nargs="+", default=[0.03, 0.1, 0.3, 1.0])
    given = parser.parse_args()
    compared = models(given.kappas)
    measured: dict[str, list[tuple[NDArray, NDArray]]] = {name: [] for name in compared}
    for seed in given.seeds:
        with tempfile.TemporaryDirectory() as folder:
            out = Path(folder) / "hebb.h5"
            run = eg.run("hebb-and-fillers", models=compared, subjects=given.subjects, seed=seed, out=out)
            performance = run.performance()
            for name in compared:
                measured[name].append(levels(performance.sel(model=name).transpose("subject", "probe", "item").values))
    print("model,repeated 1,repeated 16,filler 1,filler 16,slope repeated,slope filler,difference,low,high")
    for name, parts in measured.items():
        repeated, fillers = (np.concatenate(column) for column in zip(*parts, strict=True))
        difference = slopes(repeated) - slopes(fillers)
        half = 1.96 * difference.std(ddof=1) / np.sqrt(len(difference))
        ends = [repeated[:, 0], repeated[:, -1], fillers[:, 0], fillers[:, -1]]
        numbers = [*(f"{end.mean():.2f}" for end in ends), *(f"{slopes(c).mean():.4f}" for c in (repeated, fillers))]
        bounds = [f"{difference.mean() + shift:.4f}" for shift in (0, -half, half)]
        print(",".join([name, *numbers, *bounds]))
    sys.stdout.flush()


if __name__ == "__main__":
    main()
