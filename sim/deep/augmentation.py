"""Images varied, a batch at once, where the network is."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import singledispatch

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from ...models.deep.augment import Augment, CropFlip, NoAugment, ResizedCropFlip, TrivialAugment
from .resampling import resize_windows
from .trivial_changes import change

Draw = Callable[[int], Tensor]
"""Gives so many numbers in [0, 1) for each image, [image, number]."""

ATTEMPTS = 10
"""Windows drawn before a central one is taken, as in torchvision's recipe."""

CENTRE = 224 / 256
"""Share of an image's side that a test keeps, by the custom of ImageNet."""


def augment(
    images: Tensor,
    spec: Augment,
    generator: torch.Generator,
    *,
    total: int | None = None,
    rows: slice | NDArray[np.int64] = slice(None),
) -> Tensor:
    """Vary the images of a batch.

    Numbers are drawn for the whole batch, whatever part of it is in hand, so that a batch divided among processes is
    varied as it would be in one.

    Parameters
    ----------
    images : uint8 or float tensor, [image, channel, height, width]
        In the range from 0 to 255, on any device.
    spec : Augment
    generator : torch.Generator
        A generator of the CPU, so that every device varies images in the same way.
    total : int, optional
        Images of the whole batch; by default, those given.
    rows : slice or int64 array, [image]
        Which images of the whole batch these are.

    Returns
    -------
    float32 tensor, [image, channel, height, width]
        In the range from 0 to 255, of the spec's ``size``.

    Raises
    ------
    TypeError
        Nothing is known of how this kind of augmentation is done.

    Examples
    --------
    >>> images = torch.arange(4 * 9, dtype=torch.uint8).view(4, 1, 3, 3)
    >>> whole = augment(images, CropFlip(pad=1), torch.Generator().manual_seed(7))
    >>> second = slice(1, None, 2)  # what the second of two processes sees
    >>> part = augment(images[second], CropFlip(pad=1), torch.Generator().manual_seed(7), total=4, rows=second)
    >>> bool((part == whole[second]).all())
    True
    """
    whole = len(images) if total is None else total
    chosen = rows if isinstance(rows, slice) else torch.from_numpy(rows)

    def draw(numbers: int) -> Tensor:
        return torch.rand(whole, numbers, generator=generator)[chosen]

    return vary(spec, images, draw)


@singledispatch
def vary(spec: Augment, images: Tensor, draw: Draw) -> Tensor:
    """Vary images as a spec says; own kinds are added with ``vary.register``.

    Parameters
    ----------
    spec : Augment
    images : uint8 or float tensor, [image, channel, height, width]
    draw : callable
        Gives so many numbers in [0, 1) for each image, on the CPU.

    Returns
    -------
    float32 tensor, [image, channel, height, width]
        In the range from 0 to 255.
    """
    raise TypeError(
        f"nothing is known of how {type(spec).__name__} varies images; tell it with "
        "engram.sim.deep.augmentation.vary.register"
    )


def at_test(images: Tensor, spec: Augment) -> Tensor:
    """Images as a network is tested on them that has learned images varied so: the middle, in the size it knows.

    An image larger than ``size`` loses its margin, at most an eighth of its side; what is left is resized if need be.

    Parameters
    ----------
    images : uint8 or float tensor, [image, channel, height, width]
    spec : Augment

    Returns
    -------
    float32 tensor, [image, channel, height, width]
        In the range of the images.

    Examples
    --------
    >>> images = torch.zeros(1, 3, 256, 256, dtype=torch.uint8)
    >>> at_test(images, ResizedCropFlip(224)).shape, at_test(images, CropFlip()).shape
    (torch.Size([1, 3, 224, 224]), torch.Size([1, 3, 256, 256]))
    """
    size = spec.size
    height, width = images.shape[2:]
    if size is None or (height, width) == (size, size):
        return images.float()
    side = min(height, width)
    kept = min(side, max(size, round(CENTRE * side)))
    top, left = (height - kept) // 2, (width - kept) // 2
    middle = images[:, :, top : top + kept, left : left + kept]
    if kept == size:
        return middle.float()
    return resize_windows(middle, torch.tensor([[0, 0, kept, kept]]).expand(len(images), 4), (size, size))


