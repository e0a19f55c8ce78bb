"""What a network once answered, kept beside an episode and held against what it answers now (dark experience)."""

from __future__ import annotations

import torch
from torch import Tensor


def kept_answers(logits: Tensor, taught: Tensor) -> Tensor:
    """Answers as a store keeps them: NaN for classes that had no output yet.

    Parameters
    ----------
    logits : float tensor, [image, slot]
    taught : bool tensor, [slot]
        Slots that have an output.

    Returns
    -------
    float32 tensor, [image, slot]

    Examples
    --------
    >>> kept_answers(torch.tensor([[1.0, 7.0]]), torch.tensor([True, False])).tolist()
    [[1.0, nan]]
    """
    return torch.where(taught, logits.detach().float(), torch.nan)


def dark_distances(logits: Tensor, kept: Tensor) -> Tensor:
    """Mean squared distance between answers now and answers kept, over the classes that had an output then.

    Parameters
    ----------
    logits : float tensor, [image, slot]
    kept : float tensor, [image, slot]
        As `kept_answers` gives them.

    Returns
    -------
    float tensor, [image]

    Notes
    -----
    Buzzega et al. 2020, equation 6, the term of α. Their equation adds up the squares over classes; their values of α
    go with the mean.

    Examples
    --------
    >>> dark_distances(torch.tensor([[1.0, 2.0, 9.0]]), torch.tensor([[0.0, 4.0, torch.nan]])).tolist()
    [2.5]
    """
    known = ~torch.isnan(kept)
    squares = torch.where(known, logits - torch.where(known, kept, 0.0), 0.0).square()
    return squares.sum(dim=1) / known.sum(dim=1).clamp_min(1)
