"""The entropy of cues: a density per channel that takes any shape."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

WIDTHS = (1, 3, 3, 3, 1)
INITIAL_SPREAD = 10.0
LEAST_LIKELY = 1e-9


class Bottleneck(nn.Module):
    r"""A fully factorised density over cues: one univariate, non-parametric cumulative c for each channel.

    :math:`c = f_K \circ \dots \circ f_1` with :math:`f_k(x) = g_k(\mathrm{softplus}(H_k) x + b_k)`,
    :math:`g_k(x) = x + \tanh(a_k) \odot \tanh(x)`, and a sigmoid last. The likelihood of a value under uniform noise is
    :math:`c(y + 1/2) - c(y - 1/2)`.

    Parameters
    ----------
    channels : int
        M, channels of a cue.
    generator : torch.Generator
        Draws the first biases.

    References
    ----------
    Ballé et al., "Variational image compression with a scale hyperprior", ICLR 2018, appendix 6.1.

    Examples
    --------
    The likelihoods of all integers add up to 1:

    >>> density = Bottleneck(2, torch.Generator().manual_seed(0))
    >>> round(density.likelihood(torch.arange(-2000.0, 2001.0).expand(2, -1)).sum().item(), 3)
    2.0
    """

    def __init__(self, channels: int, generator: torch.Generator) -> None:
        super().__init__()
        self.matrices, self.biases, self.factors = nn.ParameterList(), nn.ParameterList(), nn.ParameterList()
        spread = INITIAL_SPREAD ** (1 / (len(WIDTHS) - 1))
        for before, after in pairwise(WIDTHS):
            first = torch.full((channels, after, before), 1 / spread / after).expm1().log()
            self.matrices.append(nn.Parameter(first))
            self.biases.append(nn.Parameter(torch.rand(channels, after, 1, generator=generator) - 0.5))
        for width in WIDTHS[1:-1]:
            self.factors.append(nn.Parameter(torch.zeros(channels, width, 1)))

    def logits(self, values: Tensor) -> Tensor:
        """The cumulative before its last sigmoid, of values [channel, value]."""
        hidden = values[:, None]
        for number, (matrix, bias) in enumerate(zip(self.matrices, self.biases, strict=True)):
            hidden = torch.baddbmm(bias, functional.softplus(matrix), hidden)
            if number < len(self.factors):
                hidden = hidden + torch.tanh(self.factors[number]) * torch.tanh(hidden)
        return hidden[:, 0]

    def likelihood(self, values: Tensor) -> Tensor:
        """Mass between half a step below and above each value [channel, value]."""
        lower, upper = self.logits(values - 0.5), self.logits(values + 0.5)
        # On the side where both sigmoids are small their difference keeps its digits.
        side = -torch.sign(lower + upper).detach()
        return (torch.sigmoid(side * upper) - torch.sigmoid(side * lower)).abs()

    def bits(self, cues: Tensor) -> Tensor:
        """Bits of all cues together.

        Parameters
        ----------
        cues : Tensor
            [image, channel, height, width].

        Returns
        -------
        Tensor
            Scalar.
        """
        values = cues.transpose(0, 1).flatten(1)
        return -self.likelihood(values).clamp(min=LEAST_LIKELY).log2().sum()

    def in_double(self) -> Bottleneck:
        """A copy on the CPU in float64: what is written to disk does not hang on the rounding of a device."""
        copy = Bottleneck(len(self.biases[0]), torch.Generator()).double()
        copy.load_state_dict({name: value.cpu().double() for name, value in self.state_dict().items()})
        return copy

    @torch.no_grad()
    def medians(self) -> Tensor:
        """Median of each channel [channel], by bisection."""
        density = self.in_double()
        low = torch.full((len(self.biases[0]), 1), -1.0, dtype=torch.float64)
        while (density.logits(low) > 0).any():
            low = low * 2
        high = -low
        while (density.logits(high) < 0).any():
            high = high * 2
        for _ in range(60):
            middle = (low + high) / 2
            above = density.logits(middle) > 0
            low, high = torch.where(above, low, middle), torch.where(above, middle, high)
        return ((low + high) / 2)[:, 0].float()
