"""How fast deep learners are: prints a table, kept in benchmarks/results/deep_speed.md.

    python benchmarks/deep_speed.py --data DIR --avalanche PYTHON    everything, some five minutes of a quiet core
    python benchmarks/deep_speed.py --only replay                    one measurement, printed and not kept
    python benchmarks/deep_speed.py --quick                          tiny sizes, says nothing about speed

DIR holds fashion-mnist/ (else ENGRAM_DATA); PYTHON is the interpreter of an environment with avalanche-lib. Times are
CPU time of one thread, sides take turns, and the median of the rounds' ratios is told with the best. What stores cost
as they grow is measured by benchmarks/stores.py, what needs a GPU by benchmarks/deep_gpu.py.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from deep_sides import bare_loop, bench_of, compared, fill, mixed_batches, pool_of, rates, training
from deep_streams import against_avalanche
from measuring import Line
from speed import RESULTS, machine, table
from stores import smooth_images

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from engram.models.deep import DeepLearner


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured; the defaults are those of the kept table."""

    rounds: int = 9
    seconds: float = 0.3
    images: int = 10_240
    kept: int = 2000
    cue_images: int = 2048
    sides: tuple[int, ...] = (28, 64)
    seeds: int = 5
    updates: int = 400


QUICK = Sizes(rounds=1, seconds=0.0, images=256, kept=64, cue_images=128, sides=(28,), seeds=2, updates=4)


