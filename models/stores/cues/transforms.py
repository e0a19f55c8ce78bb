"""Pattern separation and pattern completion: images to cues and back."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from .gdn import DivisiveNormalisation

KERNEL = 5


def halvings(stride: int) -> int:
    """How often an image is halved until one cue stands for ``stride`` pixels.

    Parameters
    ----------
    stride : int
        A power of 2.

    Raises
    ------
    ValueError
        It is none.

    Examples
    --------
    >>> halvings(16)
    4
    """
    if stride < 2 or stride & (stride - 1):
        raise ValueError(f"the stride of cues is a power of 2, such as 8 or 16; found {stride}")
    return stride.bit_length() - 1


def cue_sides(side: int, stride: int) -> list[int]:
    """Sides of the layers between an image and its cue; odd sides are rounded up.

    Parameters
    ----------
    side : int
        Height or width of the image in pixels.
    stride : int
        A power of 2.

    Returns
    -------
    list of int
        From the image's to the cue's.

    Examples
    --------
    >>> cue_sides(28, 8)
    [28, 14, 7, 4]
    """
    sides = [side]
    for _ in range(halvings(stride)):
        sides.append(-(-sides[-1] // 2))
    return sides


def analysis(colours: int, channels: int, latent: int, stride: int) -> nn.Sequential:
    """The pattern-separation network g_a: convolutions that halve, with divisive normalisation between them.

    A side that cannot be halved is padded by the convolution, with zeros, at its far end.

    Parameters
    ----------
    colours : int
        Channels of an image, 1 or 3.
    channels, latent : int
        Channels of the layers between (N), and of the cue (M).
    stride : int
        Pixels for one place of the cue, a power of 2.

    Returns
    -------
    torch.nn.Sequential
        From [image, colours, height, width] to [image, latent, height / stride, width / stride].

    References
    ----------
    Ballé, Minnen, Singh, Hwang & Johnston, "Variational image compression with a scale hyperprior", ICLR 2018,
    figure 4 (there N = 128, M = 192, stride 16), without the hyperprior.

    Examples
    --------
    >>> analysis(1, 8, 4, stride=8)(torch.zeros(2, 1, 28, 28)).shape
    torch.Size([2, 4, 4, 4])
    """
    widths = [colours] + [channels] * (halvings(stride) - 1) + [latent]
    layers: list[nn.Module] = []
    for number, (before, after) in enumerate(pairwise(widths)):
        if number:
            layers.append(DivisiveNormalisation(before))
        layers.append(nn.Conv2d(before, after, KERNEL, stride=2, padding=KERNEL // 2))
    return nn.Sequential(*layers)


class Synthesis(nn.Module):
    """The pattern-completion network g_s: transposed convolutions that double, with inverse normalisation between.

    Parameters
    ----------
    colours, channels, latent, stride : int
        As in `analysis`.
    height, width : int
        Of an image, in pixels. Where layers of the analysis rounded an odd side up, what is over is cut off.

    Examples
    --------
    >>> Synthesis(1, 8, 4, stride=8, height=28, width=28)(torch.zeros(2, 4, 4, 4)).shape
    torch.Size([2, 1, 28, 28])
    """

    def __init__(self, colours: int, channels: int, latent: int, stride: int, height: int, width: int) -> None:
        super().__init__()
        self.sides = list(zip(cue_sides(height, stride), cue_sides(width, stride), strict=True))[-2::-1]
        widths = [latent] + [channels] * (halvings(stride) - 1) + [colours]
        self.rising = nn.ModuleList(
            nn.ConvTranspose2d(before, after, KERNEL, stride=2, padding=KERNEL // 2, output_padding=1)
            for before, after in pairwise(widths)
        )
        self.normalising = nn.ModuleList(DivisiveNormalisation(channels, inverse=True) for _ in self.sides[1:])

    def forward(self, cues: Tensor) -> Tensor:
        images = cues
        for number, (height, width) in enumerate(self.sides):
            images = self.rising[number](images)[:, :, :height, :width]
            if number < len(self.normalising):
                images = self.normalising[number](images)
        return images


def initialise(module: nn.Module, generator: torch.Generator) -> None:
    """Draw the weights of every convolution anew: He's uniform spread, zero biases.

    Parameters
    ----------
    module : torch.nn.Module
    generator : torch.Generator

    Examples
    --------
    >>> drawn = [analysis(1, 8, 4, stride=8) for _ in range(2)]
    >>> for network in drawn:
    ...     initialise(network, torch.Generator().manual_seed(1))
    >>> bool((drawn[0][0].weight == drawn[1][0].weight).all())
    True
    """
    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.ConvTranspose2d):
            taps = KERNEL * KERNEL
            # Of a transposed convolution that doubles, every place is reached by a quarter of the taps.
            inputs = layer.in_channels * (taps / 4 if isinstance(layer, nn.ConvTranspose2d) else taps)
            bound = (3.0 / inputs) ** 0.5
            with torch.no_grad():
                layer.weight.uniform_(-bound, bound, generator=generator)
                if layer.bias is not None:
                    layer.bias.zero_()
