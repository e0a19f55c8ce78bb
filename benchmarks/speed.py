"""How fast engram is, against its targets: prints one table and keeps it in benchmarks/results/.

    python benchmarks/speed.py                  everything, a few minutes
    python benchmarks/speed.py --only batching  one measurement, printed and not kept

Speeds are CPU time on one thread. Two things are compared in one run, in turns (A B A B ...), so that whatever else the
machine does falls on both alike; a ratio is the median over the rounds, with the smallest and the largest beside it.
Start-up and the whole run from the command line are wall time.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from measuring import QUICK, Line, Sizes, interleaved, peak_memory_bytes, ratio, shown
from training_steps import CLASSES, SUBJECTS, batching, gated_step

RESULTS = Path(__file__).parent / "results"


def users_environment() -> dict[str, str]:
    """The environment of a user who has set nothing."""
    set_here = ("ENGRAM_DATA", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
    return {name: value for name, value in os.environ.items() if name not in set_here}


def engram_command() -> list[str]:
    """The installed command of this Python."""
    installed = Path(sys.executable).with_name("engram")
    return [str(installed)] if installed.exists() else [sys.executable, "-m", "engram"]


# Recording ------------------------------------------------------------------------------------------------------------


class DroppingWriter:
    """Takes what a recording would take, and forgets it."""

    created = "never"

    def drop(self, *args: object, **kwargs: object) -> None:
        pass

    write_probe = write_curve = write_weights = write_seconds = set_subject = flush = drop


def recording(sizes: Sizes) -> list[Line]:
    """The same engine with a recording, made and closed, and with a writer that drops everything."""
    from engram.data import item_set
    from engram.models.presets import hybrid
    from engram.protocols import ItemSpec, Protocol, each, probe, repeat, wake
    from engram.sim.engine import Engine
    from engram.sim.laying_out import create_recording
    from engram.sim.planning import make_plan
    from engram.sim.progress import Reporter

    items = item_set("digit-pairs")
    schedule = [repeat(sizes.recorded_repetitions, [each("item", [wake("current"), probe("all")])], label="repetition")]
    protocol = Protocol(name="hebb-repetition", items=ItemSpec(count=10), schedule=schedule)
    model = hybrid(hidden=sizes.hidden, epochs_per_exposure=sizes.epochs)
    settings = {"device": "cpu", "threads": 1, "data": None, "subjects": sizes.recorded_subjects}
    plan = make_plan(protocol, {"hybrid": model}, items.pool(None), 0, settings, None)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "run.h5")

        def recorded(times: int) -> None:
            for _ in range(times):
                with create_recording(plan, items, settings, path, True) as writer:
                    Engine(plan, writer, path, 60.0, Reporter()).run(None, {})
                    writer.set_status("complete")

        def dropped(times: int) -> None:
            for _ in range(times):
                Engine(plan, DroppingWriter(), path, 60.0, Reporter()).run(None, {})  # type: ignore[arg-type]

        seconds = interleaved((recorded, dropped), sizes.rounds, 1).T
    phases = f"{len(plan.timeline.steps)} phases of hebb-repetition, {sizes.recorded_subjects} subjects"
    return [ratio(f"recording / not recording, {phases}", *seconds, at_most=1.05)]


# Many phases ----------------------------------------------------------------------------------------------------------


def memory(sizes: Sizes) -> list[Line]:
    """Peak memory and time per phase of a short and a long protocol, each in a process of its own."""
    code = f"import sys; sys.path.insert(0, {str(Path(__file__).parent)!r}); import speed; speed.run_phases({{}})"
    few, many = sizes.phases
    found = {}
    for phases in sizes.phases:
        child = [sys.executable, "-c", code.format(phases)]
        found[phases] = json.loads(subprocess.run(child, check=True, stdout=subprocess.PIPE, text=True).stdout)
    grown = found[many]["peak"] / found[few]["peak"]
    spread = f"{found[few]['peak'] / 2**20:.1f} and {found[many]['peak'] / 2**20:.1f} MiB"
    what = f"peak memory of {many} phases / of {few} phases"
    lines = [Line(what=what, measured=grown, unit="×", spread=spread, at_most=1.02)]
    for phases, of in found.items():
        lines.append(Line(what=f"CPU time of a phase, of {phases}", measured=1e3 * of["seconds"] / phases, unit="ms"))
    return lines


def run_phases(phases: int) -> None:
    """Run so many phases on a tiny network, and print peak memory and CPU time from the first phase on."""
    from engram.models.presets import hybrid
    from engram.protocols import ItemSpec, Protocol, probe, repeat, wake
    from engram.sim import run
    from engram.sim.progress import Reporter

    class Clock(Reporter):
        def begin(self, total: int, done: int) -> None:
            self.started = time.process_time()

    protocol = Protocol(
        name="phases",
        items=ItemSpec(set="digits", count=3, train=20, test=10),
        schedule=[repeat(phases // 2, [wake("all"), probe("all")])],
    )
    model, clock = hybrid(hidden=(16,), epochs_per_exposure=1), Clock()
    with tempfile.TemporaryDirectory() as folder:
        run(protocol, {"tiny": model}, subjects=2, threads=1, out=Path(folder, "run.h5"), reporter=clock)
    print(json.dumps({"peak": peak_memory_bytes(), "seconds": time.process_time() - clock.started}))


# The command line -----------------------------------------------------------------------------------------------------


def start_up(sizes: Sizes) -> list[Line]:
    """Wall time of ``import engram`` and ``engram --help``."""
    commands = {
        "import engram": [sys.executable, "-c", "import engram"],
        "engram --help": [*engram_command(), "--help"],
    }
    lines = []
    for what, command in commands.items():
        seconds = [wall_seconds(command) for _ in range(sizes.rounds)]
        best = f"best {min(seconds):.3f} s"
        lines.append(Line(what=what, measured=float(np.median(seconds)), unit="s", spread=best, at_most=0.5))
    return lines


def whole_run(sizes: Sizes) -> list[Line]:
    """What `make run` does once everything is installed: a run and its figure."""
    with tempfile.TemporaryDirectory() as folder:
        out, figure = f"{folder}/run.h5", f"{folder}/run.png"
        command = ["run", "hebb-repetition", *sizes.run]
        running = wall_seconds([*engram_command(), *command, "--threads", "2", "--quiet", "--out", out])
        drawing = wall_seconds([*engram_command(), "plot", out, "--out", figure])
    what = f"engram {' '.join(command)}, and its figure"
    spread = f"run {running:.1f} s, plot {drawing:.1f} s; 2 threads"
    return [Line(what=what, measured=running + drawing, unit="s", spread=spread, at_most=120)]


def wall_seconds(command: list[str]) -> float:
    start = time.perf_counter()
    subprocess.run(command, check=True, env=users_environment(), stdout=subprocess.DEVNULL)
    return time.perf_counter() - start


# For information ------------------------------------------------------------------------------------------------------


def rates(sizes: Sizes) -> list[Line]:
    """How fast the writer, the unrolling of protocols and the features are; without targets."""
    return [written_rows(sizes), unrolling(sizes), encoding(sizes)]


def written_rows(sizes: Sizes) -> Line:
    from engram.data.recording import ModelLayout, RecordingWriter, SubjectLayout

    presentations = {"phase": [0], "order": [0], "item": [0], "label": [0], "wrong": [0.0]}
    items = [str(item) for item in range(CLASSES)]
    subjects = [SubjectLayout(seed=str(k), items=items, presentations=presentations) for k in range(SUBJECTS)]
    model = ModelLayout(spec="{}", item_set="{}", chance=1 / CLASSES, subjects=subjects, slots=CLASSES)
    steps = range(sizes.probes)
    texts = {"kind": "probe", "label": "", "list": "all", "lesion": "none"}
    timeline: dict[str, Any] = {name: [text] * sizes.probes for name, text in texts.items()}
    timeline |= {"index": list(steps), "repetition": [0] * sizes.probes}
    timeline |= {"start": [0.0] * sizes.probes, "stop": [0.0] * sizes.probes}
    performance = np.full((SUBJECTS, CLASSES), 0.5, np.float32)
    responses = np.full((SUBJECTS, CLASSES, CLASSES), 7, np.int32)
    with (
        tempfile.TemporaryDirectory() as folder,
        RecordingWriter.create(
            f"{folder}/rows.h5",
            protocol="name: rows",
            seed=0,
            timeline=timeline,
            probe_steps=steps,
            models={"model": model},
            settings={},
        ) as writer,
    ):
        start = time.process_time()
        for row in steps:
            writer.write_probe("model", range(SUBJECTS), row, performance, responses)
        writer.flush()
        seconds = time.process_time() - start
    what = f"rows of RecordingWriter.write_probe, {SUBJECTS} subjects, {CLASSES} items"
    return Line(what=what, measured=SUBJECTS * sizes.probes / seconds, unit="rows/s")


def unrolling(sizes: Sizes) -> Line:
    from engram.protocols import library, load, unroll

    protocols = [load(name).settled() for name in library()]
    largest = max(protocols, key=lambda protocol: len(unroll(protocol).steps))

    def whole(times: int) -> None:
        for seed in range(times):
            unroll(largest).presentations(np.random.default_rng(seed))

    seconds = interleaved([whole], sizes.rounds, 1)
    what = f"unrolling {largest.name} ({len(unroll(largest).steps)} phases), and one subject's presentations"
    return Line(what=what, measured=1e3 * float(np.median(seconds)), unit="ms")


def encoding(sizes: Sizes) -> Line:
    from engram.data.digits import DigitPairs
    from engram.models.features import EfficientNetLite0

    what, encoder = "features by efficientnet-lite0 of digit pairs", EfficientNetLite0()
    try:
        encoder.check()
    except ImportError:
        return Line(what=what, measured=None, unit="images/s", spread="the extra features is not installed")
    images = DigitPairs(train_per_class=2, test_per_class=1).pool().train.images[: sizes.encoded_images]

    def encode(times: int) -> None:
        for _ in range(times):
            encoder.encode(images, "cpu")

    seconds = interleaved([encode], sizes.rounds, 1)
    return Line(what=what, measured=len(images) / float(np.median(seconds)), unit="images/s")


# The table ------------------------------------------------------------------------------------------------------------

MEASUREMENTS: dict[str, Callable[[Sizes], list[Line]]] = {
    "gate": gated_step,
    "batching": batching,
    "recording": recording,
    "memory": memory,
    "start-up": start_up,
    "run": whole_run,
    "rates": rates,
}


def machine() -> dict[str, Any]:
    """Where and with what was measured."""
    import torch

    import engram

    cpuinfo = Path("/proc/cpuinfo")
    names = re.findall(r"model name\s*: (.+)", cpuinfo.read_text()) if cpuinfo.exists() else []
    return {
        "date": datetime.now(UTC).isoformat(timespec="minutes"),
        "cpu": (names or [platform.processor()])[0],
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "cuda": torch.cuda.get_device_name() if torch.cuda.is_available() else "none",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "torch": torch.__version__,
        "engram": engram.__version__,
    }


def table(lines: Sequence[Line]) -> str:
    """The lines as a Markdown table, in columns."""
    rows = [["what", "measured", "target", "", "spread"]]
    for line in lines:
        measured = "" if line.measured is None else f"{shown(line.measured)} {line.unit}"
        rows.append([line.what, measured, line.target, line.verdict, line.spread])
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    rows.insert(1, ["-" * width for width in widths])
    padded = ([cell.ljust(width) for cell, width in zip(row, widths, strict=True)] for row in rows)
    return "\n".join(f"| {' | '.join(row)} |" for row in padded)


def keep(lines: Sequence[Line], about: dict[str, Any], folder: Path) -> None:
    """Write speed.json and speed.md."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [asdict(line) | {"verdict": line.verdict} for line in lines]
    found = json.dumps({"machine": about, "lines": rows}, indent=2, ensure_ascii=False)
    (folder / "speed.json").write_text(found + "\n", encoding="utf-8")
    where = "; ".join(f"{name} {value}" for name, value in about.items())
    text = f"# Speed and memory\n\n{where}\n\n{table(lines)}\n"
    (folder / "speed.md").write_text(text, encoding="utf-8")


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print, keep; 1 with ``--strict`` where a target is missed."""
    parser = argparse.ArgumentParser(description="How fast engram is, against its targets.")
    parser.add_argument("--quick", action="store_true", help="tiny sizes: says nothing about speed")
    parser.add_argument("--only", choices=MEASUREMENTS, help="one measurement")
    parser.add_argument("--strict", action="store_true", help="exit with 1 where a target is missed")
    parser.add_argument("--out", type=Path, help="folder of the results; whole tables go to benchmarks/results")
    asked = parser.parse_args(arguments)

    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    torch.manual_seed(0)
    about = machine()
    lines = []
    with threadpool_limits(1):
        for name in [asked.only] if asked.only else MEASUREMENTS:
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            lines += MEASUREMENTS[name](QUICK if asked.quick else Sizes())
    print(table(lines))
    if asked.out or not (asked.quick or asked.only):
        keep(lines, about, asked.out or RESULTS)
    return int(asked.strict and any(line.verdict == "missed" for line in lines))


if __name__ == "__main__":
    sys.exit(main())
