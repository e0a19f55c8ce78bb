"""Speed and memory of the two-stage circuit in protocols: phases, compilation, nights, systems consolidation."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from circuit_measuring import Sizes, Stopwatch, cpu_seconds, in_own_process, in_turns
from measuring import Line, peak_memory_bytes, ratio

from engram.models.spiking import CircuitModel, cortex, hippocampus, two_stage
from engram.protocols import ItemSpec, Protocol, probe, repeat, sleep, wake
from engram.sim import run
from engram.sim.progress import Reporter


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
    each = 1e3 * (many - one) / sizes.phases
    return [
        ratio(f"{sizes.phases} phases, recorded / one run of the network, {length}", many, one, at_most=1.10),
        Line(
            what="CPU time of a phase besides its simulation",
            measured=float(np.median(each)),
            unit="ms",
            spread=f"{each.min():.3g} … {each.max():.3g}",
        ),
    ]


def compiling(sizes: Sizes) -> list[Line]:
    """What is compiled for each of three subjects, from an empty cache."""
    found = in_own_process(compile_subjects, sizes)
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
    peaks = {nights: in_own_process(sleep_nights, sizes, nights)["peak"] for nights in sizes.nights}
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
    if sizes.target == "cython":
        in_own_process(consolidate, sizes, 1)
    found = in_own_process(consolidate, sizes, 8 if sizes.target == "cython" else 1)
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
