"""The networks of cues: pattern separation, pattern completion, and the entropy model between them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .bottleneck import Bottleneck
from .tables import REACH, Tables
from .transforms import Synthesis, analysis, cue_sides, initialise

if TYPE_CHECKING:
    from ..spec import Shape
    from .sizes import Size


class CueNetwork(nn.Module):
    """g_a, g_s and the bottleneck of one codec.

    Parameters
    ----------
    size : Size
    shape : tuple of int
        Of an image: (height, width), or (height, width, 3).
    generator : torch.Generator
        Draws the first weights.

    Examples
    --------
    >>> from engram.models.stores.cues.sizes import SMALL
    >>> CueNetwork(SMALL, (28, 28), torch.Generator().manual_seed(0)).cue_shape(5)
    (5, 8, 7, 7)
    """

    def __init__(self, size: Size, shape: Shape, generator: torch.Generator) -> None:
        super().__init__()
        height, width, colours = (*shape, 1)[:3]
        sizes = (colours, size.channels, size.latent, size.stride)
        self.analysis = analysis(*sizes)
        self.synthesis = Synthesis(*sizes, height=height, width=width)
        self.bottleneck = Bottleneck(size.latent, generator)
        initialise(self.analysis, generator)
        initialise(self.synthesis, generator)
        self._cue = (size.latent, cue_sides(height, size.stride)[-1], cue_sides(width, size.stride)[-1])

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    def cue_shape(self, items: int) -> tuple[int, int, int, int]:
        """(item, channel, height, width) of so many cues."""
        return (items, *self._cue)

    def to_input(self, images: NDArray) -> Tensor:
        """uint8 images [image, height, width(, 3)] as float32 [image, colour, height, width] between 0 and 1."""
        batch = torch.from_numpy(np.require(images, requirements=["C", "W"])).to(self.device)
        batch = batch.permute(0, 3, 1, 2) if batch.ndim == 4 else batch[:, None]
        return batch.float() / 255

    def tables(self, medians: Tensor) -> Tables:
        """Tables of the symbols around the medians, worked out in float64 on the CPU."""
        symbols = torch.arange(-REACH, REACH + 1, dtype=torch.float64)
        density = self.bottleneck.in_double()
        with torch.no_grad():
            masses = density.likelihood(medians.cpu().double()[:, None] + symbols)
        return Tables.of_masses(symbols.numpy().astype(np.int64), masses.numpy())
