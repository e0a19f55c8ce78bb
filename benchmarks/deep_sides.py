"""A deep learner's training beside a bare PyTorch loop with the same network and batches, on any device."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from measuring import Line
from numpy.typing import NDArray

if TYPE_CHECKING:
    from engram.data.items import Pool
    from engram.models.deep import DeepLearner
    from engram.sim.deep.lessons import Lesson
    from engram.sim.deep.workbench import Workbench

Side = Callable[[], int]
"""Does some work and says how many images went by."""

Draw = Callable[[], Iterator[tuple[Any, Any]]]
"""Gives the batches of an epoch: images, uint8 or normalised float, [image, channel, height, width]; and labels."""

ENDLESS = 1e5
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


def training(bench: Workbench, lesson: Lesson, **plan: Any) -> Side:
    """A learner's training, from one place for a checkpoint to the next."""
    run = bench.train(bench.model.learning(epochs=ENDLESS, **plan), lesson, step=0)

    def side() -> int:
        before = bench.cost.image_passes
        next(run)
        return bench.cost.image_passes - before

    return side


def bare_loop(bench: Workbench, draw: Draw, updates: int = 8) -> Side:
    """As plain as a loop can be: batches, forward, backward, fused SGD with momentum; a network like the bench's.

    Parameters
    ----------
    bench : Workbench
        Whose network is copied, and whose precision and layout are taken.
    draw : callable
    updates : int
        Of a call.
    """
    import torch
    from torch import nn
    from torch.nn.functional import cross_entropy

    model, device = bench.model, bench.device
    layout = torch.channels_last if model.channels_last else torch.contiguous_format
    network = nn.Sequential(copy.deepcopy(bench.network.features), copy.deepcopy(bench.network.head))
    network = network.train().to(device, memory_format=layout)
    for weight in network.parameters():
        weight.requires_grad_()
    if model.compile is True or (model.compile == "auto" and device.type == "cuda"):
        network.compile()
    given = model.optimiser
    optimiser = torch.optim.SGD(
        network.parameters(), given.learning_rate, given.momentum, weight_decay=given.weight_decay, fused=True
    )

    def endlessly() -> Iterator[tuple[Any, Any]]:
        while True:
            yield from draw()

    batches = endlessly()

    def side() -> int:
        done = 0
        for _ in range(updates):
            images, labels = next(batches)
            if images.dtype == torch.uint8:
                images = images.to(torch.float32, memory_format=layout).mul_(1 / (255 * STD)).sub_(MEAN / STD)
            with torch.autocast(device.type, torch.bfloat16, enabled=model.precision == "bf16"):
                loss = cross_entropy(network(images), labels)
            loss.backward()
            optimiser.step()
            optimiser.zero_grad()
            done += len(labels)
        return done

    return side


def rates(
    sides: Sequence[Side],
    rounds: int,
    seconds: float,
    clock: Callable[[], float] = time.process_time,
    finish: Callable[[], object] = lambda: None,
) -> NDArray[np.float64]:
    """Images per second of each side, in turns, [round, side].

    Parameters
    ----------
    sides : sequence of callable
    rounds : int
    seconds : float
        That each side works in each round, by the clock.
    clock : callable
    finish : callable
        Waits for work that is still going on, before the clock is read for the last time.
    """
    for side in sides:
        for _ in range(3):
            side()
    found = np.empty((rounds, len(sides)))
    for turn in range(rounds):
        for place, side in enumerate(sides):
            finish()
            start, done = clock(), 0
            while clock() - start < seconds or not done:
                done += side()
            finish()
            found[turn, place] = done / (clock() - start)
    return found


def compared(what: str, ours: NDArray, bare: NDArray, at_least: float | None = None) -> Line:
    """The line that compares two sides: median of the rounds' ratios, and what the best rounds say."""
    ratios = ours / bare
    spread = (
        f"best {ours.max() / bare.max():.3f}; {ratios.min():.3f} … {ratios.max():.3f}; medians "
        f"{np.median(ours):,.0f} and {np.median(bare):,.0f} images/s"
    )
    return Line(what=what, measured=float(np.median(ratios)), unit="×", spread=spread, at_least=at_least)


def mixed_batches(
    images: NDArray[np.uint8],
    labels: NDArray[np.int64],
    stored: NDArray[np.int64],
    sizes: tuple[int, int],
    device: str = "cpu",
) -> Draw:
    """Batches of a lesson in random order, each with images of a buffer drawn evenly.

    Parameters
    ----------
    images : uint8 array, [image, height, width] or [image, height, width, channel]
    labels : int64 array, [image]
    stored : int64 array
        Images that lie in the buffer.
    sizes : (int, int)
        Images of the lesson and of the buffer in a batch.
    device : str
        Where all images lie, before the clock is started.
    """
    import torch

    all_images = torch.from_numpy(images)
    all_images = (all_images[:, None] if images.ndim == 3 else all_images.permute(0, 3, 1, 2)).contiguous()
    all_images, all_labels = all_images.to(device), torch.from_numpy(labels).to(device)
    kept = torch.from_numpy(stored).to(device)
    kept_images, kept_labels = all_images[kept], all_labels[kept]
    new, old = sizes

    def draw() -> Iterator[tuple[Any, Any]]:
        for chosen in torch.randperm(len(all_images), device=device).split(new):
            if not old:
                yield all_images[chosen], all_labels[chosen]
                continue
            recalled = torch.randint(len(kept_images), (old,), device=device)
            yield (
                torch.cat([all_images[chosen], kept_images[recalled]]),
                torch.cat([all_labels[chosen], kept_labels[recalled]]),
            )

    return draw
