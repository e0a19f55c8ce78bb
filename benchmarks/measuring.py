"""Measuring two things in turns, memory, and one line of a table for each."""

from __future__ import annotations

import resource
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured; the defaults are those of the kept table."""

    rounds: int = 7
    seconds: float = 0.25  # CPU time of each side in each round, at least one step
    gate_widths: tuple[int, ...] = (1024, 256, 64)
    gate_batch: int = 512
    widths: tuple[int, ...] = (64, 256, 1024)
    batches: tuple[int, ...] = (32, 128, 512)
    hidden: tuple[int, ...] = (256, 256)
    epochs: int = 5
    recorded_subjects: int = 10
    recorded_repetitions: int = 3
    phases: tuple[int, int] = (20, 2000)
    run: tuple[str, ...] = ("--models", "conventional,hybrid", "--subjects", "10")
    probes: int = 2000
    encoded_images: int = 32


QUICK = Sizes(
    rounds=2,
    seconds=0.0,
    gate_widths=(8,),
    gate_batch=4,
    widths=(8,),
    batches=(4,),
    hidden=(8,),
    epochs=1,
    recorded_subjects=2,
    recorded_repetitions=1,
    phases=(2, 8),
    run=("--models", "hybrid", "--subjects", "1", "--set", "hybrid.hidden=[8]", "--set", "hybrid.batch_size=1024"),
    probes=20,
    encoded_images=1,
)


@dataclass(frozen=True, kw_only=True)
class Line:
    """One line of the table. ``measured`` is None where this machine cannot measure it."""

    what: str
    measured: float | None
    unit: str
    spread: str = ""
    at_most: float | None = None
    at_least: float | None = None

    @property
    def target(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:g}"
        return "" if self.at_least is None else f"≥ {self.at_least:g}"

    @property
    def verdict(self) -> str:
        if self.measured is None:
            return "not measured"
        if self.at_most is not None:
            return "met" if self.measured <= self.at_most else "missed"
        if self.at_least is not None:
            return "met" if self.measured >= self.at_least else "missed"
        return ""


Side = Callable[[int], None]
"""Does its work so many times."""


def enough(side: Side, seconds: float, clock: Callable[[], float] = time.process_time) -> int:
    """How many times a side must do its work to be busy for so many seconds, once warm."""
    side(1)
    start = clock()
    side(1)
    return max(1, round(seconds / max(clock() - start, 1e-6)))


def interleaved(
    sides: Sequence[Side], rounds: int, times: int, clock: Callable[[], float] = time.process_time
) -> NDArray[np.float64]:
    """Seconds that each side takes for its work done once, [round, side]."""
    for side in sides:
        side(1)
    seconds = np.empty((rounds, len(sides)))
    for turn in range(rounds):
        for place, side in enumerate(sides):
            start = clock()
            side(times)
            seconds[turn, place] = (clock() - start) / times
    return seconds


def ratio(what: str, above: NDArray, below: NDArray, **target: float) -> Line:
    """The line that compares the seconds of two sides."""
    ratios = above / below
    milliseconds = [shown(1e3 * float(np.median(seconds))) for seconds in (above, below)]
    spread = f"{ratios.min():.3f} … {ratios.max():.3f}; {milliseconds[0]} and {milliseconds[1]} ms"
    return Line(what=what, measured=float(np.median(ratios)), unit="×", spread=spread, **target)


def shown(number: float) -> str:
    """Three digits at least, for a table."""
    return f"{number:,.0f}" if abs(number) >= 1000 else f"{number:.3g}"


def tensor_bytes_allocated(work: Callable[[], object]) -> int:
    """Bytes of tensors that torch allocates meanwhile; Python numbers that become tensors of 8 bytes do not count."""
    from torch.profiler import ProfilerActivity, profile

    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        work()
    assert profiler.profiler is not None
    events = profiler.profiler.kineto_results.events()
    return sum(e.nbytes() for e in events if e.name() == "[memory]" and e.nbytes() > 8)


def peak_memory_bytes() -> int:
    """Most memory that this process has held. On Linux the rusage of a child begins with that of its parent."""
    status = Path("/proc/self/status")
    if status.exists():
        return 1024 * int(status.read_text().split("VmHWM:")[1].split()[0])
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
