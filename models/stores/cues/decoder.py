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
        with torch.no_grad(), torch.autocast(symbols.device.type, torch.bfloat16, enabled=symbols.is_cuda):
            for part in symbols.split(together):
                images = self.synthesis(part.float() + self.medians[:, None, None])
                recalled.append((images.float() * BRIGHTEST).round().clamp(0, BRIGHTEST).to(torch.uint8))
        return torch.cat(recalled)

    def to_bytes(self) -> bytes:
        """Parameters of the synthesis network in half precision, one after the other, and `entropy_bytes`."""
        return halves_of(self.synthesis) + self.entropy_bytes()

    def entropy_bytes(self) -> bytes:
        """Medians in half precision, and tables."""
        return self.medians.cpu().numpy().astype("<f2").tobytes() + self.tables.to_bytes()

    @classmethod
    def from_bytes(cls, data: bytes, synthesis: Synthesis, latent: int, device: torch.device) -> Decoder:
        """What `to_bytes` gave, taken into the parameters of ``synthesis``.

        Raises
        ------
        ValueError
            The bytes are those of other networks, or damaged.
        """
        rest = load_halves(data, synthesis)
        synthesis = synthesis.to(device).eval().requires_grad_(False)
        return cls(synthesis, *_entropy(rest, latent, device))

    @classmethod
    def sharing(cls, other: Decoder, data: bytes) -> Decoder:
        """The synthesis network of another decoder with what `entropy_bytes` gave.

        Raises
        ------
        ValueError
            The bytes are those of other networks, or damaged.
        """
        return cls(other.synthesis, *_entropy(data, len(other.medians), other.medians.device))


def halves_of(module: nn.Module) -> bytes:
    """Parameters of a network in half precision, one after the other."""
    return b"".join(p.detach().cpu().numpy().astype("<f2").tobytes() for p in module.parameters())


@torch.no_grad()
def load_halves(data: bytes, module: nn.Module) -> bytes:
    """Take what `halves_of` gave into a network; gives the bytes that follow.

    Raises
    ------
    ValueError
        The bytes are those of another network, or damaged.
    """
    parameters = list(module.parameters())
    sizes = [p.numel() for p in parameters]
    for parameter, piece in zip(parameters, _halves(data, sum(sizes)).split(sizes), strict=True):
        parameter.copy_(piece.view_as(parameter))
    return data[2 * sum(sizes) :]


def _halves(data: bytes, count: int) -> Tensor:
    if len(data) < 2 * count:
        raise ValueError(f"a decoder of these cues has {count:,} numbers of two bytes; found {len(data):,} bytes")
    values = torch.from_numpy(np.frombuffer(data, "<f2", count).astype(np.float32))
    if not torch.isfinite(values).all():
        raise ValueError("the numbers of a decoder of cues are not all finite: they are damaged")
    return values


def _entropy(data: bytes, latent: int, device: torch.device) -> tuple[Tensor, Tables]:
    medians = _halves(data, latent).to(device)
    tables, used = Tables.from_bytes(data[2 * latent :], latent)
    if used != len(data) - 2 * latent:
        raise ValueError(f"{len(data) - 2 * latent - used:,} bytes follow a decoder of cues that do not belong to it")
    return medians, tables


@torch.no_grad()
def round_to_half(module: nn.Module) -> None:
    """Round every parameter to the nearest number of half precision, in place."""
    for parameter in module.parameters():
        parameter.copy_(parameter.half())