def replay(sizes: Sizes) -> list[Line]:
    """Experience replay against a bare loop, fully connected and convolutional."""
    from engram.models.deep import MLP, ExperienceReplay, SmallConvNet

    lines = []
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (sizes.images, 28, 28), dtype=np.uint8)
    for name, backbone in (("784-256-10", MLP(hidden=(256,))), ("small convolutional", SmallConvNet())):
        model = ExperienceReplay(backbone=backbone, store={"kind": "raw", "per_class": sizes.kept // 10})
        with tempfile.TemporaryDirectory() as home:
            bench, lesson = bench_of(model, pool_of(images, 10), Path(home))
            fill(bench, lesson)
            ours = training(bench, lesson, source="lesson+recalled", replay_batch_size=64)
            bare = bare_loop(bench, mixed_batches(images, bench.pool.train.labels, np.arange(sizes.kept), (64, 64)))
            found = rates([ours, bare], sizes.rounds, sizes.seconds)
        what = f"ER / bare loop, {name}, 28 px, batch 64 + 64"
        lines.append(compared(what, found[:, 0], found[:, 1], at_least=0.95))
    return lines


def sleep(sizes: Sizes) -> list[Line]:
    """Sleep from cues and from features, against a bare loop over images that were decoded before."""
    lines = []
    for side in sizes.sides:
        images = smooth_images(side)[np.arange(sizes.cue_images) % 1000]
        if side >= 64:
            images = np.repeat(images[..., None], 3, axis=3)
        lines += from_cues(images, sizes) + from_features(images, sizes)
    return lines


def from_cues(images: NDArray[np.uint8], sizes: Sizes) -> list[Line]:
    """Decoder included; entropy decoding, which happens once for each cue, apart."""
    from engram.models.deep import BrainCL
    from engram.models.stores import CueStore
    from engram.models.stores.cues import learn_weights

    with tempfile.TemporaryDirectory() as home:
        weights = Path(home) / "cues.safetensors"
        learn_weights(images[:256], weights, CueStore(epochs=1))
        model = BrainCL(store=CueStore(weights=str(weights), epochs=0, decoder="shared"))
        bench, lesson = bench_of(model, pool_of(images, 10), Path(home))
        fill(bench, lesson)
        assert bench.store is not None
        items = np.arange(len(bench.store))
        first = _seconds_of_reading(bench.store, items)
        again = _seconds_of_reading(bench.store, items)
        ours = training(bench, lesson, source="recalled")
        bare = bare_loop(bench, mixed_batches(images, bench.pool.train.labels, items, (64, 0)))
        found = rates([ours, bare], sizes.rounds, sizes.seconds)
    name = f"{images.shape[1]} px {'colour' if images.ndim == 4 else 'grey'}"
    return [
        compared(f"sleep from cues / bare loop, {name}, small convolutional, batch 64", found[:, 0], found[:, 1]),
        Line(
            what=f"entropy decoding of a cue, once, {name}",
            measured=1e6 * max(0.0, first - again) / len(items),
            unit="µs",
            spread=f"its decoder {1e6 * again / len(items):.3g} µs",
        ),
    ]


def _seconds_of_reading(store: Any, items: NDArray[np.int64]) -> float:
    start = time.process_time()
    for few in np.array_split(items, max(1, len(items) // 64)):
        store.read(few)
    return time.process_time() - start


def from_features(images: NDArray[np.uint8], sizes: Sizes) -> list[Line]:
    """The layers above the frozen ones, from quantised feature maps; the bare loop trains the whole from images."""
    from engram.models.deep import SIESTA
    from engram.sim.deep.learners.siesta import FeatureMaps

    with tempfile.TemporaryDirectory() as home:
        model: DeepLearner = SIESTA(store={"kind": "features", "iterations": 2, "entries": 64})
        bench, lesson = bench_of(model, pool_of(images, 10), Path(home))
        bench.network.split(model.backbone, model.split_layer)  # type: ignore[attr-defined]
        fill(bench, lesson, FeatureMaps(bench, lesson))
        ours = training(bench, lesson, source="recalled", parameters="upper")
        labels = bench.pool.train.labels
        bare = bare_loop(bench, mixed_batches(images, labels, np.arange(len(images)), (64, 0)))
        found = rates([ours, bare], sizes.rounds, sizes.seconds)
    name = f"{images.shape[1]} px {'colour' if images.ndim == 4 else 'grey'}"
    what = f"sleep from features / bare loop, {name}, small convolutional, batch 64"
    return [compared(what, found[:, 0], found[:, 1], at_least=1.0)]


STARTING = (
    "import sys, time, torch; start = time.process_time(); "
    "from engram.models.deep import FineTune; import engram.sim.deep.simulator; "
    "from engram.sim.deep.surroundings import algorithms; "
    "weight = torch.nn.Parameter(torch.ones(1)); optimiser = FineTune().optimiser.build([weight]); "
    "weight.sum().backward(); optimiser.step(); print(time.process_time() - start)"
)
TORCH_SGD = (
    "import time, torch; start = time.process_time(); weight = torch.nn.Parameter(torch.ones(1)); "
    "torch.optim.SGD([weight], 0.1); print(time.process_time() - start)"
)


def starting(sizes: Sizes) -> list[Line]:
    """CPU time until a first update, once torch is there."""
    lines = []
    for what, code in (("deep backend and its first update", STARTING), ("torch.optim.SGD alone", TORCH_SGD)):
        times = []
        for _ in range(min(3, sizes.rounds)):
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            times.append(float(done.stdout))
        spread = f"best {min(times):.2f} s"
        lines.append(
            Line(what=f"starting, after torch: {what}", measured=float(np.median(times)), unit="s", spread=spread)
        )
    return lines


MEASUREMENTS = {"replay": replay, "sleep": sleep, "starting": starting}


def with_avalanche(python: str | None, data: Path | None, sizes: Sizes) -> list[Line]:
    """The lines that need Avalanche, or the one that says why there are none."""
    what = "ER, images per CPU second: engram / Avalanche"
    if python is None or not Path(python).is_file():
        found = "no interpreter was given (--avalanche)" if python is None else f"there is no interpreter {python}"
        return [Line(what=what, measured=None, unit="×", spread=found, at_least=2.0)]
    if data is None or not (data / "fashion-mnist").is_dir():
        return [Line(what=what, measured=None, unit="×", spread="no fashion-mnist/ in --data", at_least=2.0)]
    return against_avalanche(python, data, sizes.seeds, sizes.updates)


NOTES = """
Ratios are medians over rounds; "best" compares the best rounds of both sides. The bare loop takes the same uint8
images, scales them, and updates with `torch.optim.SGD(fused=True)`; it draws no images by seed, keeps no position,
counts nothing.

Against Avalanche: the same Fashion-MNIST files and class orders, five tasks of two classes, one epoch, SGD {rate}
with momentum {momentum}, a buffer of 2,000 images, batches of 64 + 64. Its images are float tensors that lie in
memory. For engram all of a wake step is timed, the writing of the store and the measuring of its PSNR included. In
both, tests are not timed. EWC: Avalanche squares the gradient of a batch's mean and adds λ Σ F (θ - θ*)²; engram
squares gradients image by image and adds λ/2 Σ F (θ - θ*)². So Avalanche computes its importances here on batches of
one image, of as many images ({fisher}), and its λ is half of ours ({stiffness:g}). Two differences stay: it takes the
given labels where we draw them from the network's answers, and its outputs for classes that are still to come answer
from the first day, where ours are masked.
"""


def notes() -> str:
    from deep_streams import FISHER_IMAGES, MOMENTUM, RATE, STIFFNESS

    return NOTES.format(rate=RATE, momentum=MOMENTUM, fisher=FISHER_IMAGES, stiffness=STIFFNESS)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", choices=[*MEASUREMENTS, "avalanche"])
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--data", type=Path, default=os.environ.get("ENGRAM_DATA"))
    parser.add_argument("--avalanche", metavar="PYTHON", help="interpreter of an environment with avalanche-lib")
    parser.add_argument("--remark", default="", help="a line for the head of the kept table")
    asked = parser.parse_args(arguments)

    import torch
    from threadpoolctl import threadpool_limits

    torch.set_num_threads(1)
    torch.manual_seed(0)
    sizes, about, lines = QUICK if asked.quick else Sizes(), machine(), []
    with threadpool_limits(1):
        for name in [asked.only] if asked.only else [*MEASUREMENTS, "avalanche"]:
            print(f"measuring {name} ...", file=sys.stderr, flush=True)
            if name == "avalanche":
                data = None if asked.data is None else Path(asked.data)
                lines += with_avalanche(asked.avalanche, data, sizes)
            else:
                lines += MEASUREMENTS[name](sizes)
    print(table(lines))
    if not (asked.quick or asked.only):
        where = "; ".join(f"{name} {value}" for name, value in about.items())
        remark = f"{asked.remark}\n\n" if asked.remark else ""
        RESULTS.mkdir(parents=True, exist_ok=True)
        text = f"# Speed of deep learners\n\n{remark}{where}\n\n{table(lines)}\n{notes()}"
        (RESULTS / "deep_speed.md").write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
