"""What a network is trained for: the loss of a batch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import cross_entropy

from .network import CorticalNetwork


@dataclass(eq=False, slots=True)
class Batch:
    """One process's share of a batch.

    Attributes
    ----------
    images : float32 tensor, [image, channel, height, width]
        As the network takes them: varied and normalised; or feature maps, see `of_maps`.
    labels : int64 tensor, [image]
        Slots.
    is_recalled : bool array, [image]
        Whether each came from the store. Recalled images come last.
    items : int64 array, [image]
        Its number in the store; -1 for images of the lesson.
    extra : float32 tensor, [recalled image, value], or None
        What was stored beside the recalled ones.
    raw : uint8 tensor, [image, channel, height, width], or None
        The images as they came, before they were varied; None for feature maps.
    sources : int64 array, [image]
        For images of the lesson, which image of the pool's training part each is; -1 for recalled ones.
    places : int64 array, [image]
        Where each stands in the whole batch, over all processes, in which recalled images come last.
    size : int
        Images of the whole batch, over all processes.
    recalled : int
        Of those, the recalled ones.
    of_maps : bool
        Whether ``images`` are feature maps of the layer at which the network is split.
    share : float
        Share of the phase that has gone by, in [0, 1).
    update : int
        Number of the update within this training, from 0.
    """

    images: Tensor
    labels: Tensor
    is_recalled: NDArray[np.bool_]
    items: NDArray[np.int64]
    extra: Tensor | None
    raw: Tensor | None
    sources: NDArray[np.int64]
    places: NDArray[np.int64]
    size: int
    recalled: int
    of_maps: bool
    share: float
    update: int


class Objective(ABC):
    """A loss, and what goes with it (abstract). A learner makes one for each training.

    Attributes
    ----------
    uses_extra : bool
        Whether `Batch.extra` is wanted: what lies in the store beside recalled images.
    looks : int
        How often each image of a batch goes forwards through a network besides, without going back.
    """

    uses_extra: ClassVar[bool] = False
    looks: int = 0

    @abstractmethod
    def loss(self, network: CorticalNetwork, batch: Batch) -> Tensor:
        """Mean loss of the images of a batch, a scalar; `CorticalNetwork.answer` gives its logits."""

    def penalty(self, network: CorticalNetwork) -> Tensor | None:
        """What is added to the loss of every update, whatever the batch; None for nothing."""
        return None

    def exchange(self, batch: Batch) -> None:  # noqa: B027
        """Called between gradients and change of weights, to speak with other processes about what they have met.

        If one of them is lost here, the update has not taken place. A process may have no image of a batch.
        """

    def after_step(self, network: CorticalNetwork, batch: Batch) -> None:  # noqa: B027
        """Called after each update with this process's share of its batch."""

    def state(self) -> Mapping[str, NDArray]:
        """What it needs beside the network to go on within a training."""
        return {}

    def load_state(self, state: Mapping[str, NDArray]) -> None:  # noqa: B027
        """Go back to a state."""


class CrossEntropy(Objective):
    """Softmax cross-entropy over the items taught so far."""

    def loss(self, network: CorticalNetwork, batch: Batch) -> Tensor:
        return cross_entropy(network.answer(batch), batch.labels)
