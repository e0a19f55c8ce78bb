"""A head that compares features with its weights by cosine, whatever their lengths."""

from __future__ import annotations

from torch import Tensor
from torch.nn import functional

from ..network import CorticalNetwork
from ..objective import Batch, Objective


def cosine_logits(features: Tensor, weights: Tensor, closed: Tensor, temperature: float) -> Tensor:
    """Logits of features: the cosine with each class's weight, times the temperature.

    Parameters
    ----------
    features : float tensor, [image, feature]
    weights : float tensor, [slot, feature]
    closed : float tensor, [slot]
        0 for taught slots, -inf for others.
    temperature : float

    Returns
    -------
    float tensor, [image, slot]

    Examples
    --------
    >>> import torch
    >>> cosine_logits(torch.tensor([[3.0, 4.0]]), torch.tensor([[5.0, 0.0]]), torch.zeros(1), 10.0).tolist()
    [[6.0]]
    """
    return temperature * functional.normalize(features, dim=1) @ functional.normalize(weights, dim=1).T + closed


class CosineCrossEntropy(Objective):
    """Cross-entropy of a head that compares by cosine."""

    def __init__(self, temperature: float) -> None:
        self._temperature = temperature

    def loss(self, network: CorticalNetwork, batch: Batch) -> Tensor:
        features = network.features_of(batch).float()
        logits = cosine_logits(features, network.head.weight, network.closed, self._temperature)
        return functional.cross_entropy(logits, batch.labels)
