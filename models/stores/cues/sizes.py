"""How large the networks of cues are, and how long they learn, by the size of the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..spec import CueStore, Shape


@dataclass(frozen=True)
class Size:
    """What a `CueStore` leaves open, filled in.

    Attributes
    ----------
    channels, latent : int
        Channels of the inner layers (N) and of the cue (M).
    stride : int
        Pixels of an image for each place of its cue, along a side.
    epochs, batch_size : int
    learning_rate : float
        Highest rate of Adam.
    """

    channels: int
    latent: int
    stride: int
    epochs: int
    batch_size: int
    learning_rate: float


SMALL = Size(channels=16, latent=8, stride=4, epochs=8, batch_size=16, learning_rate=1e-2)
MIDDLE = Size(channels=16, latent=24, stride=8, epochs=20, batch_size=8, learning_rate=1e-2)
PAPER = Size(channels=128, latent=192, stride=16, epochs=50, batch_size=64, learning_rate=1e-3)
"""Ballé 2018, figure 4, and the training of "BrainCL" (arXiv 2504.14727)."""
SMALL_SIDE, MIDDLE_SIDE = 40, 128


def size_of(spec: CueStore, shape: Shape) -> Size:
    """What a spec says, and for what it leaves open what suits the images: up to 40, up to 128, or more pixels a side.

    Parameters
    ----------
    spec : CueStore
    shape : tuple of int
        Of an image: (height, width), or (height, width, 3).

    Examples
    --------
    >>> from engram.models.stores import CueStore
    >>> size_of(CueStore(epochs=3), (28, 28))
    Size(channels=16, latent=8, stride=4, epochs=3, batch_size=16, learning_rate=0.01)
    >>> size_of(CueStore(), (256, 256, 3)) == PAPER
    True
    """
    side = max(shape[:2])
    usual = SMALL if side <= SMALL_SIDE else MIDDLE if side <= MIDDLE_SIDE else PAPER
    given = {name: getattr(spec, name) for name in Size.__dataclass_fields__}
    return Size(**{name: getattr(usual, name) if value is None else value for name, value in given.items()})
