"""Learned cues: bytes, quality and seconds at each image size, and what their options buy.

    python benchmarks/cues.py --images ../shared/data/fashion-mnist --size 28 --out benchmarks/results/cues-28.json

Every table is of one image set. Seconds are those of the CPU on one thread, since other work may run beside. With
``--panel`` the originals and what their cues recall are drawn below one another, a file for each task.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from engram.data import Images
from engram.data.seeds import child_rng
from engram.models.stores import CueStore, JpegStore
from engram.models.stores.cues import CueCodec, size_of
from engram.models.stores.cues.decoder import Decoder
from engram.models.stores.cues.network import CueNetwork
from engram.models.stores.cues.training import Training

Pixels = NDArray[np.uint8]
Row = dict[str, Any]


def psnr(recalled: Pixels, originals: Pixels) -> float:
    """dB, mean over images."""
    errors = ((recalled.astype(np.float64) - originals) ** 2).reshape(len(originals), -1).mean(1)
    return float((10 * np.log10(255**2 / np.maximum(errors, 1e-3))).mean())


def channels_last(recalled: torch.Tensor, originals: Pixels) -> Pixels:
    """Recalled images in the shape of their originals."""
    return recalled.cpu().numpy().transpose(0, 2, 3, 1).reshape(originals.shape)


def some(images: Pixels) -> Pixels:
    """At most 256 of the images, and fewer where they are large."""
    count = min(256, max(8, 2**20 // (images.shape[1] * images.shape[2])))
    return images[:: max(1, len(images) // count)]


def learn(codec: CueCodec, images: Pixels, task: int) -> float:
    """Train a task; CPU seconds."""
    start = time.process_time()
    for _ in codec.fit(lambda places: images[places], len(images), task):
        pass
    return time.process_time() - start


def measured(codec: CueCodec, images: Pixels, seconds: float) -> Row:
    """One task's cues: quality, bytes, seconds."""
    version, start = codec.version, time.process_time()
    cues = np.asarray(codec.quantise(images))
    coding = time.process_time()
    blocks = [cues[i : i + codec.block] for i in range(0, len(cues), codec.block)]
    packed = [codec.pack(block, version) for block in blocks]
    packing = time.process_time()
    back = np.concatenate([codec.unpack(data, len(block), version) for data, block in zip(packed, blocks, strict=True)])
    unpacking = time.process_time()
    recalled = codec.reconstruct(codec.working(back, version), version)
    end = time.process_time()
    coded = sum(map(len, packed))
    estimated = sum(codec.estimated_bits(block, version) or 0.0 for block in blocks) / 8
    return {
        "images": len(images),
        "dB": round(psnr(channels_last(recalled, images), images), 2),
        "bytes/image": round(coded / len(images), 1),
        "bits/pixel": round(8 * coded / (len(images) * images.shape[1] * images.shape[2]), 3),
        "coded/estimated": round(coded / estimated, 4),
        "exact": bool((back == cues).all()),
        "decoder bytes": codec.parameters_bytes(version),
        "training s": round(seconds, 1),
        "analysis ms/image": round(1e3 * (coding - start) / len(images), 3),
        "packing ms/image": round(1e3 * (packing - coding) / len(images), 3),
        "unpacking ms/image": round(1e3 * (unpacking - packing) / len(images), 3),
        "synthesis ms/image": round(1e3 * (end - unpacking) / len(images), 3),
    }


def tasks(spec: CueStore, parts: list[Pixels], panel: Path | None) -> list[Row]:
    """Each task in turn."""
    codec, rows = CueCodec(spec, parts[0].shape[1:], partial(child_rng, 0)), []
    for task, images in enumerate(parts):
        seconds = learn(codec, images, task)
        rows.append({"decoder": spec.decoder, "task": task, **measured(codec, images, seconds)})
        if panel:
            draw(codec, images, panel.with_stem(f"{panel.stem}-{spec.decoder}-{task}"))
        codec.finish(task)
        print(rows[-1], flush=True)
    return rows


