"""How long a thousand subjects take to study and recall 48 lists of eight items, on one core.

    python benchmarks/ordered_speed.py
    python benchmarks/ordered_speed.py --subjects 200 --run

Two kinds of lists: new ones that permute the same eight items (the human Hebb design), and ones of new items. With
``--run`` the same is timed as a whole run that writes a recording.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import numpy as np

import engram as eg
from engram.data.item_sets import item_set
from engram.models import model
from engram.protocols import ItemSpec, Protocol, each, load, probe, wake
from engram.sim.planning import make_plan

LISTS, LENGTH, SEED = 48, 8, 100


def protocols() -> dict[str, Protocol]:
    """The protocols that are timed, by what their lists are made of."""
    count = LISTS * LENGTH
    new_items = Protocol(
        name="new-items",
        items=ItemSpec(set="patterns", count=count, options={"classes": count}, lists={"size": LENGTH, "count": LISTS}),
        schedule=[each("list", [wake("current"), probe("current", kind="recall", scoring="strict")])],
        record={"responses": "none"},
    )
    return {"permuted": load("hebb-and-fillers"), "new items": new_items}


def session_seconds(protocol: Protocol, name: str, subjects: int) -> tuple[float, float]:
    """Processor time that a session takes, in s: to begin, and to go through the protocol."""
    settings = {"device": "cpu", "threads": 1, "subjects": subjects}
    spec = protocol.items
    pool = item_set(spec.set, **spec.options).pool()
    plan = make_plan(protocol, {name: model(name)}, pool, SEED, settings, None)
    batch = plan.subjects(name, 0)
    start = time.process_time()
    session = plan.simulators[name].session(batch)
    begun = time.process_time()
    for step in plan.timeline.steps:
        if step.kind == "probe":
            session.probe(step, np.empty(0, dtype=bool))
        else:
            for _ in getattr(session, step.kind)(step):
                pass
        session.drain()
    return begun - start, time.process_time() - begun


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--subjects", type=int, default=1000)
    parser.add_argument("--models", default="positional,positional-flexible,simple,primacy")
    parser.add_argument("--run", action="store_true", help="time whole runs as well")
    given = parser.parse_args()
    print(
        f"{given.subjects} subjects, {LISTS} lists of {LENGTH}\n{'model':22}{'lists':12}{'begin':>8}{'lists':>8}",
        end="",
    )
    print(f"{'run':>8}" if given.run else "")
    for name in given.models.split(","):
        for lists, protocol in protocols().items():
            begin, through = session_seconds(protocol, name, given.subjects)
            print(f"{name:22}{lists:12}{begin:7.1f}s{through:7.1f}s", end="", flush=True)
            if given.run:
                with tempfile.TemporaryDirectory() as folder:
                    start = time.process_time()
                    eg.run(protocol, models=[name], subjects=given.subjects, seed=SEED, out=Path(folder) / "run.h5")
                    print(f"{time.process_time() - start:7.1f}s", end="")
            print(flush=True)


if __name__ == "__main__":
    main()
