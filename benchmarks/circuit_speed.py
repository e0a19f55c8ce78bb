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
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from circuit_scaling import ScalingSizes, rows_table, scaling
from measuring import Line, peak_memory_bytes, ratio
from numpy.typing import NDArray
from same_network import DRIVE_RATE, Target, by_engram, by_hand, described
from same_network import Sizes as NetworkSizes
from speed import RESULTS, machine, table

from engram.models.spiking import CircuitModel, cortex, hippocampus, two_stage
from engram.protocols import ItemSpec, Protocol, probe, repeat, sleep, wake
from engram.sim import run
from engram.sim.progress import Reporter


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured; the defaults are those of the kept tables."""

    rounds: int = 7
    network: NetworkSizes = field(default_factory=NetworkSizes)
    seconds: tuple[tuple[Target, float], ...] = (("cython", 10.0), ("numpy", 5.0))  # simulated, of each side
    target: Target = "cython"  # of all that follows
    hippocampal: int = 300
    cortical: int = 500
    phases: int = 50
    phase_seconds: float = 1.0  # simulated
    nights: tuple[int, ...] = (1, 2, 4)
    scaling: ScalingSizes = field(default_factory=ScalingSizes)


QUICK = Sizes(
    rounds=2,
    network=NetworkSizes(excitatory=40, inhibitory=10, in_degree=8),
    seconds=(("numpy", 0.02),),
    target="numpy",
    hippocampal=80,
    cortical=80,
    phases=3,
    phase_seconds=0.02,
    nights=(1, 2),
    scaling=ScalingSizes(networks=((20, 100),), targets=("numpy",), seconds=0.02),
)


class Stopwatch(Reporter):
    """CPU seconds of this process from the first piece of a run on, in which everything is built and prepared."""

    def __init__(self) -> None:
        self.pieces = -1
        self.biological = 0.0

    def simulated(self, seconds: float) -> None:
        self.biological += seconds

    def work(self, model: str, phase: str, doing: str, pieces: int) -> None:
        self.pieces += pieces
        if self.pieces == 0:
            self._started = time.process_time()

    @property
    def per_piece(self) -> float:
        """CPU seconds of every piece after the first; to be read when the run has ended."""
        return (time.process_time() - self._started) / self.pieces


def in_turns(sides: Sequence[Callable[[], float]], rounds: int) -> NDArray[np.float64]:
    """What each side finds, [side, round]; a round before them warms them up."""
    found = [[side() for side in sides] for _ in range(rounds + 1)]
    return np.array(found[1:]).T


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


# Two stages -----------------------------------------------------------------------------------------------------------


def two_stage_model(sizes: Sizes) -> CircuitModel:
    circuit = two_stage(hippocampus(sizes.hippocampal), cortex(sizes.cortical))
    return CircuitModel(circuit=circuit, procedure={"target": sizes.target})


def patterns(sizes: Sizes, count: int) -> ItemSpec:
    cells = sizes.cortical
    return ItemSpec(set="patterns", count=count, options={"cells": cells, "active": round(0.06 * cells)})


def many_phases(sizes: Sizes) -> list[Line]:
    """A recorded protocol of many phases against one uninterrupted run of the bare network."""
    from engram.data.seeds import child_rng
    from engram.sim.circuit_network import CircuitNetwork

    model, items = two_stage_model(sizes), patterns(sizes, 2)
    time_scale = model.procedure.time_scale
    network = CircuitNetwork(model.circuit, lambda *names: child_rng(0, *names), sizes.target)
    beginning = network.state()

    def protocol(phases: int) -> float:
        slept = f"{sizes.phases / phases * sizes.phase_seconds * time_scale} s"
        schedule = [repeat(phases, [sleep(stages=[{"nrem": slept}])])]
        watch = Stopwatch()
        with tempfile.TemporaryDirectory() as folder:
            run(
                Protocol(name="sleeps", items=items, schedule=schedule),
                {"circuit": model},
                subjects=1,
                threads=1,
                out=Path(folder, "run.h5"),
                reporter=watch,
            )
        return watch.per_piece * (watch.pieces + 1)

    def uninterrupted() -> float:
        network.load_state(beginning)
        network.set_state("nrem")
        start = time.process_time()
        network.run(sizes.phases * sizes.phase_seconds, seed=1)
        network.take_spikes()
        return time.process_time() - start

    many, one = in_turns((lambda: protocol(sizes.phases), uninterrupted), sizes.rounds)
    length = f"{sizes.phases * sizes.phase_seconds:g} simulated s"
    return [ratio(f"{sizes.phases} phases, recorded / one run of the network, {length}", many, one, at_most=1.10)]


def compiling(sizes: Sizes) -> list[Line]:
    """What is compiled for each of three subjects, from an empty cache."""
    found = in_own_process("compile_subjects", sizes)
    lines = [
        Line(what="compiled modules, subject 1, from an empty cache", measured=found["modules"][0], unit="modules")
    ]
    for number in (2, 3):
        modules = found["modules"][number - 1] - found["modules"][number - 2]
        lines.append(Line(what=f"compiled modules, subject {number}", measured=modules, unit="modules", at_most=0))
    for number, seconds in enumerate(np.diff([0.0, *found["seconds"]]), start=1):
        lines.append(Line(what=f"CPU time of a short run, subject {number}", measured=float(seconds), unit="s"))
    return lines


def compile_subjects(sizes: Sizes) -> dict[str, Any]:
    """Three subjects through every kind of phase, with a compiler's cache of their own."""
    import brian2

    found: dict[str, list[float]] = {"modules": [], "seconds": []}
    with tempfile.TemporaryDirectory() as folder:
        brian2.prefs["codegen.runtime.cython.cache_dir"] = folder

        class Subjects(Reporter):
            def begin(self, total: int, done: int) -> None:
                self.left = self.each = total // 3

            def work(self, model: str, phase: str, doing: str, pieces: int) -> None:
                self.left -= pieces
                if self.left == 0:
                    self.left = self.each
                    found["modules"].append(len(list(Path(folder).rglob("*.so"))))
                    found["seconds"].append(cpu_seconds())

        schedule = [wake("all"), probe("all"), sleep(stages=[{"nrem": "5 min"}, {"rem": "5 min"}]), wake("all")]
        protocol = Protocol(name="short", items=patterns(sizes, 2), schedule=schedule)
        out = Path(folder, "run.h5")
        run(protocol, {"circuit": two_stage_model(sizes)}, subjects=3, threads=1, out=out, reporter=Subjects())
    return found


