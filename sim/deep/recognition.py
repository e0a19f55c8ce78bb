"""Recognition by the hippocampus: what is seen is compared with episodes that are recalled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import adaptive_avg_pool2d, normalize

if TYPE_CHECKING:
    from ...models.deep.braincl import Recognition
    from ...models.stores.store import EpisodicStore

EPISODES_AT_ONCE = 1024


def places(images: Tensor, side: int) -> Tensor:
    """Images in the space in which they are compared: averaged to a few places, less their mean, of length 1.

    Parameters
    ----------
    images : uint8 or float tensor, [image, channel, height, width]
    side : int
        Places along a side.

    Returns
    -------
    float32 tensor, [image, channel * side * side]

    Examples
    --------
    >>> light_on_the_right = torch.tensor([[[[0.0, 255.0], [0.0, 255.0]]]])
    >>> places(light_on_the_right, 2).tolist()
    [[-0.5, 0.5, -0.5, 0.5]]
    """
    averaged = adaptive_avg_pool2d(images.float(), side).flatten(1)
    return normalize(averaged - averaged.mean(dim=1, keepdim=True), dim=1)


class Episodes:
    """Recalled episodes, ready to be compared with.

    Parameters
    ----------
    spec : Recognition
    store : EpisodicStore
        Gives images.
    slots : int
    rng : numpy.random.Generator
        Draws the episodes where there are more than are compared with.
    """

    def __init__(self, spec: Recognition, store: EpisodicStore, slots: int, rng: np.random.Generator) -> None:
        self._spec, self._slots = spec, slots
        items = np.arange(len(store))
        if len(items) > spec.episodes:
            items = np.sort(rng.choice(items, spec.episodes, replace=False))
        parts = [
            places(store.read(items[start : start + EPISODES_AT_ONCE]), spec.side)
            for start in range(0, len(items), EPISODES_AT_ONCE)
        ]
        self._places = torch.cat(parts)
        self._labels = torch.from_numpy(store.labels[items]).to(self._places.device)

    def votes(self, images: Tensor) -> Tensor:
        """How the nearest episodes vote.

        Parameters
        ----------
        images : float tensor, [image, channel, height, width]

        Returns
        -------
        float32 tensor, [image, slot]
            Shares that add up to 1. An episode votes with its similarity, or not at all where that is below 0; where
            none votes, all items have the same share.
        """
        similarity = places(images, self._spec.side) @ self._places.T
        nearest, which = similarity.topk(min(self._spec.neighbours, len(self._labels)), dim=1)
        votes = torch.zeros(len(images), self._slots, device=similarity.device)
        votes.scatter_add_(1, self._labels[which], nearest.clamp_(min=0))
        total = votes.sum(dim=1, keepdim=True)
        return torch.where(total > 0, votes / total, 1 / self._slots)
