"""What storing and recalling an item costs as stores grow: prints tables, kept in benchmarks/results/stores.md.

    python benchmarks/stores.py                     everything, some ten minutes of a quiet core
    python benchmarks/stores.py --only hot          one table, printed and not kept

Times are CPU time of one thread, each row in a process of its own, so that its memory is its own. Images are a thousand
different ones, met again and again under other numbers: what a store holds of them is stored each time anew.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from measuring import peak_memory_bytes, shown
from numpy.typing import NDArray
from speed import RESULTS, machine

HELD_BACK = 16_000_000
"""Working memory where reading from the disk is measured, bytes."""
DIFFERENT = 1000
LONGEST = 3.0
"""Seconds of CPU time after which enough has been read."""


@dataclass(frozen=True, kw_only=True)
class Case:
    """One row of a table.

    Attributes
    ----------
    kind : str
        Of the store.
    tasks, per_task : int
        Lessons, and items of each; every lesson has ten classes of its own, or one where it has fewer than 1,000 items.
    full : bool
        Whether the budget holds a tenth of what is met, so that every lesson makes older classes shrink.
    side : int
        Pixels of an image along a side, in grey; of features 4 × 4 positions of 64 channels.
    weights : str
        File of a trained codec of cues.
    """

    kind: str
    tasks: int
    per_task: int
    full: bool = False
    side: int = 28
    weights: str = ""


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured; the defaults are those of the kept tables."""

    tasks: tuple[int, ...] = (10, 100, 1000)
    per_task: int = 100
    items: tuple[int, ...] = (10_000, 100_000, 1_000_000)
    features: int = 100_000  # most items of stores that need a quantiser's work for each
    lessons: int = 10
    reads: int = 500


QUICK = Sizes(tasks=(2, 5), per_task=20, items=(200,), lessons=2, reads=20)
KINDS = ("raw", "jpeg", "features", "cues")


class Repeated:
    """As many images as asked for, of which a thousand are different and held."""

    def __init__(self, images: NDArray[np.uint8], count: int) -> None:
        self._images = images
        self.shape = (count, *images.shape[1:])
        self.dtype = images.dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, indices: NDArray[np.int64]) -> NDArray[np.uint8]:
        return self._images[np.asarray(indices) % len(self._images)]


