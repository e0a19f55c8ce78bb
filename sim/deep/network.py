"""The cortex of a deep learner: a backbone, and a head with a row for each item."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from ...data.seeds import child_seed

if TYPE_CHECKING:
    from ...models.deep.backbone import Backbone
    from .objective import Batch


class CorticalNetwork(nn.Module):
    """Backbone and head.

    The head has a row for every slot of the protocol. A row opens when its item is first taught, with the weights it
    was drawn with; until then its logit is -inf, so that it is never answered and no gradient reaches it. That is a
    head that grows, in memory laid out once.

    Parameters
    ----------
    features : torch.nn.Module
        Images to features [image, feature]; its ``width`` is their number.
    slots : int
    seeds : sequence of int
        Of the rows of the head.

    Attributes
    ----------
    features, head : torch.nn.Module
    closed : float32 tensor, [slot]
        0 for items that were taught, -inf for the others.
    """

    closed: Tensor

    def __init__(self, features: nn.Module, slots: int, seeds: Sequence[int]) -> None:
        super().__init__()
        self.features = features
        self._seeds = list(seeds)
        with torch.random.fork_rng(devices=[]):
            self.head = nn.Linear(features.width, slots)  # type: ignore[arg-type]
        self.register_buffer("closed", torch.full((slots,), -math.inf))
        self._parts: tuple[nn.Module, nn.Module] | None = None
        self._draw_rows(range(slots))

    def forward(self, images: Tensor) -> Tensor:
        """Logits [image, slot] of images [image, channel, height, width]."""
        logits: Tensor = self.head(self.features(images))
        return logits + self.closed

    def answer(self, batch: Batch) -> Tensor:
        """Logits [image, slot] of a batch, of images or of feature maps; what an objective asks."""
        logits: Tensor = self.head(self.features_of(batch))
        return logits + self.closed

    def features_of(self, batch: Batch) -> Tensor:
        """Features [image, feature] of a batch, of images or of feature maps."""
        features: Tensor = self.upper(batch.images) if batch.of_maps else self.features(batch.images)
        return features

    def split(self, backbone: Backbone, layer: str) -> None:
        """Make `lower` and `upper` known: the network up to a layer, and the rest without the head."""
        self._parts = backbone.split(self.features, layer)

    @property
    def lower(self) -> nn.Module:
        """Images to feature maps; see `split`."""
        return self._two_parts()[0]

    @property
    def upper(self) -> nn.Module:
        """Feature maps to features; see `split`."""
        return self._two_parts()[1]

    @property
    def taught(self) -> list[int]:
        """Slots whose rows are open, rising."""
        return torch.isfinite(self.closed).nonzero().flatten().tolist()

    def open(self, slots: Sequence[int]) -> None:
        """Open the rows of slots that are still closed, with the weights they were drawn with."""
        new = [slot for slot in slots if not math.isfinite(self.closed[slot])]
        self._draw_rows(new)
        self.closed[torch.tensor(new, dtype=torch.long)] = 0.0

    @torch.no_grad()
    def _draw_rows(self, slots: Sequence[int]) -> None:
        """Draw rows evenly within ±1/√features, each from a stream of its own."""
        bound = 1 / math.sqrt(self.head.in_features)
        for slot in slots:
            generator = torch.Generator().manual_seed(self._seeds[slot])
            row = (torch.rand(self.head.in_features + 1, generator=generator) * 2 - 1) * bound
            self.head.weight[slot] = row[:-1].to(self.head.weight.device)
            self.head.bias[slot] = row[-1].to(self.head.bias.device)

    def _two_parts(self) -> tuple[nn.Module, nn.Module]:
        if self._parts is None:
            raise ValueError("the network was not split at a layer; call network.split(backbone, layer) first")
        return self._parts


def build_network(
    backbone: Backbone, channels: int, size: int, slots: int, seed: int, *names: str | int
) -> CorticalNetwork:
    """A network whose weights are drawn from the streams ``*names, "backbone"`` and ``*names, "head", slot``."""
    generator = torch.Generator().manual_seed(torch_seed(seed, *names, "backbone"))
    features = backbone.build(channels, size, generator)
    return CorticalNetwork(features, slots, [torch_seed(seed, *names, "head", slot) for slot in range(slots)])


def torch_seed(seed: int, *names: str | int) -> int:
    """Seed of a torch.Generator: one of a named stream of the run."""
    return int(child_seed(seed, *names).generate_state(1, np.uint64)[0] >> np.uint64(1))
