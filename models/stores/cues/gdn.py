"""Divisive normalisation: neurons of a place divide one another."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

PEDESTAL = 2.0**-36
"""Added under the squares, so that the slope of a parameter at its bound is not zero."""
SMALLEST_BETA = 1e-6
INITIAL_GAMMA = 0.1


class _AtLeast(torch.autograd.Function):
    """A lower bound whose gradient still lets a value below it come back up."""

    @staticmethod
    def forward(context: torch.autograd.function.FunctionCtx, values: Tensor, bound: float) -> Tensor:
        context.save_for_backward(values)  # type: ignore[attr-defined]
        context.bound = bound  # type: ignore[attr-defined]
        return values.clamp(min=bound)

    @staticmethod
    def backward(context: torch.autograd.function.FunctionCtx, *gradients: Tensor) -> tuple[Tensor, None]:
        (values,) = context.saved_tensors  # type: ignore[attr-defined]
        (gradient,) = gradients
        passes = (values >= context.bound) | (gradient < 0)  # type: ignore[attr-defined]
        return gradient * passes, None


class DivisiveNormalisation(nn.Module):
    r"""Generalised divisive normalisation (GDN) over the channels of a place, or its approximate inverse.

    :math:`y_i = x_i / \sqrt{\beta_i + \sum_j \gamma_{ij} x_j^2}`; the inverse multiplies where this divides. Both
    parameters stay positive because their square roots are what is learned:
    :math:`\beta = \max(\beta', \sqrt{\beta_{min} + \epsilon^2})^2 - \epsilon^2`, likewise :math:`\gamma` with a bound
    of 0, and :math:`\epsilon = 2^{-18}`.

    Parameters
    ----------
    channels : int
    inverse : bool
        The inverse, of synthesis transforms.

    References
    ----------
    Ballé, Laparra & Simoncelli, "Density modeling of images using a generalized normalization transformation", ICLR
    2016 (exponents 2 and 1/2); its form for images and the inverse: the same authors, "End-to-end optimized image
    compression", ICLR 2017.

    Examples
    --------
    With its first parameters (beta 1, gamma 0.1 on the diagonal) a single active channel is divided by
    sqrt(1 + 0.1 x²):

    >>> normalise = DivisiveNormalisation(2)
    >>> image = torch.tensor([3.0, 0.0]).reshape(1, 2, 1, 1)
    >>> [round(value, 4) for value in normalise(image).flatten().tolist()]
    [2.1764, 0.0]
    """

    def __init__(self, channels: int, inverse: bool = False) -> None:
        super().__init__()
        self.inverse = inverse
        self.beta = nn.Parameter(torch.full((channels,), 1.0 + PEDESTAL).sqrt())
        self.gamma = nn.Parameter((INITIAL_GAMMA * torch.eye(channels) + PEDESTAL).sqrt())

    def forward(self, images: Tensor) -> Tensor:
        beta = _AtLeast.apply(self.beta, (SMALLEST_BETA + PEDESTAL) ** 0.5).square() - PEDESTAL
        gamma = _AtLeast.apply(self.gamma, PEDESTAL**0.5).square() - PEDESTAL
        energy = functional.conv2d(images.square(), gamma[:, :, None, None], beta)
        return images * (energy.sqrt() if self.inverse else energy.rsqrt())
