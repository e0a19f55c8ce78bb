"""What needs a GPU, in one command of less than ten minutes; tables go to benchmarks/results/deep_gpu.md.

    python benchmarks/deep_gpu.py --data DIR                   everything, on cuda
    python benchmarks/deep_gpu.py --data DIR --tasks 50        Tiny-ImageNet in 50 tasks instead of 10
    python benchmarks/deep_gpu.py --data DIR --only tiny       one part, printed and not kept
    python benchmarks/deep_gpu.py --data DIR --rehearse        tiny sizes on the CPU: whether all of it runs

er      ResNet-18, 224 px, bf16: experience replay against a bare loop, from decoded images and from JPEG bytes
sleep   ResNet-18, 256 px, bf16: sleep from cues and from features against a bare loop
tiny    Tiny-ImageNet (100 classes, 64 px), ResNet-18 from scratch, every learner at equal bytes and passes, each in a
        process of its own

DIR (else ENGRAM_DATA) holds tiny-imagenet.tar.xz, and imagenette224.tar for unknown classes; `er` and `sleep` need none
of it. Rates are by the wall clock, sides take turns, and the device is waited for before the clock is read.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from deep_sides import Side, bare_loop, bench_of, compared, fill, mixed_batches, pool_of, rates, training
from image_stream_cells import Cell
from image_streams import COLUMNS, in_words, rows_of
from measuring import Line
from speed import RESULTS, machine, table

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engram.data.items import Pool

LEARNERS = ("braincl", "braincl-light", "er", "der", "icarl", "siesta", "finetune", "joint")


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is done; the defaults are those of the kept tables."""

    rounds: int = 5
    seconds: float = 4.0
    side: int = 224
    stored_side: int = 256
    images: int = 4096
    stored: int = 2048
    batch: int = 128
    width: int = 64
    precision: str = "bf16"
    channels_last: bool = True
    passes: int = 15_000
    corruptions: str | tuple[str, ...] = "all"
    severities: tuple[int, ...] = (3,)
    unknown: bool = True
    cue_epochs: int = 12
    classes: int | None = None
    budget: str = "10 MB"
    processes: int = 8
    longest: float = 330.0  # seconds that the tiny part may take


REHEARSAL = Sizes(
    rounds=1,
    seconds=0.1,
    side=32,
    stored_side=64,
    images=64,
    stored=64,
    batch=8,
    width=8,
    precision="float32",
    channels_last=False,
    passes=48,
    corruptions=("fog", "contrast"),
    unknown=False,  # there would be 90 classes of them
    cue_epochs=1,
    classes=10,
    budget="300 kB",
    processes=1,
    longest=600.0,
)


def common(sizes: Sizes) -> dict[str, Any]:
    """Settings of all speed lines. Neither side is compiled: compiling takes longer than the measurement."""
    return {
        "backbone": {"kind": "resnet", "depth": 18, "width": sizes.width},
        "batch_size": sizes.batch,
        "precision": sizes.precision,
        "channels_last": sizes.channels_last,
        "compile": False,
        "optimiser": {"learning_rate": 0.01},
    }


def waiting(device: str) -> Any:
    """What waits for all that the device has in hand."""
    import torch

    return torch.cuda.synchronize if device.startswith("cuda") else (lambda: None)


def measured(sides: Sequence[Side], sizes: Sizes, device: str) -> NDArray[np.float64]:
    return rates(sides, sizes.rounds, sizes.seconds, time.perf_counter, waiting(device))


def noise(images: int, side: int) -> Pool:
    """JPEG files with the numbers of ImageNet's."""
    from engram.data.streams.synthetic import SyntheticImageNet

    return SyntheticImageNet(images=images, classes=10, size=side).pool()


def decoded(pool: Pool) -> NDArray[np.uint8]:
    """Its training images as pixels; a hundred different ones are enough."""
    few = np.asarray(pool.train.images[np.arange(min(100, len(pool.train)))])
    return few[np.arange(len(pool.train)) % len(few)]


