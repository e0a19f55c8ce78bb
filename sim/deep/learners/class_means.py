"""Running means of each class's features: the weights that a head is given without learning (SIESTA awake)."""

from __future__ import annotations

import torch
from torch import Tensor


def add_to_class_means(means: Tensor, counts: Tensor, features: Tensor, labels: Tensor) -> None:
    """Take features into the running means of their classes, in place.

    Parameters
    ----------
    means : float tensor, [slot, feature]
        Changed in place.
    counts : int64 tensor, [slot]
        How many features each mean stands for; changed in place.
    features : float tensor, [image, feature]
    labels : int64 tensor, [image]
        Slots.

    Notes
    -----
    Harun et al. 2023, equation 1, w_k ← (c_k w_k + z) / (c_k + 1), for many z at once.

    Examples
    --------
    >>> means, counts = torch.tensor([[2.0], [0.0]]), torch.tensor([1, 0])
    >>> add_to_class_means(means, counts, torch.tensor([[5.0], [8.0], [3.0]]), torch.tensor([0, 0, 1]))
    >>> means.tolist(), counts.tolist()
    ([[5.0], [3.0]], [3, 1])
    """
    new = torch.bincount(labels, minlength=len(counts)).to(counts.device)
    sums = torch.zeros_like(means, dtype=torch.float64).index_add_(0, labels, features.to(torch.float64))
    total = counts + new
    mean = (means * counts[:, None] + sums) / total.clamp_min(1)[:, None]
    means.copy_(torch.where(new[:, None] > 0, mean, means.to(torch.float64)))
    counts.copy_(total)


def balanced_draw(labels: Tensor, size: int, generator: torch.Generator) -> Tensor:
    """Items for one batch, every class as likely as any other and every item of a class as likely as its neighbour.

    Parameters
    ----------
    labels : int64 tensor, [item]
        Class of each stored item.
    size : int
        Items to draw, with replacement.
    generator : torch.Generator

    Returns
    -------
    int64 tensor, [size]
        Item numbers.

    Notes
    -----
    Harun et al. 2023: rehearsal is balanced over classes, and uniform within a class.

    Examples
    --------
    >>> drawn = balanced_draw(torch.tensor([0] * 99 + [1]), 1000, torch.Generator().manual_seed(0))
    >>> bool(450 < (drawn == 99).sum() < 550)
    True
    """
    order = torch.argsort(labels, stable=True)
    classes, counts = torch.unique_consecutive(labels[order], return_counts=True)
    first = torch.cumsum(counts, dim=0) - counts
    chosen = torch.randint(len(classes), (size,), generator=generator)
    place = (torch.rand(size, generator=generator, dtype=torch.float64) * counts[chosen]).long()
    return order[first[chosen] + place]
