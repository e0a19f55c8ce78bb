"""What is left of a codec when its cues are written: pattern completion, and the tables that unpack them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from .coding import EntropyCoder
from .network import CueNetwork
from .tables import Tables
from .transforms import Synthesis

BRIGHTEST = 255
PIXELS_AT_ONCE = {"cuda": 1 << 23, "cpu": 1 << 16}
"""Pixels that are reconstructed together: a CPU is fastest while they stay in its cache."""


@dataclass(frozen=True)
class Decoder:
    """One version of what decodes cues, as it lies on disk.

    Attributes
    ----------
    synthesis : Synthesis
        Its parameters are whole multiples of half precision, in which they are stored.
    medians : Tensor, [channel]
        What a symbol 0 stands for.
    tables : Tables
    """

    synthesis: Synthesis
    medians: Tensor
    tables: Tables

    @cached_property
    def coder(self) -> EntropyCoder:
        """The entropy coder by these tables."""
        return EntropyCoder(self.tables)

    @classmethod
    def of(cls, network: CueNetwork) -> Decoder:
        """The decoder of a trained network, whose parameters it rounds to half precision in place."""
        round_to_half(network.synthesis)
        medians = network.bottleneck.medians().half().float()
        tables = network.tables(medians)
        return cls(network.synthesis.eval().requires_grad_(False), medians.to(network.device), tables)

    def reconstruct(self, symbols: Tensor) -> Tensor:
        """uint8 images [image, colour, height, width] of symbols [image, channel, height, width], on their device."""
        height, width = self.synthesis.sides[-1]
        together = max(1, PIXELS_AT_ONCE.get(symbols.device.type, 1 << 20) // (height * width))
        recalled = []
        with torch.inference_mode(), torch.autocast(symbols.device.type, torch.bfloat16, enabled=symbols.is_cuda):
            for part in symbols.split(together):
                images = self.synthesis(part.float() + self.medians[:, None, None])
                recalled.append((images.float() * BRIGHTEST).round().clamp(0, BRIGHTEST).to(torch.uint8))
        return torch.cat(recalled)

    def to_bytes(self) -> bytes:
        """Parameters and medians in half precision, one after the other, and the tables."""
        parameters = [p.detach().cpu().numpy().astype("<f2").tobytes() for p in self.synthesis.parameters()]
        return b"".join([*parameters, self.medians.cpu().numpy().astype("<f2").tobytes(), self.tables.to_bytes()])

    @classmethod
    def from_bytes(cls, data: bytes, synthesis: Synthesis, latent: int, device: torch.device) -> Decoder:
        """What `to_bytes` gave, taken into the parameters of ``synthesis``.

        Raises
        ------
        ValueError
            The bytes are those of other networks, or damaged.
        """
        parameters = list(synthesis.parameters())
        numbers = sum(p.numel() for p in parameters) + latent
        if len(data) < 2 * numbers:
            raise ValueError(
                f"a decoder of cues has {numbers:,} numbers of two bytes, and tables; found {len(data):,} bytes in all"
            )
        tables, used = Tables.from_bytes(data[2 * numbers :], latent)
        if used != len(data) - 2 * numbers:
            raise ValueError(f"a decoder of cues is followed by {len(data) - 2 * numbers - used:,} bytes too many")
        values = torch.from_numpy(np.frombuffer(data, "<f2", numbers).astype(np.float32))
        if not torch.isfinite(values).all():
            raise ValueError("the parameters of a decoder of cues are not all finite: they are damaged")
        *pieces, medians = values.split([*(p.numel() for p in parameters), latent])
        with torch.no_grad():
            for parameter, piece in zip(parameters, pieces, strict=True):
                parameter.copy_(piece.view_as(parameter))
        return cls(synthesis.to(device).eval().requires_grad_(False), medians.to(device), tables)


@torch.no_grad()
def round_to_half(module: nn.Module) -> None:
    """Round every parameter to the nearest number of half precision, in place."""
    for parameter in module.parameters():
        parameter.copy_(parameter.half())
