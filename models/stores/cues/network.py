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
    from ..spec import CueStore, Shape


class CueNetwork(nn.Module):
    """g_a, g_s and the bottleneck of one codec.

    Parameters
    ----------
    spec : CueStore
    shape : tuple of int
        Of an image: (height, width), or (height, width, 3).
    generator : torch.Generator
        Draws the first weights.

    Examples
    --------
    >>> from engram.models.stores import CueStore
    >>> network = CueNetwork(CueStore(channels=8, latent=4), (28, 28), torch.Generator().manual_seed(0))
    >>> network.cue_shape(5)
    (5, 4, 4, 4)
    """

    def __init__(self, spec: CueStore, shape: Shape, generator: torch.Generator) -> None:
        super().__init__()
        height, width, colours = (*shape, 1)[:3]
        sizes = (colours, spec.channels, spec.latent, spec.stride)
        self.analysis = analysis(*sizes)
        self.synthesis = Synthesis(*sizes, height=height, width=width)
        self.bottleneck = Bottleneck(spec.latent, generator)
        initialise(self.analysis, generator)
        initialise(self.synthesis, generator)
        self._cue = (spec.latent, cue_sides(height, spec.stride)[-1], cue_sides(width, spec.stride)[-1])

    @property
    def device(self) -> torch.device:
        """Where the parameters are."""
        return next(self.parameters()).device

    def cue_shape(self, items: int) -> tuple[int, int, int, int]:
        """(item, channel, height, width) of so many cues."""
        return (items, *self._cue)

    def to_input(self, images: NDArray) -> Tensor:
        """uint8 images [image, height, width(, 3)] as float32 [image, colour, height, width] between 0 and 1."""
        batch = torch.from_numpy(np.ascontiguousarray(images)).to(self.device)
        batch = batch.permute(0, 3, 1, 2) if batch.ndim == 4 else batch[:, None]
        return batch.float() / 255

    def tables(self, medians: Tensor) -> Tables:
        """Tables of the symbols around the medians, worked out in float64 on the CPU."""
        symbols = torch.arange(-REACH, REACH + 1, dtype=torch.float64)
        density = self.bottleneck.in_double()
        with torch.no_grad():
            masses = density.likelihood(medians.cpu().double()[:, None] + symbols)
        return Tables.of_masses(symbols.numpy().astype(np.int64), masses.numpy())
