"""Cues as free parameters: what gradient steps on single images buy after the training."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from .bottleneck import LEAST_LIKELY
from .network import CueNetwork
from .tables import REACH
from .training import BRIGHTEST


@dataclass(frozen=True)
class Refinement:
    """What the refinement of cues changed.

    Attributes
    ----------
    images : int
    symbols_changed : float
        Share of all symbols that are others than before.
    psnr_gained : float
        dB, mean over images.
    bits_saved : float
        Bits of an image by the entropy model, mean over images.
    """

    images: int
    symbols_changed: float
    psnr_gained: float
    bits_saved: float

    def __str__(self) -> str:
        return (
            f"refined {self.images:,} cues: {self.symbols_changed:.1%} of the symbols changed, "
            f"{self.psnr_gained:+.2f} dB, {-self.bits_saved / 8:+.1f} bytes each"
        )

    def joined(self, other: Refinement) -> Refinement:
        """Both together, as of all their images.

        Examples
        --------
        >>> Refinement(1, 0.0, 1.0, 8.0).joined(Refinement(3, 0.4, 0.0, 0.0))
        Refinement(images=4, symbols_changed=0.3, psnr_gained=0.25, bits_saved=2.0)
        """
        images = self.images + other.images
        share = other.images / max(images, 1)

        def mean(own: float, others: float) -> float:
            return round(own + share * (others - own), 12)

        return Refinement(
            images,
            mean(self.symbols_changed, other.symbols_changed),
            mean(self.psnr_gained, other.psnr_gained),
            mean(self.bits_saved, other.bits_saved),
        )


@dataclass(frozen=True)
class _Costs:
    error: Tensor  # [image] MSE
    bits: Tensor  # [image]

    def loss(self, rate_weight: float, pixels: int) -> Tensor:
        return rate_weight * BRIGHTEST**2 * self.error + self.bits / pixels


def refine(
    network: CueNetwork, images: Tensor, medians: Tensor, rate_weight: float, steps: int, rate: float
) -> tuple[Tensor, Refinement]:
    """Symbols of images, improved one image at a time by gradient descent on its own cue.

    The loss is taken at the rounded cue, and its gradient moves the cue before rounding (straight-through, by Adam).
    Every image keeps the best symbols it has met, so that none becomes worse than without refinement.

    Parameters
    ----------
    network : CueNetwork
        Stays as it is.
    images : Tensor
        [image, colour, height, width], between 0 and 1.
    medians : Tensor
        [channel].
    rate_weight : float
        λ.
    steps : int
    rate : float
        Learning rate of Adam, in quantisation steps.

    Returns
    -------
    symbols : Tensor
        float32, whole numbers, [image, channel, height, width].
    Refinement
    """
    offsets, pixels = medians[:, None, None], images.shape[2] * images.shape[3]
    with torch.no_grad():
        free = (network.analysis(images) - offsets).clamp(-REACH, REACH)
        best = first = free.round()
        costs = _costs(network, images, first + offsets)
    start = lowest = costs.loss(rate_weight, pixels)
    error, bits = costs.error, costs.bits
    free.requires_grad_(True)
    optimiser = torch.optim.Adam([free], lr=rate)
    for _ in range(steps):
        rounded = free + (free.round().clamp(-REACH, REACH) - free).detach()
        now = _costs(network, images, rounded + offsets)
        loss = now.loss(rate_weight, pixels)
        with torch.no_grad():
            better = loss < lowest
            lowest = torch.where(better, loss, lowest)
            best = torch.where(better[:, None, None, None], rounded.round(), best)
            error, bits = torch.where(better, now.error, error), torch.where(better, now.bits, bits)
        (free.grad,) = torch.autograd.grad(loss.sum(), free)
        optimiser.step()
    assert bool((lowest <= start).all())
    return best, Refinement(
        images=len(images),
        symbols_changed=float((best != first).float().mean()),
        psnr_gained=float(10 * (costs.error / error).log10().mean()),
        bits_saved=float((costs.bits - bits).mean()),
    )


def _costs(network: CueNetwork, images: Tensor, cues: Tensor) -> _Costs:
    recalled = network.synthesis(cues)
    likelihood = network.bottleneck.likelihood(cues.transpose(0, 1).flatten(1))
    bits = -likelihood.clamp(min=LEAST_LIKELY).log2().reshape(cues.shape[1], len(cues), -1).sum((0, 2))
    return _Costs((recalled - images).square().mean((1, 2, 3)), bits)
