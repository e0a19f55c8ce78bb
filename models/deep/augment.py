"""How images are varied while a network learns them."""

from __future__ import annotations

from abc import ABC
from typing import Annotated, Literal

from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

STRICT = ConfigDict(extra="forbid")
Side = Annotated[int, Field(ge=1, le=4096)]
Share = Annotated[float, Field(gt=0.0, le=1.0)]
Ratio = Annotated[float, Field(ge=0.05, le=20.0)]


class Augment(ABC):  # noqa: B024 - what is done with images stands in `engram.sim.deep.augmentation`
    """A way to vary images; subclasses are small frozen dataclasses.

    Attributes
    ----------
    size : int or None
        Side of the square images that the network sees, in pixels; None where they keep the size that they have.
    """

    size: int | None = None


@dataclass(frozen=True, config=STRICT)
class NoAugment(Augment):
    """Images as they are.

    Examples
    --------
    >>> NoAugment()
    NoAugment(kind='none')
    """

    kind: Literal["none"] = "none"


@dataclass(frozen=True, config=STRICT)
class CropFlip(Augment):
    """A window of the image's own size, out of the image with a black margin; half of them mirrored.

    The customary augmentation of small images (He et al. 2016, section 4.2). Handwritten digits are no digits in the
    mirror: give ``flip=0``.

    Parameters
    ----------
    pad : int
        Width of the margin, in pixels.
    flip : float
        Share of the images that are mirrored.

    Examples
    --------
    >>> CropFlip(pad=2)
    CropFlip(pad=2, flip=0.5, kind='crop-flip')
    """

    pad: Annotated[int, Field(ge=0, le=512)] = 4
    flip: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    kind: Literal["crop-flip"] = "crop-flip"


@dataclass(frozen=True, config=STRICT)
class ResizedCropFlip(Augment):
    """A window of random area and shape, resized; half of them mirrored.

    The customary augmentation of ImageNet (Szegedy et al. 2015, section 6).

    Parameters
    ----------
    size : int or None
        Side of the resized images, in pixels; None for the size that the images have.
    scale : tuple of float
        Least and largest share of the image's area.
    ratio : tuple of float
        Least and largest width for each unit of height, drawn evenly in the logarithm.
    flip : float
        Share of the images that are mirrored.

    Examples
    --------
    >>> ResizedCropFlip(size=64, scale=(0.25, 1.0)).scale
    (0.25, 1.0)
    """

    size: Side | None = 224
    scale: tuple[Share, Share] = (0.08, 1.0)
    ratio: tuple[Ratio, Ratio] = (3 / 4, 4 / 3)
    flip: Annotated[float, Field(ge=0.0, le=1.0)] = 0.5
    kind: Literal["resized-crop-flip"] = "resized-crop-flip"

    def __post_init__(self) -> None:
        refuse_reversed("ResizedCropFlip", scale=self.scale, ratio=self.ratio)


@dataclass(frozen=True, config=STRICT)
class TrivialAugment(Augment):
    """A window as of `ResizedCropFlip`, then one random change of random strength.

    TrivialAugment (Müller & Hutter 2021, algorithm 1) with its wide space (table 1): one of fourteen changes, one of 31
    strengths.

    Parameters
    ----------
    size : int or None
        Side of the resized images, in pixels; None leaves the windows out, and the images keep their size.
    scale, ratio : tuple of float
        As of `ResizedCropFlip`.
    flip : float
        Share of the images that are mirrored; none by default.

    Examples
    --------
    >>> TrivialAugment(size=64).flip
    0.0
    """

    size: Side | None = 224
    scale: tuple[Share, Share] = (0.08, 1.0)
    ratio: tuple[Ratio, Ratio] = (3 / 4, 4 / 3)
    flip: Annotated[float, Field(ge=0.0, le=1.0)] = 0.0
    kind: Literal["trivial"] = "trivial"

    def __post_init__(self) -> None:
        refuse_reversed("TrivialAugment", scale=self.scale, ratio=self.ratio)


def refuse_reversed(owner: str, **ranges: tuple[float, float]) -> None:
    """Refuse ranges whose least value is the larger one.

    Raises
    ------
    ValueError
        Such a range was given.
    """
    for name, (least, most) in ranges.items():
        if least > most:
            raise ValueError(f"{owner} needs {name} as (least, most); found ({least}, {most})")