@vary.register
def _as_they_are(spec: NoAugment, images: Tensor, draw: Draw) -> Tensor:
    return images.float()


@vary.register
def _crop_and_flip(spec: CropFlip, images: Tensor, draw: Draw) -> Tensor:
    height, width = images.shape[2:]
    numbers = draw(3)
    down, right = (numbers[:, :2] * (2 * spec.pad + 1)).long().to(images.device).unbind(1)
    # Windows of a padded image are one view of it, of which each image takes its own.
    windows = pad(images, (spec.pad,) * 4).unfold(2, height, 1).unfold(3, width, 1)
    cropped = windows[torch.arange(len(images), device=images.device), :, down, right]
    return _mirrored(cropped, numbers[:, 2] < spec.flip).float()


@vary.register
def _resized_crop_and_flip(spec: ResizedCropFlip, images: Tensor, draw: Draw) -> Tensor:
    return _resized(spec, images, draw)


@vary.register
def _trivially(spec: TrivialAugment, images: Tensor, draw: Draw) -> Tensor:
    if spec.size is not None:
        images = _resized(spec, images, draw).round()
    elif spec.flip:
        images = _mirrored(images, draw(1)[:, 0] < spec.flip)
    return change(images.float(), draw(3))


def _resized(spec: ResizedCropFlip | TrivialAugment, images: Tensor, draw: Draw) -> Tensor:
    height, width = images.shape[2:]
    size = (height, width) if spec.size is None else (spec.size, spec.size)
    numbers = draw(2 * ATTEMPTS + 3)
    windows = draw_windows(numbers[:, :-1], height, width, spec.scale, spec.ratio)
    return resize_windows(images, windows, size, numbers[:, -1] < spec.flip)


def _mirrored(images: Tensor, chosen: Tensor) -> Tensor:
    return torch.where(chosen.to(images.device)[:, None, None, None], images.flip(-1), images)


def draw_windows(
    numbers: Tensor, height: int, width: int, scale: tuple[float, float], ratio: tuple[float, float]
) -> Tensor:
    """Windows of random area and shape within an image.

    Parameters
    ----------
    numbers : float tensor, [image, 2 * ATTEMPTS + 2]
        In [0, 1): areas, shapes, and two numbers for the place.
    height, width : int
        Of the images, in pixels.
    scale, ratio : tuple of float
        As of `ResizedCropFlip`.

    Returns
    -------
    int64 tensor, [image, 4]
        Top, left, height and width, in pixels.

    Examples
    --------
    >>> draw_windows(torch.full((1, 22), 0.5), 8, 8, (0.25, 0.25), (1.0, 1.0)).tolist()
    [[2, 2, 4, 4]]
    """
    areas, shapes, place = numbers[:, :ATTEMPTS], numbers[:, ATTEMPTS:-2], numbers[:, -2:]
    area = height * width * (scale[0] + (scale[1] - scale[0]) * areas)
    low, high = math.log(ratio[0]), math.log(ratio[1])
    shape = torch.exp(low + (high - low) * shapes)
    wide, tall = (area * shape).sqrt().round(), (area / shape).sqrt().round()
    fits = (wide >= 1) & (wide <= width) & (tall >= 1) & (tall <= height)
    middle_wide = min(width, round(height * ratio[1]))
    middle_tall = min(height, round(width / ratio[0]))
    first = fits.float().argmax(1, keepdim=True)
    none = ~fits.any(1)
    tall = torch.where(none, float(middle_tall), tall.gather(1, first)[:, 0])
    wide = torch.where(none, float(middle_wide), wide.gather(1, first)[:, 0])
    top = torch.where(none, ((height - tall) / 2).floor(), (place[:, 0] * (height - tall + 1)).floor())
    left = torch.where(none, ((width - wide) / 2).floor(), (place[:, 1] * (width - wide + 1)).floor())
    return torch.stack([top, left, tall, wide], 1).long()
