"""Sizes of the measurements of circuits, their stopwatch, and processes of their own."""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from circuit_scaling import ScalingSizes
from numpy.typing import NDArray
from same_network import Sizes as NetworkSizes
from same_network import Target

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
    phase_seconds: float = 5.0  # simulated, as two hours of sleep are
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


def cpu_seconds() -> float:
    """Of this process, and of its children that have ended (compilers)."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def in_own_process(function: Callable[..., Any], sizes: Sizes, *arguments: int) -> Any:
    """What a function of one of these files finds in a process of its own."""
    module, quick = function.__module__, "QUICK" if sizes == QUICK else "Sizes()"
    code = (
        f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); "
        f"import json, {module}, circuit_measuring as c; "
        f"print(json.dumps({module}.{function.__name__}(c.{quick}, *{arguments!r})))"
    )
    child = subprocess.run([sys.executable, "-c", code], check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(child.stdout.splitlines()[-1])
