"""Windows of images, resized: two products of matrices for each image, on any device."""

from __future__ import annotations

import torch
from torch import Tensor


def resize_windows(images: Tensor, windows: Tensor, size: tuple[int, int], mirrored: Tensor | None = None) -> Tensor:
    """Cut a window out of every image and resize it, by bilinear interpolation with antialiasing.

    It is what Pillow and torchvision do, one image after another. Here each window is a pair of small matrices of
    weights, one for the rows and one for the columns, so that a batch is two batched products.

    Parameters
    ----------
    images : uint8 or float tensor, [image, channel, height, width]
    windows : int tensor, [image, 4]
        Top, left, height and width, in pixels, inside the images.
    size : tuple of int
        Height and width that the windows are given.
    mirrored : bool tensor, [image], optional
        Images that are mirrored, left for right.

    Returns
    -------
    float32 tensor, [image, channel, *size]
        In the range of the images.

    Examples
    --------
    >>> image = torch.tensor([[[[0, 0, 7, 7], [0, 0, 7, 7]]]], dtype=torch.uint8)
    >>> resize_windows(image, torch.tensor([[0, 0, 2, 4]]), (1, 2)).tolist()  # half the size: a triangle over four
    [[[[1.0, 6.0]]]]
    >>> resize_windows(image, torch.tensor([[0, 1, 2, 2]]), (2, 2), torch.tensor([True])).tolist()
    [[[[7.0, 0.0], [7.0, 0.0]]]]
    """
    count, channels, height, width = images.shape
    # Bytes are exact in half precision, whose products are the fast ones of a GPU; they err by less than a grey level.
    kind = torch.float16 if images.device.type == "cuda" else torch.float32
    top, left, tall, wide = windows.unbind(1)
    rows = _weights(top, tall, height, size[0], None).to(images.device, kind)
    columns = _weights(left, wide, width, size[1], mirrored).to(images.device, kind)
    narrow = torch.bmm(images.to(kind).reshape(count, channels * height, width), columns.transpose(1, 2))
    resized = torch.matmul(rows[:, None], narrow.view(count, channels, height, size[1]))
    return resized.float()


def _weights(start: Tensor, length: Tensor, pixels: int, size: int, mirrored: Tensor | None) -> Tensor:
    """Share of each pixel of an axis in each resized pixel, [image, resized, pixel]; the shares of one add up to 1."""
    step = length.to(torch.float32) / size
    resized = torch.arange(size, dtype=torch.float32, device=start.device).expand(len(start), size)
    if mirrored is not None:
        resized = torch.where(mirrored[:, None], size - 1 - resized, resized)
    centre = start[:, None] + (resized + 0.5) * step[:, None]
    pixel = torch.arange(pixels, dtype=torch.float32, device=start.device)
    distance = (pixel + 0.5 - centre[..., None]).abs() / step.clamp(min=1.0)[:, None, None]
    inside = (pixel >= start[:, None]) & (pixel < (start + length)[:, None])
    share = (1.0 - distance).clamp(min=0.0) * inside[:, None]
    return share / share.sum(-1, keepdim=True)
