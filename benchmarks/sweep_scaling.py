"""A sweep on two workers against the same sweep without: time, and that not a bit differs.

``python benchmarks/sweep_scaling.py`` takes about as long as 96 runs one after another; ``--runs 4 --subjects 1`` is a
try. Nothing else may run on the two cores meanwhile.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from engram.data.recording import open_recording
from engram.sim.sweeping import sweep

PROTOCOL = "hebb-repetition"
MOST = 1.15
"""Times half of the time without workers that two may take."""


def compared(runs: int, subjects: int, workers: int, folder: Path) -> dict[str, Any]:
    """Times of a sweep of so many runs, without workers and with; the recordings are compared.

    Parameters
    ----------
    runs : int
        Values of the parameter that is varied, each one run of `subjects` subjects together.
    subjects : int
    workers : int
    folder : path
        For the two recordings.
    """
    vary = {"hybrid.rate": np.linspace(0.5, 1.0, runs).tolist()}
    seconds = {}
    for name, hands in (("here", 1), ("workers", workers)):
        start = time.perf_counter()
        sweep(PROTOCOL, ["hybrid"], vary, subjects=subjects, seed=1, out=folder / f"{name}.h5", workers=hands)
        seconds[name] = time.perf_counter() - start
    simulated = open_recording(folder / "here.h5").log["wall_s"]
    return {
        "runs": runs,
        "seconds_of_a_run": round(simulated / runs, 2),
        "seconds_here": round(seconds["here"], 1),
        "workers": workers,
        "seconds_on_workers": round(seconds["workers"], 1),
        "times_the_ideal": round(seconds["workers"] * workers / seconds["here"], 3),
        "same_bits": same_bits(folder / "here.h5", folder / "workers.h5"),
    }


def same_bits(first: Path, second: Path) -> bool:
    """Whether every number and attribute of two recordings is the same, but for the log."""
    with h5py.File(first) as one, h5py.File(second) as other:
        found = [_parts(one), _parts(other)]
    return found[0] == found[1]


def _parts(file: h5py.File) -> dict[str, bytes]:
    parts: dict[str, bytes] = {}

    def visit(name: str, thing: h5py.Dataset | h5py.Group) -> None:
        if name.partition("/")[0] == "log":
            return
        if isinstance(thing, h5py.Dataset):
            parts[name] = np.asarray(thing[()]).tobytes()
        for key, value in thing.attrs.items():
            if not np.asarray(value).dtype.hasobject:  # references of one dataset to another
                parts[f"{name}@{key}"] = np.asarray(value).tobytes()

    visit("", file)
    file.visititems(visit)
    return parts


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--runs", type=int, default=64)
    parser.add_argument("--subjects", type=int, default=10, help="subjects of a run, which set how long it takes")
    parser.add_argument("--workers", type=int, default=2)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        outcome = compared(given.runs, given.subjects, given.workers, Path(folder))
    print(json.dumps(outcome, indent=2))
    if outcome["seconds_of_a_run"] >= 10 and outcome["times_the_ideal"] > MOST:
        raise SystemExit(f"more than {MOST} times the ideal")
