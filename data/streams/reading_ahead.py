"""Images read and decoded by processes of their own, ahead of whoever needs them, in a stated order."""

from __future__ import annotations

import math
import mmap
import multiprocessing
import os
import signal
import tempfile
from collections import deque
from collections.abc import Iterator, Sequence
from multiprocessing.connection import Connection
from multiprocessing.util import Finalize
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from .reader import ImageReader

_TOLD_AS = (FileNotFoundError, OSError, ImportError, IndexError, MemoryError, ValueError)


class ReadAhead:
    """Reads batches of images in worker processes; the order does not depend on how many there are.

    Batch k is read by worker k modulo `workers` into a place of memory that all processes share, and handed out from
    there without a copy. The processes import no more than the reader needs.

    Parameters
    ----------
    images : ImageReader
    workers : int
        Processes, at least 1. They start with the first batch and stay until `close`.
    prefetch : int
        Batches that each of them is ahead.

    Examples
    --------
    >>> from engram.data.streams.synthetic import SyntheticImageNet
    >>> images = SyntheticImageNet(images=100, classes=2, size=32).pool().train.images
    >>> with ReadAhead(images, workers=1) as ahead:
    ...     [batch.shape for batch in ahead.read([np.array([5, 3]), np.array([0])])]
    [(2, 32, 32, 3), (1, 32, 32, 3)]
    """

    def __init__(self, images: ImageReader, workers: int, prefetch: int = 4) -> None:
        if workers < 1 or prefetch < 1:
            raise ValueError(f"{workers} workers, each {prefetch} batches ahead; expected 1 or more of both")
        self._images, self._workers, self._prefetch = images, workers, prefetch
        self._processes: list[multiprocessing.process.BaseProcess] = []
        self._pipes: list[Connection] = []
        self._turn: object | None = None  # whose batches the workers are reading
        self._waiting: deque[int] = deque()  # workers whose answers are to come, in that order
        self._shared: mmap.mmap | None = None
        self._places: NDArray[np.uint8] = np.empty((0, 0), np.uint8)

    def read(self, chosen: Sequence[NDArray[np.int64]]) -> Iterator[NDArray[np.uint8]]:
        """Images of each array of numbers, one array after another.

        Parameters
        ----------
        chosen : sequence of int64 arrays, [image]

        Yields
        ------
        uint8 array, [image, height, width] or [image, height, width, 3]
            Overwritten when another one is asked for.

        Raises
        ------
        ValueError
            If an image cannot be read.
        ChildProcessError
            If a worker died.
        OSError
            If there is no room for the shared memory.
        """
        shape = self._images.shape[1:]
        turn = object()
        asked = 0
        try:
            for number, numbers in enumerate(chosen):
                if self._turn is not turn:  # the first batch, or others have read in between
                    self._take_turn(turn, max(map(len, chosen)) * math.prod(shape))
                    asked = number
                while asked < min(number + len(self._places), len(chosen)):
                    self._ask(asked, chosen[asked])
                    asked += 1
                fault = self._answer()
                if fault is not None:
                    kind, text = fault
                    raise kind(text)
                place = self._places[number % len(self._places)]
                yield place[: len(numbers) * math.prod(shape)].reshape(len(numbers), *shape)
        except (EOFError, ConnectionError):
            self.close()
            raise ChildProcessError(
                "a process that reads images has died; was memory short? Fewer workers need less. "
                "A run can be resumed from its last checkpoint"
            ) from None

    def close(self) -> None:
        """End the processes and give back the memory."""
        _end(self._pipes)
        for process in self._processes:
            process.join(timeout=5)
            if process.is_alive():
                process.kill()
                process.join()
        self._processes, self._pipes, self._turn = [], [], None
        self._waiting.clear()
        self._places, self._shared = np.empty((0, 0), np.uint8), None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _take_turn(self, turn: object, bytes_of_a_batch: int) -> None:
        """Begin anew: take the answers that nobody waits for any more."""
        while self._waiting:
            self._answer()
        self._make_room(bytes_of_a_batch)
        self._turn = turn

    def _ask(self, number: int, numbers: NDArray[np.int64]) -> None:
        worker = number % self._workers
        self._pipes[worker].send((number % len(self._places), numbers))
        self._waiting.append(worker)

    def _answer(self) -> tuple[type[Exception], str] | None:
        answer: tuple[type[Exception], str] | None = self._pipes[self._waiting.popleft()].recv()
        return answer

    def _make_room(self, bytes_of_a_batch: int) -> None:
        if self._pipes and self._places.shape[1] >= bytes_of_a_batch:
            return
        if not self._pipes:
            self._start()
        shape = self._workers * self._prefetch, bytes_of_a_batch
        path, self._shared = _shared_file(math.prod(shape))
        self._places = np.frombuffer(self._shared, np.uint8, math.prod(shape)).reshape(shape)
        for pipe in self._pipes:
            pipe.send((path, shape))
        for pipe in self._pipes:
            pipe.recv()
        path.unlink()  # all who need it have it open, and nothing is left behind however they end

    def _start(self) -> None:
        # Spawned: forking the threads of torch, HDF5 and numerical libraries is not safe.
        context = multiprocessing.get_context("spawn")
        for _ in range(self._workers):
            here, there = context.Pipe()
            process = context.Process(target=_read_on_demand, args=(self._images, there), daemon=True)
            process.start()
            there.close()
            self._pipes.append(here)
            self._processes.append(process)
        # At the end of this process, before it waits for those that it started.
        Finalize(self, _end, args=(self._pipes,), exitpriority=10)


def _end(pipes: list[Connection]) -> None:
    for pipe in pipes:
        pipe.close()


def _shared_file(size: int) -> tuple[Path, mmap.mmap]:
    folder = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    handle, path = tempfile.mkstemp(prefix="engram-images-", dir=folder)
    try:
        # Truncating alone would promise memory that is not there, and a process that writes to it would be killed.
        getattr(os, "posix_fallocate", lambda file, start, length: os.ftruncate(file, length))(handle, 0, max(size, 1))
        return Path(path), mmap.mmap(handle, max(size, 1))
    except OSError as error:
        os.unlink(path)
        raise OSError(
            f"no room for {size:,} bytes in {folder or tempfile.gettempdir()} ({error.strerror}), where processes "
            "that read images put them; use fewer workers or smaller batches, or allow more shared memory"
        ) from None
    finally:
        os.close(handle)


def _read_on_demand(images: ImageReader, pipe: Connection) -> None:
    """A worker's life: a place and numbers come in, images go to the place; it ends when the pipe does."""
    for signal_of_the_group in (signal.SIGINT, signal.SIGTERM):
        signal.signal(signal_of_the_group, signal.SIG_IGN)  # the main process gets them too, and still needs images
    places: Any = None
    try:
        while True:
            where, what = pipe.recv()
            if isinstance(where, Path):
                with where.open("r+b") as file:
                    places = np.frombuffer(mmap.mmap(file.fileno(), 0), np.uint8, math.prod(what)).reshape(what)
                pipe.send(None)
                continue
            try:
                made = images[what]
                places[where, : made.size] = made.reshape(-1)
                pipe.send(None)
            except Exception as error:  # whatever it is, it is for the main process to tell
                kind = next((kind for kind in _TOLD_AS if isinstance(error, kind)), RuntimeError)
                pipe.send((kind, str(error) or type(error).__name__))
    except (EOFError, ConnectionError):
        return
