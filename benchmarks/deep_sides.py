"""A deep learner's training beside a bare PyTorch loop with the same network and batches."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from measuring import Side
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch

    from engram.data.items import Pool
    from engram.models.deep import DeepLearner
    from engram.sim.deep.lessons import Lesson
    from engram.sim.deep.workbench import Workbench

ENDLESS = 10**6
"""Epochs: a training that is measured does not end."""
MEAN, STD = 0.5, 0.25


def pool_of(images: Any, classes: int) -> Pool:
    """A pool of images whose classes take turns, each of them in both parts."""
    from engram.data.items import ImagePart, Pool

    part = ImagePart(images, np.arange(len(images)) % classes)
    return Pool("measured", tuple(f"c{number}" for number in range(classes)), part, part, "made here")


def bench_of(model: DeepLearner, pool: Pool, folder: Path, device: str = "cpu") -> tuple[Workbench, Lesson]:
    """A subject with an empty store, all classes taught, and a lesson of all images."""
    from engram.data import child_rng
    from engram.data.items import draw_items
    from engram.models.stores import EpisodicStore
    from engram.protocols import ItemSpec, Protocol, unroll, wake
    from engram.sim import Subjects
    from engram.sim.deep.distributed import single
    from engram.sim.deep.lessons import Course
    from engram.sim.deep.loading import BatchLoader, usual_workers
    from engram.sim.deep.workbench import Workbench

    classes = len(pool.classes)
    protocol = Protocol(name="measured", items=ItemSpec(set="digits", count=classes), schedule=[wake("all")])
    timeline = unroll(protocol)
    subjects = Subjects(
        numbers=(0,),
        seed=0,
        pool=pool,
        draws=(draw_items(pool, classes, None, None, child_rng(0, "items")),),
        presentations=(timeline.presentations(0),),
        timeline=timeline,
    )
    store = None
    if model.store is not None:
        shape = pool.image_shape
        store = EpisodicStore(model.store, folder / "store", shape, rng=lambda *n: child_rng(0, *n), device=device)
    loader = BatchLoader(pool.train.images, device=device, workers=usual_workers(pool.train.images, device))
    bench = Workbench(model, subjects, device, single(), loader, store)
    lesson = Course(subjects).lesson(timeline.steps[0])
    bench.begin_phase([lesson], "none")
    bench.teach(np.arange(classes))
    return bench, lesson


def fill(bench: Workbench, lesson: Lesson, features: Any = None) -> None:
    """Write the lesson to the store, as far as its budget goes."""
    assert bench.store is not None
    for _ in bench.store.write(bench.images, lesson.indices, lesson.labels, 0, features=features):
        pass


def training(bench: Workbench, plan: Any, lesson: Lesson | None) -> Side:
    """A learner's training, tick by tick: the side of engram."""
    run = bench.train(plan, lesson, step=0)

    def side(ticks: int) -> None:
        for _ in range(ticks):
            next(run)

    return side


def bare_loop(
    network: torch.nn.Module,
    draw: Callable[[], Iterator[tuple[torch.Tensor, torch.Tensor]]],
    updates: int,
    *,
    learning_rate: float = 0.05,
    bf16: bool = False,
    channels_last: bool = False,
) -> Side:
    """As plain as a loop can be: batches, forward, backward, fused SGD with momentum.

    Parameters
    ----------
    network : torch.nn.Module
    draw : callable
        Gives the batches of an epoch: images uint8 [image, channel, height, width], or float ones, which are taken as
        they are; and labels.
    updates : int
        That the side makes when it does its work once.
    """
    import torch
    from torch.nn.functional import cross_entropy

    device = next(network.parameters()).device.type
    optimiser = torch.optim.SGD(network.parameters(), learning_rate, momentum=0.9, fused=True)
    layout = torch.channels_last if channels_last else torch.contiguous_format

    def batches() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        while True:
            yield from draw()

    endless = batches()

    def side(times: int) -> None:
        for _ in range(times * updates):
            images, labels = next(endless)
            if images.dtype == torch.uint8:
                images = images.to(torch.float32, memory_format=layout).mul_(1 / (255 * STD)).sub_(MEAN / STD)
            with torch.autocast(device, torch.bfloat16, enabled=bf16):
                loss = cross_entropy(network(images), labels)
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()

    return side


def mixed_batches(
    images: NDArray[np.uint8], labels: NDArray[np.int64], stored: NDArray[np.int64], sizes: tuple[int, int]
) -> Callable[[], Iterator[tuple[torch.Tensor, torch.Tensor]]]:
    """Batches of a lesson in random order, each with images of a buffer drawn evenly.

    Parameters
    ----------
    images : uint8 array, [image, height, width] or [image, height, width, channel]
    labels : int64 array, [image]
    stored : int64 array
        Images that lie in the buffer.
    sizes : (int, int)
        Images of the lesson and of the buffer in a batch.
    """
    import torch

    all_images = torch.from_numpy(images)
    all_images = (all_images[:, None] if images.ndim == 3 else all_images.permute(0, 3, 1, 2)).contiguous()
    all_labels = torch.from_numpy(labels)
    kept_images, kept_labels = all_images[torch.from_numpy(stored)], all_labels[torch.from_numpy(stored)]
    new, old = sizes

    def draw() -> Iterator[tuple[torch.Tensor, torch.Tensor]]:
        for chosen in torch.randperm(len(all_images)).split(new):
            if not old:
                yield all_images[chosen], all_labels[chosen]
                continue
            recalled = torch.randint(len(kept_images), (old,))
            yield (
                torch.cat([all_images[chosen], kept_images[recalled]]),
                torch.cat([all_labels[chosen], kept_labels[recalled]]),
            )

    return draw
