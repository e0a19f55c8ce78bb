"""How fast circuits are, against their targets: prints tables and keeps them in benchmarks/results/.

    python benchmarks/circuit_speed.py                  everything, about an hour of one core
    python benchmarks/circuit_speed.py --only memory    one measurement, printed and not kept

Speeds are CPU time on one thread. Two things are compared in one run, in turns (A B A B ...), each from the same state;
a ratio is the median over the rounds, with the smallest and the largest beside it. What counts memory, compiled modules
or the whole of a run has a process of its own.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from circuit_measuring import QUICK, Sizes, Stopwatch, in_turns
from circuit_scaling import rows_table, scaling
from measuring import Line, ratio
from same_network import DRIVE_RATE, Target, by_engram, by_hand, described
from same_network import Sizes as NetworkSizes
from speed import RESULTS, machine, table
from two_stage_speed import compiling, consolidation, many_phases, memory

from engram.models.spiking import CircuitModel
from engram.protocols import ItemSpec, Protocol, wake
from engram.sim import run

# Against Brian2 by hand -----------------------------------------------------------------------------------------------


def against_brian2(sizes: Sizes) -> list[Line]:
    """The same network by engram and written in Brian2 by hand, on each target."""
    return [line for target, seconds in sizes.seconds for line in on_target(sizes, target, seconds)]


def on_target(sizes: Sizes, target: Target, seconds: float) -> list[Line]:
    import brian2

    ours = by_engram(sizes.network, target)
    written = by_hand(sizes.network, target, ours)
    ours.run(0.1, seed=0)
    ours.take_spikes()
    beginning = ours.state()
    written.run(0.1 * brian2.second, namespace={})
    written.store()
    spikes = written["spikes_of_E"]
    fired = np.zeros(2)

    def engram() -> float:
        ours.load_state(beginning)
        start = time.process_time()
        ours.run(seconds, seed=1)
        ours.take_spikes()
        stop = time.process_time()
        fired[0] += ours.counts("E").sum()
        return stop - start

    def brian() -> float:
        written.restore()
        before = spikes.num_spikes
        start = time.process_time()
        written.run(seconds * brian2.second, namespace={})
        stop = time.process_time()
        fired[1] += spikes.num_spikes - before
        return stop - start

    def prepared() -> float:
        start = time.process_time()
        written.run(0 * brian2.second, namespace={})
        return time.process_time() - start

    def recorded() -> float:
        return 5 * recorded_fifth(sizes.network, target, seconds / 5)

    by_us, with_file, hand, preparing = in_turns((engram, recorded, brian, prepared), sizes.rounds)
    what = f"{seconds:g} simulated s, {target}"
    rates = fired / (sizes.rounds + 1) / seconds / sizes.network.excitatory
    return [
        ratio(f"engram / Brian2 by hand, {what}", by_us, hand, at_most=1.05),
        ratio(f"engram with its recording / Brian2 by hand, {what}", with_file, hand, at_most=1.10),
        ratio(f"engram / Brian2 by hand less what it prepares at every run, {what}", by_us, hand - preparing),
        Line(
            what=f"rate of the excitatory cells, {what}", measured=rates[0], unit="Hz", spread=f"{rates[1]:.3g} by hand"
        ),
    ]


def recorded_fifth(network: NetworkSizes, target: Target, seconds: float) -> float:
    """CPU seconds of one exposure of so many simulated seconds, recorded."""
    options = {"cells": network.excitatory, "active": network.driven}
    procedure = {
        "target": target,
        "driven": "E",
        "drive_rate": f"{DRIVE_RATE} Hz",
        "exposure": f"{seconds!r} s",
        "gap": "0 ms",
    }
    protocol = Protocol(
        name="exposures",
        items=ItemSpec(set="patterns", count=2, options=options),
        schedule=[wake("all", exposures=3)],
    )
    model, watch = CircuitModel(circuit=described(network), procedure=procedure), Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        run(protocol, {"circuit": model}, subjects=1, threads=1, out=Path(folder, "run.h5"), reporter=watch)
    return watch.per_piece


# The tables -----------------------------------------------------------------------------------------------------------

MEASUREMENTS: dict[str, Callable[[Sizes], list[Line]]] = {
    "brian2": against_brian2,
    "phases": many_phases,
    "compiling": compiling,
    "memory": memory,
    "consolidation": consolidation,
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, keep; 1 with ``--strict`` where a target is missed."""
    parser = argparse.ArgumentParser(description="How fast circuits are, against their targets.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes, without a compiler: says nothing about speed")
    parser.add_argument("--only", choices=[*MEASUREMENTS, "scaling"], help="one measurement")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a target is missed")
    parser.add_argument("--out", type=Path, help="folder of the results; whole tables go to benchmarks/results")
    asked = parser.parse_args(arguments)

    import brian2
    from threadpoolctl import threadpool_limits

    sizes = QUICK if asked.quick else Sizes()
    about = {**machine(), "brian2": brian2.__version__}
    lines: list[Line] = []
    rows: list[dict[str, Any]] = []
    with threadpool_limits(1):
        for name in [asked.only] if asked.only else [*MEASUREMENTS, "scaling"]:
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            if name == "scaling":
                rows = scaling(sizes.scaling)
            else:
                lines += MEASUREMENTS[name](sizes)
    text = "\n\n".join(part for part in (lines and table(lines), rows and rows_table(rows)) if part)
    print(text)
    if asked.out or not (asked.quick or asked.only):
        keep(lines, rows, about, text, asked.out or RESULTS)
    return int(asked.strict and any(line.verdict == "missed" for line in lines))


def keep(lines: Sequence[Line], rows: Sequence[dict[str, Any]], about: dict[str, Any], text: str, folder: Path) -> None:
    """Write circuit_speed.json and circuit_speed.md."""
    folder.mkdir(parents=True, exist_ok=True)
    found = {
        "machine": about,
        "lines": [asdict(line) | {"verdict": line.verdict} for line in lines],
        "scaling": list(rows),
    }
    written = json.dumps(found, indent=2, ensure_ascii=False)
    (folder / "circuit_speed.json").write_text(written + "\n", encoding="utf-8")
    where = "; ".join(f"{name} {value}" for name, value in about.items())
    (folder / "circuit_speed.md").write_text(f"# Circuits: speed and memory\n\n{where}\n\n{text}\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