def smooth_images(side: int) -> NDArray[np.uint8]:
    """Images with as much structure as photographs have at this size: sums of a few waves."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:side, :side] / side
    images = np.zeros((DIFFERENT, side, side))
    for scale in (2, 5, 9):
        u, v, phase = rng.normal(size=(3, DIFFERENT, 1, 1)) * scale
        images += np.sin(2 * np.pi * (u * x + v * y) + phase) / scale
    low, high = images.min(), images.max()
    return ((images - low) / (high - low) * 255).astype(np.uint8)


def spec_of(case: Case, **settings: Any) -> Any:
    from engram.models.stores import CueStore, FeatureStore, JpegStore, RawStore

    if case.kind == "cues":
        return CueStore(weights=case.weights, epochs=0, decoder="shared", **settings)
    if case.kind == "features":
        return FeatureStore(iterations=3, **settings)
    return {"raw": RawStore, "jpeg": JpegStore}[case.kind](**settings)


def measure(case: Case, reads: int) -> dict[str, Any]:
    """Write the lessons of a case, read from the store, and say what both cost."""
    import torch
    from threadpoolctl import threadpool_limits

    from engram.data.seeds import child_rng
    from engram.models.stores import EpisodicStore

    torch.set_num_threads(1)
    items = case.tasks * case.per_task
    images = Repeated(smooth_images(case.side), items)
    features = np.random.default_rng(0).normal(size=(DIFFERENT, 64, 4, 4)).astype(np.float32)
    classes = 10 if case.per_task >= 1000 else 1

    def store_in(folder: Path, **settings: Any) -> EpisodicStore:
        spec = spec_of(case, **settings)
        return EpisodicStore(spec, folder, (case.side, case.side), rng=lambda *names: child_rng(0, *names))

    def write(store: EpisodicStore, task: int) -> float:
        rows = np.arange(case.per_task) + task * case.per_task
        maps = Repeated(features, case.per_task) if store.gives == "features" else None
        start = time.process_time()
        for _ in store.write(images, rows, task * classes + rows % classes, task, features=maps):
            pass
        return time.process_time() - start

    with tempfile.TemporaryDirectory() as home, threadpool_limits(1):
        folder = Path(home)
        trial = store_in(folder / "trial")
        write(trial, 0)
        codes = trial.bytes_by_part()["codes"] / len(trial)
        settings = {"cache": HELD_BACK}
        if case.full:
            settings["budget"] = max(2 * trial.nbytes, int(1.05 * codes * items / 10) + 44 * classes * case.tasks)
        trial.close()
        before = peak_memory_bytes()
        store = store_in(folder / "store", **settings)
        seconds = [write(store, task) for task in range(case.tasks)]
        written = peak_memory_bytes()
        rng = np.random.default_rng(1)
        batches = [rng.integers(len(store), size=64) for _ in range(reads)]
        cold = _timed(store.read, batches)
        after = peak_memory_bytes()
        tenth = max(1, case.tasks // 10)
        found = {
            "write, first lessons": 1e6 * sum(seconds[1 : 1 + tenth]) / (len(seconds[1 : 1 + tenth]) * case.per_task),
            "write, last lessons": 1e6 * sum(seconds[-tenth:]) / (tenth * case.per_task),
            "read": cold,
            "held": len(store),
            "bytes": store.nbytes / len(store),
            "working": store.working_bytes / 2**20,
            "memory of writing": (written - before) / 2**20,
            "memory of reading": (after - written) / 2**20,
        }
        store.close()
    return found


def _timed(read: Callable[[NDArray[np.int64]], Any], batches: Sequence[NDArray[np.int64]]) -> float:
    """CPU microseconds for an item, once a quarter of the batches, or a second, has gone by."""
    start, warm, times = time.process_time(), 0.0, 0
    for number, batch in enumerate(batches):
        read(batch)
        if not warm and (number >= len(batches) // 4 or time.process_time() - start > 1):
            warm, times = time.process_time(), number + 1
        if warm and number >= times and time.process_time() - warm > LONGEST:
            break
    return 1e6 * (time.process_time() - warm) / ((number + 1 - times) * len(batch))


def hot(reads: int) -> list[dict[str, Any]]:
    """Reading 64 items from working memory, beside indexing an array that holds the same images."""
    import torch

    from engram.data.seeds import child_rng
    from engram.models.stores import EpisodicStore

    torch.set_num_threads(1)
    rows = []
    for kind in KINDS[:2]:
        case = Case(kind=kind, tasks=1, per_task=20 * DIFFERENT)
        images = np.tile(smooth_images(case.side), (20, 1, 1))
        with tempfile.TemporaryDirectory() as home:
            store = EpisodicStore(
                spec_of(case), Path(home) / "store", (28, 28), rng=lambda *names: child_rng(0, *names)
            )
            labels = np.arange(len(images)) % 100
            for _ in store.write(images, np.arange(len(images)), labels, 0):
                pass
            store.read(np.arange(len(store)))
            rng = np.random.default_rng(1)
            batches = [rng.integers(len(store), size=64) for _ in range(reads)]
            ours, plain = [], []
            for _ in range(7):
                ours.append(_timed(store.read, batches))
                plain.append(_timed(lambda items, images=images: images[items], batches))
            store.close()
        rows.append(
            {
                "store": kind,
                "read of 64, µs": 64 * float(np.median(ours)),
                "numpy's indexing, µs": 64 * float(np.median(plain)),
                "images/s": 1e6 / float(np.median(ours)),
            }
        )
    return rows


def in_its_own_process(case: Case, reads: int) -> dict[str, Any]:
    """The measurements of a case, or why there are none."""
    asked = json.dumps({**asdict(case), "reads": reads})
    done = subprocess.run([sys.executable, __file__, "--case", asked], capture_output=True, text=True, check=False)
    if done.returncode:
        return {"not measured": done.stderr.strip().splitlines()[-1]}
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def growing(sizes: Sizes, which: str, weights: Path) -> list[dict[str, Any]]:
    """Rows over numbers of tasks, or over numbers of items, for every kind of store."""
    from engram.models.stores.cues import learn_weights

    learn_weights(smooth_images(Case.side), weights)
    rows = []
    for kind in KINDS:
        if which == "tasks":
            cases = [
                Case(kind=kind, tasks=n, per_task=sizes.per_task, full=f) for f in (False, True) for n in sizes.tasks
            ]
        else:
            counts = [n for n in sizes.items if kind != "features" or n <= sizes.features]
            cases = [Case(kind=kind, tasks=sizes.lessons, per_task=n // sizes.lessons) for n in counts]
        for plain in cases:
            case = replace(plain, weights=str(weights))
            print(f"measuring {case} ...", file=sys.stderr, flush=True)
            about = {"store": kind, "budget": "a tenth" if case.full else "none", "tasks": case.tasks}
            rows.append({**about, "items": case.tasks * case.per_task, **in_its_own_process(case, sizes.reads)})
            print(_cells(rows[-1]), file=sys.stderr, flush=True)
    return rows


def table(rows: Sequence[dict[str, Any]]) -> str:
    """A Markdown table; numbers with three digits."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells = [[_cell(row.get(name, "")) for name in columns] for row in rows]
    widths = [max(map(len, column)) for column in zip(columns, *cells, strict=True)]
    lines = [columns, ["-" * width for width in widths], *cells]
    return "\n".join(
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) + " |" for line in lines
    )


def _cells(row: dict[str, Any]) -> str:
    return "; ".join(f"{name} {_cell(value)}" for name, value in row.items())


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return shown(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


ABOUT = {
    "tasks": "Cost over numbers of tasks of 100 items (µs of CPU time for an item; memory in MiB)",
    "items": "Cost over numbers of items in ten tasks, working memory held to 16 MB (µs for an item; memory in MiB)",
    "hot": "Reading 64 random items of 28 px from working memory",
}


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=[*ABOUT])
    parser.add_argument("--quick", action="store_true", help="tiny sizes, nothing is kept")
    parser.add_argument("--case", help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    if asked.case:
        case = json.loads(asked.case)
        reads = case.pop("reads")
        print(json.dumps(measure(Case(**case), reads)))
        return 0
    sizes = QUICK if asked.quick else Sizes()
    found = {}
    with tempfile.TemporaryDirectory() as home:
        for name in [asked.only] if asked.only else ABOUT:
            weights = Path(home) / f"{name}.safetensors"
            found[name] = hot(sizes.reads) if name == "hot" else growing(sizes, name, weights)
    text = "\n\n".join(f"## {ABOUT[name]}\n\n{table(rows)}" for name, rows in found.items())
    print(text)
    if not (asked.quick or asked.only):
        where = "; ".join(f"{name} {value}" for name, value in machine().items())
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / "stores.md").write_text(f"# Episodic stores\n\n{where}\n\n{text}\n", encoding="utf-8")
        (RESULTS / "stores.json").write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
