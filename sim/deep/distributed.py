"""One run on several processes that torchrun has started: who is who, and how they agree."""

from __future__ import annotations

import io
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    import torch
    from torch import Tensor

LOST = ("Connection", "Broken pipe", "gloo", "NCCL", "Socket", "peer")
"""Words in what torch says when a process of the group has ended."""


class LostProcess(ConnectionError):
    """Another process of the run has ended before its time."""


class Group:
    """The processes that carry out one run together; this class is a group of one.

    Parameters
    ----------
    rank : int
        Number of this process, from 0. The first one alone writes.
    size : int
        How many processes there are.
    neighbours : int
        How many of them share this one's machine, itself included.

    Examples
    --------
    >>> one = single()
    >>> one.rank, one.size, one.first
    (0, 1, True)
    >>> list(range(5))[Group(1, 2).rows()]
    [1, 3]
    """

    def __init__(self, rank: int = 0, size: int = 1, neighbours: int = 1) -> None:
        self.rank = rank
        self.size = size
        self.neighbours = neighbours

    @property
    def first(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0

    def rows(self) -> slice:
        """Which rows of something that is divided, such as a batch, this process takes: rank, rank + size, ..."""
        return slice(self.rank, None, self.size)

    def rows_of(self, items: NDArray[np.int64]) -> NDArray[np.int64]:
        """Which rows of a batch of items of a store this process takes: those that are its own, as far as that is fair.

        Item i is process i mod size's own. Every process takes as many rows as `rows` would give it, so that what is
        decoded, and kept at hand, is divided, and no process waits for another.

        Parameters
        ----------
        items : int64 array, [row]
            The whole batch, the same in all processes.

        Returns
        -------
        int64 array, [row of this process]
            Rising; all processes together take each row once.

        Examples
        --------
        >>> items = np.array([4, 2, 7, 6, 9])
        >>> Group(0, 2).rows_of(items).tolist(), Group(1, 2).rows_of(items).tolist()
        ([0, 1, 3], [2, 4])
        """
        count = len(items)
        if self.size == 1:
            return np.arange(count)
        taker = items % self.size
        room = np.array([len(range(rank, count, self.size)) for rank in range(self.size)])
        for rank in range(self.size):
            taker[np.flatnonzero(taker == rank)[room[rank] :]] = -1
        room -= np.bincount(taker[taker >= 0], minlength=self.size)
        taker[taker < 0] = np.repeat(np.arange(self.size), room)
        return np.flatnonzero(taker == self.rank)

    def device(self, name: str) -> str:
        """The device that this process computes on: of several GPUs, each process takes its own."""
        return name

    def sum_(self, tensor: Tensor) -> Tensor:
        """Replace a tensor by its sum over all processes."""
        return tensor

    def total(self, *numbers: float) -> tuple[float, ...]:
        """Sum of each number over all processes."""
        return numbers

    def broadcast_(self, tensor: Tensor) -> Tensor:
        """Replace a tensor by that of the first process."""
        return tensor

    def agree(self, flag: bool) -> bool:
        """What the first process says."""
        return flag

    def any(self, *flags: bool) -> tuple[bool, ...]:
        """For each flag, whether any process raises it."""
        return flags

    def share(self, arrays: Mapping[str, NDArray[Any]] | None) -> dict[str, NDArray[Any]]:
        """Arrays of the first process, for all; what the others give is not looked at."""
        assert arrays is not None
        return dict(arrays)

    def share_json(self, value: Any) -> Any:
        """A value of JSON types of the first process, for all."""
        return value

    def gather(self, arrays: Mapping[str, NDArray[Any]]) -> list[dict[str, NDArray[Any]]]:
        """Arrays of every process, by its number, for all; their shapes may differ."""
        return [dict(arrays)]

    def gather_rows(self, mine: Tensor, total: int) -> Tensor:
        """Put together what every process has for its `rows` of so many.

        Parameters
        ----------
        mine : tensor, [row, ...]
        total : int

        Returns
        -------
        tensor, [total, ...]
            The same for every process.
        """
        return mine

    def lead(self, work: Iterator[str] | None) -> Iterator[str]:
        """Do a piece of work in the first process, while the others keep step with it.

        Parameters
        ----------
        work : iterator of str, or None
            None in the others.

        Yields
        ------
        str
            What the first process has just done, at the same time in all.
        """
        assert work is not None
        yield from work

    def barrier(self) -> None:
        """Wait for all."""

    def close(self) -> None:
        """Leave the group."""


class TorchGroup(Group):
    """Several processes, as torchrun has started them.

    What they say to one another goes over gloo; only gradients on GPUs go over NCCL.

    Raises
    ------
    LostProcess
        By every method that speaks to the others: one of them has ended.
    """

    def __init__(self) -> None:
        import torch
        import torch.distributed as dist

        nccl = torch.cuda.is_available() and dist.is_nccl_available()
        if not dist.is_initialized():
            with lost_in_words():
                dist.init_process_group("cpu:gloo,cuda:nccl" if nccl else "gloo")
        size = dist.get_world_size()
        super().__init__(dist.get_rank(), size, int(os.environ.get("LOCAL_WORLD_SIZE", size)))
        self._local = int(os.environ.get("LOCAL_RANK", self.rank))
        self._dist = dist

    def device(self, name: str) -> str:
        if name != "cuda":
            return name
        import torch

        torch.cuda.set_device(self._local)  # also for NCCL, and for whoever says no more than "cuda"
        return f"cuda:{self._local}"

    def sum_(self, tensor: Tensor) -> Tensor:
        with lost_in_words():
            self._dist.all_reduce(tensor)
        return tensor

    def total(self, *numbers: float) -> tuple[float, ...]:
        import torch

        return tuple(self.sum_(torch.tensor(numbers, dtype=torch.float64)).tolist())

    def broadcast_(self, tensor: Tensor) -> Tensor:
        with lost_in_words():
            self._dist.broadcast(tensor, 0)
        return tensor

    def agree(self, flag: bool) -> bool:
        return bool(self.broadcast_(_flags(flag))[0])

    def any(self, *flags: bool) -> tuple[bool, ...]:
        return tuple(bool(count) for count in self.sum_(_flags(*flags)))

    def share(self, arrays: Mapping[str, NDArray[Any]] | None) -> dict[str, NDArray[Any]]:
        content = b""
        if self.first:
            assert arrays is not None
            content = _written(arrays)
        return _read(self._share_bytes(content))

    def share_json(self, value: Any) -> Any:
        return json.loads(self._share_bytes(json.dumps(value).encode() if self.first else b""))

    def gather(self, arrays: Mapping[str, NDArray[Any]]) -> list[dict[str, NDArray[Any]]]:
        import torch

        content = _written(arrays)
        lengths = torch.zeros(self.size, dtype=torch.int64)
        lengths[self.rank] = len(content)
        padded = torch.zeros(int(self.sum_(lengths).max()), dtype=torch.uint8)
        padded[: len(content)] = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        with lost_in_words():
            self._dist.all_gather(parts, padded)
        return [_read(part[:length].numpy().tobytes()) for part, length in zip(parts, lengths.tolist(), strict=True)]

    def gather_rows(self, mine: Tensor, total: int) -> Tensor:
        import torch

        most = -(-total // self.size)
        padded = torch.zeros(most, *mine.shape[1:], dtype=mine.dtype, device=mine.device)
        padded[: len(mine)] = mine
        parts = [torch.empty_like(padded) for _ in range(self.size)]
        with lost_in_words():
            self._dist.all_gather(parts, padded)
        return torch.stack(parts, 1).flatten(0, 1)[:total]  # row i of rank r was row i * size + r

    def lead(self, work: Iterator[str] | None) -> Iterator[str]:
        while True:
            done, failed = None, None
            if work is not None:
                try:
                    done = next(work, None)
                except Exception as error:
                    failed = error
            done, told = self.share_json((done, None if failed is None else str(failed)))
            if failed is not None:
                raise failed
            if told is not None:
                raise LostProcess(f"the first process of this run has stopped: {told}")
            if done is None:
                return
            yield done

    def barrier(self) -> None:
        self.any(False)

    def close(self) -> None:
        self._dist.destroy_process_group()

    def _share_bytes(self, content: bytes) -> bytes:
        import torch

        length = self.broadcast_(torch.tensor([len(content)]))
        buffer = torch.zeros(int(length), dtype=torch.uint8)
        if self.first:
            buffer = torch.frombuffer(bytearray(content), dtype=torch.uint8)
        return self.broadcast_(buffer).numpy().tobytes()


def single() -> Group:
    """A group of this process alone."""
    return Group()


@cache
def group_from_environment() -> Group:
    """The group that torchrun has started this process in, or one of this process alone.

    Raises
    ------
    LostProcess
        The others cannot be reached.
    """
    return TorchGroup() if int(os.environ.get("WORLD_SIZE", "1")) > 1 and "RANK" in os.environ else single()


@contextmanager
def lost_in_words() -> Iterator[None]:
    """Say that another process has ended, where torch tells of sockets.

    Raises
    ------
    LostProcess
    """
    try:
        yield
    except RuntimeError as error:
        if not any(word in str(error) for word in LOST):
            raise
        told = " ".join(str(error).split()).partition(". ")[0]
        told = told.rpartition(".cc:")[2].partition("] ")[2] or told  # without the place in gloo's source
        raise LostProcess(f"another process of this run has ended before its time ({told[:200]})") from error


def _written(arrays: Mapping[str, NDArray[Any]]) -> bytes:
    file = io.BytesIO()
    np.savez(file, **{f"array/{name}": array for name, array in arrays.items()})  # type: ignore[arg-type]
    return file.getvalue()


def _read(content: bytes) -> dict[str, NDArray[Any]]:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name.removeprefix("array/"): file[name] for name in file.files}


def _flags(*flags: bool) -> torch.Tensor:
    import torch

    return torch.tensor(flags, dtype=torch.int32)