def options(spec: CueStore, images: Pixels) -> list[Row]:
    """Half precision and refinement, on the same trained networks."""
    shape = images.shape[1:]
    size, rng = size_of(spec, shape), partial(child_rng, 0)
    network = CueNetwork(size, shape, torch.Generator().manual_seed(0))
    for _ in Training(network, size, spec.rate_weight, lambda places: images[places], len(images), 0, rng).run():
        pass
    full, rows = copy.deepcopy(network), []
    decoder, sample = Decoder.of(network), some(images)
    plain = CueCodec(spec, shape, rng)
    plain.load_parameters(0, decoder.to_bytes())
    plain.load_state({f"coding/{n}": v.numpy() for n, v in network.state_dict().items()} | {"version": np.array(0)})
    cues = np.asarray(plain.quantise(sample))
    with torch.no_grad():
        exact = full.synthesis(torch.from_numpy(cues).float() + decoder.medians[:, None, None])
    exact = (exact * 255).round().clamp(0, 255).to(torch.uint8)
    halved = psnr(channels_last(plain.reconstruct(plain.working(cues, 0), 0), sample), sample)
    rows.append({"option": "half precision", "dB": round(halved - psnr(channels_last(exact, sample), sample), 4)})
    for steps, rate in ((50, 1e-3), (50, 1e-2), (50, 0.1), (200, 0.1)):
        refined = CueCodec(spec.model_copy(update={"refine_steps": steps, "refine_rate": rate}), shape, rng)
        refined.load_parameters(0, decoder.to_bytes())
        refined.load_state(plain.state())
        start = time.process_time()
        refined.quantise(sample)
        change = refined.refinement
        assert change is not None
        rows.append(
            {
                "option": f"{steps} steps of refinement at {rate:g}",
                "symbols changed": round(change.symbols_changed, 5),
                "dB": round(change.psnr_gained, 3),
                "bytes/image": round(-change.bits_saved / 8, 2),
                "ms/image": round(1e3 * (time.process_time() - start) / len(sample), 1),
            }
        )
        print(rows[-1], flush=True)
    return rows


def jpegs(images: Pixels) -> list[Row]:
    """The same images as JPEG."""
    rows, sample = [], some(images)
    for quality in (5, 10, 20, 50):
        codec = JpegStore(quality=quality).codec(images.shape[1:], partial(child_rng, 0))
        symbols = codec.quantise(sample)
        coded = sum(len(codec.pack(symbols[i : i + 1], 0)) for i in range(len(sample)))
        recalled = codec.reconstruct(codec.working(symbols, 0), 0)
        found = round(psnr(channels_last(recalled, sample), sample), 2)
        rows.append({"store": f"jpeg {quality}", "dB": found, "bytes/image": round(coded / len(sample), 1)})
    return rows


def draw(codec: CueCodec, images: Pixels, path: Path) -> None:
    """Ten originals, and what their cues recall, below one another."""
    from PIL import Image

    shown = images[np.linspace(0, len(images) - 1, 10).astype(int)]
    version = codec.version
    recalled = channels_last(codec.reconstruct(codec.working(codec.quantise(shown), version), version), shown)
    rows = [np.concatenate(list(row), axis=1) for row in (shown, recalled)]
    Image.fromarray(np.concatenate(rows)).save(path)


def table(rows: list[Row]) -> str:
    """Rows as Markdown."""
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(names) + " |", "|" + " --- |" * len(names)]
    lines += ["| " + " | ".join(str(row.get(name, "")) for name in names) + " |" for row in rows]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", required=True, help="what engram run --images takes")
    parser.add_argument("--size", type=int, default=28)
    parser.add_argument("--classes", type=int, default=2, help="classes of a task")
    parser.add_argument("--tasks", type=int, default=2)
    parser.add_argument("--settings", type=json.loads, default={}, help="fields of CueStore, as JSON")
    parser.add_argument("--out", type=Path)
    parser.add_argument("--panel", type=Path)
    given = parser.parse_args()
    torch.set_num_threads(1)

    train = Images(path=given.images, size=given.size).pool().train
    everything, labels = np.asarray(train.images[np.arange(len(train.labels))]), np.asarray(train.labels)
    kinds = np.unique(labels)
    groups = [kinds[task * given.classes : (task + 1) * given.classes] for task in range(given.tasks)]
    parts = [everything[np.isin(labels, group)] for group in groups]
    spec = CueStore(**given.settings)
    rows = []
    for decoder in ("task", "shared"):
        rows += tasks(spec.model_copy(update={"decoder": decoder}), parts, given.panel)
    found = {"stores": rows, "jpeg": jpegs(parts[0]), "options": options(spec, parts[0])}
    for rows in found.values():
        print(table(rows), end="\n\n")
    if given.out:
        settings = {"size": given.size, "classes": given.classes, **given.settings}
        given.out.write_text(json.dumps({"settings": settings, **found}, indent=1))


if __name__ == "__main__":
    main()
