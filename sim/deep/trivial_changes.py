"""The fourteen changes of TrivialAugment, each made to its share of a batch at once."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import conv2d

STRENGTHS = 31
FARTHEST = 32.0
"""Farthest that an image is shifted, in pixels, whatever its size."""

GREY = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in brightness (ITU-R 601-2)."""


def change(images: Tensor, numbers: Tensor) -> Tensor:
    """Change each image in one of fourteen ways, by one of 31 strengths.

    TrivialAugment with its wide space (Müller & Hutter 2021, algorithm 1 and table 1), but that shears are about the
    centre. Images that are changed in the same way are changed together. Grey images stay as they are where colour
    would be changed.

    Parameters
    ----------
    images : float32 tensor, [image, channel, height, width]
        Whole numbers from 0 to 255.
    numbers : float tensor, [image, 3]
        In [0, 1), on the CPU: which change, how strong, and in which direction.

    Returns
    -------
    float32 tensor, [image, channel, height, width]
        Whole numbers from 0 to 255.

    Examples
    --------
    >>> image = torch.tensor([[[[10.0, 200.0]]]])
    >>> change(image, torch.tensor([[0.0, 0.9, 0.0]])).tolist()  # identity
    [[[[10.0, 200.0]]]]
    """
    which = (numbers[:, 0] * len(CHANGES)).long().clamp(max=len(CHANGES) - 1)
    strength = (numbers[:, 1] * STRENGTHS).floor().clamp(max=STRENGTHS - 1) / (STRENGTHS - 1)
    signed = torch.where(numbers[:, 2] < 0.5, -strength, strength)
    changed = images.clone()
    geometry = (which >= 1) & (which <= len(TURNS))
    if geometry.any():
        here = geometry.nonzero()[:, 0]
        matrices = torch.stack([TURNS[int(k) - 1](float(s)) for k, s in zip(which[here], signed[here], strict=True)])
        changed[here.to(images.device)] = _moved(images[here.to(images.device)], matrices)
    for number in range(1 + len(TURNS), len(CHANGES)):
        here = (which == number).nonzero()[:, 0]
        if len(here):
            of = signed if number in SIGNED else strength
            there = here.to(images.device)
            amount = of[here].to(images.device)[:, None, None, None]
            changed[there] = CHANGES[number](images[there], amount).round().clamp(0.0, 255.0)
    return changed


def _shear_x(strength: float) -> Tensor:
    return torch.tensor([[1.0, 0.99 * strength, 0.0], [0.0, 1.0, 0.0]])


def _shear_y(strength: float) -> Tensor:
    return torch.tensor([[1.0, 0.0, 0.0], [0.99 * strength, 1.0, 0.0]])


def _right(strength: float) -> Tensor:
    return torch.tensor([[1.0, 0.0, -round(FARTHEST * strength)], [0.0, 1.0, 0.0]])


def _down(strength: float) -> Tensor:
    return torch.tensor([[1.0, 0.0, 0.0], [0.0, 1.0, -round(FARTHEST * strength)]])


def _turn(strength: float) -> Tensor:
    angle = math.radians(135.0) * strength
    return torch.tensor([[math.cos(angle), -math.sin(angle), 0.0], [math.sin(angle), math.cos(angle), 0.0]])


TURNS = (_shear_x, _shear_y, _right, _down, _turn)
"""Each gives, for a strength, where the pixel at (x, y, 1) is taken from, counted from the centre: a 2 × 3 matrix."""


def _moved(images: Tensor, matrices: Tensor) -> Tensor:
    """Each pixel from the nearest one of the place that its matrix names, black from outside."""
    count, channels, height, width = images.shape
    y = torch.arange(height, dtype=torch.float32) - (height - 1) / 2
    x = torch.arange(width, dtype=torch.float32) - (width - 1) / 2
    grid = torch.stack([x.expand(height, width), y[:, None].expand(height, width), torch.ones(height, width)])
    centre = torch.tensor([(width - 1) / 2, (height - 1) / 2], device=images.device)
    places = torch.einsum("nij,jyx->niyx", matrices.to(images.device), grid.to(images.device)) + centre[:, None, None]
    column, row = places.round().long().unbind(1)
    inside = (column >= 0) & (column < width) & (row >= 0) & (row < height)
    flat = (row.clamp(0, height - 1) * width + column.clamp(0, width - 1)).view(count, 1, -1).expand(-1, channels, -1)
    return images.flatten(2).gather(2, flat).view_as(images) * inside[:, None]


def _grey(images: Tensor) -> Tensor:
    if images.shape[1] == 1:
        return images
    shares = torch.tensor(GREY, device=images.device)
    return torch.einsum("nchw,c->nhw", images, shares)[:, None].round()


def _blend(images: Tensor, other: Tensor | float, amount: Tensor) -> Tensor:
    """From the other image at -1 over the image itself at 0 to its opposite at 1."""
    return other + (images - other) * (1.0 + 0.99 * amount)


def _brightness(images: Tensor, amount: Tensor) -> Tensor:
    return _blend(images, 0.0, amount)


def _colour(images: Tensor, amount: Tensor) -> Tensor:
    return _blend(images, _grey(images), amount)


def _contrast(images: Tensor, amount: Tensor) -> Tensor:
    return _blend(images, _grey(images).mean((1, 2, 3), keepdim=True).round(), amount)


def _sharpness(images: Tensor, amount: Tensor) -> Tensor:
    if min(images.shape[2:]) < 3:
        return images
    channels = images.shape[1]
    kernel = torch.ones(3, 3, device=images.device)
    kernel[1, 1] = 5.0
    smooth = images.clone()  # the outermost pixels stay
    kernels = (kernel / kernel.sum()).expand(channels, 1, 3, 3)
    smooth[:, :, 1:-1, 1:-1] = conv2d(images, kernels, groups=channels).round()
    return _blend(images, smooth, amount)


def _posterise(images: Tensor, amount: Tensor) -> Tensor:
    step = 2.0 ** (6.0 * amount).round()  # 8 bits are left at no strength, 2 at full strength
    return (images / step).floor() * step


def _solarise(images: Tensor, amount: Tensor) -> Tensor:
    return torch.where(images >= 255.0 * (1.0 - amount), 255.0 - images, images)


def _autocontrast(images: Tensor, amount: Tensor) -> Tensor:
    darkest, brightest = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    span = brightest - darkest
    return torch.where(span > 0, (images - darkest) * 255.0 / span.clamp(min=1.0), images)


def _equalise(images: Tensor, amount: Tensor) -> Tensor:
    """Every brightness equally frequent in each channel, as Pillow does it."""
    count, channels, height, width = images.shape
    levels = images.long().view(count * channels, -1)
    histogram = torch.zeros(count * channels, 256, dtype=torch.long, device=images.device)
    histogram.scatter_add_(1, levels, torch.ones_like(levels))
    brightest = levels.amax(1, keepdim=True)
    step = (height * width - histogram.gather(1, brightest)) // 255
    below = histogram.cumsum(1) - histogram
    table = ((below + step // 2) // step.clamp(min=1)).clamp(0, 255)
    table = torch.where(step > 0, table, torch.arange(256, device=images.device))
    return table.gather(1, levels).view_as(images).float()


def _identity(images: Tensor, amount: Tensor) -> Tensor:
    return images


PIXELS = (
    *(_brightness, _colour, _contrast, _sharpness),
    *(_posterise, _solarise, _autocontrast, _equalise),
)
CHANGES: tuple[Callable[..., Tensor], ...] = (_identity, *TURNS, *PIXELS)
SIGNED = range(1, CHANGES.index(_posterise))
"""Changes that have a direction."""
