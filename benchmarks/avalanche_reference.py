"""Avalanche's replay and EWC, and a bare PyTorch loop, for `deep_speed.py`, which starts this file.

Runs in an environment of its own, with Avalanche and without engram, on one thread. The images lie in an .npz file:
float32 [image, pixel] and int64 labels of both parts. Every line of the standard input is a request in JSON and is
answered by a line in JSON.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn.functional import cross_entropy

HIDDEN, CLASSES = 256, 10
Arrays = dict[str, NDArray]


def network(pixels: int, seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Sequential(nn.Linear(pixels, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, CLASSES))


def versions() -> dict[str, str]:
    import avalanche

    return {"torch": torch.__version__, "avalanche": avalanche.__version__}


def stream(data: Arrays, order: list[int], tasks: int) -> Any:
    """The class-incremental stream of a class order."""
    from avalanche.benchmarks import nc_benchmark
    from torch.utils.data import TensorDataset

    parts = []
    for part in ("train", "test"):
        dataset = TensorDataset(torch.from_numpy(data[part]), torch.from_numpy(data[f"{part}_labels"]))
        dataset.targets = data[f"{part}_labels"].tolist()
        parts.append(dataset)
    return nc_benchmark(*parts, tasks, task_labels=False, fixed_class_order=order)


def strategy(asked: dict[str, Any], model: nn.Module, counter: Any) -> Any:
    """Replay, or EWC: as it comes, or with its importances taken image by image."""
    from avalanche.training.plugins import EvaluationPlugin, EWCPlugin
    from avalanche.training.supervised import Naive, Replay

    common = {
        "model": model,
        "optimizer": torch.optim.SGD(model.parameters(), asked["learning_rate"], momentum=asked["momentum"]),
        "criterion": nn.CrossEntropyLoss(),
        "train_mb_size": asked["batch"],
        "train_epochs": 1,
        "device": "cpu",
        "evaluator": EvaluationPlugin(loggers=[]),
    }
    if asked["kind"] == "replay":
        return Replay(mem_size=asked["buffer"], plugins=[counter], **common)

    class ByImage(EWCPlugin):
        """Its importances are squares of a batch's mean gradient; here batches of one, and a sample of the images."""

        def compute_importances(self, model, criterion, optimizer, dataset, device, batch_size, num_workers=0):  # type: ignore[no-untyped-def]
            generator = torch.Generator().manual_seed(asked["seed"])
            chosen = torch.randperm(len(dataset), generator=generator)[: asked["fisher_images"]].tolist()
            return super().compute_importances(model, criterion, optimizer, dataset.subset(chosen), device, 1)

    kind = ByImage if asked["fisher_images"] else EWCPlugin
    return Naive(plugins=[kind(asked["stiffness"]), counter], **common)


def trained(data: Arrays, asked: dict[str, Any]) -> dict[str, float]:
    """One subject's stream: CPU seconds and images of its learning, and its accuracy on all classes at the end."""
    from avalanche.training.plugins import SupervisedPlugin

    class Counter(SupervisedPlugin):  # type: ignore[misc]
        images = 0

        def after_training_iteration(self, strategy: Any, **_: Any) -> None:
            self.images += len(strategy.mb_x)

    model, counter = network(data["train"].shape[1], asked["seed"]), Counter()
    learner = strategy(asked, model, counter)
    experiences = stream(data, asked["order"], asked["tasks"]).train_stream
    start = time.process_time()
    for experience in experiences:
        learner.train(experience)
    seconds = time.process_time() - start
    model.eval()
    with torch.no_grad():
        answers = model(torch.from_numpy(data["test"])).argmax(1).numpy()
    return {
        "seconds": seconds,
        "images": counter.images,
        "accuracy": float((answers == data["test_labels"]).mean()),
    }


def bare(data: Arrays, asked: dict[str, Any]) -> dict[str, float]:
    """A plain loop over batches of a lesson and a buffer: what this torch can do at most."""
    model = network(data["train"].shape[1], 0)
    optimiser = torch.optim.SGD(model.parameters(), asked["learning_rate"], momentum=asked["momentum"], fused=True)
    images, labels = (torch.from_numpy(data[name]) for name in ("train", "train_labels"))
    kept = torch.randperm(len(images))[: asked["buffer"]]
    kept_images, kept_labels = images[kept], labels[kept]
    start = time.process_time()
    done = 0
    for chosen in torch.randperm(len(images)).split(asked["batch"])[: asked["updates"]]:
        recalled = torch.randint(len(kept), (asked["batch"],))
        x, y = torch.cat([images[chosen], kept_images[recalled]]), torch.cat([labels[chosen], kept_labels[recalled]])
        cross_entropy(model(x), y).backward()
        optimiser.step()
        optimiser.zero_grad()
        done += len(x)
    return {"seconds": time.process_time() - start, "images": done}


def main(path: str) -> None:
    warnings.simplefilter("ignore")
    torch.set_num_threads(1)
    with np.load(path, allow_pickle=False) as file:
        data = dict(file)
    kinds = {"replay": trained, "ewc": trained, "bare": bare}
    print(json.dumps(versions()), flush=True)
    for line in sys.stdin:
        asked = json.loads(line)
        print(json.dumps(kinds[asked["kind"]](data, asked)), flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
