"""What ImageNet-1k in ten tasks costs, on paper: bytes, image passes, and hours on 1, 8 and 64 GPUs.

    python benchmarks/scaling_estimate.py                 the tables, also into docs/scaling.md
    python benchmarks/scaling_estimate.py --rate 12000    with a rate that was measured

Bytes and passes follow from the protocol, the presets and the networks themselves. Hours follow from one rate: images
of 224 px that ResNet-18 learns in a second on one GPU. Everything else that a GPU does is converted by multiply-adds,
as if it ran equally well, which is a guess until it is measured.
"""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
from torch.utils.flop_counter import FlopCounterMode

from engram.models.deep import SIESTA, BrainCL, DeepLearner, ExperienceReplay, FineTune, ICaRL, Joint, ResNet
from engram.models.stores import CueStore
from engram.models.stores.cues.transforms import Synthesis, analysis
from engram.protocols import load, unroll

ROOT = Path(__file__).parent.parent
IMAGES, CLASSES, TASKS = 1_281_167, 1000, 10
SIDE, SEEN = 256, 224
GPUS = {1: 1.0, 8: 0.9, 64: 0.8}
"""Numbers of GPUs, and the share of their time that is assumed to be spent on work."""

RATE = 5_000.0
CUE_BYTES = 1_500  # of the paper at 256 px and λ = 2e-3
JPEG_BYTES = 15_000  # of 256 px at a customary quality
DECODED_JPEGS = 3_400  # images of 256 px in a second of one core, measured: docs/image-streams.md
SYMBOLS_AT_64 = 24 * 8 * 8


@dataclass(frozen=True)
class Row:
    """A learner with its store, and how many images of each class this store can hold (None: all)."""

    name: str
    model: DeepLearner
    keeps: str
    per_class: int | None = None
    only_at_the_end: bool = False


ROWS = (
    Row("joint, once at the end, 100 epochs", Joint(preset="paper", epochs=100), "the data set", None, True),
    Row("joint", Joint(preset="paper"), "the data set"),
    Row("finetune", FineTune(preset="paper"), "nothing"),
    Row("er, 20 raw images a class", ExperienceReplay(preset="paper", replay_batch_size=128), "raw", 20),
    Row("er, JPEG of all", ExperienceReplay(preset="paper", replay_batch_size=128, store="jpeg"), "jpeg"),
    Row("icarl, 20 raw images a class", ICaRL(preset="paper"), "raw", 20),
    Row("siesta, features of all", SIESTA(preset="paper", sleep_updates=10_000), "features"),
    Row("braincl, cues of all", BrainCL(preset="paper"), "cues"),
    Row(
        "braincl, cues of all, 7 epochs a night", BrainCL(preset="paper", first_sleep_epochs=10, sleep_epochs=7), "cues"
    ),
)


@dataclass
class Work:
    """Image passes by kind: of the whole network, of its head, of the layers above SIESTA's, forwards only."""

    whole: float = 0
    head: float = 0
    upper: float = 0
    forward: float = 0
    recalled: float = 0
    """Images recalled, which with cues go through the decoder."""

    @property
    def passes(self) -> float:
        return self.whole + self.head + self.upper


def phases(row: Row) -> Iterator[tuple[object, int, int, int]]:
    """Learning steps of the protocol: the step, its task, images of its lesson, images stored before it."""
    seen = task = 0
    lesson = 0
    for step in unroll(load("class-incremental-10").for_classes(CLASSES)).steps:
        if step.kind == "wake":
            task, seen = task + 1, seen + lesson
            lesson = IMAGES * task // TASKS - IMAGES * (task - 1) // TASKS
        if step.kind in ("wake", "sleep"):
            yield step, task - 1, lesson, seen