def memory(sizes: Sizes) -> list[Line]:
    """Peak memory over nights of sleep."""
    peaks = {nights: in_own_process("sleep_nights", sizes, nights)["peak"] for nights in sizes.nights}
    few, many = sizes.nights[0], sizes.nights[-1]
    spread = ", ".join(f"{peak / 2**20:.1f}" for peak in peaks.values()) + " MiB"
    counted = ", ".join(map(str, sizes.nights))
    what = f"peak memory of {many} nights / of {few} (of {counted} nights)"
    return [Line(what=what, measured=peaks[many] / peaks[few], unit="×", spread=spread, at_most=1.02)]


def sleep_nights(sizes: Sizes, nights: int) -> dict[str, Any]:
    slept = sleep(stages=[{"nrem": "4 h"}, {"rem": "2 h"}] if sizes.target == "cython" else [{"nrem": "1 min"}])
    schedule = [wake("all"), repeat(nights, [slept, probe("all")])]
    protocol = Protocol(name="nights", items=patterns(sizes, 2), schedule=schedule)
    with tempfile.TemporaryDirectory() as folder:
        run(protocol, {"circuit": two_stage_model(sizes)}, subjects=1, threads=1, out=Path(folder, "run.h5"))
    return {"peak": peak_memory_bytes()}


def consolidation(sizes: Sizes) -> list[Line]:
    """The library's systems-consolidation, as a user runs it, after everything has been compiled once."""
    in_own_process("consolidate", sizes, 1)
    found = in_own_process("consolidate", sizes, 8)
    seconds = found["seconds"]
    simulated = f"{found['simulated']:.1f} simulated s, {found['biological'] / 3600:.1f} biological h"
    return [
        Line(
            what="systems-consolidation, CPU time of a subject",
            measured=seconds,
            unit="s",
            spread=simulated,
            at_most=60,
        ),
        Line(what="the same, for a simulated second", measured=seconds / found["simulated"], unit="s", at_most=0.5),
        Line(what="the same, for a biological second", measured=seconds / found["biological"], unit="s", at_most=0.5),
        Line(what="the same, peak memory", measured=found["peak"] / 2**20, unit="MiB"),
    ]


def consolidate(sizes: Sizes, items: int) -> dict[str, Any]:
    from engram.protocols import load

    protocol = load("systems-consolidation").model_copy(update={"items": patterns(sizes, items)})
    if sizes.target == "numpy":
        protocol = protocol.model_copy(update={"schedule": protocol.schedule[:2]})
    watch = Stopwatch()
    with tempfile.TemporaryDirectory() as folder:
        start = cpu_seconds()
        found = run(
            protocol,
            {"two-stage": two_stage_model(sizes)},
            subjects=1,
            threads=1,
            out=Path(folder, "run.h5"),
            reporter=watch,
        )
        seconds = cpu_seconds() - start
        simulated = float(found.segments("two-stage", 0)["stop"].max())
    peak = peak_memory_bytes()
    return {"seconds": seconds, "simulated": simulated, "biological": watch.biological, "peak": peak}


def cpu_seconds() -> float:
    """Of this process, and of its children that have ended (compilers)."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def in_own_process(name: str, sizes: Sizes, *arguments: int) -> Any:
    """What a function of this file finds in a process of its own."""
    quick = "QUICK" if sizes == QUICK else "Sizes()"
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import json, circuit_speed as c; "
        f"print(json.dumps(c.{name}(c.{quick}, *{arguments!r})))"
    )
    child = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(child.stdout.splitlines()[-1])


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
