"""Classification by the nearest mean of exemplars, and the loss that teaches its features (iCaRL)."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor
from torch.nn import functional


def exemplar_means(exemplars: Iterable[tuple[Tensor, Tensor]], slots: int) -> Tensor:
    """Mean of the features of each class's exemplars, on the unit sphere.

    Parameters
    ----------
    exemplars : iterable of (float tensor [exemplar, feature], int64 tensor [exemplar])
        Features, of any length, which are brought to length 1 first, and slots: all exemplars, part by part.
    slots : int
        Number of slots.

    Returns
    -------
    float tensor, [slot, feature]
        Of length 1; NaN for a slot without exemplars.

    Raises
    ------
    ValueError
        There is not one exemplar.

    Notes
    -----
    Rebuffi et al. 2017, algorithm 1: feature vectors are L2-normalised, and so are their averages.

    Examples
    --------
    >>> exemplar_means([(torch.tensor([[2.0, 0.0], [0.0, 5.0]]), torch.tensor([1, 1]))], 2)[1]
    tensor([0.7071, 0.7071])
    """
    sums: Tensor | None = None
    counts: Tensor | None = None
    for features, labels in exemplars:
        if sums is None or counts is None:
            sums = features.new_zeros(slots, features.shape[1])
            counts = labels.new_zeros(slots)
        sums.index_add_(0, labels, functional.normalize(features, dim=1))
        counts += torch.bincount(labels, minlength=slots)
    if sums is None or counts is None:
        raise ValueError("class means need at least one exemplar")
    return torch.where(counts[:, None] > 0, functional.normalize(sums, dim=1), torch.nan)


def nearest_mean_scores(features: Tensor, means: Tensor) -> Tensor:
    """Closeness to each class mean: minus the squared distance on the unit sphere.

    Parameters
    ----------
    features : float tensor, [image, feature]
    means : float tensor, [slot, feature]
        As `exemplar_means` gives them.

    Returns
    -------
    float tensor, [image, slot]
        From -4 to 0; -inf where a slot has no exemplars.

    Notes
    -----
    Rebuffi et al. 2017, equation 2: y* = argmin_y ‖φ(x) - μ_y‖.

    Examples
    --------
    >>> means = torch.tensor([[1.0, 0.0], [0.0, 1.0], [torch.nan, torch.nan]])
    >>> nearest_mean_scores(torch.tensor([[3.0, 0.0]]), means).tolist()
    [[0.0, -2.0, -inf]]
    """
    scores = 2 * functional.normalize(features, dim=1) @ means.T - 2
    return torch.where(torch.isnan(means[:, 0]), -torch.inf, scores)


def classification_and_distillation(
    logits: Tensor, labels: Tensor, taught: Tensor, before: Tensor, kept: Tensor
) -> Tensor:
    """Binary cross-entropy of every output: new classes towards the labels, old ones towards what they answered before.

    Parameters
    ----------
    logits : float tensor, [image, slot]
        Outputs now, before the sigmoid; anything in slots that have not been taught.
    labels : int64 tensor, [image]
        Slots.
    taught : bool tensor, [slot]
        Slots that have an output by now, the new ones included.
    before : float tensor, [image, slot]
        Logits of the network as it was before this task.
    kept : bool tensor, [slot]
        Slots whose outputs are distilled: those of earlier tasks.

    Returns
    -------
    float tensor, scalar
        Sum over outputs, mean over images.

    Notes
    -----
    Rebuffi et al. 2017, algorithm 3; its sum over images is a mean here, which the learning rate takes up.

    Examples
    --------
    >>> same, both, old = torch.zeros(1, 2), torch.tensor([True, True]), torch.tensor([True, False])
    >>> loss = classification_and_distillation(same, torch.tensor([1]), both, same, old)
    >>> round(loss.item(), 4)  # two outputs at 1/2: 2 log 2
    1.3863
    """
    targets = functional.one_hot(labels, logits.shape[1]).to(logits.dtype)
    targets = torch.where(kept, torch.sigmoid(before), targets)
    each = functional.binary_cross_entropy_with_logits(logits[:, taught], targets[:, taught], reduction="none")
    return each.sum(dim=1).mean()
