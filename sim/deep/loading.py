"""Batches of images on the device: from memory by indexing, from files by worker processes that read ahead."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from ...data.streams.reader import ImageReader
from ...data.streams.reading_ahead import ReadAhead

MOST_WORKERS = 16
BYTES_KEPT_ON_DEVICE = 2 << 30
"""Largest array of images that is copied to a GPU once, instead of batch by batch."""


@dataclass(frozen=True, eq=False)
class LoadedBatch:
    """One process's share of a batch.

    Parameters
    ----------
    number : int
        Place of the batch in its epoch, from 0.
    rows : int64 array, [image]
        Places in the global batch that this process holds: rank, rank + ranks, ...
    indices : int64 array, [image]
        Which images these are.
    images : uint8 tensor, [image, channel, height, width]
        On the device.
    """

    number: int
    rows: NDArray[np.int64]
    indices: NDArray[np.int64]
    images: torch.Tensor


class BatchLoader:
    """Batches of images in a stated order, the same whatever the number of workers and processes.

    Parameters
    ----------
    images : uint8 array, [image, height, width] or [image, height, width, 3], or ImageReader
    device : torch.device or str
        Where batches go. Arrays of up to 2 GiB are copied to a GPU once and indexed there.
    workers : int
        Processes that read and decode; 0: this one, when a batch is asked for. Arrays need none. They are started by
        the first batch and stay until `close`.
    prefetch : int
        Batches that each worker is ahead.

    Examples
    --------
    >>> images = np.arange(5, dtype=np.uint8).reshape(5, 1, 1)
    >>> with BatchLoader(images) as loader:
    ...     for batch in loader.epoch(np.array([4, 2, 0, 1, 3]), batch_size=2, start=1):
    ...         print(batch.number, batch.images.ravel().tolist())
    1 [0, 1]
    2 [3]
    """

    def __init__(
        self,
        images: NDArray[np.uint8] | ImageReader,
        *,
        device: torch.device | str = "cpu",
        workers: int = 0,
        prefetch: int = 4,
    ) -> None:
        self.device = torch.device(device)
        self._images = images
        self._on_device: torch.Tensor | None = None
        self._ahead: ReadAhead | None = None
        if isinstance(images, ImageReader):
            if workers:
                self._ahead = ReadAhead(images, workers, prefetch)
        elif self.device.type == "cuda" and images.nbytes <= BYTES_KEPT_ON_DEVICE:
            self._on_device = torch.from_numpy(np.ascontiguousarray(images)).to(self.device)

    def epoch(
        self, order: NDArray[np.int64], batch_size: int, *, start: int = 0, rank: int = 0, ranks: int = 1
    ) -> Iterator[LoadedBatch]:
        """Batches of an order of images, from batch `start` on.

        Parameters
        ----------
        order : int64 array, [image]
            Numbers of the images in the order in which they come; an image may come several times.
        batch_size : int
            Images of a batch over all processes; the last batch may be smaller.
        start : int
            First batch to give: where an interrupted epoch goes on.
        rank, ranks : int
            Which of how many processes this is. It gets images rank, rank + ranks, ... of each batch.

        Yields
        ------
        LoadedBatch

        Raises
        ------
        ValueError
            If an image cannot be read.
        ChildProcessError
            If a worker process was killed.
        """
        starts = range(start * batch_size, len(order), batch_size)
        rows = [np.arange(rank, min(batch_size, len(order) - first), ranks) for first in starts]
        chosen = [order[first + places] for first, places in zip(starts, rows, strict=True)]
        for place, images in enumerate(self.read(chosen)):
            yield LoadedBatch(start + place, rows[place], chosen[place], images)

    def read(self, chosen: Sequence[NDArray[np.int64]]) -> Iterator[torch.Tensor]:
        """Images of each array of numbers, one array after another, read ahead where there are workers.

        Parameters
        ----------
        chosen : sequence of int64 arrays, [image]

        Yields
        ------
        uint8 tensor, [image, channel, height, width]
            On the device.
        """
        if self._ahead is None:
            for numbers in chosen:
                yield self._indexed(numbers)
            return
        for pixels in self._ahead.read(chosen):
            images = torch.from_numpy(pixels)
            if self.device.type != "cuda":
                yield channels_first(images.clone())
                continue
            made = images.pin_memory().to(self.device, non_blocking=True)
            yield channels_first(made)

    def close(self) -> None:
        """End the workers."""
        if self._ahead is not None:
            self._ahead.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _indexed(self, numbers: NDArray[np.int64]) -> torch.Tensor:
        if self._on_device is not None:
            return channels_first(self._on_device[torch.from_numpy(numbers).to(self.device)])
        made = torch.from_numpy(self._images[numbers])
        if self.device.type == "cuda":
            made = made.pin_memory()
        return channels_first(made.to(self.device, non_blocking=True))


def usual_workers(images: NDArray[np.uint8] | ImageReader, device: torch.device | str) -> int:
    """How many worker processes suit: none for arrays and on the CPU, which has its hands full with learning.

    Examples
    --------
    >>> usual_workers(np.zeros((1, 2, 2), np.uint8), "cuda")
    0
    """
    if not isinstance(images, ImageReader) or torch.device(device).type == "cpu":
        return 0
    return min(MOST_WORKERS, len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)


def channels_first(images: torch.Tensor) -> torch.Tensor:
    """Images [n, height, width] or [n, height, width, channel] as [n, channel, height, width].

    Examples
    --------
    >>> channels_first(torch.zeros(2, 4, 5, dtype=torch.uint8)).shape
    torch.Size([2, 1, 4, 5])
    """
    return images[:, None] if images.ndim == 3 else images.permute(0, 3, 1, 2).contiguous()
