"""Training steps: gated against plain ones, subjects together against one after another."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from measuring import Line, Sizes, enough, interleaved, ratio, tensor_bytes_allocated
from numpy.typing import NDArray

if TYPE_CHECKING:
    from torch import Tensor

    from engram.sim.batched_mlp import BatchedMLP

CLASSES = 10
IMAGES = 3000
SUBJECTS = 10
LEARNING_RATE = 1e-3


# A gated step, and what it costs --------------------------------------------------------------------------------------


def network(subjects: int, width: int, batch: int, device: str = "cpu") -> tuple[BatchedMLP, list[Tensor]]:
    """A network of two hidden layers, as wide as its features, and gates half open on average."""
    import torch

    from engram.sim.batched_mlp import BatchedMLP

    generator = torch.Generator().manual_seed(0)
    shapes = [(width, width), (width, width), (width, CLASSES)]
    weights = [torch.randn(subjects, *s, generator=generator).mul_((2 / sum(s)) ** 0.5).to(device) for s in shapes]
    biases = [torch.zeros(subjects, 1, post, device=device) for _, post in shapes]
    gates = [torch.rand(subjects, *s, generator=generator).to(device) for s in shapes]
    return BatchedMLP(weights, biases, batch), gates


def gated_step(sizes: Sizes) -> list[Line]:
    """A gated step against plain SGD of the same network, and what a gated step allocates."""
    lines = []
    for width in sizes.gate_widths:
        gated, plain, autograd, refreshed = seconds_of_steps(width, sizes)
        size = f"width {width}, batch {sizes.gate_batch}"
        target = {"at_most": 1.10} if width >= 1024 else {}
        lines += [
            ratio(f"gated step / plain step, {size}", gated, plain, **target),
            ratio(f"gated step / autograd and torch.optim.SGD, {size}", gated, autograd, **target),
            ratio(f"gate refreshed at every step / plain step, {size}", refreshed, plain),
        ]
    lines.append(allocation_of_a_gated_step(sizes))
    return lines


def seconds_of_steps(width: int, sizes: Sizes) -> NDArray[np.float64]:
    """Seconds of a gated, a plain, an autograd and a gate-refreshing step, [side, round]."""
    import torch

    from engram.models.synapses import gate_torch

    x, target = torch.randn(1, sizes.gate_batch, width), torch.randint(CLASSES, (1, sizes.gate_batch))
    (gated_net, gates), (plain_net, _) = (network(1, width, sizes.gate_batch) for _ in range(2))
    (refreshed_net, stiffness), (_, held) = (network(1, width, sizes.gate_batch) for _ in range(2))
    initial = [weight.clone() for weight in refreshed_net.weights]
    module = torch.nn.Sequential(
        torch.nn.Linear(width, width),
        torch.nn.ReLU(),
        torch.nn.Linear(width, width),
        torch.nn.ReLU(),
        torch.nn.Linear(width, CLASSES),
    )
    optimizer = torch.optim.SGD(module.parameters(), lr=LEARNING_RATE)

    def gated(times: int) -> None:
        for _ in range(times):
            gated_net.train_batch(x, target, LEARNING_RATE, gates)

    def plain(times: int) -> None:
        for _ in range(times):
            plain_net.train_batch(x, target, LEARNING_RATE)

    def autograd(times: int) -> None:
        for _ in range(times):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(module(x[0]), target[0]).backward()
            optimizer.step()

    def refreshed(times: int) -> None:
        for _ in range(times):
            for weight, start, stiff, gate in zip(refreshed_net.weights, initial, stiffness, held, strict=True):
                gate_torch(weight, start, stiff, None, gate)
            refreshed_net.train_batch(x, target, LEARNING_RATE, held)

    return interleaved((gated, plain, autograd, refreshed), sizes.rounds, enough(plain, sizes.seconds)).T


def allocation_of_a_gated_step(sizes: Sizes) -> Line:
    import torch

    width = sizes.gate_widths[0]
    net, gates = network(1, width, sizes.gate_batch)
    x, target = torch.randn(1, sizes.gate_batch, width), torch.randint(CLASSES, (1, sizes.gate_batch))
    net.train_batch(x, target, LEARNING_RATE, gates)
    allocated = tensor_bytes_allocated(lambda: net.train_batch(x, target, LEARNING_RATE, gates))
    what = f"allocated by a gated step, width {width}, batch {sizes.gate_batch}"
    return Line(what=what, measured=allocated, unit="bytes", at_most=0)


# Ten subjects together ------------------------------------------------------------------------------------------------


def batching(sizes: Sizes) -> list[Line]:
    """Ten subjects one after another against ten subjects together: whole training steps."""
    import torch

    lines = []
    for width in sizes.widths:
        for batch in sizes.batches:
            target = 2.0 if (width, batch) == (64, 32) else 0.95
            lines.append(one_after_another_over_together(width, batch, sizes, "cpu", time.process_time, target))
    for batch in sizes.batches:
        if torch.cuda.is_available():
            lines.append(one_after_another_over_together(256, batch, sizes, "cuda", cuda_clock, 8.0))
        else:
            what = f"ten subjects one after another / together, width 256, batch {batch}, cuda"
            lines.append(Line(what=what, measured=None, unit="×", spread="no CUDA device", at_least=8.0))
    return lines


def one_after_another_over_together(
    width: int, batch: int, sizes: Sizes, device: str, clock: Callable[[], float], target: float
) -> Line:
    import torch

    features = torch.randn(IMAGES, width).to(device)
    chosen = torch.randint(IMAGES, (SUBJECTS, batch)).to(device)
    labels = torch.randint(CLASSES, (SUBJECTS, batch)).to(device)
    x = torch.empty(SUBJECTS, batch, width, device=device)
    all_subjects, gates = network(SUBJECTS, width, batch, device)
    single_subjects = [network(1, width, batch, device) for _ in range(SUBJECTS)]

    def together(times: int) -> None:
        for group in all_subjects.groups:
            images = chosen[group].reshape(-1)
            for _ in range(times):
                torch.index_select(features, 0, images, out=x[group].view(-1, width))
                all_subjects.train_batch(x[group], labels[group], LEARNING_RATE, gates, group)

    def one_after_another(times: int) -> None:
        for subject, (net, gates) in enumerate(single_subjects):
            for _ in range(times):
                torch.index_select(features, 0, chosen[subject], out=x[0])
                net.train_batch(x[:1], labels[subject : subject + 1], LEARNING_RATE, gates)

    times = enough(together, sizes.seconds, clock)
    alone, joined = interleaved((one_after_another, together), sizes.rounds, times, clock).T
    what = f"ten subjects one after another / together, width {width}, batch {batch}"
    return ratio(what if device == "cpu" else f"{what}, {device}", alone, joined, at_least=target)


def cuda_clock() -> float:
    import torch

    torch.cuda.synchronize()
    return time.perf_counter()
