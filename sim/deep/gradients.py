"""Gradients of the mean loss of a batch, over all processes that hold a share of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from inspect import signature
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .distributed import lost_in_words

if TYPE_CHECKING:
    from .network import CorticalNetwork
    from .objective import Batch, Objective
    from .workbench import Workbench


_BUFFERS = next(
    word  # the first since torch 2.13
    for word in ("forward_sync_buffers", "broadcast_buffers")
    if word in signature(nn.parallel.DistributedDataParallel).parameters
)


_APART = (nn.BatchNorm1d, nn.BatchNorm2d)
"""Of exactly these types, since statistics of a subclass may be frozen."""


class Gradients:
    """Adds up gradients, part of a batch by part, and over the processes of a group.

    The gradient is that of the mean over the whole batch, however it is divided: each process weighs the mean of its
    images by their share. Several processes go through torch's DistributedDataParallel, which adds up gradients while
    others are still being computed.

    Parameters
    ----------
    bench : Workbench
    objective : Objective
    learning : list of torch.nn.Parameter
        Weights that learn; the others of the network need no gradient.
    """

    def __init__(self, bench: Workbench, objective: Objective, learning: list[nn.Parameter]) -> None:
        self._group, self._autocast, self._device = bench.group, bench.autocast, bench.device
        self._objective, self._network = objective, bench.network
        self._step: nn.Module = _Step(bench.network, objective, learning)
        self._learning, self._divided = learning, False
        self._statistics = [statistic for layer in _normalising(bench.network) for statistic in layer.buffers()]

    def add_up(self, batch: Batch, parts: list[Batch]) -> Tensor:
        """Add up the gradients of the mean loss over the whole batch.

        Parameters
        ----------
        batch : Batch
            This process's share.
        parts : list of Batch
            The same, in the parts in which it goes through the network.

        Returns
        -------
        float tensor, scalar
            The mean loss.
        """
        alone = self._group.size == 1
        total = torch.zeros((), device=self._device)
        with self._whole_or_not_at_all():
            for number, part in enumerate(parts, 1):
                last = number == len(parts)
                weight = len(part.labels) / batch.size
                together = last or not self._divided
                with nullcontext() if together else self._step.no_sync(), self._autocast():  # type: ignore[operator]
                    # DistributedDataParallel takes the mean over processes, where a sum is wanted.
                    loss = self._step(part, weight if alone else weight * self._group.size)
                    penalty = self._objective.penalty(self._network) if last else None
                    (loss if penalty is None else loss + penalty).backward()
                total += loss.detach() if alone else loss.detach() / self._group.size
            self._group.sum_(total)
            self._objective.exchange(batch)
            if not alone and not self._divided:
                self._divide(len(batch.labels) > 0)
        return total if penalty is None else total + penalty.detach()

    def _divide(self, has_images: bool) -> None:
        """Take the mean over processes of gradients that are there, and let torch do so from now on.

        The first update tells which weights a loss leaves out, such as the bias of a head: torch asks for it.
        """
        used = self._group.any(*(has_images and weight.grad is not None for weight in self._learning))
        for weight, somewhere in zip(self._learning, used, strict=True):
            if somewhere:
                weight.grad = torch.zeros_like(weight) if weight.grad is None else weight.grad / self._group.size
                self._group.sum_(weight.grad)
        how: dict[str, Any] = {_BUFFERS: bool(self._statistics), "find_unused_parameters": not all(used)}
        self._step = nn.parallel.DistributedDataParallel(self._step, gradient_as_bucket_view=True, **how)
        self._divided = True

    @contextmanager
    def _whole_or_not_at_all(self) -> Iterator[None]:
        """Where another process ends in the midst of an update, leave the network as it was before."""
        if self._group.size == 1:
            yield
            return
        before = [statistic.clone() for statistic in self._statistics]
        try:
            with lost_in_words():
                yield
        except BaseException:
            for statistic, value in zip(self._statistics, before, strict=True):
                statistic.copy_(value)
            raise


class _Step(nn.Module):
    """The loss of one part of a batch as a module, since DistributedDataParallel watches over calls of modules."""

    def __init__(self, network: CorticalNetwork, objective: Objective, learning: list[nn.Parameter]) -> None:
        super().__init__()
        self.network = network
        self._objective, self._learning = objective, learning

    def forward(self, part: Batch, weight: float) -> Tensor:
        if not len(part.labels):  # a process without a share; the others wait for its gradients all the same
            nothing = sum((values.sum() * 0.0 for values in self._learning), torch.zeros((), device=part.images.device))
            if any(isinstance(layer, nn.SyncBatchNorm) for layer in self.network.modules()):  # and for its statistics
                nothing = nothing + self.network.answer(part).sum() * 0.0
            return nothing
        loss = self._objective.loss(self.network, part)
        return loss if weight == 1 else loss * weight


def normalise_together(network: nn.Module) -> None:
    """Let layers of batch normalisation see the whole batch, over all processes; on GPUs only."""
    for name, layer in network.named_children():
        if type(layer) in _APART:
            setattr(network, name, nn.SyncBatchNorm.convert_sync_batchnorm(layer))
        else:
            normalise_together(layer)


def normalises_apart(network: nn.Module) -> bool:
    """Whether batch normalisation would see no more than each process's share of a batch."""
    return any(type(layer) in _APART for layer in network.modules())


def _normalising(network: nn.Module) -> Iterator[nn.Module]:
    """Layers that keep statistics of the batches that go through them."""
    for layer in network.modules():
        if isinstance(layer, nn.modules.batchnorm._BatchNorm) and layer.training and layer.track_running_stats:
            yield layer