def replay(sizes: Sizes, device: str) -> list[Line]:
    """Experience replay against the bare loop, from pixels that lie on the device and from files."""
    from engram.models.deep import ExperienceReplay
    from engram.sim.deep.loading import BatchLoader, usual_workers

    files = noise(sizes.images, sizes.side)
    images = decoded(files)
    kept = sizes.images // 4
    store = {"kind": "raw", "per_class": kept // 10, "cache": "1 GB"}
    model = ExperienceReplay(**common(sizes), store=store)
    lines = []
    with tempfile.TemporaryDirectory() as home:
        bench, lesson = bench_of(model, pool_of(images, 10), Path(home, "pixels"), device)
        fill(bench, lesson)
        ours = training(bench, lesson, source="lesson+recalled", replay_batch_size=sizes.batch)
        labels = bench.pool.train.labels
        bare = bare_loop(bench, mixed_batches(images, labels, np.arange(kept), (sizes.batch, sizes.batch), device))
        found = measured([ours, bare], sizes, device)
        what = f"ER / bare loop, ResNet-18, {sizes.side} px, bf16, batch {sizes.batch} + {sizes.batch}"
        lines.append(compared(f"{what}, decoded images", found[:, 0], found[:, 1], at_least=0.95))
        reading, lesson = bench_of(model, files, Path(home, "files"), device)
        fill(reading, lesson)
        ours = training(reading, lesson, source="lesson+recalled", replay_batch_size=sizes.batch)
        loader = BatchLoader(files.train.images, device=device, workers=usual_workers(files.train.images, device))
        order = np.arange(len(files.train))

        def decoding() -> int:
            return sum(len(batch.images) for batch in loader.epoch(order, sizes.batch))

        found = measured([ours, bare, decoding], sizes, device)
        loader.close()
        reading.loader.close()
    workers = usual_workers(files.train.images, device)
    lines.append(compared(f"{what}, JPEG bytes, {workers} decoding processes", found[:, 0], found[:, 1]))
    what = "images decoded / images that the bare loop takes from the lesson (below 1: decoding is the bottleneck)"
    lines.append(compared(what, found[:, 2], found[:, 1] / 2))
    return lines


def sleep(sizes: Sizes, device: str) -> list[Line]:
    """Sleep from cues (decoder included, symbols in working memory) and from features."""
    from engram.models.deep import SIESTA, BrainCL
    from engram.models.stores import CueStore
    from engram.models.stores.cues import learn_weights
    from engram.sim.deep.learners.siesta import FeatureMaps

    images = decoded(noise(sizes.stored, sizes.stored_side))
    name = f"ResNet-18, {sizes.stored_side} px, bf16, batch {sizes.batch}"
    lines = []
    with tempfile.TemporaryDirectory() as home:
        weights = Path(home, "cues.safetensors")
        usual = CueStore(epochs=1) if sizes is REHEARSAL else CueStore(channels=128, latent=192, stride=16, epochs=1)
        learn_weights(images[:16], weights, usual)
        store = CueStore(
            weights=str(weights),
            epochs=0,
            decoder="shared",
            **{f: getattr(usual, f) for f in ("channels", "latent", "stride")},
        )
        bench, lesson = bench_of(BrainCL(**common(sizes), store=store), pool_of(images, 10), Path(home, "cues"), device)
        fill(bench, lesson)
        assert bench.store is not None
        items = np.arange(len(bench.store))
        seconds = []
        for _ in range(2):
            start = time.perf_counter()
            for few in np.array_split(items, max(1, len(items) // sizes.batch)):
                bench.store.read(few)
            waiting(device)()
            seconds.append(time.perf_counter() - start)
        ours = training(bench, lesson, source="recalled")
        bare = bare_loop(bench, mixed_batches(images, bench.pool.train.labels, items, (sizes.batch, 0), device))
        found = measured([ours, bare], sizes, device)
        lines.append(compared(f"sleep from cues / bare loop, {name}", found[:, 0], found[:, 1], at_least=0.5))
        once, decoder = (1e6 * value / len(items) for value in (seconds[0] - seconds[1], seconds[1]))
        lines.append(
            Line(
                what="entropy decoding of a cue, once",
                measured=max(0.0, once),
                unit="µs",
                spread=f"decoder {decoder:.3g} µs",
            )
        )
        siesta = SIESTA(**common(sizes), layer="layer3", store={"kind": "features", "iterations": 2, "cache": "1 GB"})
        bench, lesson = bench_of(siesta, pool_of(images, 10), Path(home, "features"), device)
        bench.network.split(siesta.backbone, siesta.layer)
        fill(bench, lesson, FeatureMaps(bench, lesson))
        ours = training(bench, lesson, source="recalled", parameters="upper")
        found = measured([ours, bare], sizes, device)
        lines.append(compared(f"sleep from features / bare loop, {name}", found[:, 0], found[:, 1], at_least=1.0))
    return lines


# Tiny-ImageNet --------------------------------------------------------------------------------------------------------


def cell_of(learner: str, sizes: Sizes, tasks: int) -> Cell:
    """A learner at the passes and bytes that all have."""
    settings: dict[str, Any] = {
        "backbone": {"kind": "resnet", "depth": 18, "stem": "small", "width": sizes.width},
        "passes": sizes.passes * 10 // tasks,
        "batch_size": 64,
        "precision": sizes.precision,
        "channels_last": sizes.channels_last,
        "compile": False,
        "augment": {"kind": "crop-flip"},
    }
    if learner == "siesta":
        settings["layer"] = "layer3"
    if learner == "braincl":
        settings["store"] = {"kind": "cues", "decoder": "first", "epochs": sizes.cue_epochs, "batch_size": 32}
    keeps = learner not in ("finetune", "joint")
    return Cell(
        name=learner,
        learner=learner,
        images="tiny",
        budget=sizes.budget if keeps else None,
        settings=settings,
        tasks=tasks,
        classes=sizes.classes,
    )


def run_cell(cell: Cell, sizes: Sizes, data: Path, device: str, folder: Path) -> None:
    """One learner through its stream, with corrupted images and unknown classes at the end."""
    import engram as eg
    from engram.protocols import probe

    warnings.simplefilter("ignore", UserWarning)
    protocol = cell.protocol()
    last = probe(
        "all",
        corruptions=sizes.corruptions,
        severities=sizes.severities,
        unknown="if-any" if sizes.unknown else False,
        label="final",
    )
    protocol = protocol.model_copy(update={"schedule": [*protocol.schedule[:-1], last]})
    strangers = data / "imagenette224.tar" if sizes.unknown else None
    eg.run(
        protocol,
        {cell.name: cell.model()},
        items=cell.items(data),
        unknown=strangers if strangers is not None and strangers.exists() else None,
        subjects=1,
        seed=7,
        budget=cell.budget,
        device=device,
        threads=1,
        checkpoint_every=3600,
        out=folder / f"{cell.name}.h5",
    )


def tiny(sizes: Sizes, asked: argparse.Namespace) -> str:
    """Every learner in a process of its own, some at a time; the table of those that came to their end."""
    import pandas as pd

    folder = asked.runs / f"tiny-{asked.tasks}-{time.strftime('%m%d-%H%M%S')}"
    folder.mkdir(parents=True)
    waiting_for, running, failed = list(LEARNERS), {}, {}
    end = time.monotonic() + sizes.longest
    while waiting_for or running:
        while waiting_for and len(running) < sizes.processes:
            learner = waiting_for.pop(0)
            command = [sys.executable, __file__, "--cell", learner, "--runs", str(folder), "--data", str(asked.data)]
            command += ["--device", asked.device, "--tasks", str(asked.tasks), *(["--rehearse"] * asked.rehearse)]
            log = (folder / f"{learner}.log").open("w")
            running[learner] = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT)
        time.sleep(0.2)
        for learner, process in list(running.items()):
            if process.poll() is None and time.monotonic() > end:
                process.kill()
                failed[learner] = f"not finished within {sizes.longest:.0f} s"
            if process.poll() is not None or learner in failed:
                process.wait()
                del running[learner]
                if process.returncode and learner not in failed:
                    told = (folder / f"{learner}.log").read_text().strip().splitlines()
                    failed[learner] = told[-1] if told else f"ended with code {process.returncode}"
    rows = [rows_of(cell_of(learner, sizes, asked.tasks), folder) for learner in LEARNERS if learner not in failed]
    text = ""
    if rows:
        found = pd.concat(rows, ignore_index=True)
        text = "| learner | " + " | ".join(COLUMNS.values()) + " |\n" + "|---" * (len(COLUMNS) + 1) + "|\n"
        for _, row in found.iterrows():
            values = [in_words(pd.Series([row[name]]), 0 if abs(float(row[name])) > 100 else 3) for name in COLUMNS]
            text += f"| {row['cell']} | " + " | ".join(values) + " |\n"
    return text + "".join(f"\n{learner}: {why}\n" for learner, why in failed.items())


# --------------------------------------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, default=os.environ.get("ENGRAM_DATA"))
    parser.add_argument("--device", default=None)
    parser.add_argument("--only", choices=["er", "sleep", "tiny"])
    parser.add_argument("--tasks", type=int, default=10)
    parser.add_argument("--rehearse", action="store_true")
    parser.add_argument("--runs", type=Path, default=Path("runs"))
    parser.add_argument("--cell", choices=LEARNERS, help=argparse.SUPPRESS)
    asked = parser.parse_args(arguments)
    sizes = REHEARSAL if asked.rehearse else Sizes()
    asked.device = asked.device or ("cpu" if asked.rehearse else "cuda")
    asked.data = None if asked.data is None else Path(asked.data)

    import torch

    if asked.device.startswith("cuda") and not torch.cuda.is_available():
        print("there is no CUDA device; --rehearse runs all of this at tiny sizes on the CPU", file=sys.stderr)
        return 1
    if asked.cell:
        run_cell(cell_of(asked.cell, sizes, asked.tasks), sizes, asked.data, asked.device, asked.runs)
        return 0
    if asked.device == "cpu":
        torch.set_num_threads(1)
    lines: list[Line] = []
    for name, part in (("er", replay), ("sleep", sleep)):
        if asked.only in (None, name):
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            try:
                lines += part(sizes, asked.device)
            except Exception:  # what the other parts find is not to be lost
                traceback.print_exc()
                lines.append(Line(what=name, measured=None, unit="", spread="failed, see above"))
            print(table(lines), flush=True)
    text = ""
    if asked.only in (None, "tiny"):
        print("measuring tiny ...", file=sys.stderr, flush=True)
        has_images = asked.data is not None and (asked.data / "tiny-imagenet.tar.xz").exists()
        text = tiny(sizes, asked) if has_images else "no tiny-imagenet.tar.xz in --data\n"
        print(text, flush=True)
    if not (asked.only or asked.rehearse):
        where = "; ".join(f"{name} {value}" for name, value in machine().items())
        head = f"# Deep learners on a GPU\n\n{where}\n\n{table(lines)}\n\n"
        about = (
            f"## Tiny-ImageNet in {asked.tasks} tasks\n\n{sizes.budget}, {sizes.passes * 10 // asked.tasks:,} image "
        )
        RESULTS.mkdir(parents=True, exist_ok=True)
        (RESULTS / "deep_gpu.md").write_text(f"{head}{about}passes a task, one subject.\n\n{text}", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