def work_of(row: Row) -> Work:
    """What the plans of a learner come to over all tasks."""
    work = Work()
    model = row.model
    for step, task, lesson, before in phases(row):
        held = min(before, row.per_class * CLASSES * task // TASKS) if row.per_class else before
        if row.only_at_the_end and task < TASKS - 1:
            continue
        if isinstance(model, SIESTA) and step.kind == "wake":
            work.forward += 2 * lesson  # class means, and the maps that are stored
        plan = model.plan(step, task)
        if plan is None:
            continue
        if isinstance(model, SIESTA) and step.kind == "sleep":
            work.upper += model.sleep_updates * model.batch_size
        elif plan.source == "lesson+recalled":
            work.whole += plan.epochs * lesson
            if task:
                recalled = plan.epochs * lesson * plan.replay_batch_size / plan.batch_size
                work.whole, work.recalled = work.whole + recalled, work.recalled + recalled
        elif isinstance(model, ICaRL):
            work.whole += plan.epochs * (lesson + held)
            work.forward += plan.epochs * (lesson + held) if task else 0  # of the network as it was
        else:
            images = plan.epochs * (lesson if plan.source == "lesson" else before + lesson)
            work.recalled += images if plan.source == "recalled" else 0
            if plan.parameters == "head":
                work.head += images
            else:
                work.whole += images
    return work


@cache
def multiply_adds() -> dict[str, float]:
    """Of one image: the network (224 px), SIESTA's layers below and above, decoder and codec (256 px)."""
    net = ResNet(depth=18).build(3, SEEN, torch.Generator()).eval()
    lower, upper = ResNet(depth=18).split(net, "layer3")
    image, maps = (1, 3, SEEN, SEEN), (1, 256, SEEN // 16, SEEN // 16)
    decode = _count(Synthesis(3, 128, 192, 16, SIDE, SIDE), (1, 192, SIDE // 16, SIDE // 16))
    encode = _count(analysis(3, 128, 192, 16), (1, 3, SIDE, SIDE))
    below, above = _count(lower, image), _count(upper, maps)
    return {"network": _count(net, image), "lower": below, "upper": above, "decode": decode, "encode": encode}


@torch.no_grad()
def _count(module: torch.nn.Module, shape: tuple[int, ...]) -> float:
    with FlopCounterMode(display=False) as counter:
        module(torch.zeros(shape))
    return counter.get_total_flops() / 2


def in_passes(row: Row) -> float:
    """All work of a row in passes of the whole network, forward and back; backwards is taken as twice forwards."""
    work, adds = work_of(row), multiply_adds()
    step = 3 * adds["network"]
    total = work.whole * step + work.head * adds["network"] + work.upper * 3 * adds["upper"]
    total += work.forward * (adds["lower"] if isinstance(row.model, SIESTA) else adds["network"])
    store = row.model.store
    if isinstance(store, CueStore):
        total += work.recalled * adds["decode"] + IMAGES * adds["encode"]
        total += IMAGES * store.epochs * 3 * (adds["encode"] + adds["decode"])
    return total / step


def bytes_of(row: Row) -> int | None:
    """All that a store keeps at the end; None where there is none."""
    items = IMAGES if row.per_class is None else row.per_class * CLASSES
    match row.keeps:
        case "raw":
            return items * (SIDE * SIDE * 3 + 4) + 40 * CLASSES
        case "jpeg":
            return items * (JPEG_BYTES + 10) + 40 * CLASSES
        case "features":
            places = (SEEN // 16) ** 2
            return items * (8 * places + 4) + 40 * CLASSES + 256 * 256 * 4
        case "cues":
            decoder = sum(p.numel() for p in Synthesis(3, 128, 192, 16, SIDE, SIDE).parameters())
            return items * CUE_BYTES + TASKS * 2 * decoder + 40 * CLASSES
    return None


def unpacked_symbols() -> float:
    """Symbols of cues that one core unpacks in a second, as the benchmark of cues measured it at 64 px."""
    measured = json.loads((ROOT / "benchmarks/results/cues-64.json").read_text())["stores"]
    seconds = sum(store["unpacking ms/image"] for store in measured) / len(measured) / 1000
    return SYMBOLS_AT_64 / seconds


def table(rate: float) -> str:
    """Bytes, passes and hours of every learner."""
    heads = ["learner", "kept", "image passes", "of the data set", "in passes of the whole network"]
    lines = [heads + [f"{gpus} GPU{'s' * (gpus > 1)}, h" for gpus in GPUS]]
    for row in ROWS:
        kept, passes, cost = bytes_of(row), work_of(row).passes, in_passes(row)
        hours = [f"{cost / (rate * gpus * share) / 3600:,.1f}" for gpus, share in GPUS.items()]
        size = "-" if kept is None else f"{kept / 1e9:,.2f} GB"
        lines.append(
            [row.name, size, f"{passes / 1e6:,.0f} M", f"{passes / IMAGES:,.1f}", f"{cost / IMAGES:,.1f}", *hours]
        )
    return _markdown(lines)


def feeding(rate: float) -> str:
    """What the processors beside a GPU have to do."""
    adds = multiply_adds()
    symbols = 192 * (SIDE // 16) ** 2
    recalled = rate / (1 + adds["decode"] / (3 * adds["network"]))
    unpacked = unpacked_symbols() / symbols
    lines = [
        ["what", "images/s of one core", "of", "cores for one GPU"],
        ["JPEG of 256 px decoded", f"{DECODED_JPEGS:,}", "measured here", f"{rate / DECODED_JPEGS:.1f}"],
        [
            f"cue of {symbols:,} symbols unpacked",
            f"{unpacked:,.0f}",
            "measured here at 64 px, by the symbol",
            f"{recalled / unpacked:.1f}, or none with {symbols * IMAGES / 1e9:.0f} GB of symbols in memory",
        ],
    ]
    return _markdown(lines)


def _markdown(lines: list[list[str]]) -> str:
    rule = ["---"] * len(lines[0])
    return "\n".join(f"| {' | '.join(cells)} |" for cells in [lines[0], rule, *lines[1:]])


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rate", type=float, default=RATE, help="images/s that ResNet-18 learns on one GPU")
    parser.add_argument("--page", type=Path, default=ROOT / "docs" / "scaling.md")
    given = parser.parse_args(arguments)
    text = given.page.read_text(encoding="utf-8") if given.page.exists() else ""
    for name, filled in (("costs", table(given.rate)), ("feeding", feeding(given.rate))):
        print(f"\n{filled}")
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        text = re.sub(f"{begin}.*?{end}", lambda _, b=begin, f=filled, e=end: f"{b}\n{f}\n{e}", text, flags=re.DOTALL)
    if given.page.exists():
        given.page.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
