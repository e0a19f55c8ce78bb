"""Feature maps kept as product-quantised codes."""

from __future__ import annotations

import math
import struct
from collections.abc import Iterator
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .codec import Codec, Read, Symbols

if TYPE_CHECKING:
    from .spec import FeatureStore, Random

_HEAD = struct.Struct("<5I")
LARGEST = 65504.0
"""Largest number of float16, in which codebooks are kept."""
AT_ONCE = 16_384
"""Positions whose distances are worked out together."""


class FeatureCodec(Codec):
    """Product quantisation (Jégou 2011; REMIND, SIESTA): each position of a map becomes one byte for each codebook.

    Codebooks are learned by k-means on the first task that is stored, kept as float16, and stay as they are.

    Parameters
    ----------
    spec : FeatureStore
    rng : callable
    device : str

    Attributes
    ----------
    books : float32 Tensor, [codebook, entry, channel], or None
        None before the first fit.
    """

    gives: ClassVar[Literal["images", "features"]] = "features"

    def __init__(self, spec: FeatureStore, rng: Random, device: str = "cpu") -> None:
        self._spec, self._rng, self._device = spec, rng, torch.device(device)
        self.books: Tensor | None = None
        self._size = (0, 0)
        self._learning: Tensor | None = None
        self._iteration = 0

    def fit(self, read: Read, n: int, task: int) -> Iterator[str]:
        if self.books is not None:
            return
        points, self._size = self._draw(read, n)
        if self._learning is None:
            first = self._rng("store", "codebooks", "first")
            chosen = first.choice(points.shape[1], self._spec.entries, replace=points.shape[1] < self._spec.entries)
            self._learning, self._iteration = points[:, torch.from_numpy(chosen).to(self._device)].clone(), 0
        while self._iteration < self._spec.iterations:
            self._learning = _improved(self._learning, points)
            self._iteration += 1
            yield f"codebooks: pass {self._iteration} of {self._spec.iterations}"
        self._take(self._learning)
        self._learning = None

    def quantise(self, originals: NDArray) -> Symbols:
        books = self._known_books()
        n, channels, height, width = originals.shape
        if channels != books.shape[0] * books.shape[2] or (height, width) != self._size:
            wanted = [books.shape[0] * books.shape[2], *self._size]
            raise ValueError(f"features of shape {[channels, height, width]}; this store was made for {wanted}")
        points = _parts(originals, len(books), self._device)
        codes = torch.cat([_nearest(books, some)[0] for some in points.split(AT_ONCE, dim=1)], dim=1)
        return codes.T.to(torch.uint8).reshape(n, height, width, len(books)).cpu().numpy()

    def pack(self, symbols: Symbols, version: int) -> bytes:
        return np.ascontiguousarray(symbols).tobytes()

    def unpack(self, data: bytes, count: int, version: int) -> Symbols:
        return np.frombuffer(data, np.uint8).reshape(count, *self._size, len(self._known_books()))

    def working(self, symbols: Symbols, version: int) -> Tensor:
        return torch.from_numpy(np.array(symbols))

    def reconstruct(self, working: Tensor, version: int) -> Tensor:
        books = self._known_books()
        first = torch.arange(0, books.shape[0] * books.shape[1], books.shape[1], device=working.device)
        parts = torch.nn.functional.embedding(working.long() + first, books.reshape(-1, books.shape[2]))
        return parts.flatten(3).permute(0, 3, 1, 2)  # channels last in memory, as it comes

    def estimated_bits(self, symbols: Symbols, version: int) -> float:
        return 8.0 * len(symbols) * math.prod(self._size) * len(self._known_books())

    def parameters(self, version: int) -> bytes:
        books = self._known_books()
        return _HEAD.pack(*books.shape, *self._size) + books.cpu().numpy().astype(np.float16).tobytes()

    def load_parameters(self, version: int, data: bytes) -> None:
        *shape, height, width = _HEAD.unpack_from(data)
        if len(data) != _HEAD.size + 2 * math.prod(shape) or shape[:2] != [self._spec.codebooks, self._spec.entries]:
            raise ValueError(f"codebooks {shape}; expected {[self._spec.codebooks, self._spec.entries]}")
        self._size = (height, width)
        self._take(torch.from_numpy(np.frombuffer(data, np.float16, offset=_HEAD.size).reshape(shape).copy()))

    def state(self) -> dict[str, NDArray]:
        if self._learning is None:
            return {}
        return {"learning": self._learning.cpu().numpy(), "iteration": np.array(self._iteration)}

    def load_state(self, state: dict[str, NDArray]) -> None:
        self._learning = None
        if "learning" in state:
            self._learning = torch.from_numpy(state["learning"].copy()).to(self._device)
            self._iteration = int(state["iteration"])

    def learned_from(self, n: int, height: int, width: int) -> int:
        """How many of the n maps of a first task the codebooks are learned from."""
        return min(n, max(1, -(-self._spec.fit_on // (height * width))))

    def _draw(self, read: Read, n: int) -> tuple[Tensor, tuple[int, int]]:
        """Positions to learn from, float32 [codebook, position, channel], and the size of a map."""
        one = read(np.zeros(1, np.int64))
        channels, height, width = one.shape[1:]
        if channels % self._spec.codebooks:
            raise ValueError(
                f"{self._spec.codebooks} codebooks do not divide {channels} channels evenly; give a number that does"
            )
        rng = self._rng("store", "codebooks", "positions")
        images = rng.permutation(n)[: self.learned_from(n, height, width)]
        parts = [
            _parts(read(images[i : i + 256]), self._spec.codebooks, self._device) for i in range(0, len(images), 256)
        ]
        return torch.cat(parts, dim=1)[:, : self._spec.fit_on], (height, width)

    def _take(self, books: Tensor) -> None:
        kept = books.clamp(-LARGEST, LARGEST).to(torch.float16)
        self.books = kept.to(self._device, torch.float32)
        self.record_bytes = len(books) * math.prod(self._size)

    def _known_books(self) -> Tensor:
        if self.books is None:
            raise ValueError("a store of features has no codebooks before its first lesson")
        return self.books


def _parts(features: NDArray, codebooks: int, device: torch.device) -> Tensor:
    """Feature maps [item, channel, height, width] as points [codebook, position, channel of the codebook]."""
    maps = torch.from_numpy(np.ascontiguousarray(features, np.float32)).to(device)
    points = maps.permute(0, 2, 3, 1).reshape(-1, codebooks, maps.shape[1] // codebooks)
    return points.transpose(0, 1).contiguous()


def _nearest(books: Tensor, points: Tensor) -> tuple[Tensor, Tensor]:
    """Entry nearest to each point, [codebook, point], and its squared distance less the point's own square."""
    distances = books.square().sum(2)[:, None] - 2 * torch.bmm(points, books.transpose(1, 2))
    smallest = distances.min(dim=2)
    return smallest.indices, smallest.values


def _improved(books: Tensor, points: Tensor) -> Tensor:
    """One pass of Lloyd's k-means; an entry without points goes to the point that lies farthest from its own."""
    sums, counts = torch.zeros_like(books), torch.zeros(books.shape[:2], device=books.device)
    distances = []
    for some in points.split(AT_ONCE, dim=1):
        nearest, distance = _nearest(books, some)
        chosen = torch.nn.functional.one_hot(nearest, books.shape[1]).to(books.dtype)
        sums += torch.bmm(chosen.transpose(1, 2), some)
        counts += chosen.sum(dim=1)
        distances.append(distance + some.square().sum(2))
    new = sums / counts.clamp(min=1)[..., None]
    far = torch.cat(distances, dim=1)
    for book, empty in enumerate((counts == 0).unbind()):
        idle = torch.nonzero(empty).flatten()
        if len(idle):
            farthest = far[book].topk(min(len(idle), far.shape[1])).indices
            new[book, idle[: len(farthest)]] = points[book, farthest]
    return new
