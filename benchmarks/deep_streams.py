"""Class-incremental Fashion-MNIST under engram and under Avalanche: the same files, settings and batches, in turns."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from measuring import Line

if TYPE_CHECKING:
    from engram.data.items import Pool
    from engram.models.deep import DeepLearner

TASKS, BATCH, BUFFER = 5, 64, 2000
RATE, MOMENTUM = 0.02, 0.9
FISHER_IMAGES = 500
STIFFNESS = 2.0
"""λ of equation 3 of Kirkpatrick et al., half of which is the factor of the squared distance."""
ITEM_BYTES, HEAD_BYTES = 28 * 28 + 4, 40
"""Of a raw item with its checksum, and of a class's file (docs/episodic-stores.md)."""


class Reference:
    """A process in Avalanche's own environment, which answers requests one by one.

    Parameters
    ----------
    python : str
        Its interpreter.
    pool : Pool
    folder : path
        Where the images are handed over.
    """

    def __init__(self, python: str, pool: Pool, folder: Path) -> None:
        path = folder / "images.npz"
        arrays: dict[str, Any] = {}
        for name, part in (("train", pool.train), ("test", pool.test)):
            arrays[name] = np.asarray(part.images, np.float32).reshape(len(part), -1) / 255 / 0.25 - 2
            arrays[f"{name}_labels"] = np.asarray(part.labels, np.int64)
        np.savez(path, **arrays)
        command = [python, str(Path(__file__).parent / "avalanche_reference.py"), str(path)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.versions = self._answer()

    def ask(self, **request: Any) -> dict[str, float]:
        """What came out of one request."""
        assert self._process.stdin is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return self._answer()

    def close(self) -> None:
        """End the process."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait()

    def _answer(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("Avalanche's environment gave no answer; run avalanche_reference.py in it by hand")
        answer: dict[str, Any] = json.loads(line)
        return answer


def fashion(data: Path) -> Pool:
    """Fashion-MNIST."""
    from engram.data import item_set

    return item_set("images", path=str(data / "fashion-mnist")).pool()


def model_of(kind: str) -> DeepLearner:
    """The learner that has Avalanche's settings."""
    from engram.models.deep import EWC, MLP, ExperienceReplay

    common: dict[str, Any] = {
        "backbone": MLP(hidden=(256,)),
        "batch_size": BATCH,
        "epochs": 1,
        "optimiser": {"learning_rate": RATE, "momentum": MOMENTUM, "clip": None},
    }
    if kind == "replay":
        budget = BUFFER * ITEM_BYTES + 10 * HEAD_BYTES
        return ExperienceReplay(replay_batch_size=BATCH, store={"kind": "raw", "budget": budget}, **common)
    return EWC(stiffness=STIFFNESS, fisher_images=FISHER_IMAGES, **common)


def learned(pool: Pool, kind: str, seed: int, folder: Path) -> dict[str, Any]:
    """One subject's stream under engram: CPU seconds and images of its wake phases, in full, and its last accuracy.

    A phase is what a run makes of it, the writing of the store and the measuring of what it recalls included.
    """
    from engram.data import child_rng
    from engram.data.items import draw_items
    from engram.protocols import load, unroll
    from engram.sim import Settings, Subjects
    from engram.sim.deep.lessons import Course
    from engram.sim.deep.simulator import DeepSimulator

    model = model_of(kind)
    protocol = load("class-incremental-5").for_classes(len(pool.classes))
    timeline = unroll(protocol)
    items = draw_items(pool, len(pool.classes), None, None, child_rng(seed, "items"))
    presentations = timeline.presentations(child_rng(seed, "schedule"))
    subjects = Subjects(
        numbers=(0,), seed=seed, pool=pool, draws=(items,), presentations=(presentations,), timeline=timeline
    )
    settings = Settings(device="cpu", threads=1, record=protocol.record, folder=folder)
    session = DeepSimulator(model, pool, len(pool.classes), settings).session(subjects)
    lessons = [Course(subjects).lesson(step) for step in timeline.steps if step.kind == "wake"]
    taught = [[items.classes[slot] for slot in lesson.slots] for lesson in lessons]
    seconds, images, accuracy = 0.0, 0, 0.0
    for step in timeline.steps:
        if step.kind == "wake":
            start = time.process_time()
            for _ in session.wake(step):
                pass
            seconds += time.process_time() - start
        elif step.kind == "probe":
            asked = np.stack([timeline.probed(step, presentations)])
            accuracy = float(np.nanmean(session.probe(step, asked).performance))
            if asked.all():
                break  # the first probe of everything is the one after the last task
    for _, stream, columns in session.drain():
        if stream == "costs":
            images = int(np.sum(columns["image_passes"]))
    if kind == "ewc":
        images -= len(lessons) * FISHER_IMAGES
    order = [int(number) for task in taught for number in task]
    return {"seconds": seconds, "images": images, "accuracy": accuracy, "order": order}


def bare(pool: Pool, updates: int) -> dict[str, float]:
    """The loop of `avalanche_reference.py` here: float images, a lesson's batch and a buffer's."""
    import torch
    from avalanche_reference import bare as loop

    torch.set_num_threads(1)
    images = np.asarray(pool.train.images, np.float32).reshape(len(pool.train), -1) / 255 / 0.25 - 2
    data = {"train": images, "train_labels": np.asarray(pool.train.labels, np.int64)}
    return loop(data, _request("bare", updates=updates))


def against_avalanche(python: str, data: Path, seeds: int, updates: int) -> list[Line]:
    """Replay and EWC of both, subject by subject in turns, and a bare loop in both environments."""
    pool = fashion(data)
    found: dict[str, list[dict[str, Any]]] = {}
    with tempfile.TemporaryDirectory() as home:
        theirs = Reference(python, pool, Path(home))
        for seed in range(seeds):
            for kind in ("replay", "ewc"):
                ours = learned(pool, kind, seed, Path(home, f"{kind}-{seed}"))
                asked = _request(kind, seed=seed, order=ours["order"])
                found.setdefault(f"{kind}, engram", []).append(ours)
                found.setdefault(f"{kind}, Avalanche", []).append(theirs.ask(**asked))
            found.setdefault("bare, here", []).append(bare(pool, updates))
            found.setdefault("bare, there", []).append(theirs.ask(**_request("bare", updates=updates)))
        theirs.close()
    return lines_of(found, theirs.versions)


def lines_of(found: dict[str, list[dict[str, Any]]], versions: dict[str, str]) -> list[Line]:
    """Rates as ratios within each seed, and accuracies side by side."""
    rate = {name: np.array([one["images"] / one["seconds"] for one in runs]) for name, runs in found.items()}
    which = f"Avalanche {versions['avalanche']}, torch {versions['torch']}"
    lines = [
        _ratio(f"ER, images per CPU second: engram / {which}", rate["replay, engram"], rate["replay, Avalanche"], 2.0),
        _ratio("the same of EWC, importances included", rate["ewc, engram"], rate["ewc, Avalanche"]),
        _ratio("bare loop, float images: engram's torch / Avalanche's", rate["bare, here"], rate["bare, there"]),
        _ratio("ER of engram / bare loop, float images", rate["replay, engram"], rate["bare, here"]),
    ]
    for kind, name in (("replay", "ER"), ("ewc", "EWC")):
        ours, theirs = (
            np.array([one["accuracy"] for one in found[f"{kind}, {who}"]]) for who in ("engram", "Avalanche")
        )
        error = float(np.sqrt(ours.var(ddof=1) / len(ours) + theirs.var(ddof=1) / len(theirs)))
        lines.append(
            Line(
                what=f"{name}, last accuracy: engram - Avalanche, in standard errors",
                measured=float((ours.mean() - theirs.mean()) / max(error, 1e-9)),
                unit="",
                at_least=-2.0,
                spread=f"{_listed(ours)} and {_listed(theirs)} over {len(ours)} seeds; standard error {error:.4f}",
            )
        )
    return lines


def _ratio(what: str, ours: np.ndarray, theirs: np.ndarray, at_least: float | None = None) -> Line:
    ratios = ours / theirs
    spread = (
        f"best {ours.max() / theirs.max():.2f}; {ratios.min():.2f} … {ratios.max():.2f}; medians "
        f"{np.median(ours):,.0f} and {np.median(theirs):,.0f} images/s"
    )
    return Line(what=what, measured=float(np.median(ratios)), unit="×", spread=spread, at_least=at_least)


def _listed(values: np.ndarray) -> str:
    return f"{values.mean():.3f} ({values.min():.3f} … {values.max():.3f})"


def _request(kind: str, **more: Any) -> dict[str, Any]:
    return {
        "kind": kind,
        "learning_rate": RATE,
        "momentum": MOMENTUM,
        "batch": BATCH,
        "buffer": BUFFER,
        "tasks": TASKS,
        "stiffness": STIFFNESS / 2,
        "fisher_images": FISHER_IMAGES,
        **more,
    }
