"""How time and memory of a circuit grow with its cells and synapses, on each target."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measuring import peak_memory_bytes, shown

from engram.data.seeds import child_rng


@dataclass(frozen=True)
class ScalingSizes:
    """(cells, synapses) of each network, targets, and simulated seconds for up to a million synapses."""

    networks: tuple[tuple[int, int], ...] = (
        (1000, 100_000),
        (1000, 999_000),  # all there can be
        (4000, 100_000),
        (4000, 1_000_000),
        (4000, 10_000_000),
    )
    targets: tuple[str, ...] = ("numpy", "cython", "cpp_standalone")
    seconds: float = 2.0


def scaling(sizes: ScalingSizes) -> list[dict[str, Any]]:
    """One row for each network and target, each measured in a process of its own."""
    return [
        in_own_process(cells, synapses, target, sizes.seconds * min(1.0, 2e6 / synapses))
        for cells, synapses in sizes.networks
        for target in sizes.targets
    ]


def in_own_process(cells: int, synapses: int, target: str, seconds: float) -> dict[str, Any]:
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import circuit_scaling as c; "
        f"c.print_row({cells}, {synapses}, {target!r}, {seconds})"
    )
    about = {"cells": cells, "synapses": synapses, "target": target}
    child = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True)
    if child.returncode:
        return {**about, "failed": f"ended with {child.returncode}"}
    return {**about, **json.loads(child.stdout.splitlines()[-1])}


def print_row(cells: int, synapses: int, target: str, seconds: float) -> None:
    measured = as_program if target == "cpp_standalone" else in_process
    print(json.dumps(measured(cells, synapses, target, seconds)))


def circuit(cells: int, synapses: int) -> Any:
    """Cells that fire by their noise, and as many weak gated synapses among them as asked, all of them learning."""
    from engram.models.spiking import LIF, Circuit, InDegree, MixedStability, Population, Projection, TraceRule

    degree = synapses // cells
    rule = TraceRule(
        eta=0.05 / degree,
        initial=0.5 / degree,
        maximum=5 / degree,
        pre_threshold=0.2,
        post_threshold=0.0,
        stability=MixedStability(sensitivity=0.5 * degree),
    )
    cell = LIF(mu=0.45, sigma=0.3, b=0.05)
    return Circuit([Population("E", cells, cell)], [Projection("E", "E", rule, InDegree(degree))])


def in_process(cells: int, synapses: int, target: str, seconds: float) -> dict[str, float]:
    """NumPy and Cython, after what had to be compiled has been."""
    from engram.sim.circuit_network import CircuitNetwork

    def built(cells: int, synapses: int) -> CircuitNetwork:
        network = CircuitNetwork(circuit(cells, synapses), lambda *names: child_rng(0, *names), target)  # type: ignore[arg-type]
        network.run(0.01, seed=0)
        return network

    built(10, 20)
    start = time.process_time()
    network = built(cells, synapses)
    ready = time.process_time()
    network.run(seconds, seed=1)
    stop = time.process_time()
    return {
        "build": ready - start,
        "run": (stop - ready) / seconds,
        "memory": peak_memory_bytes(),
        "rate": float(network.counts("E").mean()) / seconds,
    }


def as_program(cells: int, synapses: int, target: str, seconds: float) -> dict[str, float]:
    """C++ standalone: CPU time of the program, its start included; everything else, in wall time, is building it."""
    from engram.sim import simulate

    length = 10 * seconds
    with WatchedProgram("main") as program:
        start = time.perf_counter()
        done = simulate(circuit(cells, synapses), f"{length!r} s", target=target)  # type: ignore[arg-type]
        spent = time.perf_counter() - start
    return {
        "build": spent - program.seconds,
        "run": program.seconds / length,
        "memory": max(program.memory, peak_memory_bytes()),
        "rate": float(done.rates["E"].mean()),
    }


class WatchedProgram:
    """CPU time and peak memory of the program of some name that is started meanwhile, as last seen before its end."""

    def __init__(self, name: str) -> None:
        self.seconds = 0.0
        self.memory = 0
        self._name = name
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._look, daemon=True)

    def __enter__(self) -> WatchedProgram:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _look(self) -> None:
        tick = 1 / os.sysconf("SC_CLK_TCK")
        while not self._over.wait(0.05):
            for process in Path("/proc").glob("[0-9]*"):
                with suppress(OSError, IndexError):
                    if (process / "comm").read_text().strip() == self._name:
                        times = (process / "stat").read_text().rpartition(")")[2].split()[11:13]
                        status = (process / "status").read_text()
                        self.seconds = tick * sum(map(int, times))
                        self.memory = 1024 * int(status.split("VmHWM:")[1].split()[0])


def rows_table(rows: Sequence[dict[str, Any]]) -> str:
    """The rows as a Markdown table."""
    lines = [
        "| cells | synapses | target | s per simulated s | build, s | peak memory, MiB | rate, Hz |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        head = f"| {row['cells']:,} | {row['synapses']:,} | {row['target']} |"
        if "failed" in row:
            lines.append(f"{head} {row['failed']} | | | |")
        else:
            found = (row["run"], row["build"], row["memory"] / 2**20, row["rate"])
            lines.append(f"{head} {' | '.join(map(shown, found))} |")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit("run circuit_speed.py --only scaling")
