"""Cells of the image-stream benchmark: which learner, with which store, on which images, at which budget."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from engram.data import ItemSet, item_set
from engram.models import Model
from engram.models.registry import model
from engram.protocols import ItemSpec, Protocol, load

PASSES = {"fashion": 30_000, "tiny": 12_000}
"""Image passes of a task where all learners have the same."""

PASSES_OF_ALL = {"fashion": 60_000, "cifar": 60_000, "tiny": 36_000}
"""Image passes of the one lesson of all classes."""

FEW_IMAGES: dict[str, Any] = {
    "augment": {"kind": "crop-flip", "pad": 8},
    "schedule": {"kind": "one-cycle"},
    "batch_size": 32,
}
"""For 64 pixels and 150 images of each class."""

SMALL_RESIDUAL: dict[str, Any] = {
    **FEW_IMAGES,
    "backbone": {"kind": "resnet", "depth": 18, "width": 16, "norm": "group", "stem": "imagenet"},
    "optimiser": {"kind": "adam", "learning_rate": 0.002},
}

CONVOLUTIONAL: dict[str, Any] = {**FEW_IMAGES, "optimiser": {"kind": "adam", "learning_rate": 0.001}}
"""The network of 28 and 32 pixels, trained for 64."""

SOURCES: dict[str, dict[str, Any]] = {
    "fashion": {"path": "fashion-mnist"},
    "cifar": {"path": "cifar10-jpeg-train.tar.xz", "test_path": "cifar10-jpeg-test.tar.xz"},
    "tiny": {"path": "tiny-imagenet.tar.xz", "size": 64},
    "fashion-training": {"path": "fashion-mnist/train-images-idx3-ubyte.gz"},
    "cifar-training": {"path": "cifar10-jpeg-train.tar.xz"},
}
"""Those of training images alone are split by class; settings are chosen on them."""

SEED = 7
SEEDS = {"decoders": 100}
"""Of parts by which settings are chosen, and not reported."""


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One learner with its settings on one stream."""

    name: str
    learner: str
    images: str
    budget: str | None
    settings: Mapping[str, Any] = field(default_factory=dict)
    tasks: int = 5
    classes: int | None = None

    def model(self) -> Model:
        return model(self.learner, **self.settings)

    def items(self, data: Path) -> ItemSet:
        options = SOURCES[self.images]
        places = {name: str(Path(data) / value) if "path" in name else value for name, value in options.items()}
        return item_set("images", **places)

    def protocol(self) -> Protocol:
        protocol = load("class-incremental-5")
        items = ItemSpec(set="images", count=self.classes or "all", lists={"count": self.tasks})
        return protocol.model_copy(update={"items": items})


IMAGES = ("raw", "jpeg", "cues")
STORES = (*IMAGES, "features")
WITH_RAW_IMAGES = ("er", "der", "icarl", "braincl")


def of_learners(images: str, budget: str, **common: Any) -> list[Cell]:
    """Every store with experience replay and with BrainCL, and every learner with what it is made for."""

    def cell(name: str, learner: str, budget: str | None = budget, **settings: Any) -> Cell:
        return Cell(name=name, learner=learner, images=images, budget=budget, settings={**common, **settings})

    cells = [cell("joint", "joint", None), cell("finetune", "finetune", None), cell("ewc", "ewc", None)]
    cells += [cell(f"{learner}-raw", learner, store="raw") for learner in WITH_RAW_IMAGES]
    cells += [cell(f"{learner}-{store}", learner, store=store) for learner in ("er", "braincl") for store in STORES[1:]]
    cells.append(cell("braincl-cues-first", "braincl", store={"kind": "cues", "decoder": "first"}))
    cells += [cell("siesta-features", "siesta"), cell("src", "src", None)]
    return cells


def on_everything_recalled(images: str, budget: str, **common: Any) -> list[Cell]:
    """Learners that learn all that was kept, again and again: with epochs of their own, many times the passes."""
    return [
        Cell(name=f"{learner}-cues", learner=learner, images=images, budget=budget, settings=common)
        for learner in ("joint-recalled", "scratch-recalled")
    ]


def fewer_cells() -> list[Cell]:
    """Twenty Tiny-ImageNet classes at 1 MB, on a small residual network, all with the same image passes."""

    def cell(name: str, learner: str, budget: str | None = "1 MB", **settings: Any) -> Cell:
        settings = {**SMALL_RESIDUAL, "passes": PASSES["tiny"], **settings}
        return Cell(name=name, learner=learner, images="tiny", classes=20, budget=budget, settings=settings)

    cells = [cell("joint", "joint", None), cell("finetune", "finetune", None)]
    cells += [cell(f"{learner}-{store}", learner, store=store) for learner in ("er", "braincl") for store in IMAGES]
    cells.append(cell("braincl-cues-first", "braincl", store={"kind": "cues", "decoder": "first"}))
    return cells


BUDGETS = {"fashion": (100, 400, 1600), "cifar": (200, 600, 1800), "tiny": (250, 750, 2250)}
"""Thousands of bytes."""


def sizes() -> list[Cell]:
    """What a store is worth by itself: all classes at once, learned from nothing but what it gives back."""
    cells = []
    for images, budgets in BUDGETS.items():
        common: dict[str, Any] = {"passes": PASSES_OF_ALL[images], **(CONVOLUTIONAL if images == "tiny" else {})}
        classes = 20 if images == "tiny" else None
        for store in IMAGES:
            for budget in budgets:
                cells.append(
                    Cell(
                        name=f"{images}-{store}-{budget}",
                        learner="joint-recalled",
                        images=images,
                        budget=f"{budget} kB",
                        settings={**common, "store": store},
                        tasks=1,
                        classes=classes,
                    )
                )
        all_of_them = Cell(name=f"{images}-all", learner="joint", images=images, budget=None, settings=common, tasks=1)
        cells.append(replace(all_of_them, classes=classes))
    return cells


def decoders() -> list[Cell]:
    """Whose decoders recall the images of a task: how the default is chosen, on training images alone."""
    return [
        Cell(
            name=f"{images}-{decoder}",
            learner="braincl",
            images=f"{images}-training",
            budget="4 MB",
            settings={"store": {"kind": "cues", "decoder": decoder}},
        )
        for images in ("fashion", "cifar")
        for decoder in ("task", "shared", "first")
    ]


CELLS: dict[str, list[Cell]] = {
    "fashion": of_learners("fashion", "4 MB"),
    "fashion-equal": of_learners("fashion", "4 MB", passes=PASSES["fashion"])
    + on_everything_recalled("fashion", "4 MB", passes=PASSES["fashion"]),
    "tiny": fewer_cells(),
    "sizes": sizes(),
    "decoders": decoders(),
}
